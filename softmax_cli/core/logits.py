"""The softmax family: rows of logits taken apart once, and everything that is read off them.

The shift by the maximum is what makes the exponential safe (Blanchard, Higham and Higham,
"Accurately computing the log-sum-exp and softmax functions", 2021). Here the shift also keeps
what the subtraction and the division by the temperature round away, and the winner's own 1
stays out of the sum, so that no result is the difference of two nearly equal numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core import ordinary
from softmax_cli.core.arithmetic import Floats, divide, fold_sum, fold_sum_parts, inverse, two_sum
from softmax_cli.errors import RowError

# Below this gap exp(gap) nears the subnormal numbers and loses digits there.
_DEEP: Final = -690.0
# A sum below this needs its terms lifted by a power of two, as each would be rounded to
# whole subnormal steps; the power's half lifts the root of a term.
_FAINT: Final = 1e-290
_LIFT: Final = 300
# Numbers in a block of rows.
_BLOCK: Final = 49152


class Logits:
    """Rows of logits, as a distribution over the classes of each row.

    Inside, classes run along the first axis: short sums over many rows are slow in numpy the
    other way round.

    Parameters
    ----------
    logits : array, shape (rows, classes)
        Finite, -inf for a masked class, or one +inf in a row for the limit: that class 1.
    temperature : float
        Divides the logits; 0 is the limit, the winners' equal shares.

    Raises
    ------
    RowError
        A row with nan, with only -inf, or with two or more +inf.
    """

    def __init__(self, logits: Floats, /, *, temperature: float = 1.0) -> None:
        columns = ordinary.by_class(logits)
        maximum = columns.max(axis=0)
        if not np.isfinite(maximum).all():
            columns = _limits(columns, maximum)
        self.temperature = temperature
        self.maximum = maximum
        self._columns = columns

    @property
    def scores(self) -> Floats:
        """The logits, shape (rows, classes); beside one inf, which is 0, the others are masked."""
        return self._columns.T

    @cached_property
    def _shift(self) -> Floats:
        """What is subtracted before the exponential, shape (rows,)."""
        return np.where(np.isfinite(self.maximum), self.maximum, 0.0)

    @cached_property
    def winners(self) -> NDArray[np.bool_]:
        """Classes that have the maximum, shape (rows, classes)."""
        winners: NDArray[np.bool_] = self._columns == self._shift
        return winners.T

    @cached_property
    def _gap_parts(self) -> tuple[Floats, Floats]:
        return _shifted(self._columns, self._shift, self.temperature)

    @property
    def gap(self) -> Floats:
        """(logit - maximum) / temperature, shape (classes, rows)."""
        return self._gap_parts[0]

    @property
    def residue(self) -> Floats:
        """What the rounded `gap` misses, shape (classes, rows)."""
        return self._gap_parts[1]

    @cached_property
    def _high(self) -> Floats:
        with np.errstate(under="ignore"):
            return np.exp(self.gap)

    @cached_property
    def exponentials(self) -> Floats:
        """exp(gap + residue), shape (classes, rows)."""
        with np.errstate(under="ignore"):
            return self._high + self._high * self.residue

    @cached_property
    def masked(self) -> NDArray[np.bool_]:
        """Classes of probability 0, shape (rows, classes)."""
        return np.isneginf(self._columns).T

    @cached_property
    def _rest_parts(self) -> tuple[Floats, Floats]:
        """Sum of exp(gap) without one winner's own 1, as two floats, each of shape (rows,)."""
        ties: Floats = self.winners.sum(axis=1) - 1.0
        others = ~self.winners.T
        high, low = self._sum_exponentials(others)
        total, error = two_sum(ties, high)
        return total, error + low

    @cached_property
    def _lowest(self) -> float:
        return float(self.gap.min())

    @cached_property
    def rest(self) -> Floats:
        """Sum of exp(gap) without one winner's own 1, shape (rows,)."""
        high, low = self._rest_parts
        return high + low

    @cached_property
    def _total_parts(self) -> tuple[Floats, Floats]:
        """1 plus the rest, as two floats."""
        high, low = self._rest_parts
        total, error = two_sum(np.ones_like(high), high)
        return total, error + low

    def _sum_exponentials(self, weights: Floats | NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Sum over the classes of exp(gap) * weight, right also where terms are subnormal."""
        terms = self.exponentials * weights
        if self._lowest >= _DEEP:
            return fold_sum_parts(terms)
        deep = (self.gap < _DEEP) & (weights > 0) & np.isfinite(self.gap)
        # exp(d) = exp(d / 2)**2: the root is a normal number wherever the product matters.
        root = np.exp(self.gap[deep] / 2)
        weight, correction = weights[deep], 1 + self.residue[deep]
        terms[deep] = root * (root * weight) * correction
        high, low = (part.copy() for part in fold_sum_parts(terms))
        faint = high < _FAINT
        if faint.any():
            with np.errstate(over="ignore"):  # in the rows that are not faint
                lifted = np.ldexp(terms, 2 * _LIFT)
                root = np.ldexp(root, _LIFT)
                lifted[deep] = root * (root * weight) * correction
            high[faint] = np.ldexp(fold_sum(lifted[:, faint]), -2 * _LIFT)
            low[faint] = 0.0
        return high, low

    @cached_property
    def _log_total(self) -> Floats:
        """Logsumexp minus the maximum, shape (rows,)."""
        return np.log1p(self.rest)

    def probabilities(self, *, out: Floats | None = None) -> Floats:
        """Softmax, shape (rows, classes), in `out` if that is given."""
        return self._composed(ordinary.softmax, Logits._quotients, out)

    def log_probabilities(self, *, out: Floats | None = None) -> Floats:
        """Log-softmax in nats, shape (rows, classes); -inf for a masked class."""
        return self._composed(ordinary.log_softmax, Logits._log_quotients, out)

    def _composed(
        self, short: ordinary.Method, careful: Callable[[Logits], Floats], out: Floats | None
    ) -> Floats:
        """The short way's rows, and those that it leaves done with care."""
        result = np.empty(self._columns.T.shape) if out is None else out
        left = np.ones(len(result), dtype=bool)
        if self.temperature == 1:
            left = short(self._columns, self.maximum, out=result.T)
        if left.all():
            result[...] = careful(self).T
        elif left.any():
            few = Logits(self._columns.T[left], temperature=self.temperature)
            result[left] = careful(few).T
        return result

    def _quotients(self) -> Floats:
        reciprocal, missed = inverse(*self._total_parts)
        with np.errstate(under="ignore"):
            # All that the exponent and the reciprocal miss goes in with a single rounding.
            lost = self._high * (self.residue * reciprocal + missed)
            return self._high * reciprocal + lost

    def _log_quotients(self) -> Floats:
        return self.gap + (self.residue - self._log_total)

    @cached_property
    def _winners_complement(self) -> Floats:
        """1 - the probability of a winner, shape (rows,)."""
        quotient, missed = divide(*self._rest_parts, *self._total_parts)
        return quotient + missed

    def complements(self) -> Floats:
        """1 - softmax, from the sum of the others, shape (rows, classes)."""
        return np.where(self.winners, self._winners_complement[:, None], 1 - self.probabilities())

    def logsumexp(self) -> Floats:
        """Log of the sum of exp(logit / temperature) in nats, shape (rows,)."""
        if self.temperature == 0:
            limit = np.copysign(np.inf, self.maximum)
            return np.where(self.maximum == 0, self._log_total, limit)
        with np.errstate(over="ignore", invalid="ignore"):
            quotient, missed = _by_temperature(self.maximum, 0.0, self.temperature)
        return quotient + (missed + self._log_total)

    def surprisals(self) -> Floats:
        """-log p in nats, shape (rows, classes), never negative; inf for a masked class."""
        return ((self._log_total - self.residue) - self.gap).T

    @cached_property
    def beyond(self) -> NDArray[np.bool_]:
        """Classes whose -log p is finite and past the largest float64, shape (rows, classes)."""
        if self.temperature == 0 or self._lowest > -np.inf:
            return np.zeros(self._columns.T.shape, dtype=bool)
        return np.isneginf(self.gap).T & ~self.masked

    def quarter_surprisals(self) -> Floats:
        """A quarter of -log p in nats, shape (rows, classes), right where that is vast."""
        return Logits(self._columns.T, temperature=4 * self.temperature).surprisals()

    def surprisal_parts(self) -> tuple[Floats, Floats]:
        """`surprisals` before the last rounding: the sum of two arrays."""
        high, low = two_sum(-self.gap, self._log_total - self.residue)
        return high.T, low.T

    def expectation(self, weights: Floats, /) -> Floats:
        """Sum of probability * weight, shape (rows,); weights not negative, masked ones unread."""
        columns = np.where(np.isneginf(self.gap), 0.0, weights.T)
        quotient, missed = divide(*self._sum_exponentials(columns), *self._total_parts)
        return quotient + missed

    def entropy(self) -> Floats:
        """Shannon entropy in nats, shape (rows,); no term is negative, so nothing cancels."""
        return self._log_total + self._mean_gap

    def perplexity(self) -> Floats:
        """exp(entropy), shape (rows,): the number of equally likely classes."""
        return (1 + self.rest) * np.exp(self._mean_gap)

    @cached_property
    def _mean_gap(self) -> Floats:
        """The distance below the maximum that is expected, in nats, shape (rows,)."""
        return self.expectation(-self.gap.T)


def softmax(logits: Floats, /, *, temperature: float = 1.0) -> Floats:
    """Probabilities, shape (rows, classes); see `Logits`."""
    result = np.empty(logits.shape)
    for rows in _blocks(logits):
        Logits(logits[rows], temperature=temperature).probabilities(out=result[rows])
    return result


def log_softmax(logits: Floats, /, *, temperature: float = 1.0) -> Floats:
    """Log-probabilities in nats, shape (rows, classes); see `Logits`."""
    result = np.empty(logits.shape)
    for rows in _blocks(logits):
        Logits(logits[rows], temperature=temperature).log_probabilities(out=result[rows])
    return result


def logsumexp(logits: Floats, /, *, temperature: float = 1.0) -> Floats:
    """Log of the summed exponentials in nats, shape (rows,); see `Logits`."""
    return Logits(logits, temperature=temperature).logsumexp()


def _blocks(logits: Floats) -> Iterator[slice]:
    """Slices of rows that stay in the processor's cache."""
    rows, classes = logits.shape
    step = max(1, _BLOCK // classes)
    return (slice(start, start + step) for start in range(0, rows, step))


def check_rows(columns: Floats, maximum: Floats, /) -> None:
    """Raise `RowError` for the first column of logits that stands for no distribution."""
    infinite = (columns == np.inf).sum(axis=0)
    bad = np.isnan(maximum) | (maximum == -np.inf) | (infinite > 1)
    if bad.any():
        row = int(np.argmax(bad))
        if np.isnan(maximum[row]):
            raise RowError(row, "a value is nan")
        if maximum[row] == -np.inf:
            raise RowError(row, "every value is -inf: there is no class left")
        raise RowError(row, f"{infinite[row]} values are inf: only one class can win outright")


def _limits(columns: Floats, maximum: Floats) -> Floats:
    """Columns with the one +inf of a row as 0 and the others of that row as masked."""
    check_rows(columns, maximum)
    certain = np.where(columns == np.inf, 0.0, -np.inf)
    return np.where(maximum == np.inf, certain, columns)


def _shifted(columns: Floats, shift: Floats, temperature: float) -> tuple[Floats, Floats]:
    """(logit - shift) / temperature, and what its two roundings took away."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        gap, residue = two_sum(columns, -shift)
        if temperature == 1:
            return gap, residue
        if temperature == 0:
            return np.where(columns == shift, 0.0, -np.inf), np.zeros_like(gap)
        overflowed = (np.isneginf(gap) & ~np.isneginf(columns)).any(axis=0)
        if overflowed.any():  # 1e308 - -1e308 may come back into range by the division
            scale = np.where(overflowed, 0.25, 1.0)
            gap, residue = two_sum(columns * scale, -shift * scale)
            gap, residue = _by_temperature(gap, residue, temperature)
            return gap / scale, residue / scale
        return _by_temperature(gap, residue, temperature)


def _by_temperature(high: Floats, low: Floats | float, temperature: float) -> tuple[Floats, Floats]:
    """(high + low) / temperature as a rounded quotient and what it misses."""
    fraction, exponent = math.frexp(temperature)
    # The power of two is exact and goes first, so that 1e-300 and 1e300 split without overflow.
    return divide(np.ldexp(high, -exponent), np.ldexp(low, -exponent), fraction)
