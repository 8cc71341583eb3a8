"""The threshold of an entmax, and the shares that follow from it."""

from __future__ import annotations

from collections.abc import Callable
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
        """The shares that sum to 1, and their logarithms, shape (classes, rows) each.

        By Newton's method, in floats and then in two floats. The first guess is too large, and
        from there no step on a convex function leads too far.
        """
        c = self.exponents.c
        count = self.inside.sum(axis=0).astype(np.float64)
        with quiet():
            guess = 1 / count if c > 1 else np.minimum(count**-c, 1 - self.above[0][0])
        guess = np.maximum(guess, np.finfo(float).tiny)
        rough = _newton((guess, np.zeros_like(guess)), self, Brackets.residual, DOUBT / 100)
        tolerance = EXACT * self.exponents.tolerance
        unknown = _newton(rough, self, Brackets.exact_residual, tolerance)
        return self._shares(unknown)[0], self._logarithms(unknown)

    def of(self, rows: NDArray[np.intp]) -> Brackets:
        """Those of some rows."""
        above = self.above[0][:, rows], self.above[1][:, rows]
        return Brackets(above, self.inside[:, rows], self.exponents)

    def residual(self, unknown: Parts) -> tuple[Floats, Floats]:
        """By how much the shares sum to more than 1, and the slope of that, by floats."""
        c, q = self.exponents.c, float(self.exponents.q[0])
        smallest = unknown[0] ** c if c > 1 else unknown[0]
        brackets = smallest + self.above[0]
        shares = np.where(self.above[0] > 0, brackets**q, unknown[0] if c > 1 else smallest**q)
        shares = np.where(self.inside, shares, 0.0)
        return fold_sum(shares) - 1, self._slope(shares, brackets, smallest)

    def exact_residual(self, unknown: Parts) -> tuple[Floats, Floats]:
        """The same by two floats."""
        shares, brackets, smallest = self._shares(unknown)
        return excess_of(shares), self._slope(shares[0], brackets[0], smallest[0])

    def _shares(self, unknown: Parts) -> tuple[Parts, Parts, Parts]:
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

    def _slope(self, shares: Floats, brackets: Floats, smallest: Floats) -> Floats:
        """The derivative of the shares' sum by the unknown."""
        c, q = self.exponents.c, float(self.exponents.q[0])
        if c > 1:
            ratios = np.where(self.above[0] > 0, smallest / brackets, 1.0)
            return fold_sum(np.where(self.inside, ratios ** (1 - q), 0.0))
        return q * fold_sum(np.where(self.inside, shares / brackets, 0.0))

    def _logarithms(self, unknown: Parts) -> Parts:
        c, q = self.exponents
        _, brackets, _ = self._shares(unknown)
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


def _newton(
    guess: Parts,
    brackets: Brackets,
    residual: Callable[[Brackets, Parts], tuple[Floats, Floats]],
    tolerance: float,
) -> Parts:
    """Where the residual is 0; each row ends by itself, whatever stands beside it."""
    high, low = guess[0].copy(), guess[1].copy()
    going = np.arange(len(high))
    for _ in range(_ROUNDS):
        with quiet():
            excess, slope = residual(brackets.of(going), (high[going], low[going]))
            moved = two_sum(high[going], low[going] - excess / slope)
        is_low = ~(moved[0] > 0)
        high[going] = np.where(is_low, high[going] / 2, moved[0])
        low[going] = np.where(is_low, low[going] / 2, moved[1])
        going = going[np.abs(excess) > tolerance]
        if not len(going):
            break
    return high, low


def _add(a: Parts, b: Parts) -> Parts:
    high, error = two_sum(a[0], b[0])
    return two_sum(high, error + (a[1] + b[1]))
