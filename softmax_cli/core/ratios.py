"""How two distributions lie to one another, class by class, with more digits than one float."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from softmax_cli.core.arithmetic import (
    Floats,
    divide,
    finite_or_zero,
    fold_sum,
    fold_sum_parts,
    quiet,
    two_product,
    two_sum,
)
from softmax_cli.core.logarithm import log_parts
from softmax_cli.core.logits import Logits
from softmax_cli.core.probabilities import Distribution, Masses, Probabilities

# 2 / n for n = 3, 5, ...: the series of 2 atanh(s) after its first term, for |s| < 0.47.
_ATANH: Final = tuple(2 / n for n in range(3, 51, 2))
_NEAR: Final = 0.47


class Parts(NamedTuple):
    """Rounded numbers and what they miss."""

    high: Floats
    low: Floats


def log_ratios(p: Distribution, q: Distribution, /) -> Parts:
    """log(p / q) in nats, shape (rows, classes), up to an error that a row's classes share.

    That error does no harm in a divergence. The first of the parts is 0 where both p and q are
    0, inf where only q is, -inf where only p is.
    """
    with quiet():
        if isinstance(p, Probabilities) and isinstance(q, Probabilities):
            high, low = _probability_ratios(p, q)
        else:
            high, low = _relative_ratios(_relative(p), _relative(q))
    # nan: both 0
    return Parts(np.where(np.isnan(high), 0.0, high).T, finite_or_zero(low).T)


def relative_differences(p: Distribution, q: Distribution, ratios: Parts, /) -> Parts:
    """Differences (p - q) / (p + q), shape (rows, classes), wrong where near 1 or -1."""
    if isinstance(p, Probabilities) and isinstance(q, Probabilities):
        with quiet():
            s, missed = _differences(p, q, *_at_one_sum(p, q))
        return Parts(s.T, missed.T)
    # tanh of half the logarithm of the ratio, and what atanh says that misses
    half = ratios.high / 2
    s = np.tanh(half)
    squares = np.where(np.abs(s) < _NEAR, s * s, 0.0)
    inverse = s * squares * polynomial(squares, _ATANH) / 2  # atanh(s) - s
    with quiet():
        inverse = np.where(np.abs(s) < _NEAR, inverse, np.arctanh(s) - s)
        missed = ((half - s) - inverse + ratios.low / 2) * (1 - s * s)
    return Parts(s, finite_or_zero(missed))


class _Relative(NamedTuple):
    """A distribution relative to its likeliest class: classes along the first axis."""

    gap: Floats
    residue: Floats
    exponentials: Floats
    total: Floats


def _relative(distribution: Distribution) -> _Relative:
    if isinstance(distribution, Logits):
        own = distribution
        return _Relative(own.gap, own.residue, own.exponentials, 1 + own.rest)
    values = distribution.values
    likeliest = values.max(axis=0)
    possible = values > 0
    high, low = log_parts(np.where(possible, values, 1.0))
    top, top_low = log_parts(likeliest)
    gap, error = two_sum(high, np.broadcast_to(-top, high.shape))
    residue = np.where(possible, error + (low - top_low), 0.0)
    gap = np.where(possible, gap, -np.inf)
    return _Relative(gap, residue, values / likeliest, distribution.sums / likeliest)


def _relative_ratios(p: _Relative, q: _Relative) -> tuple[Floats, Floats]:
    gap, gap_error = two_sum(p.gap, -q.gap)
    residue, residue_error = two_sum(p.residue, -q.residue)
    high, low = two_sum(gap, residue)
    low = low + gap_error + residue_error
    difference = high + low
    change = np.where(
        np.abs(difference) < 1,
        q.exponentials * np.expm1(difference),
        p.exponentials - q.exponentials,
    )
    # log of the ratio of the two totals, which all classes share
    shared = np.log1p(fold_sum(change) / q.total)
    high, error = two_sum(high, np.broadcast_to(-shared, high.shape))
    return high, error + low


def _at_one_sum(p: Probabilities, q: Probabilities) -> tuple[Parts, Parts]:
    """The values of P and of Q, each multiplied by the other's sum, so that their sums agree."""
    (p_sum, p_sum_error), (q_sum, q_sum_error) = p.sum_parts, q.sum_parts
    ours, ours_error = two_product(p.values, q_sum)
    theirs, theirs_error = two_product(q.values, p_sum)
    return (
        Parts(ours, ours_error + p.values * q_sum_error),
        Parts(theirs, theirs_error + q.values * p_sum_error),
    )


def _differences(p: Probabilities, q: Probabilities, ours: Parts, theirs: Parts) -> Parts:
    """(p - q) / (p + q), shape (classes, rows)."""
    total, total_low = two_sum(ours.high, theirs.high)
    total_low = total_low + ours.low + theirs.low
    (q_sum, q_sum_error) = q.sum_parts
    # p * q_sum - q * p_sum, from the values' differences: each is exact, and so small that
    # what their products miss does not matter.
    change, change_low = two_sum(p.values, -q.values)
    if isinstance(p, Masses):  # there is no sum to be divided by
        return Parts(*two_sum(*divide(change, change_low, total, total_low)))
    shift, shift_low = fold_sum_parts(change)
    shift_low = shift_low + fold_sum(change_low)
    own, own_error = two_product(change, q_sum)
    common, common_error = two_product(q.values, shift)
    own_error = own_error + change * q_sum_error + change_low * q_sum
    common_error = common_error + q.values * shift_low
    difference, low = two_sum(own, -common)
    quotient = divide(difference, low + (own_error - common_error), total, total_low)
    return Parts(*two_sum(*quotient))


def _probability_ratios(p: Probabilities, q: Probabilities) -> tuple[Floats, Floats]:
    ours, theirs = _at_one_sum(p, q)
    # log(p / q) = 2 atanh(s)
    s, missed = _differences(p, q, ours, theirs)
    near = np.abs(s) < _NEAR
    tail = polynomial(np.where(near, s * s, 0.0), _ATANH) * s * s * s
    high, error = two_sum(2 * s, 2 * missed + tail)
    quotient, left = divide(*ours, *theirs)
    usual = (quotient > 1e-290) & (quotient < np.inf)
    extreme = np.log(p.values) - np.log(q.values) - np.log(p.sums / q.sums)
    far = np.where(usual, np.log(quotient), extreme)
    far_error = np.where(usual, left / quotient, 0.0)
    return np.where(near, high, far), np.where(near, error, far_error)


def polynomial(x: Floats, coefficients: Sequence[float]) -> Floats:
    """Sum of coefficient * x**n by Horner's rule."""
    result = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        result *= x
        result += coefficient
    return result
