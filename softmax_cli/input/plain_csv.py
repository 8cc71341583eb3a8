"""Delimited text that needs no csv module: a chunk of it is parsed at once, as a list in JSON."""

import re
from typing import Any, Final

import numpy as np
from csimdjson import Parser  # the package simdjson would import json too
from numpy.lib.stride_tricks import sliding_window_view
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
# Bytes of a cell; longer ones are handled one by one
_USUAL_SIZE: Final = 64

# The vectors, shape (rows, classes), with labels and copied cells, shape (rows, columns)
_PlainRows = tuple[NDArray[np.float64], Labels | None, NDArray[Any] | None]
# Where the cells of a column begin and end
_Places = tuple[NDArray[np.intp], NDArray[np.intp]]


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
    rows = _parse_list(text, shape.width, parser)
    if rows is None:
        return None
    vectors, labels = shape.vectors(rows), None
    if not vectors.all() and _MINUS_ZERO.search(text):
        return None
    if shape.label is not None:
        distinct = np.unique(rows[:, shape.label])
        if np.abs(distinct).max() > 2.0**53:  # not exact
            return None
        indices = np.searchsorted(distinct, rows[:, shape.label])
        labels = Labels(list(map(str, distinct.tolist())), indices)
    return vectors, labels, None


def _parse_list(text: bytes, width: int, parser: Parser) -> NDArray[np.float64] | None:
    """Return numbers of shape (rows, width + 1), where the last column is not used.

    None if a cell is no number, or a row has another width.
    """
    if b"[" in text:  # the parser would flatten lists
        return None
    parts = []
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + _PART_BYTES) + 1 or len(text)
        items = text[start:end].replace(b"\n", b",%b," % _ROW_END)
        try:
            array: Any = parser.parse(b"[%b0]" % items)
            parts.append(np.frombuffer(array.as_buffer(of_type="d"))[:-1])
        except (ValueError, TypeError, RuntimeError):  # not JSON, not numbers, or too large an int
            return None
        del array  # the parser has one list at a time
        start = end
    cells = np.concatenate(parts)
    is_end = cells == float(_ROW_END)
    step = width + 1
    if not is_end[width::step].all() or np.count_nonzero(is_end) * step != len(cells):
        return None
    return cells.reshape(-1, step)


def _parse_among_text(text: bytes, shape: RowShape, parser: Parser) -> _PlainRows | None:
    """Return the rows if the chosen cells are numbers, else None; other cells may be any text."""
    if b"#" in text or b"\0" in text or not _is_utf8(text):
        return None
    chosen, between = shape.chosen, list[int]()
    if not isinstance(chosen, range):
        chosen = sorted(set(chosen))
        between = sorted(set(range(chosen[0], chosen[-1])).difference(chosen))
    others = [*range(chosen[0]), *between, *range(chosen[-1] + 1, shape.width)]
    # Cells up to the vector's end are found from the beginning of their line, others from its end.
    first = max((i + 1 for i in (*others, *shape.kept) if i <= chosen[-1]), default=0)
    places = _places(text, shape.width, first, shape.width - chosen[-1] - 1)
    # Each other cell goes with the comma before it, or in front of the vector the one after it.
    pairs = [(places[i][0] - (i > chosen[0]), places[i][1] + (i < chosen[0])) for i in others]
    edges = np.array([edge for pair in pairs for edge in pair], np.intp).T.ravel()
    if (np.diff(edges) < 0).any():
        return None
    numbers = _without(text, edges[::2], edges[1::2])
    rows = _parse_list(numbers, len(chosen), parser)
    if rows is None or len(rows) != text.count(b"\n"):
        return None
    vectors = rows[:, :-1]
    if chosen is not shape.chosen:
        vectors = vectors[:, np.searchsorted(chosen, shape.chosen)]
    if not vectors.all() and _MINUS_ZERO.search(numbers):
        return None
    labels = kept = None
    if shape.label is not None:
        distinct, indices = np.unique(_cells(text, *places[shape.label]), return_inverse=True)
        labels = Labels([str(label, "utf-8").strip() for label in distinct.tolist()], indices)
    if shape.kept:
        kept = np.stack([_cells(text, *places[i]) for i in shape.kept], axis=1)
        if shape.transposed:  # they will be names
            kept = np.array([[cell.decode() for cell in row] for row in kept.tolist()], object)
    return vectors, labels, kept


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _places(text: bytes, width: int, first: int, last: int) -> dict[int, _Places]:
    """Return the places of the `first` and the `last` columns."""
    characters = np.frombuffer(text, np.uint8)
    is_line_end = characters == ord("\n")
    is_edge = is_line_end | (characters == ord(","))
    line_ends, size = is_line_end.nonzero()[0], len(text)
    starts = np.append(0, line_ends[:-1] + 1)
    places = dict(enumerate(_first_cells(is_edge, starts, first)))
    backwards = _first_cells(is_edge[::-1], size - line_ends, last)
    for i, (starts, ends) in enumerate(backwards, 1):
        places[width - i] = size - ends, size - starts
    return places


def _first_cells(is_edge: NDArray[np.bool_], starts: NDArray[np.intp], count: int) -> list[_Places]:
    """Return the places of each row's first cell, second, and so on."""
    places = []
    if count:
        windows = sliding_window_view(np.append(is_edge, np.ones(_USUAL_SIZE, bool)), _USUAL_SIZE)
    for _ in range(count):
        found = windows[starts]
        ends = starts + found.argmax(axis=1)
        if not (found[:, 0] | (ends > starts)).all():  # longer ones
            edges = np.append(is_edge.nonzero()[0], len(is_edge))
            ends = edges[np.searchsorted(edges, starts)]
        places.append((starts, ends))
        starts = np.minimum(ends + 1, len(is_edge))
    return places


def _without(text: bytes, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> bytes:
    """Return a text with blanks in place of some parts, or without them if they are long."""
    sizes = ends - starts
    if sizes.sum() > len(text) // 4:
        pairs = zip([0, *ends.tolist()], [*starts.tolist(), len(text)], strict=True)
        return b"".join([text[start:end] for start, end in pairs])
    blank = np.arange(sizes.sum()) + (ends - np.cumsum(sizes)).repeat(sizes)
    characters = np.frombuffer(text, np.uint8).copy()
    characters[blank] = ord(" ")
    return characters.tobytes()


def _cells(text: bytes, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[Any]:
    """Return cells, shape (rows,), as UTF-8 in an array of bytes, or of objects if one is long."""
    sizes = ends - starts
    longest = max(1, int(sizes.max()))
    if longest > _USUAL_SIZE:
        pairs = zip(starts.tolist(), ends.tolist(), strict=True)
        return np.array([text[start:end] for start, end in pairs], object)
    offsets = np.arange(longest)
    at = np.minimum(starts[:, None] + offsets, len(text) - 1)
    characters = np.frombuffer(text, np.uint8)[at]
    characters[offsets >= sizes[:, None]] = 0
    cells: NDArray[Any] = characters.view(f"S{longest}")[:, 0]
    return cells
