"""Results as comma- or tab-separated text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np

from softmax_cli.output import stdout
from softmax_cli.output.numbers import number_lines, texts
from softmax_cli.output.results import Layout, Shape
from softmax_cli.output.settings import Digits

if TYPE_CHECKING:
    from softmax_cli.output.results import Fields, Summary, Values

# Numbers that are made text at once: a long vector is written in parts.
_VALUES: Final = 1 << 14


class DelimitedWriter:
    """Rows of text, by RFC 4180 but for the bare newline, written as soon as they are there."""

    summarises = False
    streams = True

    def __init__(self, layout: Layout, shape: Shape, delimiter: str, digits: Digits) -> None:
        if shape.kept:
            layout = layout._replace(row=("kept", *layout.row))
        self.fields = frozenset(layout.row)
        self._layout = layout
        self._shape = shape
        self._delimiter = delimiter
        self._marks = re.compile(rf'[\r\n"{re.escape(delimiter)}]|^\s*#')
        self._digits = digits
        self._owes_header = layout.named or shape.header

    def write(self, fields: Fields) -> None:
        """Write some vectors' rows."""
        for text in self.texts(fields):
            stdout.write(text)

    def texts(self, fields: Fields) -> Iterator[bytes | bytearray]:
        """What is written of some vectors' rows."""
        if self._owes_header:
            self._owes_header = False
            titles = chain.from_iterable(self._titles(key, fields) for key in self._layout.row)
            yield self._lines([self._delimiter.join(map(self._quoted, titles))])
        columns = [self._lines_of(fields[key]) for key in self._layout.row]
        most = max(1, _VALUES // sum(column.shape[1] for column in columns))
        for start in range(0, len(columns[0]), most):
            yield self._text([column[start : start + most] for column in columns])

    def is_settled(self) -> bool:
        """Whether the header has been written."""
        return not self._owes_header

    def count_in(self, vectors: int) -> None:
        """Do nothing: a line does not hang on those before it."""

    def _lines_of(self, values: Values) -> Values:
        """A field's values, shape (lines, columns)."""
        if values.ndim == 1:
            return values[:, None]
        return values.T if self._shape.downwards else values

    def _text(self, columns: Sequence[Values]) -> bytes | bytearray:
        """Some lines, from each field's part of them."""
        if len(columns) == 1:
            lines = number_lines(columns[0], self._digits, self._delimiter)
            if lines is not None:
                return lines
        parts = [self._parts(values) for values in columns]
        return self._lines(map(self._delimiter.join, zip(*parts, strict=True)))

    def close(self, summary: Summary | None) -> None:
        """Write nothing: delimited text has no place for a summary."""

    def reduce(self, field: str, value: float, summary: Summary) -> None:
        """Write one number, under its name where the input had a header."""
        self.write({key: np.array([value]) for key in self._layout.row if key == field})

    def _titles(self, key: str, fields: Fields) -> list[str]:
        values = fields[key]
        if values.ndim == 1:
            return [key]
        if key == "kept":
            return list(self._shape.kept)
        if self._shape.downwards:
            return list(self._shape.column_names or (key,))
        if key in self._layout.numbered:
            return [f"{key}_{number}" for number in range(1, values.shape[1] + 1)]
        return self._shape.class_names(values.shape[1])

    def _parts(self, values: Values) -> list[str]:
        """A field's part of each line; numbers need no quotes."""
        lines = number_lines(values, self._digits, self._delimiter)
        if lines is not None:
            return lines.decode().split("\n")[:-1]
        flat = texts(values, self._digits)
        if values.dtype.kind in "OU":
            flat = list(map(self._quoted, flat))
        width = values.shape[1]
        return [self._delimiter.join(flat[at : at + width]) for at in range(0, len(flat), width)]

    def _quoted(self, text: str) -> str:
        """A cell in quotes where it would be taken for something else without."""
        return '"' + text.replace('"', '""') + '"' if self._marks.search(text) else text

    def _lines(self, lines: Iterable[str]) -> bytes:
        # An empty line would be none.
        return "".join((line or '""') + "\n" for line in lines).encode()
