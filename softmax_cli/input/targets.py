"""A file of targets: a label in each row, or a distribution."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice

import numpy as np

from softmax_cli.errors import DataError
from softmax_cli.input.chunks import Lines, display_name, open_input, whole_lines
from softmax_cli.input.delimited import read_delimited
from softmax_cli.input.delimiters import find_delimiter, split_rows
from softmax_cli.input.numbers import is_number
from softmax_cli.input.rows import Block, Places
from softmax_cli.input.settings import InputSettings

_BLOCK_ROWS = 1024


def read_targets(path: str) -> Iterator[Block]:
    """Blocks with a label for each row, or with a distribution as values.

    A row of more than one number is a distribution. In a file of labels each line is one, as it
    stands; a header among them is for those to see who know the classes.

    Raises
    ------
    DataError
        The file can't be read, or a row of it can't be used.
    """
    name = display_name(path)
    lines = Lines(whole_lines(open_input(path), name), name)
    lines.delimiter = find_delimiter(lines)
    sample = lines.peek(2)
    cells = next(split_rows(sample[-1:], lines.delimiter), [])
    if len(cells) > 1 and all(map(is_number, cells)):
        return read_delimited(InputSettings(path=path, axis="row"), lines=lines).blocks
    return _labels(lines, name)


def _labels(lines: Lines, name: str) -> Iterator[Block]:
    numbered = _numbered(lines, name)
    while found := list(islice(numbered, _BLOCK_ROWS)):
        places = Places(name, [line for line, _ in found])
        yield Block(np.empty((len(found), 0)), places, [label for _, label in found])


def _numbered(lines: Lines, name: str) -> Iterator[tuple[int, str]]:
    for line in lines:
        lines.between_rows = True
        try:
            cells = next(csv.reader([line], strict=True), [])
        except csv.Error as error:
            raise DataError(f"{name}:{lines.row_start}: a quote that is never closed") from error
        yield lines.row_start, ",".join(cells).strip()
