"""The entmax family: like softmax, but classes with low logits get probability exactly 0.

For alpha > 1 and z = logits / temperature, p_i is [(alpha - 1) z_i - tau]**(1 / (alpha - 1)), and 0
where the bracket is negative; tau makes the sum 1 (Peters, Niculae and Martins, "Sparse
sequence-to-sequence models", 2019). alpha = 2 is sparsemax (Martins and Astudillo, "From softmax to
sparsemax", 2016), and alpha -> 1 is softmax.

Near the edge of the support the bracket would be a difference of nearly equal numbers. Therefore
the support is found first, and each bracket is the smallest one in it plus the distance from that:
a sum of non-negative numbers, in double-double, as are the powers and their sum.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from softmax_cli.core.doubledouble import Bools, DoubleDouble, Floats, Indices, fold_sum, where
from softmax_cli.core.elementary import log, log1p, power
from softmax_cli.core.probabilities import Distribution
from softmax_cli.core.softmax import Logits

# Errors of a sum of probabilities in floats and in double-doubles, for exponent 1
_FLOAT_ERROR: Final = 1e-13
_DOUBLE_DOUBLE_ERROR: Final = 2.0**-98
# From this error on, iterations in double-double converge as fast as in floats.
_ROUGH_ERROR: Final = 1e-3
# The most iterations of Newton's method, which needs about 10, and a few more for many classes
_MOST_ITERATIONS: Final = 100


class Entmax(Distribution):
    """Rows of logits, shape (rows, classes), as sparse distributions, for alpha above 1.

    The temperature divides the logits; at the limit 0 winners are equally likely. Raises
    `RowErrors` as `Logits` does.

    Private arrays have the shape (classes, rows), the best class first. The unknown, shape (rows,),
    for which the equation "probabilities sum to 1" is solved, is the smallest bracket in the
    support or, for c = alpha - 1 > 1, its probability, so that the sum is a convex function of it.
    """

    def __init__(self, logits: Floats, /, *, alpha: float, temperature: float = 1.0) -> None:
        self._given = logits
        self._c = alpha - 1  # exact
        self._exponent = 1.0 / DoubleDouble(self._c)
        self._q = float(self._exponent.high)
        self._tolerance = 1 + self._q  # relative error of a power over that of its base
        self._order = np.argsort(-logits, axis=1, kind="stable")
        self._z = self._candidates(temperature)
        last = self._last_of_support()
        self._inside = np.arange(len(self._z.high))[:, None] <= last
        self._above = self._distances(last)
        # The first guess is too large; from there Newton's method on a convex function converges.
        count = self._inside.sum(axis=0).astype(np.float64)
        c, best = self._c, self._above.high[0]
        guess = 1 / count if c > 1 else np.minimum(count**-c, 1 - best)
        self._unknown = DoubleDouble(np.maximum(guess, np.finfo(float).tiny), np.zeros_like(guess))
        self._brackets, self._best_first = (
            DoubleDouble(np.zeros(self._z.high.shape), np.zeros(self._z.high.shape))
            for _ in range(2)
        )
        self._solve(min(_FLOAT_ERROR / 100 * self._tolerance, _ROUGH_ERROR), exact=False)
        self._solve(_DOUBLE_DOUBLE_ERROR * self._tolerance, exact=True)

    def _candidates(self, temperature: float) -> DoubleDouble:
        """Return the shifted logits of the classes that may be in the support of some row.

        Masked classes fill them up to a power of two: then the bits of a row's sums do not depend
        on how many candidates other rows have.
        """
        rows, classes = self._given.shape
        ordered = np.full((rows, 1 << (classes - 1).bit_length()), -np.inf)
        ordered[:, :classes] = np.take_along_axis(self._given, self._order, axis=1)
        z = Logits(ordered, temperature=temperature).shifted
        # The best class's bracket is at most 1, which limits the support.
        near = (z.high > -1.01 / self._c).sum(axis=0).max(initial=1)
        return z[: 1 << (int(near) - 1).bit_length()]

    @cached_property
    def winners(self) -> Bools:
        """The classes that have the maximum, shape (rows, classes)."""
        return np.asarray(self._given == self._given.max(axis=1, keepdims=True))

    @cached_property
    def mass(self) -> DoubleDouble:
        return self._in_given_order(self._best_first, 0.0)

    @cached_property
    def surprisal(self) -> DoubleDouble:
        logarithms = log(where(self._brackets.high > 0, self._brackets, 1.0)) * self._exponent
        if self._c > 1:
            logarithms = where(self._above.high == 0, log(self._unknown), logarithms)
        result = where(self._inside, -logarithms, np.inf)
        # Where the best class has p > 1/2, -log p is computed from the sum of the others.
        others = fold_sum(self._best_first[1:])
        result[0] = where(others.high < 0.5, -log1p(-others), result[0])
        return self._in_given_order(result, np.inf)

    def _in_given_order(self, best_first: DoubleDouble, others: float) -> DoubleDouble:
        order = self._order.T
        result = DoubleDouble(np.full(order.shape, others), np.zeros(order.shape))
        found = order[: len(best_first.high)]
        result[found, np.arange(len(self._order))] = best_first[: len(found)]
        return result

    def _power(self, brackets: DoubleDouble) -> DoubleDouble:
        if self._c == 1:
            return where(brackets.high > 0, brackets, 0.0)
        if self._c == 0.5:
            return brackets * brackets
        return power(brackets, self._exponent).plain()

    def _solve(self, tolerance: float, *, exact: bool) -> None:
        """Solve for the unknown by Newton's method, in floats or (`exact`) in double-doubles."""
        c, q = self._c, self._q
        active = np.arange(len(self._given))
        for _ in range(_MOST_ITERATIONS):
            above, inside = self._above[:, active], self._inside[:, active]
            unknown = self._unknown[active]
            probability = DoubleDouble(np.zeros(inside.shape), np.zeros(inside.shape))
            if exact:
                smallest = power(unknown, c).plain() if c > 1 else unknown
                brackets = above + smallest
                probability[inside] = self._power(brackets[inside])
            else:
                smallest = DoubleDouble(unknown.high**c) if c > 1 else unknown
                brackets = DoubleDouble(above.high + smallest.high)
                probability.high[inside] = brackets.high[inside] ** q
            if c > 1:  # the smallest bracket may underflow
                probability = where(inside & (above.high == 0), unknown, probability)
                slopes = np.where(above.high > 0, smallest.high / brackets.high, 1.0) ** (1 - q)
            else:
                slopes = q * probability.high / brackets.high
            if exact:
                self._brackets[:, active], self._best_first[:, active] = brackets, probability
            residual = (fold_sum(probability) - 1.0).rounded()
            moved = unknown - residual / fold_sum(np.where(inside, slopes, 0.0)).high
            self._unknown[active] = where(moved.high > 0, moved, unknown * 0.5)
            active = active[np.abs(residual) > tolerance]
            if not len(active):
                break

    def _last_of_support(self) -> Indices:
        """Return the index of the last class in the support, shape (rows,), by bisection.

        A class is in the support if the powers of the distances from it sum to less than 1.
        """
        classes, rows = self._z.high.shape
        low = np.zeros(rows, dtype=np.intp)
        high = np.full(rows, classes - 1, dtype=np.intp)
        for _ in range((classes - 1).bit_length()):
            middle = (low + high + 1) // 2
            is_inside = self._is_inside(middle)
            low = np.where(is_inside, middle, low)
            high = np.where(is_inside, high, np.maximum(middle - 1, low))
        return low

    def _is_inside(self, classes: Indices) -> Bools:
        above = self._distances(classes)
        residual = fold_sum(above.high**self._q).high - 1
        doubtful = np.abs(residual) <= _FLOAT_ERROR * self._tolerance
        if doubtful.any():
            exact = (fold_sum(self._power(above[:, doubtful])) - 1.0).rounded()
            # A residual of 0 is outside.
            residual[doubtful] = exact + _DOUBLE_DOUBLE_ERROR * self._tolerance
        return np.asarray(residual < 0)

    def _distances(self, classes: Indices) -> DoubleDouble:
        """Return c times each class's distance above one class of its row, 0 for those below."""
        gap = self._z - self._z[classes, np.arange(len(classes))]
        distances = gap * self._c
        # A larger distance may be capped: its power exceeds 1 anyway.
        return where(gap.high > 0, where(distances.high < 2, distances, 2.0), 0.0)
