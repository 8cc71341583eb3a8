"""Sums and products that keep what rounding takes away.

Every operation here is elementwise over the columns, so a column's result has the same bits
whatever stands beside it. `numpy.sum` does not promise that: it sums a lone column in another
order than the columns of a block.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# A number as a rounded one and what that misses
Parts = tuple[Floats, Floats]

_SPLITTER: Final = 134217729.0  # 2**27 + 1: halves a 53-bit significand


def two_sum(a: Floats, b: Floats, /) -> tuple[Floats, Floats]:
    """Sum and rounding error: ``a + b == total + error`` exactly (Knuth, TAOCP 2, 4.2.2).

    The error is 0 where the sum is not finite.
    """
    with quiet():
        total, error = _two_sum(a, b)
    return total, finite_or_zero(error)


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    total = a + b
    virtual = total - a
    return total, (a - (total - virtual)) + (b - virtual)


def two_product(a: Floats, b: Floats | float, /) -> tuple[Floats, Floats]:
    """Product and rounding error: ``a * b == product + error`` (Dekker 1971).

    The error is 0 where splitting overflows, above 1e300.
    """
    with quiet():
        product = np.asarray(a * b)
        a_high, a_low = _split(a)
        b_high, b_low = _split(np.asarray(b))
        error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, finite_or_zero(error)


def multiply_parts(a: Parts, b: Parts, /) -> Parts:
    """Product of two numbers of two floats each, to about 100 bits."""
    product, error = two_product(a[0], b[0])
    return product, error + (a[0] * b[1] + a[1] * b[0])


def divide(
    high: Floats, low: Floats | float, divisor: Floats | float, divisor_low: Floats | float = 0.0, /
) -> tuple[Floats, Floats]:
    """(high + low) / (divisor + divisor_low) as a rounded quotient and what it misses."""
    with quiet():
        quotient = high / divisor
        product, error = two_product(quotient, divisor)
        missed = (((high - product) - error) + (low - quotient * divisor_low)) / divisor
    return quotient, finite_or_zero(missed)


def inverse(high: Floats, low: Floats, /) -> tuple[Floats, Floats]:
    """1 / (high + low) as a rounded number and what it misses, far from overflow."""
    reciprocal = 1 / high
    a, b = _split(high)
    c, d = _split(reciprocal)
    missed = (((1 - a * c) - a * d) - b * c) - b * d - low * reciprocal
    return reciprocal, missed * reciprocal


def quiet() -> np.errstate:
    """What is infinite or undefined here is meant to be, and its error counts as 0."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore")


def _split(a: Floats) -> tuple[Floats, Floats]:
    scaled = a * _SPLITTER
    high = scaled - (scaled - a)
    return high, a - high


def finite_or_zero(error: Floats, /) -> Floats:
    """What a rounded number misses, 0 where that is no number."""
    finite = np.isfinite(error)
    return error if finite.all() else np.where(finite, error, 0.0)


def fold_sum(terms: Floats, /) -> Floats:
    """Sum over the first axis, correct to about half an ulp when no term is negative.

    The array is folded in half until one row is left, and what each addition rounds away is
    folded along with it (the compensated sum of Ogita, Rump and Oishi, 2005, as a tree).

    Parameters
    ----------
    terms : array, shape (terms, columns)

    Returns
    -------
    array, shape (columns,)
    """
    high, low = fold_sum_parts(terms)
    return high + low


def fold_sum_parts(terms: Floats, /) -> tuple[Floats, Floats]:
    """`fold_sum` before its last rounding: the sum is the first array plus the second."""
    if len(terms) == 0:
        return np.zeros(terms.shape[1:]), np.zeros(terms.shape[1:])
    total, lost = terms, np.zeros((1, *terms.shape[1:]))
    with quiet():
        while len(total) > 1:
            pairs = len(total) // 2
            kept = len(total) - pairs
            folded, error = _two_sum(total[:pairs], total[kept:])
            if total is not terms:
                error += lost[:pairs]
                error += lost[kept:]
            if kept == pairs:
                total, lost = folded, error
            else:  # the row in the middle waits for the next round
                waiting = np.zeros_like(lost[:1]) if total is terms else lost[pairs:kept]
                total = np.concatenate([folded, total[pairs:kept]])
                lost = np.concatenate([error, waiting])
    return total[0], finite_or_zero(lost[0])


def running_sum_parts(terms: Floats, /) -> tuple[Floats, Floats]:
    """Sums of the first one, two, ... along the first axis, each as a sum and what it misses.

    Each round adds what lies 1, 2, 4, ... before (Hillis and Steele, "Data parallel algorithms",
    1986), so that there are as many rounds as the number of terms has digits in base 2.
    """
    total, lost = terms.copy(), np.zeros_like(terms)
    step = 1
    with quiet():
        while step < len(terms):
            added, error = _two_sum(total[step:], total[:-step])
            lost[step:] = lost[step:] + lost[:-step] + error
            total[step:] = added
            step *= 2
    return total, finite_or_zero(lost)


class ExactSum:
    """A running sum of floats without any rounding, so that grouping can't change its bits.

    The sum is kept as one integer in units of 2**-1074, the smallest float64.
    """

    def __init__(self) -> None:
        self._units = 0
        self._special = 0.0

    def add(self, values: Floats, /) -> None:
        """Add every element of an array of any shape; infinities and nan follow IEEE 754."""
        finite = np.isfinite(values)
        if not finite.all():
            self._special += float(np.sum(values[~finite]))
            values = values[finite]
        fraction, exponent = np.frexp(values)
        significand = np.ldexp(fraction, 53).astype(np.int64)
        # Halves of 26 and 27 bits, so that int64 holds 2**35 of them.
        high, low = significand >> 26, significand & 0x3FFFFFF
        for power in np.unique(exponent):
            there = exponent == power
            part = (int(high[there].sum()) << 26) + int(low[there].sum())
            # A subnormal's significand has its missing bits as zeros at the end.
            shift = int(power) - 53 + 1074
            self._units += part << shift if shift >= 0 else part >> -shift

    def total(self) -> float:
        """The sum, rounded once; infinite where it passes the largest float64."""
        if self._special != 0.0:  # nan too
            return self._special
        try:
            return self._units / (1 << 1074)  # int / int is correctly rounded
        except OverflowError:
            return math.inf if self._units > 0 else -math.inf
