"""Delimited text: what its first rows say of the others, and the rows of a chunk."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Final, NamedTuple

import numpy as np

from softmax_cli.errors import DataError
from softmax_cli.input.columns import RowShape, is_numbered, row_shape
from softmax_cli.input.dialect import (
    Row,
    cells_of,
    content_lines,
    find_delimiter,
    is_header,
    read_rows,
)
from softmax_cli.input.fast_csv import parse_plain
from softmax_cli.input.numbers import is_number, parse_list, parse_number, shown
from softmax_cli.input.rows import Block, Locations, Rows, joined, opened, rows_of
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.stream import Chunk, Input, TextChunks

# Lines that are read one by one where they are not plain numbers
_FEW: Final = 8
# A cell in quotes from one delimiter or end of a line to the next
_QUOTED = rb'"(?<![^%b\n]")[^"]*(?:""[^"]*)*"(?![^%b\r\n])'


def read_delimited(settings: InputSettings, target_column: str | None, text: TextChunks) -> Rows:
    """Return the rows of delimited text, which are like its first ones."""
    name = text.source.name
    delimiter = settings.delimiter or find_delimiter(text.first_lines)
    rows, at = _first_rows(text, delimiter, settings.invalid)
    if (error := rows[at].error) is not None:
        raise error
    cells = rows[at].cells
    if settings.header is not False and not any(map(is_number, cells)):
        second = _wait_for(text, delimiter, at + 2)[at + 1 :]
        if second and len(second[0].cells) == len(cells) + 1:
            cells = ["", *cells]  # a header without a name of the rows' names, as R writes it
    names, shape = _header(cells, settings, target_column, name)
    header = rows[at] if names is not None else None
    chunks = _chunks(text, delimiter, header, _why_header(cells, shape))
    parse = _Table(name, delimiter, shape).parse
    form = f"csv, delimiter {delimiter!r}, {'no ' * (names is None)}header"
    return opened(chunks, parse, settings, shape, names, form, text.source)


def read_targets(source: Input) -> Rows:
    """Return rows with a label each, or with distributions as their values.

    A row of more than one number is a distribution, and so is a list in brackets. In a file of
    labels each line is one, as it stands.
    """
    text = TextChunks(source)
    delimiter, lines = find_delimiter(text.first_lines), text.first_lines(2)
    for line in lines:
        cells = cells_of(line, delimiter)
        if len(cells) > 1 and all(map(is_number, cells)):
            return read_delimited(InputSettings(axis="row"), None, text)
    delimiter = "\x1f"  # of units, which is in no label
    table = _Table(source.name, delimiter, RowShape((), 0, 1))
    labels = Rows(_chunks(text, delimiter), table.parse, source=source, is_parallel=True)
    is_list = bool(lines) and lines[0].lstrip().startswith(("[", "("))
    return rows_of(_lists(labels), labels) if is_list else labels


def _lists(labels: Rows) -> Iterator[Block]:
    """Yield the lists in brackets that labels are, all as long as the first."""
    width = 0
    for block in labels.blocks():
        vectors: list[list[float]] = []
        errors: dict[int, DataError] = {}
        for row, text in enumerate(block.labels or []):
            try:
                vectors.append(_list(text, width, block.locations.at(row)))
                width = len(vectors[-1])
            except DataError as error:
                errors[row] = error
                vectors.append([])
        if not width:
            raise errors[0]
        values = np.array([vector or [np.nan] * width for vector in vectors])
        yield block._replace(values=values, labels=None, row_errors=errors)


def _list(text: str, width: int, location: str) -> list[float]:
    """Return a list of that length, or of any where it is 0."""
    vector = parse_list(text, location)
    if len(vector) != (width or len(vector)):
        lengths = f"{len(vector)} where the first has length {width}"
        raise DataError(f"a list of length {lengths}", location=location)
    return vector


def read_counts(source: Input) -> Rows:
    """Return rows of counts: numbers, or lines with a name, which is the label, and a number."""
    text = TextChunks(source)
    delimiter = find_delimiter(text.first_lines)
    lines = text.first_lines(2)  # of which the first may be a header
    cells = cells_of(lines[-1], delimiter) if lines else []
    if len(cells) == 2 and not is_number(cells[0]) and is_number(cells[1]):
        return read_delimited(InputSettings(axis="row", delimiter=delimiter), "1", text)
    return read_delimited(InputSettings(), None, text)


def _wait_for(text: TextChunks, delimiter: str, count: int) -> list[Row]:
    """Wait for so many rows, and return them; fewer at the end of the input."""
    while True:
        rows = list(islice(read_rows(text.text, delimiter, text.source.name), count))
        error = rows[-1].error if rows and rows[-1].is_open else None
        if len(rows) == count and error is None:
            return rows
        if not text.extend():
            if error is not None:
                raise error  # the row has swallowed others, that can be used
            return rows


def _first_rows(text: TextChunks, delimiter: str, invalid: str) -> tuple[list[Row], int]:
    """Return the first rows, and the index of the one that the others are like.

    It is the first unless that may be one that can't be used: then, of three, the first that has
    another's length.
    """
    rows = _wait_for(text, delimiter, 1)
    if not rows:
        raise DataError(f"{text.source.name}: no rows")
    lengths: list[int] = []
    for count in range(1, 4 if invalid != "error" else 1):
        rows = _wait_for(text, delimiter, count)
        lengths = [len(row.cells) for row in rows]
        again = next((i for i, n in enumerate(lengths) if n and lengths.count(n) > 1), None)
        if again is not None:
            # A header without a name of the rows' names has a length of its own.
            has_names = lengths[0] and not any(map(is_number, rows[0].cells))
            return rows, 0 if has_names and lengths[0] == lengths[1] - 1 else again
    return rows, next((i for i, length in enumerate(lengths) if length), 0)


def _header(
    first: list[str], settings: InputSettings, target_column: str | None, name: str
) -> tuple[list[str] | None, RowShape]:
    """Return the names in the first row, if it holds names, and the shape of every row."""
    given = (settings.columns, settings.keep, target_column)
    names = [cell.strip() for cell in first]
    header = settings.header
    if header is None and not all(is_numbered(spec) for spec in given if spec is not None):
        header = True  # a column asked for by name
    if not header:
        shape = row_shape(settings, target_column, None, len(first), name)
        if header is False or not is_header(names, [first[i] for i in shape.chosen]):
            return None, shape
    return names, row_shape(settings, target_column, names, len(first), name)


def _why_header(first: list[str], shape: RowShape) -> str:
    named = next((cell for i in shape.chosen if not is_number(cell := first[i])), None)
    reason = f"as {shown(named)} is not a number; " if named is not None else ""
    return f"the first row is one, {reason}--no-header takes it as data"


def _chunks(
    text: TextChunks, delimiter: str, header: Row | None = None, why_header: str = ""
) -> Iterator[Chunk | None]:
    """Yield chunks with rows, without the header."""
    name = text.source.name
    has_rows = False
    if header is not None:
        before = text.take(header.start)
        if any(content_lines(before.data)):
            has_rows = True
            yield before
        text.take(header.end - header.start)
    for chunk in text.chunks(partial(end_of_rows, delimiter=delimiter)):
        has_content = chunk is not None and any(content_lines(chunk.data))
        has_rows = has_rows or has_content
        yield chunk if has_content else None
    unfinished = next(read_rows(text.text, delimiter, name, text.line), None)
    if unfinished is not None and unfinished.error is not None:
        raise unfinished.error  # whatever --invalid says: it has swallowed rows that can be used
    if header is not None and not has_rows:
        raise DataError(f"{name}: no rows after the header", why_header)


def end_of_rows(text: bytes, delimiter: str) -> int:
    """Return where the last whole row of a text of whole lines ends."""
    if b'"' not in text:
        return len(text)
    if b"#" not in text and delimiter.isascii():  # in a comment a quote is none
        edge = b" \t" if delimiter == " " else re.escape(delimiter.encode())
        if b'"' not in re.sub(_QUOTED % (edge, edge), b"", text):
            return len(text)
    return next((row.start for row in read_rows(text, delimiter, "") if row.is_open), len(text))


class _Table(NamedTuple):
    name: str
    delimiter: str
    shape: RowShape

    def parse(self, chunk: Chunk) -> Block:
        return joined(list(self._blocks(*chunk)))

    def _blocks(self, text: bytes, line: int) -> Iterator[Block]:
        """Yield the rows of lines that are plain, else of their halves, else of a few."""
        plain = parse_plain(text, self.delimiter, self.shape) if self.shape.chosen else None
        if plain is not None:
            values, labels, kept = plain
            locations = Locations(self.name, range(line + 1, line + 1 + len(values)))
            yield Block(values, locations, labels, self.shape.label_column(), kept)
            return
        half = text.find(b"\n", len(text) // 2) + 1
        before = text.count(b"\n", 0, half)
        if self.shape.chosen and before > _FEW and b'"' not in text:
            yield from self._blocks(text[:half], line)
            yield from self._blocks(text[half:], line + before)
        elif rows := list(read_rows(text, self.delimiter, self.name, line)):
            yield self._parsed(rows)

    def _parsed(self, rows: Sequence[Row]) -> Block:
        """Return rows of whatever dialect, and the errors of those that can't be used."""
        shape = self.shape
        values: list[float] = []
        errors: dict[int, DataError] = {}
        table = [row.cells for row in rows]
        for i, cells in enumerate(table):
            try:
                numbers = [float(cells[j]) for j in shape.chosen]
                is_odd = math.isnan(sum(numbers)) or "_" in "".join(cells)
            except (ValueError, IndexError):
                is_odd = True
            if is_odd or len(cells) != shape.width:
                error = rows[i].error or _row_error(cells, shape, f"{self.name}:{rows[i].line}")
                if error is not None:
                    errors[i] = error
                    numbers = [math.nan] * len(shape.chosen)
            values += numbers
        labels = kept = None
        if shape.label is not None:
            labels = [_cell(cells, shape.label).strip() for cells in table]
        if shape.kept:
            kept = np.array([[_cell(cells, i) for i in shape.kept] for cells in table], object)
        array = np.array(values).reshape(len(rows), len(shape.chosen))
        locations = Locations(self.name, [row.line for row in rows])
        return Block(array, locations, labels, shape.label_column(), kept, errors)


def _cell(cells: list[str], column: int) -> str:
    return cells[column] if column < len(cells) else ""


def _row_error(cells: list[str], shape: RowShape, location: str) -> DataError | None:
    chosen = set(shape.chosen)
    for i in range(max(shape.width, len(cells))):
        cell_location = f"{location}:{i + 1}"
        if i >= len(cells) or i >= shape.width:
            length = f"a row of length {len(cells)} where {shape.width} is expected"
            return DataError(length, location=cell_location)
        if i in chosen:
            try:
                parse_number(cells[i], cell_location)
            except DataError as error:
                if i == 0 and shape.takes_all() and cells[1:] and all(map(is_number, cells[1:])):
                    names = "names of rows? -c 2- leaves them out, -k 1 copies them"
                    error.hint = error.hint or names
                return error
    return None
