"""Numbers as text."""

from __future__ import annotations

import math
import re
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from softmax_cli.output.fixed import fixed_lines
from softmax_cli.output.settings import SHORTEST, Digits

# Python's 1e-07 and 1e+16 as the shortest digits have them: 1e-7, 1e16.
_EXPONENT = re.compile(r"e\+?(-?)0*")

# What orjson writes as it is
_DUMPED: Final = (np.dtype(np.float64), np.dtype(np.int64))


def shortest_texts(values: NDArray[np.float64]) -> list[str]:
    """The shortest text of each number that reads back as the same float64; inf, -inf, nan."""
    flat = np.ascontiguousarray(values, np.float64).ravel()
    if not len(flat):
        return []
    texts = orjson.dumps(flat, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].decode().split(",")
    for i in np.flatnonzero(~np.isfinite(flat)).tolist():
        texts[i] = str(flat[i])
    return texts


def _shortest_lines(values: NDArray[Any], delimiter: str) -> bytes | bytearray | None:
    if values.dtype not in _DUMPED:
        return None
    flat = np.ascontiguousarray(values).reshape(-1)
    dumped = orjson.dumps(flat, option=orjson.OPT_SERIALIZE_NUMPY)
    if b"n" in dumped:  # null
        return None
    if values.shape[1] == 1:
        return dumped[1:-1].replace(b",", b"\n") + b"\n"
    lines = bytearray(dumped)
    characters = np.frombuffer(lines, np.uint8)
    characters[_row_ends(characters, values)] = characters[-1] = ord("\n")
    del characters  # which holds the lines as long as they are
    del lines[:1]  # moves nothing
    return lines if delimiter == "," else lines.replace(b",", delimiter.encode())


def _row_ends(characters: NDArray[np.uint8], values: NDArray[Any]) -> NDArray[np.intp]:
    """Where the commas between rows are in the text of all values."""
    commas = characters == ord(",")
    rows = slice(values.shape[1] - 1, None, values.shape[1])
    # To list the places of true elements is slow. Numbers as long as most are leave at most one
    # comma among eight characters, and an eighth of the elements to be looked at.
    eights = np.packbits(commas)
    places: NDArray[np.intp] = (eights != 0).nonzero()[0]
    if len(places) < values.size - 1:
        places = commas.nonzero()[0]
        return places[rows]
    places = places[rows]
    # The first of eight is the bit 2**7, whose exponent frexp says is 8.
    exponents: NDArray[np.intc] = np.frexp(eights[places].astype(np.float32))[1]
    return places * 8 + (8 - exponents)


def texts(values: NDArray[Any], digits: Digits) -> list[str]:
    """Each element of an array as text: floats to so many digits, lists joined by ';'."""
    if values.dtype.kind != "f":
        return [
            ";".join(map(str, value)) if isinstance(value, list) else str(value)
            for value in values.ravel().tolist()
        ]
    if digits == SHORTEST:
        return shortest_texts(values)
    lines = _formatted(values.reshape(-1, 1), digits, "\n")
    return lines.splitlines()


def number_lines(values: NDArray[Any], digits: Digits, delimiter: str) -> bytes | bytearray | None:
    """Lines of numbers, a row each; None where `texts` has to be asked for each.

    Parameters
    ----------
    values : array, shape (rows, columns)
    digits : Digits
    delimiter : str
        One ASCII character.
    """
    if digits == SHORTEST:
        return _shortest_lines(values, delimiter)
    if values.dtype.kind != "f":
        return None
    fixed = None
    if digits.decimals is not None:
        fixed = fixed_lines(values, digits.decimals, delimiter)
    return fixed or _formatted(values, digits, delimiter).encode()


def _formatted(values: NDArray[Any], digits: Digits, delimiter: str) -> str:
    """Lines of numbers, all by one format."""
    form = delimiter.join([digits.form()] * values.shape[1]) + "\n"
    text = (form * len(values)) % tuple(values.reshape(-1).tolist())
    return _EXPONENT.sub(r"e\1", text)


def plain(value: object, digits: Digits) -> object:
    """A value as JSON can hold it: a number that is not finite becomes a string.

    Lists and dicts are gone through.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return value if digits == SHORTEST else float(digits.form() % value)
    if isinstance(value, list | tuple):
        return [plain(item, digits) for item in value]
    if isinstance(value, dict):
        return {key: plain(item, digits) for key, item in value.items()}
    return value


def plain_values(values: NDArray[Any], digits: Digits) -> list[Any]:
    """The elements of an array's first axis, each as JSON can hold it."""
    items: list[Any] = values.tolist()
    is_plain = values.dtype.kind != "f" or (digits == SHORTEST and np.isfinite(values).all())
    if is_plain and values.dtype.kind != "O":
        return items
    return [plain(item, digits) for item in items]
