"""Delimited text is what Python's csv and float() read, plain numbers and odd ones alike."""

from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.conftest import COMMAND, plain_environment
from tests.forked import ForkServer

PLAIN = [*["0", "-1", "1.5", "-0.0", "0.1e-3", "1E5", "12345678901234567890", "9007199254740993"]]
PLAIN += ["18446744073709551616", "-9223372036854775809", "123456789012345678901234567890.1234"]
PLAIN += ["4.9e-324", "2.4703282292062328e-324", "1.7976931348623157e308", "0.30000000000000004"]
ODD = ["-0", "1e400", "-1e400", "1e-400", ".5", "1.", "+1", "01", "inf", "-inf", "Infinity"]
ODD += ["\u0661", "\x0b1", "\u00a01", '"1"', '"-0"', '" 1"']
NOT_NUMBERS = ["1_0", "nan", "true", "false", "null", "[1]", "{}", "0x1p3", "#", "a", "é", '""']
NOT_NUMBERS += ["\x00", '"1 2"', '"1\n2"', '"a""b"', "[1]2"]
WITH_BLANKS = ["", " ", " 1", "1\t", "-0 ", "1 2", "# 1"]  # as no blanks between cells are
NAMES = [
    "a",
    '"a"',
    '"a b"',
    '"é"',
    '"a""b"',
    '"a,b"',
    '"a;b"',
    '"a\n"',
    '"# a\n\n"',
    "007",
    "1.50",
]
BETWEEN = ["", " ", "# a comment", '  # "another, with a quote']


def number(cell: str) -> float | None:
    """What a cell is: a number as float() reads it, without underscores and nan."""
    text = cell[1:-1] if cell[:1] == '"' else cell
    try:
        value = float(text)
    except ValueError:
        return None
    return None if "_" in text or math.isnan(value) else value


class Text:
    """Lines of delimited text, and the rows that they hold.

    Attributes
    ----------
    rows : list of (int, str or None, list of float or None)
        Each row's line, from 1, its name and its numbers, which are missing of one that has no use.
    """

    def __init__(self, delimiter: str, named: bool, newline: str) -> None:
        self.delimiter = delimiter
        self.named = named
        self.rows: list[tuple[int, str | None, list[float] | None]] = []
        self._newline = newline
        self._lines: list[str] = []
        self._width = 0

    def add(self, cells: list[str]) -> None:
        """Add a row."""
        start = 1 + sum(1 + line.count("\n") for line in self._lines)
        line = self.delimiter.join(cells)
        self._lines.append(line)
        if not line.strip() or line.lstrip().startswith("#"):
            return
        numbers = list(map(number, cells[1:] if self.named else cells))
        self._width = self._width or len(numbers)
        values = [x for x in numbers if x is not None]
        good = len(values) == len(numbers) == self._width
        good &= max(values, default=-math.inf) > -math.inf and values.count(math.inf) < 2
        name = cells[0].strip('"').replace('""', '"') if self.named else None
        if name and "\0" in line:
            name = ""  # the row has no cells
        self.rows.append((start, name, values if good else None))

    def __repr__(self) -> str:
        return repr(self.encoded(end=False))

    def encoded(self, end: bool) -> bytes:
        lines = [line.replace("\r\n", "\n") for line in self._lines]
        return (self._newline.join(lines) + (self._newline if end else "")).encode()


@st.composite
def texts(draw: st.DrawFn) -> Text:
    """Rows mostly of plain numbers and mostly of one length, which the first two have."""
    delimiter = draw(st.sampled_from([",", "\t", ";", "|", " "]))
    named = draw(st.booleans())
    width = draw(st.integers(1 if named else 2, 4))
    text = Text(delimiter, named, draw(st.sampled_from(["\n", "\n", "\r\n"])))
    odd = ODD + NOT_NUMBERS + ([] if delimiter in " \t" else WITH_BLANKS)
    odd = [cell for cell in odd if delimiter != " " or "\n" not in cell]  # see test_regressions
    floats = st.one_of(st.floats(allow_nan=False), st.integers(-(2**70), 2**70)).map(repr)
    any_cell = st.one_of(st.sampled_from(PLAIN), floats, st.sampled_from(odd))
    plain = st.lists(st.sampled_from(PLAIN), min_size=width, max_size=width)
    ragged = st.lists(any_cell, min_size=1, max_size=width + 1)
    row = st.one_of(plain, plain, st.lists(any_cell, min_size=width, max_size=width), ragged)
    known = [name for name in NAMES if delimiter != " " or "\n" not in name]
    names = st.sampled_from(known[: draw(st.integers(1, len(known)))])
    for cells in [draw(plain), draw(plain), *draw(st.lists(row, max_size=30))]:
        text.add([draw(names), *cells] if named else cells)
        if draw(st.integers(0, 9)) == 0:
            text.add([draw(st.sampled_from(BETWEEN))])
    return text


def of(delimiter: str, *rows: list[str]) -> Text:
    text = Text(delimiter, named=False, newline="\n")
    for cells in rows:
        text.add(cells)
    return text


@given(texts(), st.booleans(), st.booleans())
@settings(max_examples=120)
@example(of(",", ["1", "2"], ["1", "2"], ["3"], ["4", "5", "6"], ["7", "8"]), True, True)
@example(of(",", ["1", "2"], ["1", "2"], ["3", '"4\n5,6\n7"'], ["8", "9"]), True, False)
@example(of(",", ["1", "2"], ["3", ""]), False, True)
@example(of(",", ["1", "2"], ["3", "-0"], ["-0", "0"]), True, True)
def test_rows_are_those_of_csv_and_float(
    loaded_server: ForkServer,
    tmp_path_factory: pytest.TempPathFactory,
    text: Text,
    end: bool,
    is_file: bool,
) -> None:
    data = text.encoded(end)
    args = ["softmax", "-f", "jsonl", "-d", text.delimiter, "--no-header", "--axis", "row"]
    args += ["-k", "1", "--invalid"] if text.named else ["--invalid"]
    name = "stdin"
    if is_file:
        path = tmp_path_factory.mktemp("text") / "in"
        path.write_bytes(data)
        args, data, name = [args[0], "-i", str(path), *args[1:]], b"", str(path)
    filled = loaded_server.run([*args, "nan"], data)
    found = []
    for line in filled.out.splitlines():
        row = json.loads(line)
        values = [float(x) for x in row["logits"]]
        kept = next(iter(row["keep"].values())) if text.named else None
        found.append((kept, "None" if math.isnan(values[0]) else repr(values)))
    assert found == [(key, repr(row)) for _, key, row in text.rows]
    bad = [line for line, _, row in text.rows if row is None]
    told = f"softmax-cli: warning: {len(bad)} row{'s' * (len(bad) > 1)} can't be used, "
    assert filled.err.decode().startswith(told if bad else "")
    assert (filled.err.count(b"\n"), filled.status) == (len(bad) > 0, 0)

    error = loaded_server.run([*args, "error"], data)
    first = [row is None for _, _, row in text.rows].index(True) if bad else len(text.rows)
    assert error.out == b"".join(filled.out.splitlines(keepends=True)[:first])
    assert error.status == (1 if bad else 0)
    assert error.err.decode().startswith(f"softmax-cli: error: {name}:{bad[0]}:" if bad else "")


@pytest.mark.parametrize("every", [200_000, 20])
def test_odd_rows_do_not_slow_the_others(tmp_path: Path, every: int) -> None:
    seconds = []
    for odd in (b"1,2,3\n", b'"1",2,3\n'):
        path = tmp_path / "rows.csv"
        path.write_bytes((b"1,2,3\n" * (every - 1) + odd) * (200_000 // every))
        command = [str(COMMAND), "hardmax", "-j", "1", "-i", str(path)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=plain_environment())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        assert status == 0
        seconds.append(usage.ru_utime)
    assert seconds[1] < seconds[0] * (2 if every > 20 else 15)
