"""A running sum without any rounding."""

from __future__ import annotations

import math

import numpy as np

from softmax_cli.core.doubledouble import Floats


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
            with np.errstate(invalid="ignore"):
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

    def merge(self, other: ExactSum, /) -> None:
        """Add another sum."""
        self._units += other._units
        self._special += other._special

    def total(self) -> float:
        """Return the sum, rounded once; infinite where it passes the largest float64."""
        if self._special != 0.0:  # nan too
            return self._special
        try:
            return self._units / (1 << 1074)  # int / int is correctly rounded
        except OverflowError:
            return math.inf if self._units > 0 else -math.inf
