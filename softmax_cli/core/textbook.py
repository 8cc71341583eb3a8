"""Methods to turn scores into probabilities: textbook formulas, and the softmax of this package.

The textbook formulas are computed as they are written, to show what overflows, and where.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core.doubledouble import Floats, where
from softmax_cli.core.elementary import exp
from softmax_cli.core.softmax import Logits

# float64, float32 or float16
Computed = NDArray[np.floating[Any]]
_OK: Final = ("ok", "")


class MethodResult(NamedTuple):
    """A method's probabilities, shape (rows, classes), and a diagnosis of each row.

    A status is 'ok', 'overflow', 'underflow' or 'invalid'; the reason shows the numbers that broke.
    An error is the largest of the row's classes, in ulps of the type; inf if a probability is not
    finite, and nan for 'hard' and 'linear', which are not softmax.
    """

    probabilities: Computed
    statuses: Sequence[str]
    reasons: Sequence[str]
    ulp_errors: Floats


class _Steps(NamedTuple):
    """A method's result and intermediate numbers; the total has the shape (rows, 1)."""

    result: Computed
    exponents: Computed
    exponentials: Computed
    total: Computed


def naive(z: Computed) -> _Steps:
    """Return exp(z) / sum(exp(z)), as it is written on the blackboard."""
    exponentials = np.exp(z)
    total = exponentials.sum(axis=1, keepdims=True)
    return _Steps(exponentials / total, z, exponentials, total)


def shifted(z: Computed) -> _Steps:
    """Return exp(z - max) / sum(exp(z - max)), as most libraries compute it."""
    return naive(z - z.max(axis=1, keepdims=True))


def lse(z: Computed) -> _Steps:
    """Return exp(z - logsumexp(z)), tempting where the logsumexp is known."""
    maximum = z.max(axis=1, keepdims=True)
    steps = naive(z - (maximum + np.log(naive(z - maximum).total)))
    return steps._replace(result=steps.exponentials)


_FORMULAS: Final = {formula.__name__: formula for formula in (naive, shifted, lse)}


class Reference:
    """The softmax of rows, from exponentials with more digits than those of `Logits`.

    `nearest` are the nearest floats, shape (rows, classes).
    """

    def __init__(self, scores: Floats, temperature: float = 1.0) -> None:
        shifted = Logits(scores, temperature=temperature).shifted
        mass = where(np.isneginf(shifted.high), 0.0, exp(shifted))
        self._exact = mass / mass.sum()
        self.nearest = self._exact.rounded().T

    def worst_errors(self, computed: Computed) -> Floats:
        """Return the largest error of each row, in ulps of the float type of `computed`.

        It is inf if a number is not finite.
        """
        _, unit = np.frexp(np.spacing(self.nearest.astype(computed.dtype)).astype(float).T)
        unit = unit.astype(np.int64) - 1
        exact = self._exact.scaled(-unit).plain()
        errors = (exact - np.ldexp(computed.T.astype(float), -unit)).rounded()
        worst = np.abs(errors).max(axis=0, initial=0.0)
        return np.where(np.isfinite(computed).all(axis=1), worst, np.inf)


class Methods:
    """Rows of scores, shape (rows, classes), to apply methods to."""

    def __init__(self, scores: Floats) -> None:
        self._scores = scores
        self._reference = cache(partial(Reference, scores))

    def run(self, method: str, dtype: str, temperature: float = 1.0) -> MethodResult:
        """Apply 'hard', 'linear', 'naive', 'shifted', 'lse' or 'stable' in a float type.

        'stable' computes in float64 and rounds to the type, 'hard' only compares. The temperature
        divides the scores of the exponential methods.
        """
        scores, rows = self._scores, len(self._scores)
        if method == "hard":
            winners = scores.argmax(axis=1)[:, None] == np.arange(scores.shape[1])
            return MethodResult(
                winners.astype(dtype), ["ok"] * rows, [""] * rows, np.full(rows, np.nan)
            )
        read: Computed = scores.astype(dtype)
        found = [_OK] * rows
        if method == "linear":
            total = read.sum(axis=1, keepdims=True)
            result, errors = read / total, np.full(rows, np.nan)
            found = list(map(_diagnose_linear, result, read, total))
        else:
            reference = self._reference(temperature)
            if method == "stable":
                result = Logits(scores, temperature=temperature).probabilities().astype(dtype)
            else:
                z = read if temperature == 1 else read / read.dtype.type(temperature)
                steps = _FORMULAS[method](z)
                result = steps.result
                found = list(_diagnoses(steps, scores, read, reference.nearest))
            errors = reference.worst_errors(result)
        statuses, reasons = [status for status, _ in found], [reason for _, reason in found]
        return MethodResult(result, statuses, reasons, errors)


def _diagnose_linear(quotients: Computed, scores: Computed, total: Computed) -> tuple[str, str]:
    undefined = np.isnan(quotients)
    if undefined.any() or total[0] == 0:
        worst = scores[np.argmax(undefined)]
        return "invalid", f"{_text(worst)}/{_text(total[0])} = {_text(worst / total[0])}"
    if np.isinf(total[0]):
        return "overflow", "sum = inf"
    if (quotients < 0).any():
        division = f"{_text(scores[np.argmin(quotients)])}/{_text(total[0])}"
        return "invalid", f"{division} = {_text(quotients.min())}, a negative share"
    return _OK


def _diagnoses(
    steps: _Steps, scores: Floats, read: Computed, nearest: Floats
) -> Iterator[tuple[str, str]]:
    """Yield the status and reason of each row."""
    smallest = np.finfo(read.dtype).smallest_normal
    missed = (nearest.astype(read.dtype) >= smallest) & (steps.exponentials < smallest)
    odd = missed | ~np.isfinite(read) | ~np.isfinite(steps.exponentials)
    may_be_broken = odd.any(axis=1) | ~np.isfinite(steps.total[:, 0]) | (steps.total[:, 0] == 0)
    for row, broken in enumerate(may_be_broken.tolist()):
        if broken:
            parts = _Steps(*(part[row] for part in steps))
            yield _diagnose(parts, scores[row], read[row], missed[row])
        else:
            yield _OK


def _diagnose(
    steps: _Steps, scores: Floats, read: Computed, missed: NDArray[np.bool_]
) -> tuple[str, str]:
    """Return a row's status and reason: the first number that broke, and its effect."""
    cast = np.isinf(read) & np.isfinite(scores)
    if cast.any():
        at = int(np.argmax(cast))
        return "overflow", f"{scores[at]:.6g} = {_text(read[at])} in {read.dtype}"
    if np.isnan(steps.exponents).any():
        return "invalid", "inf - inf = nan"
    infinite = np.isinf(steps.exponentials)
    if infinite.any():
        exponent = _text(steps.exponents[np.argmax(infinite)])
        return "overflow", f"exp({exponent}) = inf, inf/inf = nan"
    if np.isinf(steps.total[0]):
        return "overflow", f"sum = inf, {_text(steps.exponentials.max())}/inf = 0"
    if steps.total[0] == 0:
        return "underflow", f"exp({_text(steps.exponents.max())}) = 0, 0/0 = nan"
    if missed.any():
        at = int(np.argmax(missed))
        left = _text(steps.exponentials[at])
        return "underflow", f"exp({_text(steps.exponents[at])}) = {left}, digits lost"
    return _OK


def _text(number: object) -> str:
    return f"{float(str(number)):.6g}"
