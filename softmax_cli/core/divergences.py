"""Kullback-Leibler divergence and its relatives, never negative and exact at 0.

With delta = log(p / q), the sum of p * (delta + expm1(-delta)) is KL(P || Q), since P and Q
both sum to 1. None of its terms is negative, and an error that all delta share cancels to
first order, so that P and Q may lie as near to one another as float64 can tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
from softmax_cli.core.logits import Logits
from softmax_cli.core.probabilities import Distribution, Probabilities

# Where log(p / q) is below this, a class's term is reckoned as a multiple of q.
_MOSTLY_Q: Final = -2.0
_LARGEST: Final = np.finfo(np.float64).max
# 1 / n! for n = 2, 3, ...: enough for |delta| <= 1.
_EXCESS: Final = tuple(1 / math.factorial(n) for n in range(2, 20))
# 2 / n for n = 3, 5, ...: the series of 2 atanh(s) after its first term, for |s| < 0.47.
_ATANH: Final = tuple(2 / n for n in range(3, 51, 2))
_NEAR: Final = 0.47
# 1 / (n (2n - 1)) / 2 for n = 1, 2, ...: Jensen-Shannon in s = (p - q) / (p + q), |s| < 0.75.
_MIDPOINT: Final = tuple(0.5 / (n * (2 * n - 1)) for n in range(1, 57))
_MIDDLE: Final = 0.75


class _Ratios(NamedTuple):
    """log(p / q) in nats as a rounded number and what it misses, each (rows, classes).

    An error that a row's classes share does no harm. The first is 0 where both p and q are 0,
    inf where only q is, -inf where only p is.
    """

    high: Floats
    low: Floats


def log_ratios(p: Distribution, q: Distribution, /) -> Floats:
    """log(p / q) in nats, shape (rows, classes), up to an error that a row shares.

    0 where both are 0, inf where only q is, -inf where only p is. Relative digits survive where
    P and Q nearly agree and are of the same kind.
    """
    return _ratios(p, q).high


def _ratios(p: Distribution, q: Distribution) -> _Ratios:
    with quiet():
        if isinstance(p, Logits) and isinstance(q, Logits):
            high, low = _logit_ratios(p, q)
        elif isinstance(p, Probabilities) and isinstance(q, Probabilities):
            high, low = _probability_ratios(p, q)
        else:
            high = q.surprisals() - p.surprisals()
            low = np.zeros_like(high)
    # nan: both infinitely surprising, and so both 0
    return _Ratios(np.where(np.isnan(high), 0.0, high), finite_or_zero(low))


def _logit_ratios(p: Logits, q: Logits) -> tuple[Floats, Floats]:
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
    # log of the ratio of the two sums of exponentials, which all classes share
    shared = np.log1p(fold_sum(change) / (1 + q.rest))
    high, error = two_sum(high, np.broadcast_to(-shared, high.shape))
    return high.T, (error + low).T


def _probability_ratios(p: Probabilities, q: Probabilities) -> tuple[Floats, Floats]:
    (p_sum, p_sum_error), (q_sum, q_sum_error) = p.sum_parts, q.sum_parts
    ours, ours_error = two_product(p.values, q_sum)
    theirs, theirs_error = two_product(q.values, p_sum)
    total, total_low = two_sum(ours, theirs)
    total_low = total_low + ours_error + theirs_error
    total_low = total_low + p.values * q_sum_error + q.values * p_sum_error
    # p * q_sum - q * p_sum, from the values' differences: each is exact, and so small that
    # what their products miss does not matter.
    change, change_low = two_sum(p.values, -q.values)
    shift, shift_low = fold_sum_parts(change)
    shift_low = shift_low + fold_sum(change_low)
    own, own_error = two_product(change, q_sum)
    common, common_error = two_product(q.values, shift)
    own_error = own_error + change * q_sum_error + change_low * q_sum
    common_error = common_error + q.values * shift_low
    difference, low = two_sum(own, -common)
    low = low + (own_error - common_error)
    # s = (p - q) / (p + q) and log(p / q) = 2 atanh(s)
    s, missed = divide(difference, low, total, total_low)
    near = np.abs(s) < _NEAR
    tail = _polynomial(np.where(near, s * s, 0.0), _ATANH) * s * s * s
    high, error = two_sum(2 * s, 2 * missed + tail)
    quotient, left = divide(ours, ours_error, theirs, theirs_error)
    usual = (quotient > 1e-290) & (quotient < np.inf)
    extreme = np.log(p.values) - np.log(q.values) - np.log(p.sums / q.sums)
    far = np.where(usual, np.log(quotient), extreme)
    far_error = np.where(usual, left / quotient, 0.0)
    return np.where(near, high, far).T, np.where(near, error, far_error).T


def kl_divergence(p: Distribution, q: Distribution, /) -> Floats:
    """KL(P || Q) in nats, shape (rows,); inf where q is 0 and p is not."""
    total = _relative_entropy(p, q.expectation, _ratios(p, q))
    return np.where(impossible(p, q).any(axis=1), np.inf, total)


def impossible(p: Distribution, q: Distribution, /) -> NDArray[np.bool_]:
    """Classes that P has and Q rules out, shape (rows, classes): they make KL(P || Q) inf."""
    return q.masked & ~p.masked


def jeffreys(p: Distribution, q: Distribution, /) -> Floats:
    """KL(P || Q) + KL(Q || P) in nats, shape (rows,)."""
    with np.errstate(over="ignore"):
        return kl_divergence(p, q) + kl_divergence(q, p)


def jensen_shannon(p: Distribution, q: Distribution, /) -> Floats:
    """Mean KL of P and of Q from their midpoint in nats, shape (rows,); at most log 2."""

    def midpoint_expectation(weights: Floats) -> Floats:
        return (p.expectation(weights) + q.expectation(weights)) / 2

    ratios = _ratios(p, q)
    # s = (p - q) / (p + q), by which a class's part is a series without cancellation
    half = ratios.high / 2
    s = np.tanh(half)
    near = np.abs(s) < _MIDDLE
    squares = np.where(near, s * s, 0.0)
    small = np.abs(s) < _NEAR
    powers = np.where(small, squares, 0.0)
    inverse = s * powers * _polynomial(powers, _ATANH) / 2  # atanh(s) - s
    inverse = np.where(small, inverse, np.arctanh(np.where(near, s, 0.0)) - s)
    missed = np.where(near, (half - s) - inverse + ratios.low / 2, 0.0) * (1 - squares)
    squares = squares + 2 * s * missed
    total = midpoint_expectation(squares * _polynomial(squares, _MIDPOINT))
    if near.all():
        return total
    far = np.where(near, 0.0, ratios.high)
    none = np.zeros_like(far)
    with np.errstate(over="ignore", divide="ignore"):
        p_ratios = _Ratios(-np.log1p(np.expm1(-far) / 2), none)
        q_ratios = _Ratios(-np.log1p(np.expm1(far) / 2), none)
    p_part = _relative_entropy(p, midpoint_expectation, p_ratios)
    return total + (p_part + _relative_entropy(q, midpoint_expectation, q_ratios)) / 2


def kl_terms(p: Distribution, q: Distribution, /) -> Floats:
    """The p * log(p / q) of each class in nats, shape (rows, classes); they may be negative."""
    with np.errstate(invalid="ignore"):
        shares = p.probabilities()
        return np.where(shares == 0, 0.0, shares * log_ratios(p, q))


def _relative_entropy(
    p: Distribution, q_expectation: Callable[[Floats], Floats], ratios: _Ratios
) -> Floats:
    """Sum of p * log(p / q) - p + q, each class's term as a multiple of the larger of p and q."""
    low = ratios.high < _MOSTLY_Q
    with np.errstate(over="ignore", invalid="ignore"):
        # A ratio past the largest float64 is as good as inf for a likely class alone.
        ceiling = np.where(p.probabilities() >= 0.5, np.inf, _LARGEST)
        bounded = _Ratios(np.clip(ratios.high, _MOSTLY_Q, ceiling), ratios.low)
        p_weights = np.where(low, 0.0, _excess(bounded))
        # Below -700 p has no part in the term: exp(-700) * 700 is 7e-302.
        deep = np.clip(ratios.high, -700.0, _MOSTLY_Q)
        q_weights = np.where(low, 1 + np.exp(deep) * (deep - 1), 0.0)
        total = p.expectation(p_weights)
        return total + q_expectation(q_weights) if low.any() else total


def _excess(x: _Ratios) -> Floats:
    """The sum x + expm1(-x), which is about x**2 / 2 near 0, without cancellation."""
    small = np.clip(x.high, -1.0, 1.0)
    powers = np.expm1(-x.high)
    near = small * small * _polynomial(-small, _EXCESS)
    return np.where(np.abs(x.high) <= 1, near, x.high + powers) - powers * x.low


def _polynomial(x: Floats, coefficients: Sequence[float]) -> Floats:
    """Sum of coefficient * x**n by Horner's rule."""
    result = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        result *= x
        result += coefficient
    return result
