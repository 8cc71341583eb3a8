"""Delimited text that needs no csv module: a chunk of it is parsed at once, as a list in JSON."""

import re
from typing import Any, Final

import numpy as np
from csimdjson import Parser  # the package simdjson would import json too
from numpy.typing import NDArray

from softmax_cli.input.columns import RowShape
from softmax_cli.input.dialect import DELIMITERS
from softmax_cli.input.rows import Labels

# A quoted cell that needs no quotes
_PLAIN_QUOTED: Final = re.compile(rb'"(?<![^,\n]")[^",\n]*"(?![^,\n])')
# A number that ends each row of a list of all numbers, so that a row too long is seen even beside
# one too short; where it is in the input, that is read by the csv module
_ROW_END: Final = b"-8e307"
# The parser allocates room for as many numbers as its text has bytes, so it gets parts of it.
_PART_BYTES: Final = 1 << 17
# The integer -0, which JSON reads as 0, but not in 1e-05
_MINUS_ZERO: Final = re.compile(rb"-0(?![.eE])(?<![eE]-0)")
# Longer cells, in bytes, are objects of their own
_LONG_CELL: Final = 64

# The vectors, shape (rows, classes), with labels and copied cells, shape (rows, columns)
_PlainRows = tuple[NDArray[np.float64], Labels | None, NDArray[Any] | None]


def parse_plain(text: bytes, delimiter: str, shape: RowShape, parser: Parser) -> _PlainRows | None:
    """Return the rows of a text of whole lines, parsed at once as a JSON list.

    None if that might be wrong: the csv module, which is slower, knows every dialect. Both give the
    same numbers: simdjson, like `float`, rounds to nearest.
    """
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if delimiter not in DELIMITERS or b"\r" in text or (delimiter != "," and b"," in text):
        return None
    if not text.endswith(b"\n"):
        text += b"\n"
    if delimiter == " ":
        text = _with_single_blanks(text)
    if delimiter != ",":
        text = text.replace(delimiter.encode(), b",")
    if b'"' in text:
        if b'"' in _PLAIN_QUOTED.sub(b"", text):
            return None
        text = text.replace(b'"', b"")
    rows = None
    if not shape.kept:  # copied cells keep their text
        rows = _parse_numbers(text, shape, parser)
    if rows is None and not shape.takes_all():
        rows = _parse_among_text(text, shape, parser)
    return rows


def _with_single_blanks(text: bytes) -> bytes:
    text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text.replace(b" \n", b"\n").replace(b"\n ", b"\n").strip(b" ")


def _parse_numbers(text: bytes, shape: RowShape, parser: Parser) -> _PlainRows | None:
    """Return the rows if every cell, chosen or not, is a number, else None."""
    cells = _parse_list(text, parser, b",%b," % _ROW_END)
    if cells is None:
        return None
    width, step = shape.width, shape.width + 1
    is_end = cells == float(_ROW_END)
    if not is_end[width::step].all() or np.count_nonzero(is_end) * step != len(cells):
        return None
    rows = cells.reshape(-1, step)
    vectors = shape.vectors(rows)
    if not vectors.all() and _MINUS_ZERO.search(text):
        return None
    if shape.label is None:
        return vectors, None, None
    labels = _number_labels(rows[:, shape.label])
    return None if labels is None else (vectors, labels, None)


def _number_labels(numbers: NDArray[np.float64]) -> Labels | None:
    """Return numbers as labels; None if one is so large that it may not be exact."""
    if numbers.min() >= 0 and numbers.max() < len(numbers):
        indices = numbers.astype(np.intp)
        if (indices == numbers).all():  # faster than a search
            return Labels(list(map(str, range(indices.max() + 1))), indices)
    distinct = np.unique(numbers)
    if np.abs(distinct).max() > 2.0**53:
        return None
    return Labels(list(map(str, distinct.tolist())), np.searchsorted(distinct, numbers))


def _parse_list(text: bytes, parser: Parser, row_end: bytes) -> NDArray[np.float64] | None:
    """Return all numbers of a text in which every cell is one; `row_end` replaces line ends."""
    if b"[" in text:  # the parser would flatten lists
        return None
    parts = []
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + _PART_BYTES) + 1 or len(text)
        items = text[start:end].replace(b"\n", row_end)
        try:
            array: Any = parser.parse(b"[%b0]" % items)
            parts.append(np.frombuffer(array.as_buffer(of_type="d"))[:-1])
        except (ValueError, TypeError, RuntimeError):  # not JSON, not numbers, or too large an int
            return None
        del array  # the parser has one list at a time
        start = end
    return np.concatenate(parts)


def _parse_among_text(text: bytes, shape: RowShape, parser: Parser) -> _PlainRows | None:
    """Return the rows if the chosen cells are numbers, else None; other cells may be any text."""
    if b"#" in text or b"\0" in text or not _is_utf8(text):
        return None
    ends = _cell_ends(text, shape.width)
    if ends is None:
        return None
    before = np.append(-1, ends.ravel()[:-1]).reshape(ends.shape)
    columns = np.arange(shape.width)
    chosen = shape.vectors(columns[None])[0]
    others = np.delete(columns, chosen)
    # Each other cell goes with the comma before it, or in front of the vector the one after it.
    is_in_front = others == np.arange(len(others))
    numbers = _without(text, before[:, others] + is_in_front, ends[:, others] + is_in_front)
    values = _parse_list(numbers, parser, b",")
    if values is None or (not values.all() and _MINUS_ZERO.search(numbers)):
        return None
    vectors = values.reshape(len(ends), -1)
    if not isinstance(shape.chosen, range):  # in another order, or some twice
        vectors = vectors[:, np.unique(chosen, return_inverse=True)[1]]
    labels = kept = None
    if shape.label is not None:
        found = _cells(text, before[:, shape.label] + 1, ends[:, shape.label])
        distinct, indices = np.unique(found, return_inverse=True)
        labels = Labels([str(label, "utf-8").strip() for label in distinct.tolist()], indices)
    if shape.kept:
        kept = _cells(text, before[:, list(shape.kept)] + 1, ends[:, list(shape.kept)])
        if shape.transposed:  # they will be names
            kept = np.array([[cell.decode() for cell in row] for row in kept.tolist()], object)
    return vectors, labels, kept


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _cell_ends(text: bytes, width: int) -> NDArray[np.intp] | None:
    """Return where the cells end, shape (rows, width); None if a row has another width."""
    characters = np.frombuffer(text, np.uint8)
    is_line_end = characters == ord("\n")
    ends = (is_line_end | (characters == ord(","))).nonzero()[0]
    rows = np.count_nonzero(is_line_end)
    if len(ends) != rows * width or not is_line_end[ends[width - 1 :: width]].all():
        return None
    cells: NDArray[np.intp] = ends.reshape(rows, width)
    return cells


def _without(text: bytes, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> bytes:
    """Return a text with blanks in place of some parts, or without them if they are long."""
    starts, ends = starts.ravel(), ends.ravel()
    sizes = ends - starts
    if sizes.sum() > len(text) // 4:
        pairs = zip([0, *ends.tolist()], [*starts.tolist(), len(text)], strict=True)
        return b"".join([text[start:end] for start, end in pairs])
    blank = np.arange(sizes.sum()) + (ends - np.cumsum(sizes)).repeat(sizes)
    characters = np.frombuffer(text, np.uint8).copy()
    characters[blank] = ord(" ")
    return characters.tobytes()


def _cells(text: bytes, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[Any]:
    """Return cells as UTF-8: in an array of bytes of one length, or of objects if one is long."""
    sizes = ends - starts
    longest = max(1, int(sizes.max()))
    if longest > _LONG_CELL or longest * sizes.size > 2 * len(text):
        pairs = zip(starts.ravel().tolist(), ends.ravel().tolist(), strict=True)
        found = [text[start:end] for start, end in pairs]
        return np.array(found, object).reshape(starts.shape)
    offsets = np.arange(longest)
    at = np.minimum(starts[..., None] + offsets, len(text) - 1)
    characters = np.frombuffer(text, np.uint8)[at]
    characters[offsets >= sizes[..., None]] = 0
    cells: NDArray[Any] = characters.view(f"S{longest}")[..., 0]
    return cells
