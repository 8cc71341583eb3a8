"""Delimited text: its lines, its rows by RFC 4180, its delimiter and its header."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Final, NamedTuple

from softmax_cli.errors import DataError
from softmax_cli.input.numbers import is_number

# In order of preference; ' ' matches runs of blanks.
DELIMITERS: Final = (",", "\t", ";", "|", " ")
# Number of characters of a line that suffice to find the delimiter
_SAMPLE_LENGTH: Final = 1 << 14
_BLANKS: Final = re.compile(r"[ \t]+")
# What programs write for a missing number; it is no column name either.
_MISSING: Final = frozenset(
    ["", *"na n/a #n/a #value! #num! nan null nil none missing - -- ? .".split()]  # noqa: SIM905
)
_UNEXPECTED_END: Final = "unexpected end"
# Parts of the csv module's messages, and the text for each
_CSV_ERRORS: Final = {
    _UNEXPECTED_END: "a quote that is never closed",
    "new-line": "a carriage return inside a line; lines end with LF or CRLF",
    "expected after": "text behind a closing quote",
}

csv.field_size_limit(sys.maxsize)  # an overlong cell is reported as not a number


class Row(NamedTuple):
    """A row's cells (none if it has an error), offsets in the text, and first line number.

    `is_open` if the text ends inside a quote of the row.
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
    """Yield the rows of a text of whole lines; `line` is the number of lines before it.

    A blank line or a '#' inside a quoted cell belongs to the cell.
    """

    def decoded(data: bytes) -> str:
        # csv refuses a NUL in Python 3.10.
        return _with_single_blanks(data.decode(errors="replace").replace("\0", ""), delimiter)

    is_clean = b"\0" not in text and "\ufffd" not in text.decode(errors="replace")
    lines = io.BytesIO(text)
    for data in lines:
        line += 1
        if not _is_content(data):
            continue
        first, start = line, lines.tell() - len(data)
        cells: list[str] = []
        error, is_open = None, False
        if b'"' in data or b"\r" in data.rstrip(b"\r\n"):
            rows = csv.reader(map(decoded, chain([data], lines)), delimiter=delimiter, strict=True)
            try:
                cells = next(rows)
            except csv.Error as raised:
                is_open = _UNEXPECTED_END in str(raised)
                whys = (why for part, why in _CSV_ERRORS.items() if part in str(raised))
                error = DataError(next(whys, str(raised)), location=f"{name}:{first}")
            line += rows.line_num - 1
        else:  # faster than csv.reader
            cells = decoded(data).rstrip("\r\n").split(delimiter)
        end = lines.tell()
        if not is_clean:
            error = _undecodable(text[start:end], delimiter, name, first) or error
        yield Row([] if error else cells, start, end, first, error, is_open)


def _with_single_blanks(line: str, delimiter: str) -> str:
    """Return a line, with runs of blanks collapsed if they delimit; it keeps its newline."""
    return _BLANKS.sub(" ", line.strip(" \t\r\n")) + "\n" if delimiter == " " else line


def _undecodable(row: bytes, delimiter: str, name: str, first: int) -> DataError | None:
    for number, line in enumerate(row.split(b"\n"), first):
        bad, problem, hint = line.find(b"\0"), "a NUL byte", ""
        try:
            line.decode()
        except UnicodeDecodeError as error:
            bad, problem = error.start, "invalid UTF-8"
            hint = "iconv turns other encodings into UTF-8"
        if bad >= 0:
            column = line[:bad].count(delimiter.encode()) + 1
            return DataError(problem, hint, f"{name}:{number}:{column}")
    return None


def is_header(names: Sequence[str], chosen: Sequence[str]) -> bool:
    """Return whether a first row holds names; `chosen` are the cells in the vector's columns."""
    # pandas leaves the name of its index empty; elsewhere an empty cell is a missing number.
    if not names[0]:
        return True
    # A number with a decimal comma is not a name.
    texts = (cell.replace(",", ".", 1) for cell in chosen)
    return not all(is_number(text) or text.strip().casefold() in _MISSING for text in texts)


def find_delimiter(first_lines: Callable[[int], list[str]]) -> str:
    """Return the delimiter that gives the most numbers in the first line.

    If that may be a header, whose names may contain any character, the second line decides. No
    more lines are read, so that the choice does not depend on how much has arrived.
    """
    first = first_lines(1)
    if not first:
        return DELIMITERS[0]
    cells = _split(first[0])
    if not any(all(map(is_number, row)) for row in cells.values()):
        cells = _split(first_lines(2)[-1])

    def evidence(delimiter: str) -> tuple[bool, int, bool]:
        # Decimal commas count as numbers, so that '1,5;2,5' gets the right error.
        numbers = [is_number(cell.replace(",", ".", 1)) for cell in cells[delimiter]]
        return all(numbers) and len(numbers) > 1, sum(numbers), len(numbers) > 1

    return max(DELIMITERS, key=evidence)


def _split(line: str) -> dict[str, list[str]]:
    """Return a line's cells for each delimiter; of a very long line only the first ones."""
    part = line[:_SAMPLE_LENGTH]
    if len(part) < len(line) and '"' not in part:
        line = re.sub(r"[^,\t;| ]*\Z", "", part)[:-1]
    cells: dict[str, list[str]] = {delimiter: [] for delimiter in DELIMITERS}
    for delimiter in DELIMITERS:
        with suppress(csv.Error):
            rows = csv.reader([_with_single_blanks(line, delimiter)], delimiter=delimiter)
            cells[delimiter] = next(rows, [])
    return cells
