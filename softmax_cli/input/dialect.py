"""Delimited text: its lines, its rows by RFC 4180, its delimiter and its header."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from softmax_cli.errors import DataError
from softmax_cli.input.numbers import are_numbers, is_missing, is_number

# In the order of preference; ' ' stands for runs of blanks.
DELIMITERS: Final = (",", "\t", ";", "|", " ")
# Characters of a long line that are enough to find the delimiter
_ENOUGH: Final = 1 << 14
_BLANKS: Final = re.compile(r"[ \t]+")
_OPEN: Final = "unexpected end"
# Parts of the csv module's messages, and what these mean
_EXPLAINED: Final = {
    _OPEN: "a quote that is never closed",
    "new-line": "a carriage return inside a line; lines end with LF or CRLF",
    "expected after": "text behind a closing quote",
}

csv.field_size_limit(sys.maxsize)  # an overlong cell is no number, which has its own message


class Row(NamedTuple):
    """A row of a text, between two offsets, whose first line has a number: no cells if an error.

    It `is_open` if the text does not close its quote.
    """

    cells: list[str]
    start: int
    end: int
    line: int
    error: DataError | None = None
    is_open: bool = False


def content_lines(text: bytes) -> Iterator[bytes]:
    """Yield the lines that are neither blank nor comments."""
    return filter(_is_content, io.BytesIO(text))


def _is_content(line: bytes) -> bool:
    stripped = line.lstrip()
    return bool(stripped) and not stripped.startswith(b"#")


def read_rows(text: bytes, delimiter: str, name: str, line: int = 0) -> Iterator[Row]:
    """Yield the rows of whole lines that follow a line of that number.

    A blank line or a '#' inside a quoted cell belongs to the cell.
    """
    start = end = first = 0
    is_begun = False
    error: DataError | None = None

    def lines() -> Iterator[str]:
        nonlocal start, end, first, line, is_begun, error
        for data in io.BytesIO(text):
            line += 1
            end += len(data)
            if not is_begun:
                if not _is_content(data):
                    continue
                start, first, is_begun, error = end - len(data), line, True, None
            try:
                decoded = data.decode()
            except UnicodeDecodeError:
                decoded = data.decode(errors="replace")
            if b"\0" in data or "\ufffd" in decoded:
                error = error or _undecodable(data, delimiter, f"{name}:{line}")
            yield decoded.replace("\0", "")  # which csv refuses in Python 3.10

    rows = _reader(lines(), delimiter)
    while True:
        is_begun = is_open = False
        cells: list[str] = []
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as raised:
            is_open = _OPEN in str(raised)
            whys = (why for part, why in _EXPLAINED.items() if part in str(raised))
            error = error or DataError(next(whys, str(raised)), location=f"{name}:{first}")
        yield Row([] if error else cells, start, end, first, error, is_open)


def _undecodable(line: bytes, delimiter: str, location: str) -> DataError | None:
    bad, problem, hint = line.find(b"\0"), "a NUL byte", ""
    try:
        line.decode()
    except UnicodeDecodeError as error:
        bad, problem, hint = error.start, "invalid UTF-8", "iconv turns other encodings into UTF-8"
    column = line[:bad].count(delimiter.encode()) + 1
    return DataError(problem, hint, f"{location}:{column}") if bad >= 0 else None


def _reader(lines: Iterable[str], delimiter: str, *, strict: bool = True) -> Iterator[list[str]]:
    if delimiter == " ":
        # A newline inside quotes stays.
        lines = (_BLANKS.sub(" ", line.strip(" \t\r\n")) + "\n" for line in lines)
    return csv.reader(lines, delimiter=delimiter, strict=strict)


def cells_of(line: str, delimiter: str, *, strict: bool = True) -> list[str]:
    """Return the cells of a line that is a row by itself; none where it is not.

    If not `strict`, its last quotes may be closed on another line.
    """
    try:
        return next(_reader([line], delimiter, strict=strict), [])
    except csv.Error:
        return []


def is_header(names: Sequence[str], chosen: Sequence[str]) -> bool:
    """Return whether a first row holds names, given all its cells and those of the vector."""
    # pandas leaves the name above its index empty; elsewhere an empty cell is a missing one.
    if not names[0]:
        return True
    if are_numbers(chosen):  # quicker for a long row
        return False
    # Decimal commas make no name of a number.
    texts = (cell.replace(",", ".", 1) for cell in chosen)
    return any(not (is_missing(text) or is_number(text)) for text in texts)


def find_delimiter(first_lines: Callable[[int], list[str]]) -> str:
    """Return the delimiter that splits the most numbers out of a line.

    It is the first line or, where that may be a header, whose names may hold any character, the
    second. No further line is waited for: the choice depends on the text alone.
    """
    first = first_lines(1)
    if not first:
        return DELIMITERS[0]
    cells = _split(first[0])
    if not any(all(map(is_number, row)) for row in cells.values()):
        cells = _split(first_lines(2)[-1])

    def evidence(delimiter: str) -> tuple[bool, int, bool]:
        # Decimal commas count, so that '1,5;2,5' is refused as what it is.
        numbers = [is_number(cell.replace(",", ".", 1)) for cell in cells[delimiter]]
        return all(numbers) and len(numbers) > 1, sum(numbers), len(numbers) > 1

    return max(DELIMITERS, key=evidence)


def _split(line: str) -> dict[str, list[str]]:
    """Return a line's cells by each delimiter, of a very long one the first whole cells."""
    part = line[:_ENOUGH]
    if len(part) < len(line) and '"' not in part:
        line = re.sub(r"[^,\t;| ]*\Z", "", part)[:-1]
    return {delimiter: cells_of(line, delimiter, strict=False) for delimiter in DELIMITERS}
