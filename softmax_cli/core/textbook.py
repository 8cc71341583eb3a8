"""Rows through every way to make shares of them: the textbook's, and ours.

The textbook's versions are kept as they stand in textbooks, to be looked at: what they
overflow and where is the point of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import repeat
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core import exact
from softmax_cli.core.arithmetic import Floats
from softmax_cli.core.logits import Logits
from softmax_cli.core.truth import Computed, Truth


class Outcome(NamedTuple):
    """What a method made of some rows.

    Attributes
    ----------
    probabilities : array, shape (rows, classes), of the type asked for
    statuses : sequence of str
        'ok', 'overflow', 'underflow' or 'invalid'.
    reasons : sequence of str
        Where it broke, in the numbers that broke it; empty where it did not.
    ulp_errors : sequence of float
        The worst class's distance from the exact value, in units in the last place of the
        type; inf where the result is not finite.
    """

    probabilities: Computed
    statuses: Sequence[str]
    reasons: Sequence[str]
    ulp_errors: Sequence[float]


class _Steps(NamedTuple):
    """A method's result and the numbers on the way that can break; a total for each row."""

    result: Computed
    exponents: Computed
    exponentials: Computed
    total: Computed


def naive(z: Computed) -> _Steps:
    """exp(z) / sum(exp(z)), as it is written on the blackboard."""
    exponentials = np.exp(z)
    total = exponentials.sum(axis=1, keepdims=True)
    return _Steps(exponentials / total, z, exponentials, total)


def shifted(z: Computed) -> _Steps:
    """exp(z - max) / sum(exp(z - max)), what most libraries do."""
    return naive(z - z.max(axis=1, keepdims=True))


def lse(z: Computed) -> _Steps:
    """exp(z - logsumexp(z)), tempting where the logsumexp is at hand."""
    maximum = z.max(axis=1, keepdims=True)
    exponents = z - (maximum + np.log(naive(z - maximum).total))
    exponentials = np.exp(exponents)
    total = exponentials.sum(axis=1, keepdims=True)
    return _Steps(exponentials, exponents, exponentials, total)


_EXPONENTIAL: Final[dict[str, Callable[[Computed], _Steps]]] = {
    "naive": naive,
    "shifted": shifted,
    "lse": lse,
}
_FINE: Final = ("ok", "")


class Methods:
    """Rows to be put through methods, with what is exact about them worked out once.

    Parameters
    ----------
    scores : array, shape (rows, classes)
    """

    def __init__(self, scores: Floats) -> None:
        self._scores = scores
        self._softmax_truths: dict[float, Truth] = {}

    @cached_property
    def _linear_truth(self) -> Truth:
        return Truth(list(map(exact.linear, self._scores.tolist())), self._scores.shape[1])

    def _softmax_truth(self, temperature: float) -> Truth:
        if temperature not in self._softmax_truths:
            rows = self._scores.tolist()
            shares = [exact.softmax(row, temperature) for row in rows]
            self._softmax_truths[temperature] = Truth(shares, self._scores.shape[1])
        return self._softmax_truths[temperature]

    def run(self, method: str, dtype: str, temperature: float = 1.0) -> Outcome:
        """Put the rows through a method.

        Parameters
        ----------
        method : str
            'hard', 'linear', 'naive', 'shifted', 'lse' or 'stable'.
        dtype : str
            The float type that the method computes in; 'stable' computes in float64 and rounds
            to it, 'hard' only compares.
        temperature : float
            Divides the scores of the exponential methods.
        """
        scores, rows = self._scores, len(self._scores)
        with np.errstate(all="ignore"):
            read: Computed = scores.astype(dtype)
            if method == "hard":
                winners = scores.argmax(axis=1)[:, None] == np.arange(scores.shape[1])
                return Outcome(winners.astype(dtype), ["ok"] * rows, [""] * rows, [0.0] * rows)
            if method == "linear":
                total = read.sum(axis=1, keepdims=True)
                shares = read / total
                return _outcome(
                    shares, map(_diagnose_linear, shares, read, total), self._linear_truth
                )
            truth = self._softmax_truth(temperature)
            if method == "stable":
                ours = Logits(scores, temperature=temperature).probabilities()
                return _outcome(ours.astype(dtype), repeat(_FINE, rows), truth)
            z = read if temperature == 1 else read / read.dtype.type(temperature)
            steps = _EXPONENTIAL[method](z)
            return _outcome(steps.result, _diagnoses(steps, scores, read, truth.nearest), truth)


def _outcome(
    probabilities: Computed, diagnoses: Iterable[tuple[str, str]], truth: Truth
) -> Outcome:
    statuses, reasons = zip(*diagnoses, strict=True)
    return Outcome(probabilities, statuses, reasons, truth.worst_errors(probabilities))


def _diagnose_linear(shares: Computed, scores: Computed, total: Computed) -> tuple[str, str]:
    """Status and reason of a row."""
    undefined = np.isnan(shares)
    if undefined.any() or total[0] == 0:
        worst = scores[np.argmax(undefined)]
        share = _text(worst / total[0])
        return "invalid", f"{_text(worst)}/{_text(total[0])} = {share}"
    if np.isinf(total[0]):
        return "overflow", "sum = inf"
    if (shares < 0).any():
        worst = scores[np.argmin(shares)]
        share = _text(shares.min())
        return "invalid", f"{_text(worst)}/{_text(total[0])} = {share}, a negative share"
    return _FINE


def _diagnoses(
    steps: _Steps, scores: Floats, read: Computed, nearest: Floats
) -> Iterator[tuple[str, str]]:
    """Status and reason of each row; a closer look is taken only where there may be something."""
    smallest = np.finfo(read.dtype).smallest_normal
    missed = (nearest.astype(read.dtype) >= smallest) & (steps.exponentials < smallest)
    odd = missed | ~np.isfinite(read) | ~np.isfinite(steps.exponentials)
    may_be_broken = odd.any(axis=1) | ~np.isfinite(steps.total[:, 0]) | (steps.total[:, 0] == 0)
    for row, broken in enumerate(may_be_broken.tolist()):
        if broken:
            parts = _Steps(*(part[row] for part in steps))
            yield _diagnose(parts, scores[row], read[row], missed[row])
        else:
            yield _FINE


def _diagnose(
    steps: _Steps, scores: Floats, read: Computed, missed: NDArray[np.bool_]
) -> tuple[str, str]:
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
    if np.isinf(steps.total[0]):
        largest = _text(steps.exponentials.max())
        return "overflow", f"sum = inf, {largest}/inf = 0"
    if steps.total[0] == 0:
        return "underflow", f"exp({_text(steps.exponents.max())}) = 0, 0/0 = nan"
    if missed.any():
        at = int(np.argmax(missed))
        left = _text(steps.exponentials[at])
        return "underflow", f"exp({_text(steps.exponents[at])}) = {left}, digits lost"
    return _FINE


def _text(number: object) -> str:
    return f"{float(str(number)):.6g}"
