"""The entmax family, of which softmax is one end: classes far behind get exactly 0.

For alpha > 1 and z the logits over the temperature, p_i is [(alpha - 1) z_i - tau] to the power
1 / (alpha - 1), and 0 where the bracket is negative, with the tau for which the sum is 1 (Peters,
Niculae and Martins, "Sparse sequence-to-sequence models", 2019). alpha = 2 is sparsemax (Martins
and Astudillo, "From softmax to sparsemax", 2016), and alpha -> 1 is softmax.

Near the edge of the support the bracket is a difference of nearly equal numbers. So first the
support is found, and then all brackets are counted from the smallest in it: each is a sum of
numbers that are not negative, in two floats, as are the powers and their sum.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core.arithmetic import (
    Floats,
    Parts,
    divide,
    fold_sum,
    multiply_parts,
    quiet,
    two_sum,
)
from softmax_cli.core.brackets import DOUBT, EXACT, Brackets, Exponents, excess_of
from softmax_cli.core.logits import Logits
from softmax_cli.core.powers import power

# What others leave of 1 is told from their sum below this.
_FEW: Final = 0.1
# Fewer classes than this are not worth a group of their own.
_NARROW: Final = 4
_Element = TypeVar("_Element", np.float64, np.bool_)


class _Solved(NamedTuple):
    """Some rows, and what has been found of their best classes."""

    rows: NDArray[np.intp]
    brackets: Brackets
    unknown: Parts
    shares: Parts


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
    RowError
        As for `Logits`.
    """

    def __init__(self, logits: Floats, /, *, alpha: float, temperature: float = 1.0) -> None:
        self._order = np.argsort(-logits, axis=1, kind="stable")
        ordered = np.take_along_axis(logits, self._order, axis=1)
        self._logits = Logits(ordered, temperature=temperature)
        self._exponents = Exponents(alpha - 1, divide(np.ones(()), 0.0, alpha - 1))

    @cached_property
    def winners(self) -> NDArray[np.bool_]:
        """Classes that have the maximum, shape (rows, classes)."""
        return self._in_place(self._logits.winners)

    @cached_property
    def _solved(self) -> list[_Solved]:
        """The rows in groups of as many classes as their supports may have."""
        gaps = self._logits.gap, self._logits.residue
        classes = len(gaps[0])
        # The best class's bracket is 1 at the most. The number of classes hangs on the row alone,
        # so that how it is summed up does not hang on the rows beside it.
        near = np.maximum((gaps[0] > -1.01 / self._exponents.c).sum(axis=0), _NARROW)
        widths = np.minimum(2 ** np.ceil(np.log2(near)).astype(int), classes)
        groups = []
        for width in np.unique(widths).tolist():
            rows = np.flatnonzero(widths == width)
            part = gaps[0][:width, rows], gaps[1][:width, rows]
            last = _last_of_support(part, self._exponents)
            inside = np.arange(width)[:, None] <= last
            brackets = Brackets(_distances(part, last, self._exponents), inside, self._exponents)
            groups.append(_Solved(rows, brackets, *brackets.solve()))
        return groups

    @cached_property
    def _shares(self) -> Floats:
        """Of the best class first, shape (classes, rows)."""
        shares = np.zeros(self._logits.gap.shape)
        for group in self._solved:
            shares[: len(group.shares[0]), group.rows] = _rounded(group.shares)
        return shares

    @cached_property
    def _logarithms(self) -> Floats:
        """Those of the shares."""
        logarithms = np.full(self._logits.gap.shape, -np.inf)
        for group in self._solved:
            found = group.brackets.logarithms(group.unknown)
            logarithms[: len(found[0]), group.rows] = _rounded(found)
        # The logarithm of nearly 1 is that of what the others leave.
        others = fold_sum(self._shares[1:])
        few = others < _FEW
        logarithms[0, few] = np.log1p(-others[few]) + 0.0  # 0, not -0
        return logarithms

    def probabilities(self) -> Floats:
        """Shares, shape (rows, classes); exactly 0 outside the support."""
        return self._in_place(self._shares.T)

    def log_probabilities(self) -> Floats:
        """Their logarithms in nats, shape (rows, classes); -inf outside the support."""
        return self._in_place(self._logarithms.T)

    def entropy(self) -> Floats:
        """Shannon entropy in nats, shape (rows,)."""
        has_share = self._shares > 0
        surprisals = np.where(has_share, -self._logarithms, 0.0)
        return fold_sum(self._shares * surprisals)

    def perplexity(self) -> Floats:
        """exp(entropy), shape (rows,)."""
        return np.exp(self.entropy())

    def _in_place(self, ordered: NDArray[_Element]) -> NDArray[_Element]:
        result = np.empty_like(ordered, order="C")
        np.put_along_axis(result, self._order, ordered, axis=1)
        return result


def _rounded(parts: Parts) -> Floats:
    with quiet():
        return parts[0] + parts[1]


def _distances(gaps: Parts, at: NDArray[np.intp], exponents: Exponents) -> Parts:
    """(alpha - 1) times how far each class is above one of its row, 0 for those below."""
    lowest = tuple(np.take_along_axis(part, at[None], axis=0) for part in gaps)
    with quiet():
        high, low = two_sum(gaps[0], -lowest[0])
        low = low + (gaps[1] - lowest[1])
        high, low = multiply_parts((high, low), exponents.c_parts)
        high, low = two_sum(high, low)
    is_above = gaps[0] > lowest[0]
    is_above |= (gaps[0] == lowest[0]) & (gaps[1] > lowest[1])
    # Two exponentials of 1 and more are too many, however much more.
    far = is_above & ~(high < 2)
    high = np.where(far, 2.0, np.where(is_above, high, 0.0))
    return high, np.where(is_above & ~far, low, 0.0)


def _last_of_support(gaps: Parts, exponents: Exponents) -> NDArray[np.intp]:
    """The index of the smallest class with a share, shape (rows,).

    A class has one if those above it, counted from it, have less than all.
    """
    classes, rows = gaps[0].shape
    low = np.zeros(rows, dtype=np.intp)
    high = np.full(rows, classes - 1, dtype=np.intp)
    for _ in range(classes.bit_length()):
        middle = (low + high + 1) // 2
        has_share = _sum_above(gaps, middle, exponents) < 1
        low = np.where(has_share, middle, low)
        high = np.where(has_share, high, np.maximum(middle - 1, low))
    return low


def _sum_above(gaps: Parts, at: NDArray[np.intp], exponents: Exponents) -> Floats:
    """The sum of the powers of the distances from a class; exactly 1 where it may be that."""
    above = _distances(gaps, at, exponents)
    with quiet():
        total = fold_sum(above[0] ** float(exponents.q[0]))
    doubtful = np.abs(total - 1) <= DOUBT * exponents.tolerance
    if doubtful.any():
        some = above[0][:, doubtful], above[1][:, doubtful]
        excess = excess_of(power(some, exponents.q))
        is_one = np.abs(excess) <= EXACT * exponents.tolerance
        total[doubtful] = np.where(is_one, 1.0, 1 + np.sign(excess))
    return total
