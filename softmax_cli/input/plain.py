"""Lines of plain numbers, all at once: as the JSON list that they nearly are.

Whatever is not plain, or merely might not be, is left to the reader of `delimited`, which takes
longer and knows every dialect. Both give the same numbers: orjson, like `float`, rounds to nearest.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from softmax_cli.input.shape import RowShape, cells_kept

# In true and null, and in false: what JSON has beside numbers and is not found out by `_array`
_NO_NUMBERS: Final = (b"u", b"s")
# The integer -0, which JSON reads as 0, before any of what may follow it
_MINUS_ZEROS: Final = (b"-0,", b"-0 ", b"-0\t")
_DELIMITERS: Final = frozenset(",\t;| ")


class PlainRows(NamedTuple):
    """The vectors of some lines, shape (rows, classes), their labels, and the cells kept."""

    values: NDArray[np.float64]
    labels: list[str] | None = None
    kept: NDArray[np.object_] | None = None


def parse_plain(text: bytes, delimiter: str, shape: RowShape) -> PlainRows | None:
    """The rows of whole lines, or None where any of them is not plain.

    Parameters
    ----------
    text : bytes
        Lines, the last perhaps without its newline.
    delimiter : str
        ' ' for runs of blanks.
    shape : RowShape
    """
    if delimiter not in _DELIMITERS:
        return None
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
        if b"\r" in text:
            return None
    text = text.removesuffix(b"\n")
    if delimiter != ",":
        if b"," in text:
            return None
        text = _with_commas(text, delimiter)
    rows = None
    if not shape.kept:  # of which every character counts
        rows = _all_numbers(text, shape)
    if rows is None and not (shape.takes_all() and shape.label is None):
        rows = _numbers_between(text, shape) or _chosen_numbers(text, shape)
    return rows


def _with_commas(text: bytes, delimiter: str) -> bytes:
    if delimiter == " ":
        text = text.replace(b"\t", b" ")
        while b"  " in text:
            text = text.replace(b"  ", b" ")
        text = text.replace(b" \n", b"\n").replace(b"\n ", b"\n").strip(b" ")
    return text.replace(delimiter.encode(), b",")


def _all_numbers(text: bytes, shape: RowShape) -> PlainRows | None:
    """Rows whose every cell is a number, whether it is chosen or not."""
    step = shape.width + 1
    # A null ends each line, so that rows too long and too short are seen, even side by side.
    cells = _loaded(text.replace(b"\n", b",null,"), b",null]", text)
    if (
        cells is None
        or len(cells) % step
        or cells[shape.width :: step].count(None) * step != len(cells)
    ):
        return None
    del cells[shape.width :: step]
    values = _array(cells, text)
    if values is None:
        return None
    values = values.reshape(-1, shape.width)
    if shape.label is not None:
        labels = cells[shape.label :: shape.width]
        if {int} != set(map(type, labels)):  # only an integer's text is known from its value
            return None
        return PlainRows(values.take(shape.chosen, axis=1), list(map(str, labels)))
    return PlainRows(values if shape.takes_all() else values.take(shape.chosen, axis=1))


def _numbers_between(text: bytes, shape: RowShape) -> PlainRows | None:
    """Rows whose chosen cells are side by side, and are numbers, with any others around them.

    Of those a cell in quotes holds no comma, newline or quote.
    """
    before, chosen = shape.chosen[0], len(shape.chosen)
    after = shape.width - before - chosen
    others = [*range(before), *range(before + chosen, shape.width)]
    is_apart = {*shape.kept, shape.label} <= {*others, None}
    are_together = list(shape.chosen) == list(range(before, before + chosen))
    if not (is_apart and are_together and _is_clean(text)):
        return None
    rows = [line.split(b",", before) for line in text.split(b"\n")]
    for row in rows:
        row.extend(row.pop().rsplit(b",", after))
    if {before + 1 + after} != set(map(len, rows)):
        return None
    numbers = b"\n".join([row.pop(before) for row in rows])
    between = _all_numbers(numbers, RowShape(range(chosen), None, chosen))
    if between is None or (b'"' in text and not all(map(_unquote, rows))):
        return None
    return _with_others(between.values, rows, others, shape)


def _with_others(
    values: NDArray[np.float64], rows: list[list[bytes]], columns: Sequence[int], shape: RowShape
) -> PlainRows:
    """The vectors, with labels and what is to be kept from rows of such columns' cells."""
    at = {column: place for place, column in enumerate(columns)}
    labels = kept = None
    if shape.label is not None:
        labels = [row[at[shape.label]].decode().strip() for row in rows]
    if shape.kept:
        kept = cells_kept([[row[at[i]].decode() for i in shape.kept] for row in rows])
    return PlainRows(values, labels, kept)


def _unquote(row: list[bytes]) -> bool:
    """Take the quotes from around cells, and say whether there are no others."""
    for i, cell in enumerate(row):
        if b'"' in cell:
            row[i] = cell[1:-1]
            if cell != b'"%b"' % row[i] or b'"' in row[i]:
                return False
    return True


def _chosen_numbers(text: bytes, shape: RowShape) -> PlainRows | None:
    """Rows whose chosen cells are numbers, and the others anything without a quote."""
    if b'"' in text or not _is_clean(text):
        return None
    rows = [line.split(b",") for line in text.split(b"\n")]
    if {shape.width} != set(map(len, rows)):
        return None
    chosen = b",".join([row[i] for row in rows for i in shape.chosen])
    cells = _loaded(chosen, b"]", chosen)
    if cells is None or len(cells) != len(rows) * len(shape.chosen):  # an empty list of one cell
        return None
    values = _array(cells, chosen)
    if values is None:
        return None
    return _with_others(values.reshape(len(rows), -1), rows, range(shape.width), shape)


def _is_clean(text: bytes) -> bool:
    """Whether there is no comment, no NUL, and nothing but UTF-8."""
    if b"#" in text or b"\0" in text:
        return False
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _loaded(items: bytes, end: bytes, text: bytes) -> list[Any] | None:
    """The items of a JSON list and its end, if the text that they are from has numbers alone."""
    if any(mark in text for mark in _NO_NUMBERS):
        return None
    try:
        cells: list[Any] = orjson.loads(b"".join((b"[", items, end)))
    except orjson.JSONDecodeError:
        return None
    return cells


def _array(cells: list[float], text: bytes) -> NDArray[np.float64] | None:
    values = np.empty(len(cells))
    try:
        struct.pack_into(f"{len(cells)}d", values.data, 0, *cells)  # half of numpy's own time
    except struct.error:  # a list, or the ends of rows so short that they look like one together
        return None
    if not values.all():
        padded = text.replace(b"\n", b",") + b","
        if any(zero in padded for zero in _MINUS_ZEROS):
            return None
    return values
