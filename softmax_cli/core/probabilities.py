"""Rows of given probabilities, divided by their sum, and what is read off them."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from softmax_cli.core.arithmetic import Floats, fold_sum, fold_sum_parts
from softmax_cli.core.logits import Logits
from softmax_cli.errors import RowError

# With what 0.99 misses of 1 - 1e-2 in binary
SILENT: Final = 1e-6 + 1e-12
TOLERATED: Final = 1e-2 + 1e-12

# As in `logits`: products of subnormal numbers are lifted before they are summed.
_FAINT: Final = 1e-290
_LIFT: Final = 600


class Probabilities:
    """Rows of probabilities as a distribution over the classes of each row.

    Each row is divided by its sum; the exact result meant is that of the exact sum.

    Parameters
    ----------
    values : array, shape (rows, classes)
        Not negative, finite, not all 0.
    normalize : bool
        Take any positive sum; otherwise a sum more than `TOLERATED` away from 1 is refused.

    Attributes
    ----------
    values : array, shape (classes, rows)
    sums : array, shape (rows,)
    masked : bool array, shape (rows, classes)
        Classes of probability 0.
    beyond : bool array, shape (rows, classes)
        Classes whose -log p is past the largest float64: none.

    Raises
    ------
    RowError
        A row that is no distribution.
    """

    def __init__(self, values: Floats, /, *, normalize: bool = False) -> None:
        _check_values(values)
        columns = np.ascontiguousarray(values.T)
        if normalize:
            columns = _moderate(columns)
        self.values = columns
        self.masked = values == 0
        self.beyond = np.zeros(values.shape, dtype=bool)
        self.sum_parts = fold_sum_parts(columns)
        self.sums = self.sum_parts[0] + self.sum_parts[1]
        check_sums(self.sums, tolerance=np.inf if normalize else TOLERATED)

    def repeated(self, rows: int, /) -> Probabilities:
        """A single row's distribution for so many rows."""
        return Probabilities(np.repeat(self.values.T, rows, axis=0), normalize=True)

    def probabilities(self) -> Floats:
        """The values divided by their row's sum, shape (rows, classes)."""
        return (self.values / self.sums).T

    @cached_property
    def _others(self) -> Floats:
        """For each class the sum of the other values of its row, shape (classes, rows)."""
        others = self.sums - self.values
        dominant = self.values > self.sums / 2
        rest = fold_sum(np.where(dominant, 0.0, self.values))
        return np.where(dominant, rest, others)

    def complements(self) -> Floats:
        """1 - probability, from the sum of the others, shape (rows, classes)."""
        return (self._others / self.sums).T

    def surprisals(self) -> Floats:
        """-log p in nats, shape (rows, classes), never negative; inf where p is 0."""
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            odds = self._others / self.values
            near = np.log1p(odds)
            # The odds of a subnormal number may overflow.
            far = np.log(self.sums) - np.log(self.values)
        return np.where(odds < np.inf, near, far).T

    def surprisal_parts(self) -> tuple[Floats, Floats]:
        """`surprisals`, and zeros: they are known no better."""
        surprisals = self.surprisals()
        return surprisals, np.zeros_like(surprisals)

    def expectation(self, weights: Floats, /) -> Floats:
        """Sum of probability * weight, shape (rows,); weights not negative, unread where p = 0."""
        columns = np.where(self.values > 0, weights.T, 0.0)
        total = fold_sum(self.values * columns)
        faint = total < _FAINT
        if faint.any():
            lifted = np.ldexp(self.values[:, faint], _LIFT) * columns[:, faint]
            total[faint] = np.ldexp(fold_sum(lifted), -_LIFT)
        return total / self.sums

    def entropy(self) -> Floats:
        """Shannon entropy in nats, shape (rows,)."""
        return self.expectation(self.surprisals())

    def perplexity(self) -> Floats:
        """exp(entropy), shape (rows,): the number of equally likely classes."""
        return np.exp(self.entropy())


class Masses(Probabilities):
    """Rows of masses that sum to anything, and are divided by nothing.

    For divergences that allow it: the sum of p log(p / q) - p + q is never negative either.

    Parameters
    ----------
    values : array, shape (rows, classes)
        Not negative, finite.

    Raises
    ------
    RowError
        A row with another value.
    """

    def __init__(self, values: Floats, /) -> None:
        _check_values(values)
        self.values = np.ascontiguousarray(values.T)
        self.masked = values == 0
        self.beyond = np.zeros(values.shape, dtype=bool)
        self.sums = np.ones(len(values))
        self.sum_parts = self.sums, np.zeros(len(values))


Distribution = Logits | Probabilities


def from_log_probabilities(values: Floats, /, *, normalize: bool = False) -> Logits:
    """Log-probabilities as a distribution: logits whose exponentials sum to nearly 1.

    Raises
    ------
    RowError
        As `Probabilities`, for the sum of the exponentials.
    """
    distribution = Logits(values)
    if not normalize:
        check_sums(log_probability_sums(distribution), tolerance=TOLERATED)
    return distribution


def log_probability_sums(distribution: Logits, /) -> Floats:
    """Sum of the exponentials of each row's log-probabilities, shape (rows,)."""
    with np.errstate(over="ignore"):
        return np.exp(distribution.logsumexp())


def check_sums(sums: Floats, /, *, tolerance: float) -> None:
    """Raise `RowError` for the first row whose probabilities do not sum to about 1."""
    bad = ~(np.abs(sums - 1) <= tolerance) | (sums == 0)
    if bad.any():
        row = int(np.argmax(bad))
        if sums[row] == 0:
            raise RowError(row, "every probability is 0: there is no sum to divide by")
        hint = "--normalize divides by any other sum"
        raise RowError(row, f"probabilities sum to {sums[row]:.6g}, not to 1", hint)


def _check_values(values: Floats) -> None:
    bad = ~(values >= 0) | np.isinf(values)
    if bad.any():
        row, column = (int(index) for index in np.argwhere(bad)[0])
        value = values[row, column]
        what = "negative" if value < 0 else "not finite"
        raise RowError(row, f"probability {value:.6g} of class {column} is {what}")


def _moderate(columns: Floats) -> Floats:
    """Columns scaled by a power of two, so that the sums of any two rows are of one size."""
    _, exponent = np.frexp(columns.max(axis=0))
    columns = np.ldexp(columns, -exponent)
    _, exponent = np.frexp(fold_sum(columns))
    moderate: Floats = np.ldexp(columns, -exponent)
    return moderate
