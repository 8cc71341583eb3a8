"""The threshold of an entmax, and the shares that follow from it."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core.arithmetic import (
    Floats,
    Parts,
    fold_sum,
    fold_sum_parts,
    multiply_parts,
    quiet,
    two_sum,
)
from softmax_cli.core.powers import log_of_parts, power

# By how much a sum of shares may be off in floats and in two floats, times what a power makes of it
DOUBT: Final = 1e-13
EXACT: Final = 2.0**-98
# From here on two floats are as fast
_ROUGH: Final = 1e-3
# Newton's method needs some 10 rounds, and a few more from a first guess among many classes.
_ROUNDS: Final = 100


class Exponents(NamedTuple):
    """c = alpha - 1, which is exact, and its inverse q in two floats."""

    c: float
    q: Parts

    @property
    def c_parts(self) -> Parts:
        """C in two floats."""
        return np.array(self.c), np.zeros(())

    @property
    def tolerance(self) -> float:
        """By how much a power's rounding may be larger than its base's."""
        return 1 + float(self.q[0])


class Brackets(NamedTuple):
    """What is raised to the power q to make the shares.

    The unknown is the smallest bracket in the support or, for c > 1, its share: so the sum of the
    shares is a convex function of it.

    Attributes
    ----------
    above : Parts, shape (classes, rows)
        How far each bracket is above the smallest.
    inside : bool array, shape (classes, rows)
        The support.
    exponents : Exponents
    """

    above: Parts
    inside: NDArray[np.bool_]
    exponents: Exponents

    def solve(self) -> tuple[Parts, Parts]:
        """The unknown, and the shares that sum to 1: two floats each, (rows,), (classes, rows)."""
        unknown = self._in_floats()
        high, low = np.zeros_like(self.above[0]), np.zeros_like(self.above[0])
        going = np.arange(len(unknown[0]))
        for _ in range(_ROUNDS):
            part = self.of(going)
            shares, brackets, smallest = part.parts((unknown[0][going], unknown[1][going]))
            high[:, going], low[:, going] = shares
            excess = excess_of(shares)
            far = np.abs(excess) > EXACT * self.exponents.tolerance
            if not far.any():
                break
            slope = part.slope(shares[0], brackets[0], smallest[0])
            going = going[far]
            _step(unknown, going, excess[far], slope[far])
        return unknown, (high, low)

    def _in_floats(self) -> Parts:
        """The unknown by Newton's method in floats.

        The first guess is too large, and from there no step on a convex function leads too far.
        """
        c, q = self.exponents.c, float(self.exponents.q[0])
        count = self.inside.sum(axis=0).astype(np.float64)
        with quiet():
            guess = 1 / count if c > 1 else np.minimum(count**-c, 1 - self.above[0][0])
        unknown = np.maximum(guess, np.finfo(float).tiny), np.zeros_like(guess)
        tolerance = min(DOUBT / 100 * self.exponents.tolerance, _ROUGH)
        going = np.arange(len(guess))
        for _ in range(_ROUNDS):
            part, here = self.of(going), unknown[0][going]
            with quiet():
                smallest = here**c if c > 1 else here
                brackets = smallest + part.above[0]
                shares = brackets**q
            if c > 1:
                shares = np.where(part.above[0] > 0, shares, here)
            shares = np.where(part.inside, shares, 0.0)
            excess = fold_sum(shares) - 1
            _step(unknown, going, excess, part.slope(shares, brackets, smallest))
            going = going[np.abs(excess) > tolerance]
            if not len(going):
                break
        return unknown

    def of(self, rows: NDArray[np.intp]) -> Brackets:
        """Those of some rows."""
        above = self.above[0][:, rows], self.above[1][:, rows]
        return Brackets(above, self.inside[:, rows], self.exponents)

    def parts(self, unknown: Parts) -> tuple[Parts, Parts, Parts]:
        """Shares, brackets, and the smallest bracket."""
        c, q = self.exponents
        smallest = power(unknown, self.exponents.c_parts) if c > 1 else unknown
        brackets = _add(self.above, smallest)
        high, low = power(brackets, q)
        if c > 1:  # the smallest one's power may have been too small for a float
            is_smallest = self.above[0] == 0
            high, low = (
                np.where(is_smallest, *pair) for pair in zip(unknown, (high, low), strict=True)
            )
        shares = np.where(self.inside, high, 0.0), np.where(self.inside, low, 0.0)
        return shares, brackets, smallest

    def slope(self, shares: Floats, brackets: Floats, smallest: Floats) -> Floats:
        """The derivative of the shares' sum by the unknown."""
        c, q = self.exponents.c, float(self.exponents.q[0])
        if c > 1:
            with quiet():
                ratios = np.where(self.above[0] > 0, smallest / brackets, 1.0)
            return fold_sum(np.where(self.inside, ratios ** (1 - q), 0.0))
        return q * fold_sum(np.where(self.inside, shares / brackets, 0.0))

    def logarithms(self, unknown: Parts) -> Parts:
        """The shares' logarithms in nats, shape (classes, rows); -inf outside the support."""
        c, q = self.exponents
        _, brackets, _ = self.parts(unknown)
        some = brackets[0] > 0
        with quiet():
            known = np.where(some, brackets[0], 1.0), np.where(some, brackets[1], 0.0)
            high, low = multiply_parts(log_of_parts(known), q)
            if c > 1:
                smallest = log_of_parts(unknown)
                is_smallest = self.above[0] == 0
                high = np.where(is_smallest, smallest[0], high)
                low = np.where(is_smallest, smallest[1], low)
        return np.where(self.inside, high, -np.inf), np.where(self.inside, low, 0.0)


def excess_of(shares: Parts) -> Floats:
    """By how much numbers sum to more than 1, shape (columns,)."""
    high, low = fold_sum_parts(shares[0])
    excess: Floats = (high - 1) + (low + fold_sum_parts(shares[1])[0])
    return excess


def _step(unknown: Parts, rows: NDArray[np.intp], excess: Floats, slope: Floats) -> None:
    """Move some rows' unknowns, in place, and never to 0 or beyond."""
    high, low = unknown
    with quiet():
        moved = two_sum(high[rows], low[rows] - excess / slope)
    too_far = ~(moved[0] > 0)
    high[rows] = np.where(too_far, high[rows] / 2, moved[0])
    low[rows] = np.where(too_far, low[rows] / 2, moved[1])


def _add(a: Parts, b: Parts) -> Parts:
    high, error = two_sum(a[0], b[0])
    return two_sum(high, error + (a[1] + b[1]))
