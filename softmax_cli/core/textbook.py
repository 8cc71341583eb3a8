"""Rows through every method to make shares of them: the textbook's, and ours.

The textbook's versions are kept as they stand in textbooks, to be looked at: what they
overflow and where is the point of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import repeat
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core.doubledouble import DoubleDouble, Floats, Scaled, exp, quiet, where
from softmax_cli.core.softmax import Logits

# float64, float32 or float16
Computed = NDArray[np.floating[Any]]


class Outcome(NamedTuple):
    """What a method made of some rows.

    Attributes
    ----------
    probabilities : array, shape (rows, classes), of the type asked for
    statuses : sequence of str
        'ok', 'overflow', 'underflow' or 'invalid'.
    reasons : sequence of str
        Where it broke, in the numbers that broke it; empty where it did not.
    ulp_errors : array, shape (rows,)
        The worst class's distance from the exact value, in units in the last place of the
        type; inf where the result is not finite.
    """

    probabilities: Computed
    statuses: Sequence[str]
    reasons: Sequence[str]
    ulp_errors: Floats


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


class Reference:
    """Exact shares of rows, to some 100 bits.

    Parameters
    ----------
    shares : Scaled, shape (classes, rows)
        nan in rows whose shares are no numbers.

    Attributes
    ----------
    nearest : array, shape (rows, classes)
        The floats nearest to the shares.
    """

    def __init__(self, shares: Scaled) -> None:
        self._shares = shares
        with quiet():
            self.nearest = shares.rounded().T

    @classmethod
    def softmax(cls, scores: Floats, temperature: float) -> Reference:
        """Those of the softmax, with exponentials of more digits than a softmax needs."""
        with quiet():
            shifted = Logits(scores, temperature=temperature).shifted
            mass = exp(shifted)
            mass = Scaled(where(np.isneginf(shifted.high), 0.0, mass.value), mass.exponent)
            return cls(mass / mass.sum())

    @classmethod
    def linear(cls, scores: Floats) -> Reference:
        """Those of x / sum(x)."""
        with quiet():
            # Sums of four and of thousands of large numbers stay in range.
            vast = np.abs(scores).max(axis=1, keepdims=True, initial=0.0) > 2.0**900
            x = np.where(vast, scores * 2.0**-64, scores)
            totals = np.array([_exact_sum(row) for row in x.tolist()]).reshape(-1, 2)
            total = DoubleDouble(np.where(totals[:, 0] == 0, np.nan, totals[:, 0]), totals[:, 1])
            _, exponent = np.frexp(total.high)
            shares = DoubleDouble(x.T) / total.times_power(-exponent)
            return cls(Scaled(shares, np.zeros(x.T.shape, np.int64) - exponent))

    def worst_errors(self, computed: Computed) -> Floats:
        """For each row the worst class's distance, in units in the last place of the type.

        Inf where a number is not finite, or a share no number. `computed` has the shape (rows,
        classes), and any float type.
        """
        with quiet():
            _, unit = np.frexp(_spacings(self.nearest.astype(computed.dtype)).T)
            unit = unit.astype(np.int64) - 1
            own = 0 if self._shares.exponent is None else self._shares.exponent
            shares = self._shares.value.times_power(np.clip(own - unit, -4000, 4000))
            errors = (shares - np.ldexp(computed.T.astype(float), -unit)).rounded()
            worst = np.abs(errors).max(axis=0, initial=0.0)
            usable = np.isfinite(computed).all(axis=1) & ~np.isnan(worst)
            return np.where(usable, worst, np.inf)


def _exact_sum(row: list[float]) -> tuple[float, float]:
    """The sum as a rounded number and what that misses."""
    if not all(map(math.isfinite, row)):
        return math.nan, 0.0
    total = math.fsum(row)
    return total, math.fsum([*row, -total])


def _spacings(numbers: Computed) -> Floats:
    """The unit in the last place of each; beyond the type's largest number the largest unit."""
    zero = numbers.dtype.type(0)
    # The largest number's own is inf to numpy.
    below = np.nextafter(np.finfo(numbers.dtype).max, zero)
    return np.spacing(np.minimum(np.abs(numbers), below)).astype(float)


class Methods:
    """Rows to be put through methods, with what is exact about them worked out once.

    Parameters
    ----------
    scores : array, shape (rows, classes)
    """

    def __init__(self, scores: Floats) -> None:
        self._scores = scores
        self._softmax_references: dict[float, Reference] = {}

    @cached_property
    def _linear_reference(self) -> Reference:
        return Reference.linear(self._scores)

    def _softmax_reference(self, temperature: float) -> Reference:
        if temperature not in self._softmax_references:
            reference = Reference.softmax(self._scores, temperature)
            self._softmax_references[temperature] = reference
        return self._softmax_references[temperature]

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
                return Outcome(winners.astype(dtype), ["ok"] * rows, [""] * rows, np.zeros(rows))
            if method == "linear":
                total = read.sum(axis=1, keepdims=True)
                shares = read / total
                return _outcome(
                    shares, map(_diagnose_linear, shares, read, total), self._linear_reference
                )
            reference = self._softmax_reference(temperature)
            if method == "stable":
                ours = Logits(scores, temperature=temperature).probabilities()
                return _outcome(ours.astype(dtype), repeat(_FINE, rows), reference)
            z = read if temperature == 1 else read / read.dtype.type(temperature)
            steps = _EXPONENTIAL[method](z)
            diagnoses = _diagnoses(steps, scores, read, reference.nearest)
            return _outcome(steps.result, diagnoses, reference)


def _outcome(
    probabilities: Computed, diagnoses: Iterable[tuple[str, str]], reference: Reference
) -> Outcome:
    found = list(diagnoses)
    statuses, reasons = [status for status, _ in found], [reason for _, reason in found]
    return Outcome(probabilities, statuses, reasons, reference.worst_errors(probabilities))


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
