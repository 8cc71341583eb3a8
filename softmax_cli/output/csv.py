"""Results as comma- or tab-separated text."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np

from softmax_cli.messages import say
from softmax_cli.output import file
from softmax_cli.output.fields import Layout, Records, Summary, Values
from softmax_cli.output.formats import SHORTEST, Digits, Shape, Writer
from softmax_cli.output.numbers import lines_with_cells, number_lines, texts

# Numbers that are formatted at once; a longer vector is written in parts
_NUMBERS_AT_ONCE: Final = 1 << 15
_KEPT: Final = "kept"


class CsvWriter(Writer):
    """Delimited text by RFC 4180, but with LF as the line end, written as rows arrive."""

    delimiter = ","

    def __init__(self, layout: Layout, shape: Shape, digits: Digits) -> None:
        super().__init__(layout, shape, digits)
        # Text that must be quoted
        self._special = re.compile(rf'[\r\n"{self.delimiter}]|^\s*#')
        self._is_first = True
        self._waiting: dict[str, Values] | None = None  # of a first vector, perhaps the only one

    def encode(self, records: Records) -> Any:
        """Return the text of a block; of the first, which may be a long vector, in parts."""
        columns = self._columns(records)
        if not self._is_first:
            return b"".join(self._rows(columns))
        self._is_first = not records.count
        if records.count == 1 and self.layout.only_many:
            self._waiting = columns
            return b""
        return self._with_header(columns)

    def write(self, piece: Any, vectors: int) -> None:
        parts = piece if isinstance(piece, Iterator) else [piece]
        if self._waiting is not None and piece:
            parts = chain(self._with_header(self._waiting), parts)
            self._waiting = None
        for part in parts:
            file.write(part)

    def close(self, summary: Summary | None) -> None:
        if self._waiting is not None:
            left_out = () if summary is None else self.layout.only_many
            columns = {key: self._waiting[key] for key in self._waiting if key not in left_out}
            self._waiting = None
            self.write(self._with_header(columns), 1)

    def reduce(self, key: str, value: float, summary: Summary) -> None:
        self.write(self._with_header({key: np.array([value])}), 1)

    def _columns(self, records: Records) -> dict[str, Values]:
        layout = self.layout
        columns = {key: layout.values(key, records) for key in layout.row}
        beside = self.shape.beside if self.shape.transposed else None
        are_classes = all(
            values.ndim > 1 and key not in self.layout.numbered for key, values in columns.items()
        )
        if beside is not None and are_classes:
            return {_KEPT: beside[1].T, **columns}
        if records.kept is None or not self.shape.kept:
            return columns
        return {_KEPT: records.kept.repeat(layout.records, axis=0), **columns}

    def _with_header(self, columns: dict[str, Values]) -> Iterator[bytes | bytearray]:
        if len(self.layout.row) > 1 or self.shape.header:
            own = [key for key in columns if key != _KEPT]
            titles = chain.from_iterable(self._titles(key, columns[key]) for key in own)
            names = [self.shape.prefix + title for title in titles]
            beside = self.shape.beside
            kept = (beside[0] if beside else self.shape.kept) if _KEPT in columns else ()
            if twice := next((name for name in names if name in kept), ""):
                how = "--prefix TEXT tells the new columns from the copied ones"
                say("warning", f"two columns are called {twice!r}: {how}")
            yield self._lines([self.delimiter.join(map(self._quoted, [*kept, *names]))])
        yield from self._rows(columns)

    def _titles(self, key: str, values: Values) -> Sequence[str]:
        if values.ndim == 1:
            return [key]
        if self.shape.transposed:
            is_named = len(values) > 1 or not self.shape.beside
            return (is_named and self.shape.column_names) or (key,)
        if key in self.layout.numbered:
            return [f"{key}_{number}" for number in range(1, values.shape[1] + 1)]
        return self.shape.class_names(values.shape[1])

    def _rows(self, columns: dict[str, Values]) -> Iterator[bytes | bytearray]:
        """Yield the text of the rows in parts."""
        arrays = [
            values[:, None] if values.ndim == 1 else values.T if self.shape.transposed else values
            for values in columns.values()
        ]
        rows = max(1, _NUMBERS_AT_ONCE // sum(array.shape[1] for array in arrays))
        for start in range(0, len(arrays[0]), rows):
            part = [array[start : start + rows] for array in arrays]
            lines = self._at_once(part)
            if lines is None:
                cells = zip(*map(self._cells, part), strict=True)
                lines = self._lines(list(map(self.delimiter.join, cells)))
            yield lines

    def _at_once(self, part: Sequence[Values]) -> bytes | bytearray | None:
        """Return the lines of numbers, perhaps with cells from a text; None for other columns."""
        if len(part) == 1:
            return number_lines(part[0], self.digits, self.delimiter)
        is_text = part[0].dtype.kind == "S" and self.digits == SHORTEST and len(part) == 2
        if is_text and (self.delimiter == "," or b"\t" not in part[0].tobytes()):
            return lines_with_cells(part[0], part[1], self.delimiter)
        return None

    def _cells(self, values: Values) -> list[str]:
        """Return the text of each row of an array, without the line end."""
        lines = number_lines(values, self.digits, self.delimiter)
        if lines is not None:
            return lines.decode().removesuffix("\n").split("\n")
        flat, width = texts(values, self.digits), values.shape[1]
        if values.dtype.kind in "OSU":
            every = "".join(flat)
            if any(character in every for character in '\r\n"#' + self.delimiter):
                flat = list(map(self._quoted, flat))
        if width == 1:
            return flat
        return [self.delimiter.join(flat[at : at + width]) for at in range(0, len(flat), width)]

    def _quoted(self, text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if self._special.search(text) else text

    def _lines(self, lines: list[str]) -> bytes:
        if "" in lines:  # an empty cell alone would make a blank line, which readers skip
            lines = [line or '""' for line in lines]
        return "\n".join([*lines, ""]).encode()


class TsvWriter(CsvWriter):
    """Text separated by tabs."""

    delimiter = "\t"
