"""Bytes at random: seeds of every format, mutated, through every command.

`python -m tests.fuzz --count 10000 --seed 1` runs that many; a few run with the other tests. Each
case runs in a process of its own, forked, with all loaded. It must end in time, with status 0 to 3,
without a traceback or a warning of Python's, and with one line of error if it fails. Of rows it is
checked too that none is lost or moved: what `skip` writes is what `nan` writes without the rows of
nan, and the rows before an error are the first of those. Any number of processes must do the same,
standard error included, and a file the same as a pipe.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.forked import LIBRARIES, ForkServer, Outcome

SEEDS: Final = Path(__file__).parent / "seeds"
SECONDS: Final = 20
STATUSES: Final = {0, 1, 2, 3}

COMMANDS: Final = [
    line.split()
    for line in """
    softmax
    softmax -T 0
    softmax --log -T 0.5
    softmax --top-k 2 --top-p 0.9 --min-p 0.1
    softmax --alpha 1.5 --log
    softmax --sample 3 --seed 1
    softmax --hierarchical 3,2,1
    softmax --hierarchical {other}
    hardmax
    hardmax --as name --ties all
    hardmax --top 2
    hardmax --ties split
    xent -t 0
    xent -t cat --breakdown
    xent --target-column is --gradient
    xent --target-column 1 --worst 2
    xent -t 1 --from probs --normalize --label-smoothing 0.1
    xent --targets {other} --reduction mean
    xent --hierarchical 3,2,1 -t 2
    xent --hierarchical {other} --target-column 1
    xent -t 1 --negative 2 --seed 1 --breakdown
    xent --target-column is --sampled 2 --repeat 3 --seed 1
    xent -t 0 --sampled 2 --noise {other} --gradient --seed 1
    kl
    kl --normalize --against {other}
    kl --from logits --against 1,2 --breakdown
    kl --generalized --against 1,2,3 --divergence js
    compare
    compare -T 0,1 --check
    compare -T 0.1,1,10
    """.strip().splitlines()
]
OPTIONS: Final = [
    option.split()
    for option in (
        *("-f csv", "-f tsv", "-f json", "-f jsonl", "-f npy", "-f table", "-f markdown"),
        *("-o /dev/stdout", "-p 3", "--decimals 3", "-c 2-", "-c cat,dog", "-k 1", "-k id"),
        *("-d ;", "-d space", "--header", "--no-header", "--names a,b", "-j 2", "-v"),
        *("--axis row", "--axis column", "--invalid nan", "--invalid skip"),
        *("--input-format csv", "--input-format json", "--input-format jsonl"),
        "--input-format npy",
    )
]
ARGUMENTS: Final = ["1", "-2.5", "1,2,3", "[3 2 1]", "(1;2)", "-inf"]
ARGUMENTS.append("tensor([[1., 2.], [3., 4.]])")
TOKENS: Final = [
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", b"\x1b[31m", b'"', b'""', b"'", b"#"),
    *(b",", b";", b"\t", b" ", b"|", b"[", b"]", b"{", b"}", b"(", b")", b":", b"_", b"-", b"--"),
    *(b"nan", b"inf", b"-inf", b"Infinity", b"null", b"true", b"1e400", b"1e-400", b"-0", b"0"),
    *(b"9" * 400, b"1_0", b"0x1p3", "\u0661".encode(), b"\xc2\xa0", b"\\ud800", b"[" * 2000),
    b"abc",
    *(b"\x93NUMPY", b"|O8", b"(2, 2)", b"-1", b"99999999999999999999", b"cat", b"is", b"rows"),
]
# Rows of which none may be lost: text of one dialect, all of its cells numbers or not
_ROWS: Final = ["-d", ",", "--no-header", "--axis", "row", "--input-format", "csv", "-f", "csv"]
_OF_ROWS: Final = [
    ["softmax"],
    ["hardmax", "--ties", "first"],
    ["xent", "-t", "0"],
    ["xent", "--target-column", "1"],
    ["kl", "--against", "0.5,0.5", "--normalize"],
    ["softmax", "-k", "1"],
    ["softmax", "--alpha", "2"],
    ["softmax", "--sample", "2", "--seed", "1"],
    ["xent", "-t", "1", "--negative", "2", "--seed", "1"],
]
# Options that draw, which without a seed is never the same
_SEEDED: Final = {"--sample", "--negative", "--sampled"}
# Many rows of three numbers and a text, and what may stand among them
_OF_MANY: Final = [
    ["softmax", "-c", "1-3", "-k", "4"],
    ["hardmax", "-c", "1-3", "-k", "4"],
    ["xent", "-c", "1-3", "-t", "1", "--breakdown"],
    ["xent", "-c", "1-3", "-t", "2", "--reduction", "mean", "-f", "json"],
    ["kl", "-c", "1-3", "--from", "logits", "--against", "1,2,-inf"],
    ["softmax", "-c", "1-3", "--sample", "2", "--seed", "1"],
]
_ODD_ROWS: Final = [
    b"1,2,x,a\n",
    b"1,2\n",
    b"\n",
    b"# 1,2\n",
    b'"1",2,3,"a\nb"\n',
    b'1,2,3,"a""b"\n',
    b'1,2,3,a"b\n',
    b'1,2,3,"open\n',
    b"-inf,-inf,-inf,a\n",
    b"inf,1,inf,a\n",
    b"5,5,-0,\xef\xbb\xbfa\n",
    b"1,2,3,\xff\n",
    b"1,2,3,a\r\n",
    b"1e400,.5,+1,a\n",
]


class Case(NamedTuple):
    """A command line and its standard input."""

    args: list[str]
    data: bytes
    is_file: bool


class Fuzzer:
    """Runs cases, each in a process that is forked from one that has loaded all of the package.

    A warning of Python's is written to standard error, where it is seen also if one of several
    processes at work has it.
    """

    def __init__(self, folder: Path) -> None:
        self._server = ForkServer(*LIBRARIES, "softmax_cli", python_warnings="always")
        self._folder = folder
        self._input = folder / "input"

    def close(self) -> None:
        """End the process."""
        self._server.close()

    def outcome(self, case: Case) -> Outcome:
        """Run a command line."""
        if not case.is_file:
            return self._server.run(case.args, case.data, seconds=SECONDS)
        self._input.write_bytes(case.data)
        with self._input.open("rb") as file:
            return self._server.run(case.args, file, seconds=SECONDS)

    def problem(self, rng: random.Random) -> str | None:
        """Run a case of any kind, and say what is wrong with it, if anything is."""
        kind = rng.random()
        if kind < 0.2:
            case = rows_of(rng)
            problem = self._of_rows(case)
        elif kind < 0.28:
            case = many_rows_of(rng)
            problem = self._of_jobs(case)
        else:
            case = case_of(rng, self._folder)
            problem = problem_of(self.outcome(case))
            if problem is None and rng.random() < 0.2:
                problem = self._of_sources(case)
        return f"{problem}\n{case.args} {case.data[:400]!r} {case.is_file}" if problem else None

    def _of_rows(self, case: Case) -> str | None:
        """Whether a row is lost or moved as it is left out, filled or an error."""
        outcomes = {}
        for invalid in ("error", "nan", "skip"):
            asked = case._replace(args=[*case.args, "--invalid", invalid])
            outcomes[invalid] = self.outcome(asked)
            problem = problem_of(outcomes[invalid])
            if problem is not None:
                return f"--invalid {invalid}: {problem}"
        before, filled, left = (_cells(outcome.out) for outcome in outcomes.values())
        is_good = [row[-1] != "nan" for row in filled]
        if left != [row for row, good in zip(filled, is_good, strict=True) if good]:
            return "--invalid skip does not leave out the rows that --invalid nan fills"
        first_bad = [*is_good, False].index(False)
        if 0 in (outcomes["error"].status, outcomes["nan"].status) and before != filled[:first_bad]:
            return "the rows before the error are not those before the first of nan"
        rows = len(case.data.replace(b'"a\n2"', b"a2").removesuffix(b"\n").split(b"\n"))
        if outcomes["nan"].status == 0 and len(filled) != rows:
            return f"{len(filled)} rows come out of {rows}"
        return None

    def _of_jobs(self, case: Case) -> str | None:
        """Whether one process and several, of a file and of a pipe, do the same."""
        expected = None
        for is_file in (True, False):
            for jobs in ("1", "2"):
                asked = case._replace(args=[*case.args, "-j", jobs], is_file=is_file)
                outcome = self.outcome(asked)
                if (problem := problem_of(outcome)) is not None:
                    return f"-j {jobs}: {problem}"
                expected = expected or outcome
                if outcome != expected:
                    source = "a file" if is_file else "a pipe"
                    told = f"{_told(expected)}---\n{_told(outcome)}"
                    return f"-j {jobs} of {source} differs from -j 1 of a file\n{told}"
        return None

    def _of_sources(self, case: Case) -> str | None:
        """Whether a pipe, and a file by its name, do the same.

        Not of arrays, whose length is wrong before any row of a file and after the last of a pipe.
        """
        if case.data.startswith(b"\x93NUMPY"):
            return None
        if any(arg.split("=")[0] in _SEEDED for arg in case.args) and "--seed" not in case.args:
            return None
        piped = self.outcome(case._replace(is_file=False))
        self._input.write_bytes(case.data)
        args = [case.args[0], "-i", str(self._input), *case.args[1:]]
        named = self.outcome(Case(args, b"", is_file=False))
        told = named.err.replace(str(self._input).encode(), b"stdin")
        if any("not both" in text for text in (_told(piped), _told(named))):
            return None
        if (piped.status, piped.out, piped.err) != (named.status, named.out, told):
            return f"a file differs from a pipe\n{_told(piped)}---\n{_told(named)}"
        return None


def _told(outcome: Outcome) -> str:
    return f"[{outcome.status}] {outcome.err.decode(errors='replace')[-900:]}\n"


def mutated(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Bytes with a few changes, of which none may be one."""
    for _ in range(rng.choice([0, 1, 1, 2, 4, 8])):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice([1, 1, 2, 5, 20]))
        piece = data[at:end]
        match rng.randrange(7):
            case 0:
                piece = b""
            case 1:
                piece = bytes([rng.randrange(256)])
            case 2 | 3:
                piece = rng.choice(TOKENS)
            case 4:
                piece = piece + rng.choice(TOKENS)
            case 5:
                piece = piece * rng.choice([2, 3, 50])
            case _:
                other = rng.choice(others)
                start = rng.randrange(len(other))
                piece = other[start : start + rng.choice([3, 20, 100])]
        data = data[:at] + piece + data[end:]
    return data


def case_of(rng: random.Random, folder: Path) -> Case:
    """A case of any kind."""
    seeds = [path.read_bytes() for path in sorted(SEEDS.iterdir())]
    other = folder / "other"
    other.write_bytes(mutated(rng, rng.choice(seeds), seeds))
    args = [arg.format(other=other) for arg in rng.choice(COMMANDS)]
    for option in rng.sample(OPTIONS, rng.choice([0, 1, 1, 2, 3, 5])):
        args += option
    if rng.random() < 0.15:
        texts = [rng.choice(ARGUMENTS).encode() for _ in range(rng.choice([1, 2, 3]))]
        vectors = (mutated(rng, text, [b"1,2", b"[3]"]) for text in texts)
        args += [v.replace(b"\0", b"").decode(errors="surrogateescape") for v in vectors]
    return Case(args, mutated(rng, rng.choice(seeds), seeds), rng.random() < 0.5)


def rows_of(rng: random.Random) -> Case:
    """Rows of two cells, some of them bad."""
    cells = [b"1", b"0.5", b"2", b"1", b"-inf", b"inf", b"nan", b"x", b"", b'"1"', b'"a\n2"']
    cells.append(b"\xff")
    good = [b"1,1", b"0.5,0.25", b'1,"2"', b"1,1\r", b" 1,\t2"]
    rows = [rng.choice(good) for _ in range(2)]  # which say how long rows are
    for _ in range(rng.choice([1, 5, 30, 300])):
        row = b",".join(rng.choice(cells) for _ in range(rng.choice([1, 2, 2, 2, 3])))
        rows.append(rng.choice(good) if rng.random() < 0.7 else row)
    args = [*rng.choice(_OF_ROWS), *_ROWS]
    return Case(args, b"\n".join(row for row in rows if row.strip()), rng.random() < 0.5)


def many_rows_of(rng: random.Random) -> Case:
    """Rows enough for several processes, with a few odd ones where parts of them may meet."""
    plain = b"%d.25,1,-2.5e-1,a%s\n" % (rng.randrange(9), b"x" * rng.randrange(60))
    rows = [plain] * ((1 << 21) // len(plain) + rng.randrange(1000))
    for _ in range(rng.choice([0, 1, 1, 3, 20])):
        at = rng.choice([rng.randrange(len(rows)), (rng.randrange(64) << 15) // len(plain)])
        rows[min(at, len(rows) - 1)] = rng.choice(_ODD_ROWS)
    args = [*rng.choice(_OF_MANY), "--no-header", "--invalid", rng.choice(["error", "nan", "skip"])]
    return Case(args, b"".join(rows), is_file=True)


def problem_of(outcome: Outcome) -> str | None:
    """What is wrong with an outcome, if anything is."""
    status, _, err = outcome
    lines = err.decode(errors="replace").splitlines()
    errors = sum(line.startswith("softmax-cli: error: ") for line in lines)
    problem = None
    if status not in STATUSES:
        problem = (
            "it did not end" if status == -signal.SIGKILL else f"it ended with status {status}"
        )
    elif any(not line.startswith("softmax-cli: ") for line in lines):
        problem = "something else than a message on standard error"
    elif b"a worker process was ended" in err:
        problem = "a process at work failed"
    elif errors != (status in (1, 2)):
        problem = f"{errors} errors with status {status}"
    return f"{problem}\n{_told(outcome)}" if problem else None


def _cells(out: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(out.decode(), newline="")))


def run_cases(count: int, seed: int, folder: Path) -> Iterator[str]:
    """Run so many cases, and tell of each that went wrong."""
    fuzzer = Fuzzer(folder)
    for number in range(count):
        problem = fuzzer.problem(random.Random(f"{seed} {number}"))
        if problem is not None:
            yield f"case {number} of seed {seed}: {problem}"
    fuzzer.close()


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        problems = 0
        for problem in run_cases(asked.count, asked.seed, Path(folder)):
            print(problem, flush=True)
            problems += 1
    seconds = time.monotonic() - start
    print(f"{asked.count} cases of seed {asked.seed} in {seconds:.0f} s: {problems} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(_main())
