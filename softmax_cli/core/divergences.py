"""Kullback-Leibler divergence and its relatives, never negative and exact at 0.

With delta = log(p / q), the sum of p * (delta + expm1(-delta)) is KL(P || Q), since P and Q
both sum to 1. None of its terms is negative, and an error that all delta share cancels to
first order, so that P and Q may lie as near to one another as float64 can tell.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core.arithmetic import Floats
from softmax_cli.core.logits import Logits
from softmax_cli.core.probabilities import Distribution, Masses
from softmax_cli.core.ratios import Parts, log_ratios, polynomial, relative_differences

# Where log(p / q) is below this, a class's term is reckoned as a multiple of q.
_MOSTLY_Q: Final = -2.0
# 1 / n! for n = 2, 3, ...: enough for |delta| <= 1.
_EXCESS: Final = tuple(1 / math.factorial(n) for n in range(2, 20))
# 1 / (n (2n - 1)) / 2 for n = 1, 2, ...: Jensen-Shannon in s = (p - q) / (p + q), |s| < 0.75.
_MIDPOINT: Final = tuple(0.5 / (n * (2 * n - 1)) for n in range(1, 57))
_MIDDLE: Final = 0.75
_LOG2: Final = math.log(2)


def kl_divergence(p: Distribution, q: Distribution, /) -> Floats:
    """KL(P || Q) in nats, shape (rows,); inf where q is 0 and p is not.

    The sum of p * log(p / q) - p + q, each class's term as a multiple of the larger of p and q.
    """
    ratios = log_ratios(p, q)
    mostly_q = ratios.high < _MOSTLY_Q
    # Below -700 p has no part in the term: exp(-700) * 700 is 7e-302.
    deep = np.clip(ratios.high, -700.0, _MOSTLY_Q)
    q_weights = np.where(mostly_q, 1 + np.exp(deep) * (deep - 1), 0.0)
    bounded = np.where(np.isinf(ratios.high), 0.0, np.maximum(ratios.high, _MOSTLY_Q))
    p_weights = np.where(mostly_q, 0.0, _excess(Parts(bounded, ratios.low)))
    with np.errstate(over="ignore"):
        total = expectation_of_surprise(p, q, p_weights)
        if mostly_q.any():
            total = total + q.expectation(q_weights)
    return np.where(impossible(p, q).any(axis=1), np.inf, total)


def expectation_of_surprise(p: Distribution, q: Distribution, weights: Floats, /) -> Floats:
    """Sum of p * weight, shape (rows,), with -log q for a weight where that is past float64.

    Finite logits may lie so far apart that -log q has no float64, and p of it has one.
    """
    beyond = q.beyond
    if not beyond.any():
        return p.expectation(weights)
    assert isinstance(q, Logits)
    quarters = np.where(beyond, q.quarter_surprisals(), np.where(beyond, 0.0, weights) / 4)
    with np.errstate(over="ignore"):  # past float64 after all
        vast: Floats = 4 * p.expectation(quarters)
    return np.where(beyond.any(axis=1), vast, p.expectation(weights))


def impossible(p: Distribution, q: Distribution, /) -> NDArray[np.bool_]:
    """Classes that P has and Q rules out, shape (rows, classes): they make KL(P || Q) inf."""
    return q.masked & ~p.masked


def jeffreys(p: Distribution, q: Distribution, /) -> Floats:
    """KL(P || Q) + KL(Q || P) in nats, shape (rows,)."""
    with np.errstate(over="ignore"):
        return kl_divergence(p, q) + kl_divergence(q, p)


def jensen_shannon(p: Distribution, q: Distribution, /) -> Floats:
    """Mean KL of P and of Q from their midpoint in nats, shape (rows,); at most log 2."""
    ratios = log_ratios(p, q)
    s, missed = relative_differences(p, q, ratios)
    near = np.abs(s) < _MIDDLE
    squares = np.where(near, s * s + 2 * s * missed, 0.0)
    weights = squares * polynomial(squares, _MIDPOINT) / 2
    far = np.where(near, 0.0, _far_from_the_midpoint(np.abs(ratios.high)))
    p_weights = weights + np.where(ratios.high > 0, far, 0.0)
    q_weights = weights + np.where(ratios.high < 0, far, 0.0)
    total: Floats = p.expectation(p_weights) + q.expectation(q_weights)
    return total


def _far_from_the_midpoint(distance: Floats) -> Floats:
    """A class's part as a multiple of the larger of p and q, for distance = |log(p / q)|.

    With t = exp(-distance) it is half of log 2 + t log 2 - (1 + t) log(1 + t) + t log t.
    """
    distance = np.minimum(distance, 750.0)
    t = np.exp(-distance)
    result: Floats = (_LOG2 - (t * (distance - _LOG2) + (1 + t) * np.log1p(t))) / 2
    return result


def kl_terms(p: Distribution, q: Distribution, /) -> Floats:
    """The p * log(p / q) of each class in nats, shape (rows, classes); they may be negative.

    Of masses the p * log(p / q) - p + q, which are not.
    """
    with np.errstate(invalid="ignore"):
        shares = p.probabilities()
        terms = np.where(shares == 0, 0.0, shares * log_ratios(p, q).high)
    return terms + (q.probabilities() - shares) if isinstance(p, Masses) else terms


def _excess(x: Parts) -> Floats:
    """The sum x + expm1(-x), which is about x**2 / 2 near 0, without cancellation."""
    small = np.clip(x.high, -1.0, 1.0)
    powers = np.expm1(-x.high)
    near = small * small * polynomial(-small, _EXCESS)
    return np.where(np.abs(x.high) <= 1, near, x.high + powers) - powers * x.low
