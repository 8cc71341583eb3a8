"""One vector through every way to make shares of it: the textbook's, and ours.

The textbook's versions are kept as they stand in textbooks, to be looked at: what they
overflow and where is the point of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core import exact
from softmax_cli.core.arithmetic import Floats
from softmax_cli.core.logits import Logits

# float64, float32 or float16
Vector = NDArray[np.floating[Any]]


class Outcome(NamedTuple):
    """What a method made of a vector.

    Attributes
    ----------
    probabilities : array, shape (classes,), of the type asked for
    status : str
        'ok', 'overflow', 'underflow' or 'invalid'.
    reason : str
        Where it broke, in the numbers that broke it; empty where it did not.
    ulp_error : float
        The worst class's distance from the exact value, in units in the last place of the
        type; inf where the result is not finite.
    """

    probabilities: Vector
    status: str
    reason: str
    ulp_error: float


class _Steps(NamedTuple):
    """A method's result and the numbers on the way that can break."""

    result: Vector
    exponents: Vector
    exponentials: Vector
    total: np.floating[Any]


def naive(z: Vector) -> _Steps:
    """exp(z) / sum(exp(z)), as it is written on the blackboard."""
    exponentials = np.exp(z)
    total = exponentials.sum()
    return _Steps(exponentials / total, z, exponentials, total)


def shifted(z: Vector) -> _Steps:
    """exp(z - max) / sum(exp(z - max)), what most libraries do."""
    return naive(z - z.max())


def lse(z: Vector) -> _Steps:
    """exp(z - logsumexp(z)), tempting where the logsumexp is at hand."""
    steps = naive(z - z.max())
    exponents = z - (z.max() + np.log(steps.total))
    exponentials = np.exp(exponents)
    return _Steps(exponentials, exponents, exponentials, exponentials.sum())


_EXPONENTIAL: Final[dict[str, Callable[[Vector], _Steps]]] = {
    "naive": naive,
    "shifted": shifted,
    "lse": lse,
}


def run(method: str, scores: Floats, dtype: str, temperature: float = 1.0) -> Outcome:
    """Put one vector through a method.

    Parameters
    ----------
    method : str
        'hard', 'linear', 'naive', 'shifted', 'lse' or 'stable'.
    scores : array, shape (classes,)
    dtype : str
        The float type that the method computes in; 'stable' computes in float64 and rounds
        to it, 'hard' only compares.
    temperature : float
        Divides the scores of the exponential methods.
    """
    with np.errstate(all="ignore"):
        if method == "hard":
            winners = scores == scores.max()
            first = np.arange(len(scores)) == np.argmax(winners)
            return Outcome(first.astype(dtype), "ok", "", 0.0)
        if method == "linear":
            return _linear(scores.astype(dtype), scores.tolist())
        truth = exact.softmax(scores.tolist(), temperature)
        if method == "stable":
            ours = Logits(scores[None, :], temperature=temperature).probabilities()[0]
            rounded: Vector = ours.astype(dtype)
            return Outcome(rounded, "ok", "", _worst_error(rounded, truth))
        read: Vector = scores.astype(dtype)
        steps = _EXPONENTIAL[method](
            read if temperature == 1 else read / read.dtype.type(temperature)
        )
        status, reason = _diagnose(steps, scores, read, truth)
        return Outcome(steps.result, status, reason, _worst_error(steps.result, truth))


def _linear(scores: Vector, given: list[float]) -> Outcome:
    total = scores.sum()
    shares = scores / total
    truth = exact.linear(given)
    error = math.inf if truth is None else _worst_error(shares, truth)
    if np.isnan(shares).any() or total == 0:
        worst = scores[np.argmax(np.isnan(shares))] if np.isnan(shares).any() else scores[0]
        share = _text(worst / total)
        return Outcome(shares, "invalid", f"{_text(worst)}/{_text(total)} = {share}", error)
    if np.isinf(total):
        return Outcome(shares, "overflow", "sum = inf", error)
    if (shares < 0).any():
        worst = scores[np.argmin(shares)]
        share = _text(shares.min())
        reason = f"{_text(worst)}/{_text(total)} = {share}, a negative share"
        return Outcome(shares, "invalid", reason, error)
    return Outcome(shares, "ok", "", error)


def _diagnose(steps: _Steps, scores: Floats, read: Vector, truth: list[Decimal]) -> tuple[str, str]:
    """Status and reason, for a student: the first number that broke and what came of it."""
    cast = np.isinf(read) & np.isfinite(scores)
    if cast.any():
        at = int(np.argmax(cast))
        return "overflow", f"{scores[at]:.6g} = {_text(read[at])} in {read.dtype}"
    undefined = np.isnan(steps.exponents)
    if undefined.any():
        return "invalid", "inf - inf = nan"
    if np.isinf(steps.exponentials).any():
        at = int(np.argmax(np.isinf(steps.exponentials)))
        return "overflow", f"exp({_text(steps.exponents[at])}) = inf, inf/inf = nan"
    if np.isinf(steps.total):
        largest = _text(steps.exponentials.max())
        return "overflow", f"sum = inf, {largest}/inf = 0"
    if steps.total == 0:
        return "underflow", f"exp({_text(steps.exponents.max())}) = 0, 0/0 = nan"
    smallest = np.finfo(read.dtype).smallest_normal
    missed = np.array([float(p) >= smallest for p in truth]) & (steps.exponentials < smallest)
    if missed.any():
        at = int(np.argmax(missed))
        left = _text(steps.exponentials[at])
        return "underflow", f"exp({_text(steps.exponents[at])}) = {left}, digits lost"
    return "ok", ""


def _worst_error(computed: Vector, truth: list[Decimal]) -> float:
    as_type = computed.dtype.type
    return max(
        exact.ulp_error(float(p), t, float(np.spacing(as_type(abs(float(t))))))
        for p, t in zip(computed, truth, strict=True)
    )


def _text(number: object) -> str:
    return f"{float(str(number)):.6g}"
