"""Results as comma- or tab-separated text."""

from __future__ import annotations

import csv
import io
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from softmax_cli.output import stdout
from softmax_cli.output.numbers import texts
from softmax_cli.output.results import Layout, Shape

if TYPE_CHECKING:
    from softmax_cli.output.results import Fields, Summary, Values


class DelimitedWriter:
    """Rows of text, by RFC 4180 but for the bare newline, written as soon as they are there."""

    summarises = False

    def __init__(self, layout: Layout, shape: Shape, delimiter: str, precision: int | None) -> None:
        self.fields = frozenset(layout.row)
        self._layout = layout
        self._shape = shape
        self._delimiter = delimiter
        self._precision = precision
        self._owes_header = layout.named or shape.header

    def write(self, fields: Fields) -> None:
        """Write some vectors' rows."""
        if self._owes_header:
            self._owes_header = False
            titles = chain.from_iterable(self._titles(key, fields) for key in self._layout.row)
            stdout.write(self._quoted([list(titles)]))
        columns = [self._cells(fields[key]) for key in self._layout.row]
        rows = [list(chain.from_iterable(cells)) for cells in zip(*columns, strict=True)]
        if any(fields[key].dtype.kind in "OU" for key in self._layout.row):
            stdout.write(self._quoted(rows))
        else:  # numbers need no quotes
            stdout.write("".join(self._delimiter.join(row) + "\n" for row in rows).encode())

    def close(self, summary: Summary | None) -> None:
        """Write nothing: delimited text has no place for a summary."""

    def reduce(self, field: str, value: float, summary: Summary) -> None:
        """Write one number, under its name where the input had a header."""
        self.write({key: np.array([value]) for key in self._layout.row if key == field})

    def _titles(self, key: str, fields: Fields) -> list[str]:
        values = fields[key]
        if values.ndim == 1:
            return [key]
        if self._shape.downwards:
            return list(self._shape.column_names or (key,))
        return self._shape.class_names(values.shape[1])

    def _cells(self, values: Values) -> list[list[str]]:
        """The cells of each line that a field fills."""
        if values.ndim == 1:
            return [[text] for text in texts(values, self._precision)]
        turned = values.T if self._shape.downwards else values
        flat = texts(turned, self._precision)
        width = turned.shape[1]
        return [flat[at : at + width] for at in range(0, len(flat), width)]

    def _quoted(self, rows: list[list[str]]) -> bytes:
        text = io.StringIO()
        csv.writer(text, delimiter=self._delimiter, lineterminator="\n").writerows(rows)
        return text.getvalue().encode()
