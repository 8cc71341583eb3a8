"""Bytes at random: seeds of every format, mutated, through every command.

`python -m tests.fuzz --count 10000 --seed 1` runs that many; a few run with the other tests. Each
case runs in a process of its own, forked, with numpy loaded. It must end in time, with status 0 to
3, without a traceback, and with one line of error if it fails. Of rows it is checked too that none
is lost or moved: what `skip` writes is what `nan` writes without the rows of nan, and the rows
before an error are the first of those.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final, NamedTuple, NoReturn

import numpy as np

from softmax_cli.cli import main

SEEDS: Final = Path(__file__).parent / "seeds"
SECONDS: Final = 20
STATUSES: Final = {0, 1, 2, 3}

COMMANDS: Final = [
    ["softmax"],
    ["softmax", "-T", "0"],
    ["softmax", "--log", "-T", "0.5"],
    ["softmax", "--top-k", "2", "--top-p", "0.9", "--min-p", "0.1"],
    ["softmax", "--alpha", "1.5", "--log"],
    ["softmax", "--sample", "3", "--seed", "1"],
    ["softmax", "--hierarchical", "3,2,1"],
    ["softmax", "--hierarchical", "{other}"],
    ["hardmax"],
    ["hardmax", "--as", "name", "--ties", "all"],
    ["hardmax", "--top", "2"],
    ["hardmax", "--ties", "split"],
    ["xent", "-t", "0"],
    ["xent", "-t", "cat", "--breakdown"],
    ["xent", "--target-column", "is", "--gradient"],
    ["xent", "--target-column", "1", "--worst", "2"],
    ["xent", "-t", "1", "--from", "probs", "--normalize", "--label-smoothing", "0.1"],
    ["xent", "--targets", "{other}", "--reduction", "mean"],
    ["xent", "--hierarchical", "3,2,1", "-t", "2"],
    ["xent", "--hierarchical", "{other}", "--target-column", "1"],
    ["xent", "-t", "1", "--negative", "2", "--seed", "1", "--breakdown"],
    ["xent", "--target-column", "is", "--sampled", "2", "--repeat", "3", "--seed", "1"],
    ["xent", "-t", "0", "--sampled", "2", "--noise", "{other}", "--gradient", "--seed", "1"],
    ["kl"],
    ["kl", "--normalize", "--against", "{other}"],
    ["kl", "--from", "logits", "--against", "1,2", "--breakdown"],
    ["kl", "--generalized", "--against", "1,2,3", "--divergence", "js"],
    ["compare"],
    ["compare", "-T", "0,1", "--check"],
    ["compare", "-T", "0.1,1,10"],
]
OPTIONS: Final = [
    ["-f", "csv"],
    ["-f", "tsv"],
    ["-f", "json"],
    ["-f", "jsonl"],
    ["-f", "npy"],
    ["-f", "table"],
    ["-f", "markdown"],
    ["-o", "/dev/stdout"],
    ["-p", "3"],
    ["--decimals", "3"],
    ["-c", "2-"],
    ["-c", "cat,dog"],
    ["-k", "1"],
    ["-k", "id"],
    ["-d", ";"],
    ["-d", "space"],
    ["--header"],
    ["--no-header"],
    ["--names", "a,b"],
    ["--axis", "row"],
    ["--axis", "column"],
    ["--input-format", "csv"],
    ["--input-format", "json"],
    ["--input-format", "jsonl"],
    ["--input-format", "npy"],
    ["--invalid", "nan"],
    ["--invalid", "skip"],
    ["-j", "2"],
    ["-v"],
]
ARGUMENTS: Final = [
    "1",
    "-2.5",
    "1,2,3",
    "[3 2 1]",
    "(1;2)",
    "tensor([[1., 2.], [3., 4.]])",
    "-inf",
]
TOKENS: Final = [
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", b"\x1b[31m", b'"', b'""', b"'", b"#"),
    *(b",", b";", b"\t", b" ", b"|", b"[", b"]", b"{", b"}", b"(", b")", b":", b"_", b"-", b"--"),
    *(b"nan", b"inf", b"-inf", b"Infinity", b"null", b"true", b"1e400", b"1e-400", b"-0", b"0"),
    *(
        b"9" * 400,
        b"1_0",
        b"0x1p3",
        "\u0661".encode(),
        b"\xc2\xa0",
        b"\\ud800",
        b"[" * 2000,
        b"abc",
    ),
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


class Outcome(NamedTuple):
    """What came of a command line; the status of one that was ended by a signal is negative."""

    status: int
    out: bytes
    err: bytes


class Case(NamedTuple):
    """A command line and its standard input."""

    args: list[str]
    data: bytes
    is_file: bool


def run_forked(case: Case) -> Outcome:
    """Run a command line in a process that is forked from this one."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with tempfile.TemporaryFile() as stdin:
            stdin.write(case.data)
            stdin.flush()
            stdin.seek(0)
            pid = os.fork()
            if pid == 0:
                _run_and_exit(case, stdin, out, err)
            _, status = os.waitpid(pid, 0)
        out.seek(0)
        err.seek(0)
        return Outcome(os.waitstatus_to_exitcode(status), out.read(), err.read())


def _run_and_exit(case: Case, stdin: IO[bytes], out: IO[bytes], err: IO[bytes]) -> NoReturn:
    status = 70
    try:
        signal.alarm(SECONDS)
        source = stdin.fileno() if case.is_file else _pipe_of(case.data)
        for number, file in enumerate((source, out.fileno(), err.fileno())):
            os.dup2(file, number)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        warnings.simplefilter("error")
        status = main(case.args)
    except BaseException:  # noqa: BLE001 - whatever comes out of it is what is looked for
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _pipe_of(data: bytes) -> int:
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        try:
            while data:
                data = data[os.write(writer, data) :]
        finally:
            os._exit(0)
    os.close(writer)
    return reader


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
    cells = [
        b"1",
        b"0.5",
        b"2",
        b"1",
        b"-inf",
        b"inf",
        b"nan",
        b"x",
        b"",
        b'"1"',
        b'"a\n2"',
        b"\xff",
    ]
    good = [b"1,1", b"0.5,0.25", b'1,"2"', b"1,1\r", b" 1,\t2"]
    rows = [rng.choice(good) for _ in range(2)]  # which say how long rows are
    for _ in range(rng.choice([1, 5, 30, 300])):
        row = b",".join(rng.choice(cells) for _ in range(rng.choice([1, 2, 2, 2, 3])))
        rows.append(rng.choice(good) if rng.random() < 0.7 else row)
    args = [*rng.choice(_OF_ROWS), *_ROWS]
    return Case(args, b"\n".join(row for row in rows if row.strip()), rng.random() < 0.5)


def problem_of(outcome: Outcome) -> str | None:
    """What is wrong with an outcome, if anything is."""
    status, _, err = outcome
    if status not in STATUSES:
        return "it did not end" if status == -signal.SIGALRM else f"it ended with status {status}"
    lines = err.decode(errors="replace").splitlines()
    if any(not line.startswith("softmax-cli: ") for line in lines):
        return "something else than a message on standard error"
    errors = sum(line.startswith("softmax-cli: error: ") for line in lines)
    if errors != (status in (1, 2)):
        return f"{errors} errors with status {status}"
    return None


def problem_of_rows(case: Case) -> str | None:
    """Whether a row is lost or moved as it is left out, filled or an error."""
    outcomes = {}
    for invalid in ("error", "nan", "skip"):
        asked = case._replace(args=[*case.args, "--invalid", invalid])
        outcomes[invalid] = run_forked(asked)
        problem = problem_of(outcomes[invalid])
        if problem is not None:
            told = outcomes[invalid].err.decode(errors="replace")
            return f"--invalid {invalid}: {problem}\n{told[-2000:]}"
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


def _cells(out: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(out.decode(), newline="")))


def run_cases(count: int, seed: int, folder: Path) -> Iterator[str]:
    """Run so many cases, and tell of each that went wrong."""
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        if rng.random() < 0.2:
            case = rows_of(rng)
            problem, outcome = problem_of_rows(case), None
        else:
            case = case_of(rng, folder)
            outcome = run_forked(case)
            problem = problem_of(outcome)
        if problem is not None:
            told = outcome.err.decode(errors="replace")[-900:] if outcome else ""
            shown = f"{case.args} {case.data[:400]!r} {case.is_file}\n{told}"
            yield f"case {number} of seed {seed}: {problem}\n{shown}"


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    start = time.monotonic()
    load()
    with tempfile.TemporaryDirectory() as folder:
        problems = 0
        for problem in run_cases(asked.count, asked.seed, Path(folder)):
            print(problem, flush=True)
            problems += 1
    seconds = time.monotonic() - start
    print(f"{asked.count} cases of seed {asked.seed} in {seconds:.0f} s: {problems} problems")
    return 1 if problems else 0


def load() -> None:
    """Import now what each case would import after its fork."""
    import importlib

    rooms = ("commands", "core", "flow", "input", "output")
    package = Path(sys.modules["softmax_cli"].__file__ or "").parent
    for room in rooms:
        for path in (package / room).glob("*.py"):
            importlib.import_module(f"softmax_cli.{room}.{path.stem}")
    assert np


if __name__ == "__main__":
    sys.exit(_main())
