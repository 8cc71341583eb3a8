"""Which character separates the cells of delimited text."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Final

from softmax_cli.input.chunks import Lines
from softmax_cli.input.numbers import is_number

# In the order of preference; ' ' stands for runs of blanks.
CANDIDATES: Final = (",", "\t", ";", "|", " ")
_ENOUGH: Final = 1 << 14
_BLANKS: Final = re.compile(r"[ \t]+")


def find_delimiter(lines: Lines) -> str:
    """The delimiter that the first lines of rows speak for.

    It is the candidate that cuts the most numbers out of the first line or, where that may be a
    header, whose names may hold any character, out of the second. No further line is waited
    for, so that the choice hangs on the text alone and not on when it arrives.
    """
    first = lines.peek(1)
    if not first:
        return CANDIDATES[0]
    line = _beginning(first[0])
    if not any(_is_numeric(line, delimiter) for delimiter in CANDIDATES):
        line = _beginning(lines.peek(2)[-1])
    return max(CANDIDATES, key=lambda delimiter: _evidence(line, delimiter))


def _beginning(line: str) -> str:
    """As much of a line as tells what separates its cells: of a very long one the first part."""
    part = line[:_ENOUGH]
    if len(part) == len(line) or '"' in part:
        return line
    return re.sub(r"[^,\t;| ]*\Z", "", part)[:-1]


def _is_numeric(line: str, delimiter: str) -> bool:
    return all(map(is_number, _rough_cells(line, delimiter)))


def _evidence(line: str, delimiter: str) -> tuple[bool, int, bool]:
    """Whether all cells are numbers, how many are, and whether the delimiter is there at all.

    Decimal commas count, so that '1,5;2,5' is refused for what it is.
    """
    cells = _rough_cells(line, delimiter)
    numbers = [is_number(cell.replace(",", ".", 1)) for cell in cells]
    return all(numbers) and len(cells) > 1, sum(numbers), len(cells) > 1


def cells_of(line: str, delimiter: str) -> list[str]:
    """The cells of a line that is a row by itself; none where it is not."""
    try:
        return next(split_rows([line], delimiter), [])
    except csv.Error:
        return []


def _rough_cells(line: str, delimiter: str) -> list[str]:
    """The cells of a line whose last quotes may be closed on another."""
    try:
        return next(split_rows([line], delimiter, strict=False), [])
    except csv.Error:
        return []


def split_rows(lines: Iterable[str], delimiter: str, *, strict: bool = True) -> Iterator[list[str]]:
    """Rows of cells by RFC 4180, from any iterable of lines."""
    if delimiter == " ":
        blank_lines = (_BLANKS.sub(" ", line.strip(" \t\r\n")) for line in lines)
        return csv.reader(blank_lines, delimiter=" ", strict=strict)
    return csv.reader(lines, delimiter=delimiter, strict=strict)
