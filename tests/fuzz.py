"""Bytes at random: inputs of every format, mutated, through every command, option and format.

`python -m tests.fuzz --count 1000000 -n 2` runs a million cases in a night, by two processes; a few
run with the other tests. A case must end in time, with status 0 to 3, without a traceback or a
warning of Python's, and with one line of error if it fails. A slow pipe, a file, and any number of
processes must do the same, standard error included. Of rows it is checked that none is lost or
moved: what `skip` writes is what `nan` writes without the rows of nan, and the rows before an error
are the first of those. What the csv module writes must be read as it, and `float`, read it.
"""

import argparse
import bz2
import csv
import gzip
import io
import json
import lzma
import math
import random
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import compress
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from tests.forked import LIBRARIES, ForkServer, Outcome

SEEDS: Final = [path.read_bytes() for path in sorted(Path(__file__).with_name("seeds").iterdir())]
# Runs of one fork, and cases of one server
RUNS: Final = 200
CASES: Final = 500
_LOADED: Final = (*LIBRARIES, "numpy.random", "numpy.ma", "difflib", "softmax_cli")

# The commands, each with what it needs, then the options of each
COMMANDS: Final = [
    line.split()
    for line in """
    softmax
    hardmax
    xent -t 0
    xent -t cat
    xent -t 0.5,0.25,0.25
    xent --target-column is
    xent --target-column 1
    xent --targets {other}
    xent --tokens
    kl
    kl --against 1,2
    kl --against 0.5,0.25,0.25
    kl --against {other}
    compare
    """.strip().splitlines()
]
OPTIONS: Final = {
    "softmax": "-T 0 / -T 0.5 / -T 1e-300 / --log / --alpha 1 / --alpha 1.5 / --alpha 2 / "
    "--top-k 2 / --top-p 0.9 / --min-p 0.1 --temperature-first / --sample 3 / "
    "--sample 2 --seed 1 / --hierarchical 3,2,1 / --hierarchical {other} / --breakdown / --top 2 / "
    "--from logits / --from probs / --from probs --normalize / --from logprobs --normalize",
    "hardmax": "--as index / --as name / --as value / --as one-hot / --ties first / --ties last / "
    "--ties all / --ties split / --ties error / --top 1 / --top 2",
    "xent": "--ignore 0 / --ignore cat / --from logits / --from probs / --from logprobs / "
    "--normalize / --from probs --normalize / -w 1,2,0.5 / -w 1e308,1 / -w cat=1,dog=2 / "
    "--class-counts 1,2 / --focal 2 / --class-counts 5,1,2 --beta 0.9 / -T 0.5 / -T 1e-300 / "
    "--label-smoothing 0.1 / --reduction none / --reduction mean / --reduction sum / "
    "--base e / --base 2 / --base 10 / --breakdown / --gradient / --worst 2 / --top 2 / "
    "--by-class / --hierarchical 3,2,1 / --hierarchical {other} / --negative 2 / "
    "--negative 2 --seed 1 / --sampled 2 --noise uniform --seed 2 / "
    "--sampled 2 --noise log-uniform --repeat 3 --seed 2 / "
    "--negative 3 --noise 1,2,3 --repeat 2 --seed 3 / "
    "--sampled 2 --noise {other} --seed 4",
    "kl": "--divergence kl / --divergence reverse / --divergence jeffreys / --divergence js / "
    "--from logits / --from logits -T 3 / --from probs / --from logprobs / --normalize / "
    "--generalized / --base e / --base 2 / --base 10 / --reduction none / --reduction mean / "
    "--reduction sum / --breakdown",
    "compare": "-T 0,1 / -T 0.1,1,10 / --dtype float64 / --dtype float32,bf16 / --check",
}
SHARED: Final = (
    "-f auto / -f csv / -f tsv / -f json / -f jsonl / -f npy / -f table / -f markdown / -p 3 / "
    "-p 17 / -p 100 / --decimals 0 / --decimals 3 / -o /dev/stdout / -o {out} / -o {out}.json / "
    "-o {out}.npy / -c 2- / -c cat,dog / -c 3,1-2 / -k 1 / -k id / -k is,1 / -d ; / -d space / "
    "-d tab / -d | / -d x / --header / --no-header / --names a,b / --names x,y,z / -j 1 / -j 2 / "
    "-j 5 / -v / --axis row / --axis column / --invalid error / --invalid nan / --invalid skip / "
    "--input-format auto / --input-format csv / --input-format json / --input-format jsonl / "
    "--input-format npy / --decimal , / --decimal . / --prefix p_"
)
# Options that draw, which without a seed is never the same
_DRAWS: Final = {"--sample", "--negative", "--sampled"}
ARGUMENTS: Final = [
    "1",
    "-2.5",
    "1,2,3",
    "[3 2 1]",
    "(1;2)",
    "-inf",
    "tensor([[1., 2], [3, 4]])",
    "1 2; 3 4",
]
TOKENS: Final = [
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", b"\x1b[31m", b'"', b'""', b"'", b"#"),
    *(b",", b";", b"\t", b" ", b"|", b"[", b"]", b"{", b"}", b"(", b")", b":", b"_", b"-", b"--"),
    *(b"nan", b"inf", b"-inf", b"Infinity", b"null", b"true", b"1e400", b"1e-400", b"-0", b"0"),
    *(b"9" * 400, b"1_0", b"0x1p3", "\u0661".encode(), b"\xc2\xa0", b"\\ud800", b"[" * 2000),
    *(b"abc", b"1.7e308", b"-1.7e308", b"5e-324", b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"PAR1"),
    *(
        b"\x93NUMPY",
        b"|O8",
        b"(2, 2)",
        b"-1",
        b"99999999999999999999",
        b"cat",
        b"is",
        b"rows",
        b"...",
    ),
]
# Commands for tables, with numbers for their columns, and the number of one of these
_OF_TABLES: Final = [
    *(["softmax"] * 9),
    *("softmax --alpha 2", "softmax --sample 2 --seed 1", "hardmax --ties first", "xent -t 0"),
    *("xent -t 0 --base 2 --breakdown", "xent --target-column {column}"),
    *("kl --normalize --against {ones}", "kl --from logits --against {ones}"),
]
# Many rows of three numbers and a text, and what may stand among them
_OF_MANY: Final = [
    ["softmax", "-c", "1-3", "-k", "4"],
    ["hardmax", "-c", "1-3", "-k", "4"],
    ["xent", "-c", "1-3", "-t", "1", "--breakdown"],
    ["xent", "-c", "1-3", "-t", "2", "--reduction", "mean", "-f", "json"],
    ["kl", "-c", "1-3", "--from", "logits", "--against", "1,2,-inf"],
    ["softmax", "-c", "1-3", "--sample", "2", "--seed", "1"],
    ["compare", "-c", "1-3", "--check"],
]
_ODD_ROWS: Final = [
    *(b"1,2,x,a\n", b"1,2\n", b"\n", b"# 1,2\n", b'"1",2,3,"a\nb"\n', b'1,2,3,"a""b"\n'),
    *(b'1,2,3,a"b\n', b'1,2,3,"open\n', b"-inf,-inf,-inf,a\n", b"inf,1,inf,a\n"),
    *(b"5,5,-0,\xef\xbb\xbfa\n", b"1,2,3,\xff\n", b"1,2,3,a\r\n", b"1e400,.5,+1,a\n"),
]
# How numbers are written, numbers that are read in other ways, and what may stand for a number
_FORMS: Final = ["{!r}", "{!r}", "{:.3e}", "{:+.1f}", "{:.25g}", "{:.0f}", " {:g} "] * 4
_NUMBERS: Final = [
    *("-0", "01", "1.", ".5", "+1", "1E5", "1e-400", "2.4703282292062328e-324", "9007199254740993"),
    *("18446744073709551616", "-9223372036854775809", "-8e307", "\u0661", "\x0b1", "\u00a01"),
]
_ODD_CELLS: Final = [
    *("nan", "1_0", "true", "null", "[1]", "{}", "0x1p3", "a", "\u00e9", "[1]2", "inf", "-inf"),
    *("1e400", "-1e400", "1.7e308", "", " ", "1 2", "1\n2", 'a"b', "\0", "x#"),
]
_PIECES: Final = ["a", "b c", "\u00e9", *"',;| #\"\t\n", "\r\n", "(["]


class Case(NamedTuple):
    """A command line, its input and its environment."""

    args: list[str]
    data: bytes
    env: dict[str, str] | None = None


class Way(NamedTuple):
    """How an input comes ("pipe", "file", or "named" by -i), how much of it at once, to whom."""

    source: str = "pipe"
    read_bytes: int | None = None
    jobs: int = 1


class Fuzzer:
    """Runs cases in forks of a process that has loaded all of the package.

    A warning of Python's is written to standard error, where it is seen also if one of several
    processes at work has it.
    """

    def __init__(self, folder: Path) -> None:
        self._server = ForkServer(*_LOADED, python_warnings="always", runs=RUNS)
        self._folder = folder
        self._input = folder / "input"
        self.close = self._server.close

    def outcome(self, case: Case, way: Way) -> Outcome:
        """Run a command line; a file that it writes is a part of its output."""
        self._input.write_bytes(case.data)
        named = ["-i", str(self._input)] if way.source == "named" else []
        args = [case.args[0], *named, *case.args[1:], "-j", str(way.jobs)]
        with self._input.open("rb") as file:
            status, out, err = self._server.run(
                args,
                file if way.source == "file" else b"" if named else case.data,
                case.env,
                read_bytes=way.read_bytes,
            )
        for path in self._folder.glob("out*"):
            out += path.read_bytes()
            path.unlink()
        return Outcome(status, out, err.replace(bytes(self._input), b"stdin"))

    def problem(self, rng: random.Random) -> str | None:
        """Run a case of any kind, and say what is wrong with it, if anything is."""
        kind = rng.random()
        if kind < 0.3:
            return self.of_table(rng)
        if kind < 0.4:
            is_long = kind < 0.301
            case = many_rows_of(rng, 1 << (21 if is_long else 13))
            jobs = rng.choice([2, 5])
            ways = [Way("file"), Way("file", jobs=jobs), Way("pipe", jobs=jobs)]
            pieces = [Way(way.source, rng.choice([64, 256, 1024]), way.jobs) for way in ways]
            problem = self._of_ways(case, ways if is_long else [Way(), *pieces[1:]])
        else:
            for _ in range(6):  # as most fail
                case = case_of(rng, self._folder)
                outcome = self.outcome(case, Way())
                if (problem := problem_of(outcome)) or outcome.status in (0, 3):
                    break
            # An array's length is wrong before any row of a file, and after the last of a pipe.
            way = way_of(rng)
            first = Way(way.source if b"\x93" in case.data[:4] else "pipe")
            problem = problem or self._of_ways(case, [first, way])
        return f"{problem}\n{case.args} {case.env or ''} {case.data[:999]!r}" if problem else None

    def of_table(self, rng: random.Random) -> str | None:
        """Whether rows are what csv and float read, and none is lost, moved, or told wrong."""
        table, way = Table(rng), way_of(rng)
        column, ones = table.numbers[0] + 1, ",".join("1" for _ in table.numbers)
        command = rng.choice(_OF_TABLES).format(column=column, ones=ones)
        args = [*command.split(), *table.args, "-f", "jsonl", "--invalid"]
        outcomes = [
            self.outcome(Case([*args, i], table.text), way) for i in ("nan", "skip", "error")
        ]
        filled, left, before = (outcome.out.splitlines() for outcome in outcomes)
        problem = next(filter(None, map(problem_of, outcomes)), None)
        is_good = [b'"nan"' not in line for line in filled]
        if left != [*compress(filled, is_good)] or before != filled[: [*is_good, 0].index(0)]:
            problem = problem or "rows are lost, or others than those that can't be used"
        if command == "softmax":
            problem = problem or table.problem(*outcomes)
        told = "".join(map(_told, outcomes))
        return f"{problem}\n{told}{args} {way} {table.text[:999]!r}" if problem else None

    def _of_ways(self, case: Case, ways: Sequence[Way]) -> str | None:
        """Whether a command does the same in every way, but for draws without a seed."""
        is_random = _DRAWS.intersection(case.args) and "--seed" not in case.args
        outcomes = [self.outcome(case, way) for way in (ways[:1] if is_random else ways)]
        for way, outcome in zip(ways, outcomes, strict=False):
            if (problem := problem_of(outcome)) is not None:
                return f"{way}: {problem}"
            first, is_file_needed = outcomes[0], b"not both" not in outcome.err + outcomes[0].err
            if outcome != first and is_file_needed:  # it is not by vectors that are arguments
                return f"{ways[0]} and {way} differ\n{_told(first)}---\n{_told(outcome)}"
        return None


class Table:
    """Rows of numbers and text as the csv module writes them, and what is to be read of them.

    The first two rows can be used, as they tell the form of all.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._delimiter = rng.choice(",\t;| ")
        self._file = io.StringIO("\ufeff" * (rng.random() < 0.2))
        self._file.seek(0, io.SEEK_END)
        self._end = rng.choice(["\n", "\r\n"])
        is_number = [True, *(rng.random() < 0.6 for _ in range(rng.choice([1, 2, 4])))]
        rng.shuffle(is_number)
        self.numbers = [i for i, number in enumerate(is_number) if number]
        texts = [i for i, number in enumerate(is_number) if not number]
        self._kept = rng.sample(texts, rng.randint(0, len(texts)))
        quoting = rng.random() < 0.3
        self._writer = csv.writer(
            self._file,
            delimiter=self._delimiter,
            lineterminator=self._end,
            quoting=csv.QUOTE_ALL if quoting else csv.QUOTE_MINIMAL,
        )
        if rng.random() < 0.5:
            self._write([f"n{i}{self._text()}".strip() for i in range(len(is_number))])
        odd = rng.choice([0, 0, 0.02, 0.3])
        # Each row's lines, and what is read of it: numbers, None if it can't be used, and text
        self._rows: list[tuple[range, list[float] | None, list[str]]] = []
        for number in range(rng.choice([1, 2, 5, 50])):
            row = [self._number() if is_a else self._text() for is_a in is_number]
            if number > 1 and rng.random() < odd:
                row = self._odd(row)
            self._rows.append((self._write(row), *self._read(row, len(is_number))))
        self.text = self._file.getvalue().removesuffix(self._end * (rng.random() < 0.2)).encode()
        self.args = ["--axis", "row", "-c", ",".join(str(i + 1) for i in self.numbers)]
        self.args += ["-k", ",".join(str(i + 1) for i in self._kept)] if self._kept else []
        self.args += ["-d", self._delimiter] if rng.random() < 0.2 else []

    def _number(self) -> str:
        plain, power = self._rng.gauss(0, 9), 10.0 ** self._rng.randint(-330, 290)
        value = self._rng.choice([self._rng.randrange(9), plain, plain * power])
        text = self._rng.choice([*_FORMS, *_NUMBERS]).format(value)
        return text.strip() if self._delimiter == " " else text

    def _text(self) -> str:
        text = "".join(self._rng.choices(_PIECES, k=self._rng.randrange(4)))
        if self._delimiter == " ":
            text = text.replace("\t", " \t")  # csv quotes blanks, but not tabs
            return f"a{text}a"
        return text if any(map(str.isalpha, text)) and text.lstrip()[0] != "#" else f"a{text}"

    def _odd(self, row: list[str]) -> list[str]:
        """Return a row with a few other cells, one more or one less; but not a blank line."""
        for i in self._rng.choices(self.numbers, k=2):
            odd = self._rng.choice(_ODD_CELLS)
            row[i] = odd if odd.strip() or (i and self._delimiter != " ") else "a"
        return self._rng.choice([row, row, row[:-1] if row[0].strip() else row, [*row, "1"]])

    def _write(self, row: list[str]) -> range:
        """Write a row, perhaps behind a line that is none, and return the numbers of its lines."""
        if self._rng.random() < 0.1:
            self._file.write(self._rng.choice([self._end, f"# a comment, 1{self._end}"]))
        start = self._file.getvalue().count("\n") + 1
        self._writer.writerow(row)
        return range(start, self._file.getvalue().count("\n") + 1)

    def _read(self, row: list[str], width: int) -> tuple[list[float] | None, list[str]]:
        """Return what is to be read of a row: numbers, if it can be used, and copied cells."""
        cells = [*row, *[""] * width] if "\0" not in "".join(row) else [""] * width
        chosen = [cells[i] for i in self.numbers]
        try:
            numbers = [math.nan if "_" in cell else float(cell) for cell in chosen]
        except ValueError:
            numbers = [math.nan]
        is_good = not any(map(math.isnan, numbers)) and max(numbers) > -math.inf
        is_good &= len(row) == width and numbers.count(math.inf) < 2
        return numbers if is_good else None, [cells[i] for i in self._kept]

    def problem(self, filled: Outcome, _: Outcome, cut: Outcome) -> str | None:
        """Say what is wrong with what was read, by --invalid nan and by --invalid error."""
        found: list[object] = []
        for record in map(json.loads, filled.out.splitlines()):
            numbers = [repr(float(number)) for number in record["logits"]]
            found.append(("nan" not in numbers and numbers, [*record.get("keep", {}).values()]))
        expected = [(x is not None and list(map(repr, x)), kept) for _, x, kept in self._rows]
        if found != expected:
            return f"{found}\nis read, and not\n{expected}"
        bad = [lines for lines, numbers, _ in self._rows if numbers is None]
        warned = re.findall(rb"warning: (\d+) rows? can't be used", filled.err)
        told = re.findall(rb"error: stdin:(\d+):", cut.err)
        is_told = (warned, cut.status) == ([b"%d" % len(bad)] if bad else [], 1 if bad else 0)
        is_told &= len(told) == (len(bad) > 0) and all(int(number) in bad[0] for number in told)
        return None if is_told else f"{bad} can't be used"


def _told(outcome: Outcome) -> str:
    return f"[{outcome.status}] {outcome.err.decode(errors='replace')[-900:]}\n"


def mutated(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Bytes with a few changes, of which none may be one."""
    for _ in range(rng.choice([0, 0, 0, 0, 1, 1, 2, 8])):
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


def way_of(rng: random.Random) -> Way:
    """Any way for an input to come; by several processes only if it is long or comes slowly."""
    read_bytes = rng.choice([None, 1, 2, 7, 20, 64, 300])
    return Way(rng.choice(["pipe", "file", "named"]), read_bytes, rng.choice([1, 1, 1, 2, 5]))


def input_of(rng: random.Random) -> tuple[list[str], bytes]:
    """Options that an input needs, and an input of any format, mutated."""
    table = Table(rng)
    array = np.array(
        [[rng.choice([1, 0, 0.25, 7]) for _ in range(3)] for _ in range(rng.randint(1, 5))]
    )
    array = array.astype(rng.choice(["<f8", ">f8", "<f4", "<f2", ">i4", "u1", "?", "i8"]))
    file = io.BytesIO()
    np.save(file, array.T if rng.random() < 0.5 else array[0] if rng.random() < 0.2 else array)
    inputs = [
        *(([], seed) for seed in SEEDS),
        *[(table.args, table.text), ([], file.getvalue())] * 4,
    ]
    args, data = rng.choice(inputs)
    data = mutated(rng, data, SEEDS)
    packed = [pack(data) for pack in (gzip.compress, bz2.compress, lzma.compress)]
    return args, rng.choice([*packed, *[data] * 20])


def case_of(rng: random.Random, folder: Path) -> Case:
    """A case of any kind."""
    other, out = folder / "other", folder / "out"
    other.write_bytes(input_of(rng)[1])
    needs, data = input_of(rng)
    args = list(rng.choice(COMMANDS))
    for options, most in ((OPTIONS[args[0]], 3), (SHARED, 4)):
        some = rng.sample(options.split(" / "), rng.randrange(most))
        args += [word for option in some for word in option.split()]
    args = [arg.format(other=other, out=out) for arg in args]
    if rng.random() < 0.15:
        texts = [rng.choice(ARGUMENTS).encode() for _ in range(rng.choice([1, 2, 3]))]
        vectors = (mutated(rng, text, [b"1,2", b"[3]"]) for text in texts)
        args += [v.replace(b"\0", b"").decode(errors="surrogateescape") for v in vectors]
    else:
        args += needs
    env = rng.choice([{"COLUMNS": str(n)} for n in (80, 20, 1, 200)] + [{"FORCE_COLOR": "1"}])
    return Case(args, data, env)


def many_rows_of(rng: random.Random, size: int) -> Case:
    """Rows enough for several processes, with a few odd ones where parts of them may meet."""
    plain = b"%d.25,1,-2.5e-1,a%s\n" % (rng.randrange(9), b"x" * rng.randrange(60))
    rows = [plain] * (size // len(plain) + rng.randrange(1000 * size >> 21 or 50))
    for _ in range(rng.choice([0, 1, 1, 3, 20])):
        at = rng.choice([rng.randrange(len(rows)), (rng.randrange(64) * size >> 6) // len(plain)])
        rows[min(at, len(rows) - 1)] = rng.choice(_ODD_ROWS)
    args = [*rng.choice(_OF_MANY), "--no-header", "--invalid", rng.choice(["error", "nan", "skip"])]
    return Case(args, b"".join(rows))


def problem_of(outcome: Outcome) -> str | None:
    """What is wrong with an outcome, if anything is."""
    status, _, err = outcome
    lines = err.decode(errors="replace").splitlines()
    errors = sum(line.startswith("softmax-cli: error: ") for line in lines)
    problem = None
    if status not in range(4):
        problem = f"it ended with status {status}, which is -9 if it did not end"
    elif any(not line.startswith("softmax-cli: ") for line in lines):
        problem = "something else than a message on standard error"
    elif b"a worker process was ended" in err:
        problem = "a process at work failed"
    elif errors != (status in (1, 2)):
        problem = f"{errors} errors with status {status}"
    return f"{problem}\n{_told(outcome)}" if problem else None


def run_cases(seed: int, numbers: range) -> list[str]:
    """Run the cases of these numbers, and tell of each that went wrong."""
    told = []
    with tempfile.TemporaryDirectory() as folder:
        fuzzer = Fuzzer(Path(folder))
        for number in numbers:
            problem = fuzzer.problem(random.Random(f"{seed} {number}"))
            if problem is not None:
                told.append(f"case {number} of seed {seed}: {problem}")
        fuzzer.close()
    return told


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-n", "--processes", type=int, default=1)
    asked = parser.parse_args()
    start, problems = time.monotonic(), 0
    parts = [range(n, min(n + CASES, asked.count)) for n in range(0, asked.count, CASES)]
    with ProcessPoolExecutor(asked.processes, get_context("spawn")) as pool:
        for part, told in zip(
            parts, pool.map(run_cases, [asked.seed] * len(parts), parts), strict=True
        ):
            print(*told, sep="\n", end="\n" * bool(told), flush=True)
            print(part.stop, "cases", end="\r", file=sys.stderr, flush=True)
            problems += len(told)
    seconds = time.monotonic() - start
    print(f"{asked.count} cases of seed {asked.seed} in {seconds:.0f} s: {problems} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(_main())
