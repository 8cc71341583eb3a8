"""A file of targets: a label in each row, or a distribution."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice

import numpy as np

from softmax_cli.errors import DataError
from softmax_cli.input.chunks import Lines, WholeLines, open_input
from softmax_cli.input.delimited import read_delimited
from softmax_cli.input.delimiters import cells_of, find_delimiter
from softmax_cli.input.numbers import is_number, parse_list
from softmax_cli.input.rows import Block, Places, Rows
from softmax_cli.input.settings import InputSettings

_BLOCK_ROWS = 1024


def read_targets(path: str) -> Rows:
    """Rows with a label each, or with distributions as their values.

    A row of more than one number is a distribution, and so is a list in brackets. In a file of
    labels each line is one, as it stands; a header among them is for those to see who know the
    classes.

    Raises
    ------
    DataError
        The file can't be read, or a row of it can't be used.
    """
    opened = open_input(path)
    name = opened.name
    lines = Lines(WholeLines(opened.pieces()), name)
    lines.delimiter = find_delimiter(lines)
    sample = lines.peek(2)
    if any(_is_distribution(line, lines.delimiter) for line in sample):
        return read_delimited(InputSettings(path=path, axis="row"), opened=opened, lines=lines)
    blocks = _labels(lines, name)
    if sample and sample[0].strip()[:1] in ("[", "("):
        return Rows(_parsed_lists(blocks))
    return Rows(blocks)


def _is_distribution(line: str, delimiter: str) -> bool:
    cells = cells_of(line, delimiter)
    return len(cells) > 1 and all(map(is_number, cells))


def _parsed_lists(blocks: Iterator[Block]) -> Iterator[Block]:
    width = 0
    for block in blocks:
        vectors: list[list[float] | None] = []
        faults: dict[int, DataError] = {}
        for row, (text, place) in enumerate(zip(block.labels or [], block.places, strict=True)):
            try:
                vectors.append(_list_of(width, text, place))
                width = len(vectors[-1] or ())
            except DataError as error:
                vectors.append(None)  # the width may not be known yet
                faults[row] = error
        if not width:
            raise faults[0]
        values = np.array([vector or [np.nan] * width for vector in vectors])
        yield block._replace(values=values, labels=None, faults=faults)


def _list_of(width: int, text: str, place: str) -> list[float]:
    """A list of a length, or of any where that is 0."""
    vector = parse_list(text, place)
    if len(vector) != (width or len(vector)):
        lengths = f"{len(vector)} where the first has length {width}"
        raise DataError(f"{place}: a list of length {lengths}")
    return vector


def _labels(lines: Lines, name: str) -> Iterator[Block]:
    numbered = _numbered(lines, name)
    while found := list(islice(numbered, _BLOCK_ROWS)):
        places = Places(name, [line for line, _ in found])
        yield Block(np.empty((len(found), 0)), places, [label for _, label in found])


def _numbered(lines: Lines, name: str) -> Iterator[tuple[int, str]]:
    for line in lines:
        lines.between_rows = True
        if lines.fault is not None:
            raise lines.fault
        try:
            cells = next(csv.reader([line], strict=True), [])
        except csv.Error as error:
            raise DataError(f"{name}:{lines.row_start}: a quote that is never closed") from error
        yield lines.row_start, ",".join(cells).strip()
