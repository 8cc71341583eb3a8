"""The entmax family, of which softmax is one end: classes far behind get exactly 0.

For alpha > 1 and z the logits over the temperature, p_i is [(alpha - 1) z_i - tau] to the power
1 / (alpha - 1), and 0 where the bracket is negative, with the tau for which the sum is 1 (Peters,
Niculae and Martins, "Sparse sequence-to-sequence models", 2019). alpha = 2 is sparsemax (Martins
and Astudillo, "From softmax to sparsemax", 2016), and alpha -> 1 is softmax.

Near the edge of the support the bracket is a difference of nearly equal numbers. So first the
support is found, and then all brackets are counted from the smallest in it: each is a sum of
numbers that are not negative, in double-double, as are the powers and their sum.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core.doubledouble import (
    Bools,
    DoubleDouble,
    Floats,
    Scaled,
    exp,
    fold_sum,
    log,
    log1p,
    power,
    quiet,
    where,
)
from softmax_cli.core.softmax import Logits

Indices = NDArray[np.intp]
_Element = TypeVar("_Element", np.float64, np.bool_)

# By how much a sum of shares may be off in floats and in double-doubles, for an exponent of 1
_DOUBT: Final = 1e-13
_EXACT: Final = 2.0**-98
# From here on double-doubles are as fast
_ROUGH: Final = 1e-3
# Newton's method needs some 10 rounds, and a few more from a first guess among many classes.
_ROUNDS: Final = 100
# A solution is worked out for at least so many classes.
_NARROW: Final = 4


class Entmax:
    """Rows of logits, as a distribution over the classes of each row that may leave some out.

    Parameters
    ----------
    logits : array, shape (rows, classes)
        As for `Logits`.
    alpha : float
        Above 1.
    temperature : float
        Divides the logits; 0 is the limit, the winners' equal shares.

    Raises
    ------
    RowErrors
        As for `Logits`.
    """

    def __init__(self, logits: Floats, /, *, alpha: float, temperature: float = 1.0) -> None:
        self._order = np.argsort(-logits, axis=1, kind="stable")
        ordered = np.take_along_axis(logits, self._order, axis=1)
        self._logits = Logits(ordered, temperature=temperature)
        with quiet():
            self._exponents = _Exponents.of(alpha - 1)

    @cached_property
    def winners(self) -> Bools:
        """Classes that have the maximum, shape (rows, classes)."""
        return self._unordered(self._logits.winners)

    @cached_property
    def _groups(self) -> list[_Group]:
        """The rows in groups of as many classes as their supports may have."""
        z = self._logits.shifted
        classes = len(z.high)
        # The best class's bracket is 1 at the most. The number of classes depends on the row
        # alone, so that how it is summed up does not depend on the rows beside it.
        near = np.maximum((z.high > -1.01 / self._exponents.c).sum(axis=0), _NARROW)
        widths = np.minimum(2 ** np.ceil(np.log2(near)).astype(int), classes)
        groups = []
        for width in np.unique(widths).tolist():
            rows = np.flatnonzero(widths == width)
            part = z[:width, rows]
            last = _last_of_support(part, self._exponents)
            inside = np.arange(width)[:, None] <= last
            brackets = _Brackets(_distances(part, last, self._exponents), inside, self._exponents)
            groups.append(_Group(rows, brackets, *brackets.solve()))
        return groups

    @cached_property
    def _surprisals(self) -> DoubleDouble:
        """Minus the shares' logarithms in nats, of the best class first, shape (classes, rows)."""
        high = np.full(self._logits.scores.T.shape, np.inf)
        low = np.zeros(high.shape)
        with quiet():
            for group in self._groups:
                found = group.brackets.surprisals(group.unknown)
                # The logarithm of nearly 1 is that of what the others leave.
                others = fold_sum(group.shares[1:]) if len(found.high) > 1 else found[0] * 0.0
                first = where(others.high < 0.5, -log1p(-others), found[0])
                found.high[0], found.low[0] = first.high, first.low
                high[: len(found.high), group.rows] = found.high
                low[: len(found.high), group.rows] = found.low
        return DoubleDouble(high, low)

    @cached_property
    def _shares(self) -> DoubleDouble:
        high, low = (np.zeros(self._logits.scores.T.shape) for _ in range(2))
        with quiet():
            for group in self._groups:
                high[: len(group.shares.high), group.rows] = group.shares.high
                low[: len(group.shares.high), group.rows] = group.shares.low
        return DoubleDouble(high, low)

    def probabilities(self) -> Floats:
        """Shares, shape (rows, classes); exactly 0 outside the support."""
        return self._unordered(self._shares.rounded().T)

    def log_probabilities(self, *, base: str = "e") -> Floats:
        """Their logarithms, shape (rows, classes); -inf outside the support."""
        with quiet():
            return self._unordered(0.0 - Scaled(self._surprisals).in_base(base).T)  # no -0.0

    @cached_property
    def _entropy(self) -> Scaled:
        with quiet():
            shares = self._shares
            surprisals = where(shares.high > 0, self._surprisals, 0.0)
            return Scaled(fold_sum(shares * surprisals))

    def entropy(self, *, base: str = "e") -> Floats:
        """Shannon entropy, shape (rows,)."""
        with quiet():
            return self._entropy.in_base(base)

    def perplexity(self) -> Floats:
        """exp(entropy), shape (rows,)."""
        with quiet():
            return exp(self._entropy.value).rounded()

    def _unordered(self, ordered: NDArray[_Element]) -> NDArray[_Element]:
        result = np.empty_like(ordered, order="C")
        np.put_along_axis(result, self._order, ordered, axis=1)
        return result


class _Exponents(NamedTuple):
    """c = alpha - 1, which is exact, and its inverse q."""

    c: float
    q: DoubleDouble

    @classmethod
    def of(cls, c: float) -> _Exponents:
        return cls(c, 1.0 / DoubleDouble(c))

    @property
    def tolerance(self) -> float:
        """By how much a power's rounding may be larger than its base's."""
        return 1 + float(self.q.high)

    def power(self, brackets: DoubleDouble) -> DoubleDouble:
        """The brackets to the power q."""
        if self.c == 1:
            return where(brackets.high > 0, brackets, 0.0)
        if self.c == 0.5:
            return brackets * brackets
        return power(Scaled(brackets), self.q).plain()


class _Brackets(NamedTuple):
    """What is raised to the power q to make the shares.

    The unknown is the smallest bracket in the support or, for c > 1, its share: so the sum of the
    shares is a convex function of it.

    Attributes
    ----------
    above : DoubleDouble, shape (classes, rows)
        How far each bracket is above the smallest.
    inside : bool array, shape (classes, rows)
        The support.
    exponents : _Exponents
    """

    above: DoubleDouble
    inside: Bools
    exponents: _Exponents

    def solve(self) -> tuple[DoubleDouble, DoubleDouble]:
        """The unknown, shape (rows,), and the shares that sum to 1, shape (classes, rows)."""
        with quiet():
            unknown = self._in_floats()
            shares = DoubleDouble(*(np.zeros(self.above.high.shape) for _ in range(2)))
            going = np.arange(len(unknown.high))
            for _ in range(_ROUNDS):
                part = self.of(going)
                found, brackets, smallest = part.shares(unknown[going])
                shares.high[:, going], shares.low[:, going] = found.high, found.low
                excess = (fold_sum(found) - 1.0).rounded()
                far = np.abs(excess) > _EXACT * self.exponents.tolerance
                if not far.any():
                    break
                slope = part.slope(found.high, brackets.high, smallest.high)
                going = going[far]
                _step(unknown, going, excess[far], slope[far])
        return unknown, shares

    def _in_floats(self) -> DoubleDouble:
        """The unknown by Newton's method in floats.

        The first guess is too large, and from there no step on a convex function leads too far.
        """
        c, q = self.exponents.c, float(self.exponents.q.high)
        count = self.inside.sum(axis=0).astype(np.float64)
        guess = 1 / count if c > 1 else np.minimum(count**-c, 1 - self.above.high[0])
        unknown = DoubleDouble(np.maximum(guess, np.finfo(float).tiny), np.zeros_like(guess))
        tolerance = min(_DOUBT / 100 * self.exponents.tolerance, _ROUGH)
        going = np.arange(len(guess))
        for _ in range(_ROUNDS):
            part, here = self.of(going), unknown.high[going]
            smallest = here**c if c > 1 else here
            brackets = smallest + part.above.high
            shares = brackets**q
            if c > 1:
                shares = np.where(part.above.high > 0, shares, here)
            shares = np.where(part.inside, shares, 0.0)
            excess = fold_sum(shares).high - 1
            _step(unknown, going, excess, part.slope(shares, brackets, smallest))
            going = going[np.abs(excess) > tolerance]
            if not len(going):
                break
        return unknown

    def of(self, rows: Indices) -> _Brackets:
        """Those of some rows."""
        return _Brackets(self.above[:, rows], self.inside[:, rows], self.exponents)

    def shares(self, unknown: DoubleDouble) -> tuple[DoubleDouble, DoubleDouble, DoubleDouble]:
        """Shares, brackets, and the smallest bracket."""
        c = self.exponents.c
        smallest = power(Scaled(unknown), c).plain() if c > 1 else unknown
        brackets = self.above + smallest
        shares = self.exponents.power(brackets)
        if c > 1:  # the smallest one's power may have been too small for a float
            shares = where(self.above.high == 0, unknown, shares)
        return where(self.inside, shares, 0.0), brackets, smallest

    def slope(self, shares: Floats, brackets: Floats, smallest: Floats) -> Floats:
        """The derivative of the shares' sum by the unknown."""
        c, q = self.exponents.c, float(self.exponents.q.high)
        if c > 1:
            ratios = np.where(self.above.high > 0, smallest / brackets, 1.0)
            return fold_sum(np.where(self.inside, ratios ** (1 - q), 0.0)).high
        return q * fold_sum(np.where(self.inside, shares / brackets, 0.0)).high

    def surprisals(self, unknown: DoubleDouble) -> DoubleDouble:
        """Minus the shares' logarithms in nats, shape (classes, rows); inf outside the support."""
        _, brackets, _ = self.shares(unknown)
        logarithms = log(where(brackets.high > 0, brackets, 1.0)) * self.exponents.q
        if self.exponents.c > 1:
            logarithms = where(self.above.high == 0, log(unknown), logarithms)
        return where(self.inside, -logarithms, np.inf)


class _Group(NamedTuple):
    """Some rows, and what has been found of their best classes."""

    rows: Indices
    brackets: _Brackets
    unknown: DoubleDouble
    shares: DoubleDouble


def _step(unknown: DoubleDouble, rows: Indices, excess: Floats, slope: Floats) -> None:
    """Move some rows' unknowns, in place, and never to 0 or beyond."""
    old = unknown[rows]
    moved = old - excess / slope
    new = where(moved.high > 0, moved, old * 0.5)
    unknown.high[rows], unknown.low[rows] = new.high, new.low


def _distances(z: DoubleDouble, at: Indices, exponents: _Exponents) -> DoubleDouble:
    """(alpha - 1) times how far each class is above one of its row, 0 for those below."""
    lowest = z[at, np.arange(len(at))]
    gap = z - lowest
    distances = gap * exponents.c
    # Two exponentials of 1 and more are too many, however much more.
    near = where(distances.high < 2, distances, 2.0)
    return where(gap.high > 0, near, 0.0)


def _last_of_support(z: DoubleDouble, exponents: _Exponents) -> Indices:
    """The index of the smallest class with a share, shape (rows,).

    A class has one if those above it, counted from it, have less than all.
    """
    classes, rows = z.high.shape
    low = np.zeros(rows, dtype=np.intp)
    high = np.full(rows, classes - 1, dtype=np.intp)
    with quiet():
        for _ in range(classes.bit_length()):
            middle = (low + high + 1) // 2
            has_share = _excess_above(z, middle, exponents) < 0
            low = np.where(has_share, middle, low)
            high = np.where(has_share, high, np.maximum(middle - 1, low))
    return low


def _excess_above(z: DoubleDouble, at: Indices, exponents: _Exponents) -> Floats:
    """The sum of the powers of the distances from a class, less 1; exactly 0 where it may be."""
    above = _distances(z, at, exponents)
    excess = fold_sum(above.high ** float(exponents.q.high)).high - 1
    doubtful = np.abs(excess) <= _DOUBT * exponents.tolerance
    if doubtful.any():
        exact = (fold_sum(exponents.power(above[:, doubtful])) - 1.0).rounded()
        is_one = np.abs(exact) <= _EXACT * exponents.tolerance
        excess[doubtful] = np.where(is_one, 0.0, exact)
    return excess
