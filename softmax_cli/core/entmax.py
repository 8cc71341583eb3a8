"""The entmax family, of which softmax is one end: classes far behind get exactly 0.

For alpha > 1 and z the logits over the temperature, p_i is [(alpha - 1) z_i - tau] to the power
1 / (alpha - 1), and 0 where the bracket is negative, with the tau for which the sum is 1 (Peters,
Niculae and Martins, "Sparse sequence-to-sequence models", 2019). alpha = 2 is sparsemax (Martins
and Astudillo, "From softmax to sparsemax", 2016), and alpha -> 1 is softmax.

Near the edge of the support the bracket is a difference of nearly equal numbers. So first the
support is found, and then each bracket is the smallest one in it plus the distance from that: a sum
of numbers that are not negative, in double-double, as are the powers and their sum.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from softmax_cli.core.doubledouble import Bools, DoubleDouble, Floats, Indices, fold_sum, where
from softmax_cli.core.elementary import log, log1p, power
from softmax_cli.core.probabilities import Distribution
from softmax_cli.core.softmax import Logits

# Errors of a sum of probabilities in floats and in double-doubles, for an exponent of 1
_FLOAT_ERROR: Final = 1e-13
_EXACT: Final = 2.0**-98
# From here on double-doubles converge as fast as floats.
_ROUGH: Final = 1e-3
# Newton's method needs some 10 rounds, and a few more from a first guess among many classes.
_ROUNDS: Final = 100
# The equation is solved for at least so many classes.
_NARROW: Final = 4


class Entmax(Distribution):
    """Rows of logits, shape (rows, classes), as sparse distributions, for alpha above 1.

    The temperature divides the logits; 0 is the limit: winners are equally likely. Raises
    `RowErrors` as `Logits` does.
    """

    def __init__(self, logits: Floats, /, *, alpha: float, temperature: float = 1.0) -> None:
        self._given = logits
        self._order = np.argsort(-logits, axis=1, kind="stable")
        ordered = np.take_along_axis(logits, self._order, axis=1)
        self._logits = Logits(ordered, temperature=temperature)
        self._c = alpha - 1

    @cached_property
    def winners(self) -> Bools:
        """Classes that have the maximum, shape (rows, classes)."""
        return np.asarray(self._given == self._given.max(axis=1, keepdims=True))

    @cached_property
    def mass(self) -> DoubleDouble:
        return self._assembled([group.probability for group in self._groups], 0.0)

    @property
    def total(self) -> DoubleDouble:
        return DoubleDouble(np.ones(len(self._order)))

    @cached_property
    def surprisal(self) -> DoubleDouble:
        return self._assembled([group.surprisal() for group in self._groups], np.inf)

    def _assembled(self, parts: list[DoubleDouble], outside: float) -> DoubleDouble:
        """The groups' numbers in the order of the classes, shape (classes, rows)."""
        order = self._order.T
        result = DoubleDouble(np.full(order.shape, outside), np.zeros(order.shape))
        for group, part in zip(self._groups, parts, strict=True):
            result[order[: len(part.high), group.rows], group.rows] = part
        return result

    @cached_property
    def _groups(self) -> list[_Group]:
        z = self._logits.shifted
        # The best class's bracket is 1 at the most. The number of classes depends on the row
        # alone, so that the order of its sums does not depend on the rows beside it.
        near = np.maximum((z.high > -1.01 / self._c).sum(axis=0), _NARROW)
        widths = np.minimum(2 ** np.ceil(np.log2(near)).astype(int), len(z.high))
        groups = []
        for width in np.unique(widths).tolist():
            rows = np.flatnonzero(widths == width)
            groups.append(_Group(rows, z[:width, rows], self._c))
        return groups


class _Group:
    """Some rows whose supports may have as many classes, and the probabilities of these.

    Arrays have the shape (classes, rows), where the best class comes first. The unknown, shape
    (rows,), for which the probabilities sum to 1 is the smallest bracket in the support or, for
    c = alpha - 1 > 1, its probability: so the sum is a convex function of it.
    """

    def __init__(self, rows: Indices, z: DoubleDouble, c: float) -> None:
        self.rows = rows
        self._z = z
        self._c = c  # exact
        self._exponent = 1.0 / DoubleDouble(c)
        self._q = float(self._exponent.high)
        self._tolerance = 1 + self._q  # of a power, in relative errors of its base
        last = self._last_of_support()
        self._inside = np.arange(len(z.high))[:, None] <= last
        self._above = self._distances(last)
        # The first guess is too large, and from there no step on a convex function leads too far.
        count = self._inside.sum(axis=0).astype(np.float64)
        guess = 1 / count if c > 1 else np.minimum(count**-c, 1 - self._above.high[0])
        guess = np.maximum(guess, np.finfo(float).tiny)
        self._unknown = DoubleDouble(guess, np.zeros_like(guess))
        self._brackets, self.probability = (
            DoubleDouble(np.zeros(z.high.shape), np.zeros(z.high.shape)) for _ in range(2)
        )
        self._solve(min(_FLOAT_ERROR / 100 * self._tolerance, _ROUGH), exact=False)
        self._solve(_EXACT * self._tolerance, exact=True)

    def surprisal(self) -> DoubleDouble:
        """-log p in nats; inf outside the support."""
        logarithms = log(where(self._brackets.high > 0, self._brackets, 1.0)) * self._exponent
        if self._c > 1:
            logarithms = where(self._above.high == 0, log(self._unknown), logarithms)
        result = where(self._inside, -logarithms, np.inf)
        # Where the best class has more than half, its surprisal is that of the others' sum.
        others = fold_sum(self.probability[1:])
        result[0] = where(others.high < 0.5, -log1p(-others), result[0])
        return result

    def _power(self, brackets: DoubleDouble) -> DoubleDouble:
        if self._c == 1:
            return where(brackets.high > 0, brackets, 0.0)
        if self._c == 0.5:
            return brackets * brackets
        return power(brackets, self._exponent).plain()

    def _solve(self, tolerance: float, *, exact: bool) -> None:
        """Improve the unknown by Newton's method, in floats or in double-doubles."""
        c, q = self._c, self._q
        active = np.arange(len(self.rows))
        for _ in range(_ROUNDS):
            above, inside = self._above[:, active], self._inside[:, active]
            unknown = self._unknown[active]
            if exact:
                smallest = power(unknown, c).plain() if c > 1 else unknown
                brackets = above + smallest
                powers = self._power(brackets)
            else:
                smallest = DoubleDouble(unknown.high**c) if c > 1 else unknown
                brackets = DoubleDouble(above.high + smallest.high)
                powers = DoubleDouble(brackets.high**q)
            if c > 1:  # the smallest bracket may underflow
                powers = where(above.high == 0, unknown, powers)
                slopes = np.where(above.high > 0, smallest.high / brackets.high, 1.0) ** (1 - q)
            else:
                slopes = q * powers.high / brackets.high
            probability = where(inside, powers, 0.0)
            if exact:
                self._brackets[:, active], self.probability[:, active] = brackets, probability
            residual = (fold_sum(probability) - 1.0).rounded()
            moved = unknown - residual / fold_sum(np.where(inside, slopes, 0.0)).high
            self._unknown[active] = where(moved.high > 0, moved, unknown * 0.5)
            active = active[np.abs(residual) > tolerance]
            if not len(active):
                break

    def _last_of_support(self) -> Indices:
        """The index of the smallest class in the support, shape (rows,).

        A class is in it if the powers of the distances from it sum to less than 1.
        """
        classes, rows = self._z.high.shape
        low = np.zeros(rows, dtype=np.intp)
        high = np.full(rows, classes - 1, dtype=np.intp)
        for _ in range(classes.bit_length()):
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
            residual[doubtful] = exact + _EXACT * self._tolerance  # 0 is outside
        return np.asarray(residual < 0)

    def _distances(self, classes: Indices) -> DoubleDouble:
        """C times how far each class is above one of its row, 0 for those below."""
        gap = self._z - self._z[classes, np.arange(len(classes))]
        distances = gap * self._c
        # Two powers of 1 and more sum to more than 1, however much more.
        return where(gap.high > 0, where(distances.high < 2, distances, 2.0), 0.0)
