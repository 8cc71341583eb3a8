"""Methods to turn scores into probabilities: textbook formulas, and the softmax of this package.

The textbook formulas are computed as they are written, to show what overflows, and where.
"""

import math
from collections.abc import Sequence
from functools import cache, partial
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core.doubledouble import Bools, Floats, where
from softmax_cli.core.elementary import exp
from softmax_cli.core.softmax import Logits

# float64, float32 (for bfloat16, too) or float16
Computed = NDArray[np.floating[Any]]
# The status and reason of each row that is not ok, by index
Diagnoses = dict[int, tuple[str, str]]

_BITS: Final = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}  # of a significand


def rounded(values: Computed, dtype: str) -> Computed:
    """Return the nearest numbers of a float type; those of bfloat16 are stored as float32."""
    if dtype != "bfloat16":
        return values.astype(dtype, copy=False)
    values = values.astype(np.float32)
    bits, dropped = values.view(np.uint32), np.uint32(16)
    to_even = np.uint32(0x7FFF) + (bits >> dropped & np.uint32(1))
    nearest = (bits + to_even) >> dropped << dropped
    return np.where(np.isnan(values), values, nearest.view(np.float32))


def right_digits(ulp_errors: Floats | float, dtype: str) -> Floats:
    """Return how many decimal digits of a type are right, all up to half an ulp; nan for nan."""
    lost = np.log10(np.maximum(2 * np.asarray(ulp_errors), 1.0))
    return np.asarray(np.maximum(_BITS[dtype] * math.log10(2) - lost, 0.0))


class MethodResult(NamedTuple):
    """A method's probabilities, shape (rows, classes), and a diagnosis of each row.

    A status is 'ok', 'overflow', 'underflow', 'inaccurate' or 'invalid'; the reason shows the
    numbers that broke. An error is the largest of the row's classes, in ulps of the type; inf if a
    probability is not finite, and nan for 'hard' and 'linear', which are not softmax.
    """

    probabilities: Computed
    statuses: Sequence[str]
    reasons: Sequence[str]
    ulp_errors: Floats
    digits: Floats


class _Steps(NamedTuple):
    """A method's result and intermediate numbers; the total has the shape (rows, 1)."""

    result: Computed
    exponents: Computed
    exponentials: Computed
    total: Computed


def naive(z: Computed, dtype: str) -> _Steps:
    """Return exp(z) / sum(exp(z)), as it is written on the blackboard."""
    exponentials = rounded(np.exp(z), dtype)
    total = rounded(exponentials.sum(axis=1, keepdims=True), dtype)
    return _Steps(rounded(exponentials / total, dtype), z, exponentials, total)


def shifted(z: Computed, dtype: str) -> _Steps:
    """Return exp(z - max) / sum(exp(z - max)), as most libraries compute it."""
    return naive(rounded(z - z.max(axis=1, keepdims=True), dtype), dtype)


def lse(z: Computed, dtype: str) -> _Steps:
    """Return exp(z - logsumexp(z)), tempting where the logsumexp is known."""
    logarithm = rounded(np.log(shifted(z, dtype).total), dtype)
    logsumexp = rounded(z.max(axis=1, keepdims=True) + logarithm, dtype)
    steps = naive(rounded(z - logsumexp, dtype), dtype)
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

    def worst_errors(self, computed: Computed, dtype: str) -> Floats:
        """Return each row's largest error, in ulps of a type; inf if a number is not finite."""
        spacing = np.spacing(rounded(self.nearest, dtype))
        unit = np.frexp(spacing.astype(float).T)[1].astype(np.int64) - 1
        unit += np.finfo(spacing.dtype).nmant + 1 - _BITS[dtype]  # 16 for bfloat16, else 0
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
        scores, read = self._scores, rounded(self._scores, dtype)
        found: Diagnoses = {}
        errors = np.full(len(scores), np.nan)
        if method == "hard":
            winners = scores.argmax(axis=1)[:, None] == np.arange(scores.shape[1])
            result = winners.astype(read.dtype)
        elif method == "linear":
            total = rounded(read.sum(axis=1, keepdims=True), dtype)
            result = rounded(read / total, dtype)
            found = _diagnose_linear(result, read, total)
        else:
            reference = self._reference(temperature)
            if method == "stable":
                result = rounded(Logits(scores, temperature=temperature).probabilities(), dtype)
            else:
                divided = rounded(read / rounded(np.array(temperature), dtype), dtype)
                steps = _FORMULAS[method](divided, dtype)
                result = steps.result
                found = _diagnoses(steps, scores, read, reference.nearest, dtype)
            errors = reference.worst_errors(result, dtype)
        digits = right_digits(errors, dtype)
        found = _inaccuracies(result, digits, float(right_digits(0.0, dtype))) | found
        statuses, reasons = ["ok"] * len(scores), [""] * len(scores)
        for row, diagnosis in found.items():
            statuses[row], reasons[row] = diagnosis
        return MethodResult(result, statuses, reasons, errors, digits)


def _inaccuracies(result: Computed, digits: Floats, most: float) -> Diagnoses:
    """Return the rows that lost three of `most` digits, or whose sum is not 1 in the others.

    Of types with fewer than four digits, one has to be left.
    """
    loss = min(3.0, most - 1)
    sums = result.sum(axis=1, dtype=np.float64)
    is_one = np.abs(sums - 1) <= 10 ** (loss - most)
    found = {}
    for row in np.flatnonzero((most - digits >= loss) | ~is_one).tolist():
        total, right = _text(sums[row]), f"{digits[row]:.1f} of {most:.1f} digits are right"
        found[row] = "inaccurate", right if is_one[row] or total == "1" else f"the sum is {total}"
    return found


def _diagnose_linear(quotients: Computed, scores: Computed, total: Computed) -> Diagnoses:
    undefined = np.isnan(quotients) | (total == 0)
    worst = np.where(undefined, -np.inf, quotients).argmin(axis=1)
    found = dict.fromkeys(np.flatnonzero(np.isinf(total)).tolist(), ("overflow", "sum = inf"))
    for row in np.flatnonzero((undefined | (quotients < 0)).any(axis=1)).tolist():
        at = row, worst[row]
        reason = f"{_text(scores[at])}/{_text(total[row, 0])} = {_text(quotients[at])}"
        found[row] = "invalid", reason if undefined[at] else f"{reason}, a negative share"
    return found


def _diagnoses(
    steps: _Steps, scores: Floats, read: Computed, nearest: Floats, dtype: str
) -> Diagnoses:
    smallest = np.finfo(read.dtype).smallest_normal
    missed = (nearest.astype(read.dtype) >= smallest) & (steps.exponentials < smallest)
    odd = missed | ~np.isfinite(read) | ~np.isfinite(steps.exponentials)
    may_be_broken = odd.any(axis=1) | ~np.isfinite(steps.total[:, 0]) | (steps.total[:, 0] == 0)
    found = {}
    for row in np.flatnonzero(may_be_broken).tolist():
        parts = _Steps(*(part[row] for part in steps))
        diagnosis = _diagnose(parts, scores[row], read[row], missed[row], dtype)
        if diagnosis is not None:
            found[row] = diagnosis
    return found


def _diagnose(
    steps: _Steps, scores: Floats, read: Computed, missed: Bools, dtype: str
) -> tuple[str, str] | None:
    """Return a row's status and reason: the first number that broke, and its effect."""
    cast = np.isinf(read) & np.isfinite(scores)
    if cast.any():
        at = int(np.argmax(cast))
        return "overflow", f"{scores[at]:.6g} = {_text(read[at])} in {dtype}"
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
    return None


def _text(number: object) -> str:
    return f"{float(str(number)):.6g}"
