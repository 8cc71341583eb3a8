"""Lines of plain numbers, parsed at once as the JSON list that they nearly are.

Whatever is not plain, or merely might not be, is left to the csv module, which takes longer and
knows every dialect. Both give the same numbers: orjson, like `float`, rounds to nearest.
"""

from __future__ import annotations

import struct
from operator import itemgetter
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from softmax_cli.input.columns import RowShape
from softmax_cli.input.dialect import DELIMITERS

# The integer -0, which JSON reads as 0, before any of what may follow it
_MINUS_ZEROS: Final = (b"-0,", b"-0 ", b"-0\t")

# The vectors, shape (rows, classes), with labels and copied cells, shape (rows, columns)
PlainRows = tuple[NDArray[np.float64], list[str] | None, NDArray[np.object_] | None]


def parse_plain(text: bytes, delimiter: str, shape: RowShape) -> PlainRows | None:
    """Return the rows of whole lines, or None where any of them is not plain."""
    if delimiter not in DELIMITERS:
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
        rows = _numbers(text, shape)
    return _beside_words(text, shape) if rows is None and not shape.takes_all() else rows


def _with_commas(text: bytes, delimiter: str) -> bytes:
    if delimiter == " ":
        text = text.replace(b"\t", b" ")
        while b"  " in text:
            text = text.replace(b"  ", b" ")
        text = text.replace(b" \n", b"\n").replace(b"\n ", b"\n").strip(b" ")
    return text.replace(delimiter.encode(), b",")


def _numbers(text: bytes, shape: RowShape) -> PlainRows | None:
    """Return rows whose every cell is a number, whether it is chosen or not."""
    if b"u" in text or b"s" in text:  # true, false and null are JSON, too
        return None
    try:
        # A null ends each line, so that rows too long and too short are seen, even side by side.
        items = text.replace(b"\n", b",null,")
        cells: list[Any] = orjson.loads(b"".join((b"[", items, b",null]")))
    except orjson.JSONDecodeError:
        return None
    width, step = shape.width, shape.width + 1
    if len(cells) % step or cells[width::step].count(None) * step != len(cells):
        return None
    del cells[width::step]
    values = np.empty(len(cells))
    try:
        struct.pack_into(f"{len(cells)}d", values.data, 0, *cells)  # half of numpy's own time
    except struct.error:  # a list, or the ends of short rows side by side
        return None
    if not values.all():
        padded = text.replace(b"\n", b",") + b","
        if any(zero in padded for zero in _MINUS_ZEROS):
            return None
    labels = None
    if shape.label is not None:
        labels = cells[shape.label :: width]
        if {int} != set(map(type, labels)):  # only an integer's text is known from its value
            return None
    rows = values.reshape(-1, width)
    vectors = rows if shape.takes_all() else rows.take(shape.chosen, axis=1)
    return vectors, labels and list(map(str, labels)), None


def _beside_words(text: bytes, shape: RowShape) -> PlainRows | None:
    """Return rows whose chosen cells are numbers; the others hold no comma, and whole quotes."""
    if b"#" in text or b"\0" in text:
        return None
    first, count = shape.chosen[0], len(shape.chosen)
    are_together = list(shape.chosen) == list(range(first, first + count))
    # Chosen cells at the end of the row stay one piece, which is quicker.
    are_last = are_together and first + count == shape.width and max(shape.kept, default=-1) < first
    try:
        lines = text.decode().split("\n")
    except UnicodeDecodeError:
        return None
    rows = [line.split(",", first if are_last else -1) for line in lines]
    if {first + 1 if are_last else shape.width} != set(map(len, rows)):
        return None
    chosen = itemgetter(slice(first, first + count)) if are_together else itemgetter(*shape.chosen)
    vectors = map(itemgetter(first), rows) if are_last else map(",".join, map(chosen, rows))
    numbers = "\n".join(vectors).encode()
    found = _numbers(numbers, RowShape(range(count), None, count))
    if found is None:
        return None
    if b'"' in text:
        others = sorted({*range(shape.width)}.difference(shape.chosen))
        if not all(_unquote(row, others) for row in rows):
            return None
    labels = kept = None
    if shape.label is not None:
        labels = [row[shape.label].strip() for row in rows]
    if shape.kept:
        kept = np.array([[row[i] for i in shape.kept] for row in rows], object)
    return found[0], labels, kept


def _unquote(row: list[str], columns: list[int]) -> bool:
    """Remove the quotes around cells, and return whether there are no others."""
    for i in columns:
        if '"' in (cell := row[i]):
            row[i] = cell[1:-1]
            if cell != f'"{row[i]}"' or '"' in row[i]:
                return False
    return True
