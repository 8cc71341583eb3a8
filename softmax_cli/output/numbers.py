"""Numbers as text."""

import math
import re
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from softmax_cli.output.formats import SHORTEST, Digits

# Python's 1e-07 and 1e+16 become 1e-7 and 1e16, as orjson writes them.
_EXPONENT: Final = re.compile(r"e\+?(-?)0*")
_DUMPED_BY_ORJSON: Final = (np.dtype(np.float64), np.dtype(np.int64))
# Below this, float64 can represent halves, so that rounding to an integer is reliable.
_LARGEST: Final = 2.0**52
# Larger powers of ten are not exact in float64.
_MOST_DECIMALS: Final = 22
# Marks a place without a character; it is deleted at the end
_NO_CHARACTER: Final = 0


def texts(values: NDArray[Any], digits: Digits) -> list[str]:
    """Return the elements of an array as text: floats with given digits, lists joined by ';'."""
    if values.dtype.kind != "f":
        items = values.ravel().tolist()
        return items if {str} == set(map(type, items)) else list(map(_text, items))
    if digits != SHORTEST:
        return _formatted(values.reshape(-1, 1), digits, "\n").splitlines()
    flat = np.ascontiguousarray(values, np.float64).ravel()
    found = orjson.dumps(flat, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].decode().split(",")
    for i in np.flatnonzero(~np.isfinite(flat)).tolist():
        found[i] = str(flat[i])
    return found if len(flat) else []


def _text(item: object) -> str:
    if isinstance(item, list):
        return ";".join(map(str, item))
    return item.decode() if isinstance(item, bytes) else str(item)


def number_lines(values: NDArray[Any], digits: Digits, delimiter: str) -> bytes | bytearray | None:
    """Return lines of numbers, one for each row of an array of shape (rows, columns).

    None for values that only `texts` can format. The delimiter is one ASCII character.
    """
    if digits == SHORTEST:
        return _shortest_lines(values, delimiter)
    if values.dtype.kind != "f":
        return None
    fixed = None
    if digits.decimals is not None:
        fixed = _fixed(values, digits.decimals, delimiter)
    return fixed or _formatted(values, digits, delimiter).encode()


def _shortest_lines(values: NDArray[Any], delimiter: str) -> bytes | bytearray | None:
    if values.dtype not in _DUMPED_BY_ORJSON:
        return None
    lines = _dumped(values)
    if b"n" in lines:  # null, for what is not finite
        return None
    characters = np.frombuffer(lines, np.uint8)
    ends = _positions(characters, ",", values.shape[1])
    characters[ends] = characters[-1] = ord("\n")
    del characters  # a view, which would prevent resizing
    del lines[:1]  # the bracket; a bytearray does this without a copy
    return lines if delimiter == "," else lines.replace(b",", delimiter.encode())


def lines_with_cells(
    cells: NDArray[np.bytes_], values: NDArray[Any], delimiter: str
) -> bytes | bytearray | None:
    """Return lines of cells of UTF-8, shape (rows, columns), and numbers with the shortest digits.

    The cells have no comma, quote or line end. None for values that only `texts` can format.
    """
    if values.dtype != np.float64 or not np.isfinite(values).all():
        return None
    rows, columns = cells.shape
    text = np.full((rows, columns, cells.itemsize + 1), ord(","), np.uint8)
    text[..., :-1] = np.ascontiguousarray(cells).view(np.uint8).reshape(rows, columns, -1)
    size = columns * text.shape[2]
    # The cells take the place of nan, written as null, and numbers of up to 17 characters.
    count = max(0, -(-(size - 5) // 18))
    length = max(4, -(-(size - 5) // max(1, count)))
    rooms = np.full((rows, 1 + count), 10.0 ** (length - 4))
    rooms[:, 0] = np.nan
    lines = _dumped(np.hstack([rooms, values]))
    characters = np.frombuffer(lines, np.uint8)
    starts = _positions(characters, "n")
    characters[starts - 1] = characters[-1] = ord("\n")
    places = starts[:, None] + np.arange(5 + count * length)
    characters[places] = _NO_CHARACTER
    characters[places[:, :size]] = text.reshape(rows, size)
    del characters
    del lines[:1]
    # replace is faster where few characters go.
    nothing, is_wide = bytes([_NO_CHARACTER]), len(lines) > 200 * rows
    lines = lines.replace(nothing, b"") if is_wide else lines.translate(None, nothing)
    return lines if delimiter == "," else lines.replace(b",", delimiter.encode())


def _dumped(values: NDArray[Any]) -> bytearray:
    flat = np.ascontiguousarray(values).reshape(-1)
    return bytearray(orjson.dumps(flat, option=orjson.OPT_SERIALIZE_NUMPY))


def _positions(characters: NDArray[np.uint8], which: str, step: int = 1) -> NDArray[np.intp]:
    """Return the index of every `step`-th occurrence of a character.

    nonzero is slow, so groups of eight are searched, most of which have one. That is the bit 2**0,
    2**8, ... of an integer, to which frexp gives the exponent 1, 9, ...
    """
    found = np.zeros(-(-len(characters) // 8) * 8, bool)
    np.equal(characters, ord(which), out=found[: len(characters)])
    eights = found.view("<u8")
    groups = (eights != 0).nonzero()[0]
    if len(groups) < np.count_nonzero(found):
        return found.nonzero()[0][step - 1 :: step]
    groups = groups[step - 1 :: step]
    exponents = np.frexp(eights[groups].astype(np.float32))[1]
    positions: NDArray[np.intp] = groups * 8 + exponents // 8
    return positions


def _formatted(values: NDArray[Any], digits: Digits, delimiter: str) -> str:
    form = delimiter.join([digits.form()] * values.shape[1]) + "\n"
    text = (form * len(values)) % tuple(values.reshape(-1).tolist())
    return _EXPONENT.sub(r"e\1", text)


def _fixed(values: NDArray[Any], decimals: int, delimiter: str) -> bytes | None:
    """Return a line for each row of shape (rows, columns), with numbers as format(x, '.6f').

    None if a number is too large, infinite or nan. The delimiter is one ASCII character.
    """
    if decimals > _MOST_DECIMALS:
        return None
    numbers = np.ascontiguousarray(values).reshape(-1)
    negative = np.signbit(numbers)
    units = _units(np.abs(numbers), decimals)
    if units is None:
        return None
    sign = int(negative.any())
    point = sign + max(1, len(str(units.max())) - decimals)
    width = point + 1 + decimals if decimals else point
    text = np.empty((len(numbers), width + 1), np.uint8)
    for column in range(width - 1, point, -1):
        units = _without_last_digit(units, text[:, column])
    if decimals:
        text[:, point] = ord(".")
    for column in range(point - 1, sign - 1, -1):
        absent = units == 0
        units = _without_last_digit(units, text[:, column])
        if column < point - 1:
            text[absent, column] = _NO_CHARACTER
    if sign:
        text[:, 0] = np.where(negative, ord("-"), _NO_CHARACTER)
    text[:, -1] = ord(delimiter)
    text[values.shape[1] - 1 :: values.shape[1], -1] = ord("\n")
    lines = text.tobytes()
    return lines.translate(None, bytes([_NO_CHARACTER])) if point > 1 else lines


def _units(sizes: NDArray[np.float64], decimals: int) -> NDArray[np.unsignedinteger[Any]] | None:
    """Return sizes in units of the last decimal, correctly rounded, ties to even.

    None if one is too large, or nan.
    """
    scale = 10.0**decimals
    if not sizes.max() < _LARGEST / scale:  # False for nan
        return None
    product = sizes * scale
    nearest = np.rint(product)
    # If the product was rounded to a half, the exact one may be above or below it.
    for i in (np.abs(product - nearest) == 0.5).nonzero()[0].tolist():
        nearest[i] = float(f"{sizes[i]:.{decimals}f}".replace(".", ""))
    return nearest.astype(np.uint32 if nearest.max() < 2.0**32 else np.uint64)


def _without_last_digit(
    units: NDArray[np.unsignedinteger[Any]], digits: NDArray[np.uint8]
) -> NDArray[np.unsignedinteger[Any]]:
    """Return the numbers without their last digits, whose characters go to `digits`."""
    rest = units // 10
    digits[:] = units - rest * 10 + ord("0")
    return rest


def plain(value: object, digits: Digits) -> object:
    """Return a value for JSON: numbers that are not finite, at any depth, become strings."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        rounded = value if digits == SHORTEST else float(digits.form() % value)
        return rounded if math.isfinite(rounded) else value  # 1.797e308 to 3 digits is no float
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list | tuple):
        return [plain(item, digits) for item in value]
    if isinstance(value, dict):
        return {key: plain(item, digits) for key, item in value.items()}
    return value


def plain_values(values: NDArray[Any], digits: Digits) -> list[Any]:
    """Return the elements along an array's first axis as values for JSON."""
    items: list[Any] = values.tolist()
    is_plain = values.dtype.kind != "f" or (digits == SHORTEST and np.isfinite(values).all())
    if is_plain and values.dtype.kind not in "OS":
        return items
    return [plain(item, digits) for item in items]
