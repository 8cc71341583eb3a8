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

from softmax_cli.core.distribution import Distribution
from softmax_cli.core.doubledouble import (
    Bools,
    DoubleDouble,
    Floats,
    Indices,
    Scaled,
    fold_sum,
    quiet,
    where,
)
from softmax_cli.core.elementary import log, log1p, power
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
        with quiet():
            self._exponents = _Exponents(alpha - 1, 1.0 / DoubleDouble(alpha - 1))

    @cached_property
    def winners(self) -> Bools:
        """Classes that have the maximum, shape (rows, classes)."""
        places = np.argsort(self._order, axis=1)
        return np.asarray(np.take_along_axis(self._logits.winners, places, axis=1))

    @cached_property
    def masked(self) -> Bools:  # type: ignore[override]
        return np.equal(self.mass.value.high.T, 0)

    @cached_property
    def mass(self) -> Scaled:
        return self._assembled([solution.probability for solution in self._solutions], 0.0)

    @property
    def total(self) -> Scaled:
        return Scaled(DoubleDouble(np.ones(len(self._order))))

    @cached_property
    def surprisal(self) -> Scaled:
        with quiet():
            return self._assembled([solution.surprisal() for solution in self._solutions], np.inf)

    def _assembled(self, parts: list[DoubleDouble], outside: float) -> Scaled:
        """The solutions' numbers in the order of the classes, shape (classes, rows)."""
        high = np.full(self._order.T.shape, outside)
        low = np.zeros(high.shape)
        for solution, part in zip(self._solutions, parts, strict=True):
            classes = self._order.T[: len(part.high), solution.rows]
            high[classes, solution.rows], low[classes, solution.rows] = part.high, part.low
        return Scaled(DoubleDouble(high, low))

    @cached_property
    def _solutions(self) -> list[_Solution]:
        """Solutions for groups of rows whose supports may have as many classes."""
        z = self._logits.shifted
        classes = len(z.high)
        # The best class's bracket is 1 at the most. The number of classes depends on the row
        # alone, so that the order of its sums does not depend on the rows beside it.
        near = np.maximum((z.high > -1.01 / self._exponents.c).sum(axis=0), _NARROW)
        widths = np.minimum(2 ** np.ceil(np.log2(near)).astype(int), classes)
        solutions = []
        with quiet():
            for width in np.unique(widths).tolist():
                rows = np.flatnonzero(widths == width)
                part = z[:width, rows]
                last = _last_of_support(part, self._exponents)
                inside = np.arange(width)[:, None] <= last
                above = _distances(part, last, self._exponents.c)
                solutions.append(_solve(rows, _Brackets(above, inside, self._exponents)))
        return solutions


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
        return power(Scaled(brackets), self.q).plain()


class _Brackets(NamedTuple):
    """How far each bracket is above the smallest in the support, shape (classes, rows).

    The unknown, shape (rows,), is the smallest bracket or, for c > 1, its probability: so the sum
    of the probabilities is a convex function of it.
    """

    above: DoubleDouble
    inside: Bools
    exponents: _Exponents

    def of(self, rows: Indices) -> _Brackets:
        return _Brackets(self.above[:, rows], self.inside[:, rows], self.exponents)

    def smallest(self, unknown: DoubleDouble) -> DoubleDouble:
        c = self.exponents.c
        return power(Scaled(unknown), c).plain() if c > 1 else unknown

    def probability(self, unknown: DoubleDouble, brackets: DoubleDouble) -> DoubleDouble:
        powers = self.exponents.power(brackets)
        if self.exponents.c > 1:  # the smallest bracket may underflow
            powers = where(self.above.high == 0, unknown, powers)
        return where(self.inside, powers, 0.0)

    def slope(self, probability: Floats, brackets: Floats, smallest: Floats) -> Floats:
        """The derivative of the sum of the probabilities by the unknown."""
        c, q = self.exponents.c, float(self.exponents.q.high)
        if c > 1:
            ratios = np.where(self.above.high > 0, smallest / brackets, 1.0)
            return fold_sum(np.where(self.inside, ratios ** (1 - q), 0.0)).high
        return q * fold_sum(np.where(self.inside, probability / brackets, 0.0)).high


class _Solution(NamedTuple):
    """Some rows, and the probabilities of their best classes, shape (classes, rows)."""

    rows: Indices
    brackets: _Brackets
    unknown: DoubleDouble
    probability: DoubleDouble

    def surprisal(self) -> DoubleDouble:
        """-log p in nats, shape (classes, rows); inf outside the support."""
        given = self.brackets
        brackets = given.above + given.smallest(self.unknown)
        logarithms = log(where(brackets.high > 0, brackets, 1.0)) * given.exponents.q
        if given.exponents.c > 1:
            logarithms = where(given.above.high == 0, log(self.unknown), logarithms)
        result = where(given.inside, -logarithms, np.inf)
        # Where the best class has more than half, its surprisal is that of the others' sum.
        others = fold_sum(self.probability[1:]) if len(result.high) > 1 else result[0] * 0.0
        first = where(others.high < 0.5, -log1p(-others), result[0])
        result.high[0], result.low[0] = first.high, first.low
        return result


def _solve(rows: Indices, brackets: _Brackets) -> _Solution:
    """The unknown for which the probabilities sum to 1, by Newton's method."""
    unknown = _solve_in_floats(brackets)
    probability = DoubleDouble(*(np.zeros(brackets.above.high.shape) for _ in range(2)))
    active = np.arange(len(unknown.high))
    for _ in range(_ROUNDS):
        part, here = brackets.of(active), unknown[active]
        smallest = part.smallest(here)
        bases = part.above + smallest
        found = part.probability(here, bases)
        probability.high[:, active], probability.low[:, active] = found.high, found.low
        residual = (fold_sum(found) - 1.0).rounded()
        far = np.abs(residual) > _EXACT * brackets.exponents.tolerance
        if not far.any():
            break
        slope = part.slope(found.high, bases.high, smallest.high)
        active = active[far]
        _step(unknown, active, residual[far], slope[far])
    return _Solution(rows, brackets, unknown, probability)


def _solve_in_floats(brackets: _Brackets) -> DoubleDouble:
    """The unknown in floats.

    The first guess is too large, and from there no step on a convex function leads too far.
    """
    c, q = brackets.exponents.c, float(brackets.exponents.q.high)
    count = brackets.inside.sum(axis=0).astype(np.float64)
    guess = 1 / count if c > 1 else np.minimum(count**-c, 1 - brackets.above.high[0])
    unknown = DoubleDouble(np.maximum(guess, np.finfo(float).tiny), np.zeros_like(guess))
    tolerance = min(_FLOAT_ERROR / 100 * brackets.exponents.tolerance, _ROUGH)
    active = np.arange(len(guess))
    for _ in range(_ROUNDS):
        part, here = brackets.of(active), unknown.high[active]
        smallest = here**c if c > 1 else here
        bases = smallest + part.above.high
        powers = bases**q
        if c > 1:
            powers = np.where(part.above.high > 0, powers, here)
        probability = np.where(part.inside, powers, 0.0)
        residual = fold_sum(probability).high - 1
        _step(unknown, active, residual, part.slope(probability, bases, smallest))
        active = active[np.abs(residual) > tolerance]
        if not len(active):
            break
    return unknown


def _step(unknown: DoubleDouble, rows: Indices, residual: Floats, slope: Floats) -> None:
    """Make a step of Newton's method in place; the unknown remains positive."""
    old = unknown[rows]
    moved = old - residual / slope
    new = where(moved.high > 0, moved, old * 0.5)
    unknown.high[rows], unknown.low[rows] = new.high, new.low


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
