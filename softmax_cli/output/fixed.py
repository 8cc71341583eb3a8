"""Lines of numbers with a fixed number of decimals, all at once: a matrix of their characters."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# Up to here a number has a bit for halves of the last decimal; larger powers of ten are rounded.
_LARGEST: Final = 2.0**52
_MOST_DECIMALS: Final = 22
# Stands where a line has no character, and is taken out.
_NOTHING: Final = 0


def fixed_lines(values: NDArray[Any], decimals: int, delimiter: str) -> bytes | None:
    """Lines of numbers, each as ``format(number, '.6f')`` has it for 6 decimals.

    Parameters
    ----------
    values : array, shape (rows, columns)
    decimals : int
    delimiter : str
        One ASCII character.

    Returns
    -------
    bytes or None
        None where a number is too large for it, infinite or nan.
    """
    if decimals > _MOST_DECIMALS:
        return None
    numbers = np.ascontiguousarray(values).reshape(-1)
    negative = np.signbit(numbers)
    units = _units(np.abs(numbers), decimals)
    if units is None:
        return None
    before = max(1, len(str(units.max())) - decimals)
    behind = decimals + 1 if decimals else 0
    text = np.empty((len(numbers), 1 + before + behind + 1), np.uint8)
    text[:, 0] = np.where(negative, ord("-"), _NOTHING)
    for column in range(before + behind, before + 1, -1):
        units = _without_last_digit(units, text[:, column])
    if decimals:
        text[:, before + 1] = ord(".")
    for column in range(before, 0, -1):
        absent = units == 0
        units = _without_last_digit(units, text[:, column])
        if column < before:
            text[absent, column] = _NOTHING
    text[:, -1] = ord(delimiter)
    text[values.shape[1] - 1 :: values.shape[1], -1] = ord("\n")
    if before == 1 and not negative.any():
        return text[:, 1:].tobytes()
    return text.tobytes().translate(None, bytes([_NOTHING]))


def _units(sizes: NDArray[np.float64], decimals: int) -> NDArray[np.unsignedinteger[Any]] | None:
    """The sizes as multiples of the last decimal: to nearest by their exact values, ties to even.

    None where they are too large, or no numbers.
    """
    scale = 10.0**decimals
    if not sizes.max() < _LARGEST / scale:  # nan is not
        return None
    product = sizes * scale
    nearest = np.rint(product)
    # Only where the rounded product lies halfway may the exact one lie on the other side.
    for i in (np.abs(product - nearest) == 0.5).nonzero()[0].tolist():
        nearest[i] = float(f"{sizes[i]:.{decimals}f}".replace(".", ""))
    return nearest.astype(np.uint32 if nearest.max() < 2.0**32 else np.uint64)


def _without_last_digit(
    units: NDArray[np.unsignedinteger[Any]], digits: NDArray[np.uint8]
) -> NDArray[np.unsignedinteger[Any]]:
    """What is left of each number; the last digits' characters go to `digits`."""
    left = units // 10
    digits[:] = units - left * 10 + ord("0")
    return left
