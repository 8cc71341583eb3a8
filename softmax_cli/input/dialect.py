"""Delimited text: its lines, its rows by RFC 4180, its delimiter and its header."""

import csv
import io
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Final, NamedTuple

from softmax_cli.errors import DataError
from softmax_cli.input.numbers import is_number
from softmax_cli.input.stream import TextChunks, is_content

# In order of preference; ' ' matches runs of blanks.
DELIMITERS: Final = (",", "\t", ";", "|", " ")
# Number of bytes that suffice to find the delimiter
SAMPLE_BYTES: Final = 1 << 16
# A cell between blanks
_CELL: Final = re.compile(r"[^ \t]+")
# What programs write for a missing number; it is no column name either.
_MISSING: Final = frozenset(
    ["", *"na n/a #n/a #value! #num! nan null nil none missing - -- ? .".split()]  # noqa: SIM905
)
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


def read_rows(text: bytes, delimiter: str, name: str, line: int = 0) -> Iterator[Row]:
    """Yield the rows of a text of whole lines; `line` is the number of lines before it.

    A blank line or a '#' inside a quoted cell belongs to the cell.
    """
    is_blank = delimiter == " "
    is_clean = b"\0" not in text and "\ufffd" not in text.decode(errors="replace")
    lines = io.BytesIO(text)
    for data in lines:
        line += 1
        if not is_content(data):
            continue
        first, start = line, lines.tell() - len(data)
        cells: list[str] = []
        error, is_open = None, False
        if b'"' in data or b"\r" in data.rstrip(b"\r\n"):
            # csv refuses a NUL in Python 3.10.
            parts = chain([data], lines)
            texts = (part.decode(errors="replace").replace("\0", "") for part in parts)
            rows = csv.reader(texts, delimiter=delimiter, strict=True, skipinitialspace=is_blank)
            try:
                cells = next(rows)
            except csv.Error as raised:
                is_open = "unexpected end" in str(raised)
                odd = "text behind a closing quote, or a carriage return inside a line"
                what = "a quote that is never closed" if is_open else odd
                error = DataError(what, location=f"{name}:{first}")
            line += rows.line_num - 1
        else:  # faster than csv.reader
            content = data.decode(errors="replace").rstrip("\r\n")
            cells = _CELL.findall(content) if is_blank else content.split(delimiter)
        end = lines.tell()
        if is_blank and cells[-1:] == [""] and text[start:end].rstrip(b"\r\n").endswith(b" "):
            del cells[-1]  # behind blanks at the end of the row
        if not is_clean:
            error = _undecodable(text[start:end], delimiter, name, first) or error
        yield Row([] if error else cells, start, end, first, error, is_open)


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


def first_rows(text: TextChunks, delimiter: str, count: int, most: int = sys.maxsize) -> list[Row]:
    """Return the first rows once they are whole; what there is of them after `most` bytes."""
    while True:
        rows = list(islice(read_rows(text.text[:most], delimiter, text.source.name), count))
        are_whole = len(rows) == count and not rows[-1].is_open
        if are_whole or len(text.text) >= most or not text.extend():
            return rows


def find_delimiter(text: TextChunks, decimal: str | None = None) -> str:
    """Return the delimiter that gives the most numbers in the first row.

    If that may be a header, whose names may contain any character, the second row decides. No
    more rows are read, so that the choice does not depend on how much has arrived. A decimal comma
    is no delimiter, unless all cells are quoted.
    """

    def cells_of(count: int) -> dict[str, list[list[str]]]:
        found = {d: first_rows(text, d, count, SAMPLE_BYTES) for d in DELIMITERS}
        return {d: [row.cells for row in rows] or [[]] for d, rows in found.items()}

    cells = cells_of(1)
    first_cells = ([cell.replace(decimal or ".", ".") for cell in row] for (row,) in cells.values())
    if not any(row and all(map(is_number, row)) for row in first_cells):
        cells = cells_of(2)

    def evidence(delimiter: str) -> tuple[bool, int, bool, bool]:
        first, last = cells[delimiter][0], cells[delimiter][-1]
        # Decimal commas count as numbers, so that '1,5;2,5' gets the right error.
        numbers = [is_number(cell.replace(",", ".", 1)) for cell in last]
        is_several = len(last) > 1
        return all(numbers) and is_several, sum(numbers), len(first) == len(last), is_several

    best = max((d for d in DELIMITERS if d != decimal), key=evidence)
    return best if evidence(best)[1] else max(DELIMITERS, key=evidence)
