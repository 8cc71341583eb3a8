"""Delimited text: the shape of its rows, known from the first ones, and the parsing of chunks."""

import math
import re
from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np
from csimdjson import Parser  # the package simdjson would import json too

from softmax_cli.errors import DataError
from softmax_cli.input.columns import RowShape, is_numbered, row_shape
from softmax_cli.input.dialect import (
    SAMPLE_BYTES,
    Row,
    find_delimiter,
    first_rows,
    is_header,
    read_rows,
)
from softmax_cli.input.numbers import is_number, parse_number, with_point
from softmax_cli.input.plain_csv import parse_plain
from softmax_cli.input.rows import Block, Labels, Locations, Rows, shaped
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.stream import Chunk, TextChunks, content_lines

# A quoted cell, between delimiters or line ends
_QUOTED = rb'"(?<![^%b\n]")[^"]*(?:""[^"]*)*"(?![^%b\r\n])'

# A delimiter that is in no label: the unit separator
_NO_DELIMITER: Final = "\x1f"
_ODD_LABELS: Final = re.compile('["#\0\x1f\ufffd]|\r(?!\n|\\Z)')
_EXCHANGED: Final = bytes.maketrans(b",.", b".,")


def read_delimited(settings: InputSettings, text: TextChunks) -> Rows:
    """Return the rows of delimited text; the first ones tell the shape of all."""
    rows = first_cells(text) if settings.kind == "counts" else []
    if rows and [is_number(cell) for cell in rows[-1]] == [False, True]:
        settings = settings._replace(axis="column", keep="1")  # lines of a name and a number
    name = text.source.name
    delimiter = settings.delimiter or find_delimiter(text, settings.decimal)
    first = _first_row(text, delimiter, settings.header)
    shape = _shape(first.cells, settings, name)
    chunks = _chunks(text, delimiter, first if shape.names else None)
    form = f"csv, delimiter {delimiter!r}, {'' if shape.names else 'no '}header"
    parse = partial(_parse, name=name, delimiter=delimiter, shape=shape, parser=Parser())
    return shaped(Rows(chunks, parse), text.source, settings, shape, form)


def read_labels(text: TextChunks) -> Rows:
    """Return the rows of a text of which each line is a label, commas included."""
    parse = partial(_parse_labels, name=text.source.name)
    return Rows(_chunks(text, _NO_DELIMITER), parse, source=text.source)


def first_cells(text: TextChunks) -> list[list[str]]:
    """Return the cells of the first two rows; the first may be a header."""
    return [row.cells for row in first_rows(text, find_delimiter(text), 2, SAMPLE_BYTES)]


def _first_row(text: TextChunks, delimiter: str, header: bool | None) -> Row:
    """Return the first row, which tells the shape of all.

    A header without a name for the row names, as R writes it, gets an empty one.
    """
    rows = first_rows(text, delimiter, 1)
    if not rows:
        raise DataError(f"{text.source.name}: no rows")
    first = rows[0]
    if first.error is not None:
        raise first.error
    if header is not False and not any(map(is_number, first.cells)):
        second = first_rows(text, delimiter, 2)[1:]
        if second and len(second[0].cells) == len(first.cells) + 1:
            return first._replace(cells=["", *first.cells])
    return first


def _shape(first: list[str], settings: InputSettings, name: str) -> RowShape:
    """Return the shape of every row, with column names if the first row holds them."""
    given = (settings.columns, settings.keep, settings.target_column)
    names = [cell.strip() for cell in first]
    header = settings.header
    if header is None and not all(is_numbered(spec) for spec in given if spec is not None):
        header = True  # a column is chosen by name
    if not header:
        shape = row_shape(settings, (), len(first), name)
        if header is False or not is_header(names, [first[i] for i in shape.chosen]):
            return shape
    return row_shape(settings, names, len(first), name)


def _chunks(text: TextChunks, delimiter: str, header: Row | None = None) -> Iterator[Chunk]:
    """Yield the chunks that contain rows, without the header."""
    name, has_rows = text.source.name, False
    if header is not None:
        text.take(header.end)
    for chunk in text.chunks(partial(_end_of_rows, delimiter=delimiter)):
        if any(content_lines(chunk.data)):
            has_rows = True
            yield chunk
    unfinished = next(read_rows(text.text, delimiter, name, text.line), None)
    if unfinished is not None and unfinished.error is not None:
        raise unfinished.error  # even with --invalid skip: it swallows rows that can be used
    if header is not None and not has_rows:
        raise DataError(f"{name}: no rows after the header", "--no-header takes it as data")


def _end_of_rows(text: bytes, delimiter: str) -> int:
    """Return where the last whole row of a text of whole lines ends."""
    if b'"' not in text:
        return len(text)
    if b"#" not in text and delimiter.isascii():  # in a comment a quote means nothing
        edge = b" \t" if delimiter == " " else re.escape(delimiter.encode())
        if b'"' not in re.sub(_QUOTED % (edge, edge), b"", text):
            return len(text)
    return next((row.start for row in read_rows(text, delimiter, "") if row.is_open), len(text))


def _parse(chunk: Chunk, name: str, delimiter: str, shape: RowShape, parser: Parser) -> Block:
    text, line = chunk
    plain = None
    if shape.decimal == ".":
        plain = parse_plain(text, delimiter, shape, parser)
    elif delimiter != "," and shape.takes_all():  # other cells keep their text
        plain = parse_plain(text.translate(_EXCHANGED), delimiter, shape, parser)
    if plain is None:
        return parse_rows(list(read_rows(text, delimiter, name, line)), name, shape)
    values, labels, kept = plain
    locations = Locations(name, range(line + 1, line + 1 + len(values)))
    return Block(values, locations, labels, shape.label_column(), kept)


def _parse_labels(chunk: Chunk, name: str) -> Block:
    text, line = chunk
    content = text.decode(errors="replace").removesuffix("\n")
    labels = list(map(str.strip, content.split("\n")))
    if _ODD_LABELS.search(content) or not all(labels):
        rows = read_rows(text, _NO_DELIMITER, name, line)
        return parse_rows(list(rows), name, RowShape(1, (), 0))
    locations = Locations(name, range(line + 1, line + 1 + len(labels)))
    return Block(np.empty((len(labels), 0)), locations, Labels.of(labels))


def parse_rows(rows: list[Row], name: str, shape: RowShape) -> Block:
    """Return rows of any dialect as a block, with the errors of those that can't be used."""
    values: list[float] = []
    errors: dict[int, DataError] = {}
    table = [row.cells for row in rows]
    for i, cells in enumerate(table):
        try:
            numbers = [float(with_point(cells[j], shape.decimal)) for j in shape.chosen]
            is_suspect = math.isnan(sum(numbers)) or "_" in "".join(cells)
        except (ValueError, IndexError):
            is_suspect = True
        if is_suspect or len(cells) != shape.width:
            error = rows[i].error or _row_error(cells, shape, f"{name}:{rows[i].line}")
            if error is not None:
                errors[i] = error
                numbers = [math.nan] * len(shape.chosen)
                table[i] = [*cells, *[""] * shape.width]
        values += numbers
    labels = kept = None
    if shape.label is not None:
        labels = Labels.of([cells[shape.label].strip() for cells in table])
    if shape.kept:
        kept = np.array([[cells[i] for i in shape.kept] for cells in table], object)
    array = np.array(values).reshape(len(rows), len(shape.chosen))
    locations = Locations(name, [row.line for row in rows])
    return Block(array, locations, labels, shape.label_column(), kept, errors)


def _row_error(cells: list[str], shape: RowShape, location: str) -> DataError | None:
    for i in sorted(i for i in shape.chosen if i < len(cells)):
        try:
            parse_number(cells[i], f"{location}:{i + 1}", shape.decimal)
        except DataError as error:
            if "," in cells[i] and is_number(cells[i].replace(",", ".")):
                error.hint = "--decimal , reads decimal commas"
            elif shape.width > 1 and cells[i].strip() and (i == 0 or shape.is_suspect(i)):
                error.hint = f"-k {i + 1} copies this column, -c '!{i + 1}' leaves it out"
            return error
    if len(cells) == shape.width:
        return None
    length = f"a row of length {len(cells)} where {shape.width} is expected"
    return DataError(length, location=f"{location}:{min(len(cells), shape.width) + 1}")
