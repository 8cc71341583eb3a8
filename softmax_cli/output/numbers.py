"""Numbers as text."""

from __future__ import annotations

import math
import re
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

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


def plain_lines(values: NDArray[Any], delimiter: str) -> bytes | None:
    """Lines of the shortest texts, a row each, or None where not all is finite numbers.

    Parameters
    ----------
    values : array, shape (rows, columns)
    delimiter : str
    """
    if values.dtype not in _DUMPED:
        return None
    flat = np.ascontiguousarray(values).reshape(-1)
    dumped = orjson.dumps(flat, option=orjson.OPT_SERIALIZE_NUMPY)
    if b"n" in dumped:  # null
        return None
    if values.shape[1] == 1:
        return dumped[1:-1].replace(b",", b"\n") + b"\n"
    line = np.array(memoryview(dumped))
    (ends,) = (line == ord(",")).nonzero()
    line[ends[values.shape[1] - 1 :: values.shape[1]]] = line[-1] = ord("\n")
    lines = line[1:].tobytes()
    return lines if delimiter == "," else lines.replace(b",", delimiter.encode())


def texts(values: NDArray[Any], precision: int | None) -> list[str]:
    """Each element of an array as text.

    Floats to a number of significant digits or the shortest, lists joined by ';'.
    """
    if values.dtype.kind != "f":
        return [
            ";".join(map(str, value)) if isinstance(value, list) else str(value)
            for value in values.ravel().tolist()
        ]
    if precision is None:
        return shortest_texts(values)
    return [_EXPONENT.sub(r"e\1", f"{number:.{precision}g}") for number in values.ravel().tolist()]


def plain(value: object, precision: int | None) -> object:
    """A value as JSON can hold it: a number that is not finite becomes a string.

    Lists and dicts are gone through.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return value if precision is None else float(f"{value:.{precision}g}")
    if isinstance(value, list | tuple):
        return [plain(item, precision) for item in value]
    if isinstance(value, dict):
        return {key: plain(item, precision) for key, item in value.items()}
    return value
