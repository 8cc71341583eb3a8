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
from typing import Final, NamedTuple

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
        self._order = np.argsort(-logits, axis=1, kind="stable")
        ordered = np.take_along_axis(logits, self._order, axis=1)
        self._logits = Logits(ordered, temperature=temperature)
        self._exponents = _Exponents(alpha - 1, 1.0 / DoubleDouble(alpha - 1))

    @cached_property
    def winners(self) -> Bools:
        """Classes that have the maximum, shape (rows, classes)."""
        places = np.argsort(self._order, axis=1)
        return np.asarray(np.take_along_axis(self._logits.winners, places, axis=1))

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
        near = np.maximum((z.high > -1.01 / self._exponents.c).sum(axis=0), _NARROW)
        widths = np.minimum(2 ** np.ceil(np.log2(near)).astype(int), len(z.high))
        groups = []
        for width in np.unique(widths).tolist():
            rows = np.flatnonzero(widths == width)
            groups.append(_Group(rows, z[:width, rows], self._exponents))
        return groups


class _Exponents(NamedTuple):
    """c = alpha - 1, which is exact, and its inverse q."""

    c: float
    q: DoubleDouble

    @property
    def tolerance(self) -> float:
        """By how much a power's relative error may be larger than its base's."""
        return 1 + float(self.q.high)

    def power(self, brackets: DoubleDouble) -> DoubleDouble:
        """The brackets to the power q."""
        if self.c == 1:
            return where(brackets.high > 0, brackets, 0.0)
        if self.c == 0.5:
            return brackets * brackets
        return power(brackets, self.q).plain()


class _Group:
    """Some rows whose supports may have as many classes, and the probabilities of these.

    `probability` has the shape (classes, rows). The unknown, shape (rows,), for which they sum to 1
    is the smallest bracket in the support or, for c > 1, its probability: so the sum is a convex
    function of it. The other brackets are `above` that.
    """

    def __init__(self, rows: Indices, z: DoubleDouble, exponents: _Exponents) -> None:
        last = _last_of_support(z, exponents)
        self.rows = rows
        self._exponents = exponents
        self._inside = np.arange(len(z.high))[:, None] <= last
        self._above = _distances(z, last, exponents.c)
        self._unknown = self._first_guess()
        self._brackets, self.probability = (
            DoubleDouble(np.zeros(z.high.shape), np.zeros(z.high.shape)) for _ in range(2)
        )
        rough = min(_FLOAT_ERROR / 100 * exponents.tolerance, _ROUGH)
        self._solve(rough, exact=False)
        self._solve(_EXACT * exponents.tolerance, exact=True)

    def _first_guess(self) -> DoubleDouble:
        """A number too large, from where no step on a convex function leads too far."""
        c = self._exponents.c
        count = self._inside.sum(axis=0).astype(np.float64)
        guess = 1 / count if c > 1 else np.minimum(count**-c, 1 - self._above.high[0])
        return DoubleDouble(np.maximum(guess, np.finfo(float).tiny), np.zeros_like(guess))

    def _solve(self, tolerance: float, *, exact: bool) -> None:
        """Improve the unknown by Newton's method, in floats or in double-doubles."""
        c, q = self._exponents.c, float(self._exponents.q.high)
        active = np.arange(len(self.rows))
        for _ in range(_ROUNDS):
            above, inside = self._above[:, active], self._inside[:, active]
            unknown = self._unknown[active]
            if exact:
                smallest = power(unknown, c).plain() if c > 1 else unknown
                brackets = above + smallest
                powers = self._exponents.power(brackets)
            else:
                smallest = DoubleDouble(unknown.high**c) if c > 1 else unknown
                brackets = DoubleDouble(above.high + smallest.high)
                powers = DoubleDouble(brackets.high**q)
            if c > 1:  # the smallest bracket may underflow
                powers = where(above.high == 0, unknown, powers)
                ratios = np.where(above.high > 0, smallest.high / brackets.high, 1.0)
                slopes = ratios ** (1 - q)
            else:
                slopes = q * powers.high / brackets.high
            probability = where(inside, powers, 0.0)
            if exact:
                self._brackets[:, active], self.probability[:, active] = brackets, probability
            residual = (fold_sum(probability) - 1.0).rounded()
            slope = fold_sum(np.where(inside, slopes, 0.0)).high
            moved = unknown - residual / slope
            self._unknown[active] = where(moved.high > 0, moved, unknown * 0.5)
            active = active[np.abs(residual) > tolerance]
            if not len(active):
                break

    def surprisal(self) -> DoubleDouble:
        """-log p in nats, shape (classes, rows); inf outside the support."""
        logarithms = log(where(self._brackets.high > 0, self._brackets, 1.0)) * self._exponents.q
        if self._exponents.c > 1:
            logarithms = where(self._above.high == 0, log(self._unknown), logarithms)
        result = where(self._inside, -logarithms, np.inf)
        # Where the best class has more than half, its surprisal is that of the others' sum.
        others = fold_sum(self.probability[1:]) if len(result.high) > 1 else result[0] * 0.0
        result[0] = where(others.high < 0.5, -log1p(-others), result[0])
        return result


def _distances(z: DoubleDouble, at: Indices, c: float) -> DoubleDouble:
    """C times how far each class is above one of its row, 0 for those below."""
    gap = z - z[at, np.arange(len(at))]
    distances = gap * c
    # Two powers of 1 and more sum to more than 1, however much more.
    near = where(distances.high < 2, distances, 2.0)
    return where(gap.high > 0, near, 0.0)


def _last_of_support(z: DoubleDouble, exponents: _Exponents) -> Indices:
    """The index of the smallest class in the support, shape (rows,).

    A class is in it if the powers of the distances from it sum to less than 1.
    """
    classes, rows = z.high.shape
    low = np.zeros(rows, dtype=np.intp)
    high = np.full(rows, classes - 1, dtype=np.intp)
    for _ in range(classes.bit_length()):
        middle = (low + high + 1) // 2
        is_inside = _residual_at(z, middle, exponents) < 0
        low = np.where(is_inside, middle, low)
        high = np.where(is_inside, high, np.maximum(middle - 1, low))
    return low


def _residual_at(z: DoubleDouble, at: Indices, exponents: _Exponents) -> Floats:
    """The sum of the powers of the distances from a class, less 1; exactly 0 where it may be."""
    above = _distances(z, at, exponents.c)
    residual = fold_sum(above.high ** float(exponents.q.high)).high - 1
    doubtful = np.abs(residual) <= _FLOAT_ERROR * exponents.tolerance
    if doubtful.any():
        exact = (fold_sum(exponents.power(above[:, doubtful])) - 1.0).rounded()
        is_one = np.abs(exact) <= _EXACT * exponents.tolerance
        residual[doubtful] = np.where(is_one, 0.0, exact)
    return residual
