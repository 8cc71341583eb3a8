"""Kullback-Leibler divergence and its relatives, never negative and exact at 0.

With delta = log(p / q), the sum of p * (delta + expm1(-delta)) is KL(P || Q), since P and Q
both sum to 1. None of its terms is negative, and an error that all delta share cancels to
first order, so that P and Q may lie as near to one another as float64 can tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core.arithmetic import Floats, fold_sum, two_product, two_sum
from softmax_cli.core.logits import Logits
from softmax_cli.core.probabilities import Distribution, Probabilities

# Where log(p / q) is below this, a class's term is reckoned as a multiple of q.
_MOSTLY_Q: Final = -2.0
_LARGEST: Final = np.finfo(np.float64).max
# 1 / n! for n = 2, 3, ...: enough for |delta| <= 1.
_SERIES: Final = tuple(1 / math.factorial(n) for n in range(2, 20))


def log_ratios(p: Distribution, q: Distribution, /) -> Floats:
    """log(p / q) in nats, shape (rows, classes), up to an error that a row shares.

    0 where both are 0, inf where only q is, -inf where only p is. Relative digits survive where
    P and Q nearly agree and are of the same kind.
    """
    with np.errstate(divide="ignore", over="ignore", invalid="ignore", under="ignore"):
        if isinstance(p, Logits) and isinstance(q, Logits):
            ratios = _logit_ratios(p, q)
        elif isinstance(p, Probabilities) and isinstance(q, Probabilities):
            ratios = _probability_ratios(p, q)
        else:
            ratios = q.surprisals() - p.surprisals()
    # Both infinitely surprising, and so both 0.
    return np.where(np.isnan(ratios), 0.0, ratios)


def _logit_ratios(p: Logits, q: Logits) -> Floats:
    gap, gap_error = two_sum(p.gap, -q.gap)
    residue, residue_error = two_sum(p.residue, -q.residue)
    high, low = two_sum(gap, residue)
    difference = high + (low + gap_error + residue_error)
    change = np.where(
        np.abs(difference) < 1,
        q.exponentials * np.expm1(difference),
        p.exponentials - q.exponentials,
    )
    # log of the ratio of the two sums of exponentials
    shared = np.log1p(fold_sum(change) / (1 + q.rest))
    return (difference - shared).T


def _probability_ratios(p: Probabilities, q: Probabilities) -> Floats:
    (p_sum, p_sum_error), (q_sum, q_sum_error) = p.sum_parts, q.sum_parts
    ours, ours_error = two_product(p.values, q_sum)
    theirs, theirs_error = two_product(q.values, p_sum)
    high, low = two_sum(ours, -theirs)
    errors = (ours_error - theirs_error) + (p.values * q_sum_error - q.values * p_sum_error)
    relative = (high + (low + errors)) / theirs
    near = np.log1p(relative)
    far = np.log(p.values) - np.log(q.values) - np.log(p.sums / q.sums)
    quotient = ours / theirs
    middle = np.log(quotient)
    far = np.where((quotient > 1e-300) & (quotient < np.inf), middle, far)
    return np.where((relative > -0.5) & (relative < np.inf), near, far).T


def kl_divergence(p: Distribution, q: Distribution, /) -> Floats:
    """KL(P || Q) in nats, shape (rows,); inf where q is 0 and p is not."""
    total = _relative_entropy(p, q.expectation, log_ratios(p, q))
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

    ratios = log_ratios(p, q)
    with np.errstate(over="ignore", divide="ignore"):
        p_ratios = -np.log1p(np.expm1(-ratios) / 2)
        q_ratios = -np.log1p(np.expm1(ratios) / 2)
    p_part = _relative_entropy(p, midpoint_expectation, p_ratios)
    return (p_part + _relative_entropy(q, midpoint_expectation, q_ratios)) / 2


def kl_terms(p: Distribution, q: Distribution, /) -> Floats:
    """P * log(p / q) of each class in nats, shape (rows, classes); they may be negative."""
    with np.errstate(invalid="ignore"):
        return np.where(p.masked, 0.0, p.probabilities() * log_ratios(p, q))


def _relative_entropy(
    p: Distribution, q_expectation: Callable[[Floats], Floats], ratios: Floats
) -> Floats:
    """Sum of p * log(p / q) - p + q, each class's term as a multiple of the larger of p and q."""
    low = ratios < _MOSTLY_Q
    with np.errstate(over="ignore", invalid="ignore"):
        # A ratio past the largest float64 is as good as inf for a likely class alone.
        ceiling = np.where(p.probabilities() >= 0.5, np.inf, _LARGEST)
        p_weights = np.where(low, 0.0, _excess(np.minimum(ratios, ceiling)))
        # Below -700 p has no part in the term: exp(-700) * 700 is 7e-302.
        bounded = np.clip(ratios, -700.0, _MOSTLY_Q)
        q_weights = np.where(low, 1 + np.exp(bounded) * (bounded - 1), 0.0)
        total = p.expectation(p_weights)
        return total + q_expectation(q_weights) if low.any() else total


def _excess(x: Floats) -> Floats:
    """X + expm1(-x), which is about x**2 / 2 near 0, without cancellation."""
    small = np.clip(x, -1.0, 1.0)
    series = np.full_like(small, _SERIES[-1])
    for coefficient in _SERIES[-2::-1]:
        series *= -small
        series += coefficient
    return np.where(np.abs(x) <= 1, small * small * series, x + np.expm1(-x))
