"""Softmax and log-softmax of ordinary logits by the shortest way, for bulk.

Between -300 and 300 an exponential neither overflows nor nears the subnormal numbers, whether
or not a maximum was subtracted. What is left to watch is how the sum and the quotient round.
Rows beyond that are left to `logits.Logits`.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core.arithmetic import Floats, inverse, quiet

# Rows of more classes than this lie in memory row by row. Short sums over many rows are slow in
# numpy that way round; long ones over few rows are slow the other way.
NARROW: Final = 32
_LARGEST: Final = 300.0
# Adding and subtracting this rounds an ordinary logit to a multiple of 2**-42.
_GRID: Final = 1.5 * 2.0**10
# So many numbers of a few arrays stay in the processor's cache.
_CACHED: Final = 16384
# Others that sum to less than so many winners lose digits when the winner is taken from a sum:
# the first where the sum is a compensated one, the second where it is numpy's pairwise sum. (In
# larger sums the logarithm takes the error down.)
_FEW: Final = 1e-6
_FEW_IN_WIDE: Final = 1.0


def by_class(logits: Floats, /) -> Floats:
    """Rows of logits with the classes along the first axis, laid out as they are gone through."""
    wide = logits.shape[1] > NARROW
    columns = np.ascontiguousarray(logits).T if wide else np.ascontiguousarray(logits.T)
    return columns.astype(np.float64, copy=False)


class Method(Protocol):
    """A way to fill `out`, and to say which rows it leaves undone."""

    def __call__(self, columns: Floats, maximum: Floats, /, *, out: Floats) -> NDArray[np.bool_]:
        """See `softmax`."""


def softmax(columns: Floats, maximum: Floats, /, *, out: Floats) -> NDArray[np.bool_]:
    """Probabilities of the ordinary rows.

    Parameters
    ----------
    columns : array, shape (classes, rows)
        Logits, as `by_class` lays them out.
    maximum : array, shape (rows,)
        The largest logit of each row.
    out : array, shape (classes, rows)
        Where the probabilities go.

    Returns
    -------
    bool array, shape (rows,)
        The rows for which `out` means nothing.
    """
    left = _not_ordinary(columns, maximum)
    if left.all():
        return left
    with quiet():
        if len(columns) > NARROW:
            total = _Sum(np.exp(maximum), len(columns))
            for part in _parts(len(columns)):
                total.add(np.exp(columns[part], out=out[part]))
            out /= total.parts()[0]
        else:
            for rows in _row_parts(*columns.shape):
                _narrow_softmax(columns[:, rows], maximum[rows], out[:, rows])
    return left


def _narrow_softmax(columns: Floats, maximum: Floats, out: Floats) -> None:
    exponentials = _shifted_exponentials(columns, maximum)
    total = _Sum(_UNIT, len(columns))
    total.add(exponentials)
    reciprocal, missed = inverse(*total.parts())
    correction = exponentials * missed
    exponentials *= reciprocal
    exponentials += correction
    out[...] = exponentials


def log_softmax(columns: Floats, maximum: Floats, /, *, out: Floats) -> NDArray[np.bool_]:
    """Log-probabilities of the ordinary rows in nats; see `softmax`."""
    left = _not_ordinary(columns, maximum)
    if left.all():
        return left
    wide = len(columns) > NARROW
    with quiet():
        odds, few = (_odds_in_wide if wide else _odds)(columns, np.exp(maximum))
        if few.all():
            odds = _odds_of_few(columns, maximum)
        elif few.any():
            chosen = columns.T[few].T if wide else columns[:, few]
            odds[few] = _odds_of_few(chosen, maximum[few])
        result = out if wide else np.empty_like(columns)
        np.subtract(columns, maximum, out=result)
        result -= np.log1p(odds)
        if not wide:
            out[...] = result
    return left


def _odds(columns: Floats, winner: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Sum of the others as a multiple of the winner, and rows where it is none, (rows,) each."""
    total = _Sum(winner, len(columns))
    total.add(np.exp(columns))
    high, low = total.parts()
    odds = ((high - winner) + low) / winner
    return odds, odds < _FEW


def _odds_in_wide(columns: Floats, winner: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    total = np.zeros_like(winner)
    for part in _parts(len(columns)):
        total += np.add.reduce(np.exp(columns[part]), axis=0)
    odds = total / winner - 1
    return odds, odds < _FEW_IN_WIDE


def _odds_of_few(columns: Floats, maximum: Floats) -> Floats:
    """The same where there is but one winner, which is left out of the sum."""
    exponentials = np.exp(columns)
    np.copyto(exponentials, 0.0, where=columns == maximum)
    total = _Sum(exponentials.max(axis=0), len(columns))
    for part in _parts(len(columns)):
        total.add(exponentials[part])
    return total.parts()[0] / np.exp(maximum)


def _not_ordinary(columns: Floats, maximum: Floats) -> NDArray[np.bool_]:
    if columns.min() >= -_LARGEST and maximum.max() <= _LARGEST:
        return np.zeros(len(maximum), dtype=bool)
    lowest: Floats = columns.min(axis=0)
    return (lowest < -_LARGEST) | (maximum > _LARGEST)


# The largest that `_shifted_exponentials` returns.
_UNIT: Final = 1 + 2.0**-40


def _shifted_exponentials(columns: Floats, maximum: Floats) -> Floats:
    """Exponentials of the logits minus nearly the maximum.

    On a grid the subtraction is exact, and what the logits have beside it is a factor. So
    logits that differ by a constant give the same digits, as people who see short rows expect.
    """
    on_grid = columns + _GRID
    on_grid -= _GRID
    beside = columns - on_grid
    on_grid -= (maximum + _GRID) - _GRID
    exponentials = np.exp(on_grid, out=on_grid)
    beside *= exponentials
    exponentials += beside
    return exponentials


def _parts(classes: int) -> list[slice]:
    return [slice(start, start + _CACHED) for start in range(0, classes, _CACHED)]


def _row_parts(classes: int, rows: int) -> list[slice]:
    step = max(1, _CACHED // (2 * classes))
    return [slice(start, start + step) for start in range(0, rows, step)]


class _Sum:
    """A sum over the classes, shape (rows,), right to a few units of 2**-70.

    The terms' upper halves are multiples of one small number and sum without an error (Rump,
    Ogita and Oishi, "Accurate floating-point summation", 2008), in whatever order numpy takes.
    """

    def __init__(self, largest: Floats | float, classes: int) -> None:
        self._splitter = largest * 2.0 ** (classes.bit_length() + 1)
        self._high: Floats | float = 0.0
        self._low: Floats | float = 0.0

    def add(self, terms: Floats) -> None:
        upper = terms + self._splitter
        upper -= self._splitter
        self._high = self._high + np.add.reduce(upper, axis=0)
        lower = np.subtract(terms, upper, out=upper)
        # numpy sums a row the same way wherever it lies, but a lone short column otherwise.
        total = np.add.reduce(lower, axis=0) if len(terms) > NARROW else _folded(lower)
        self._low = self._low + total

    def parts(self) -> tuple[Floats, Floats]:
        """The sum as a rounded number and what it misses."""
        total = np.asarray(self._high + self._low)
        return total, (self._high - total) + self._low


def _folded(terms: Floats) -> Floats:
    """Sum over the first axis in an order of its own, in place."""
    length = len(terms)
    while length > 1:
        half = length // 2
        terms[:half] += terms[length - half : length]
        length -= half
    result: Floats = terms[0]
    return result
