"""Rows of given probabilities, divided by their sum."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from softmax_cli.core.distribution import Distribution
from softmax_cli.core.doubledouble import (
    Bools,
    DoubleDouble,
    Floats,
    Integers,
    Scaled,
    log,
    log1p,
    quiet,
    scaled,
    where,
)
from softmax_cli.core.softmax import Logits
from softmax_cli.errors import DataError, RowErrors

__all__ = [
    "SILENT",
    "TOLERATED",
    "Distribution",
    "Masses",
    "Probabilities",
    "from_log_probabilities",
    "log_probability_sums",
]

# With what 0.99 misses of 1 - 1e-2 in binary
SILENT: Final = 1e-6 + 1e-12
TOLERATED: Final = 1e-2 + 1e-12


class Probabilities(Distribution):
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

    Raises
    ------
    RowErrors
        Rows that are no distribution.
    """

    def __init__(self, values: Floats, /, *, normalize: bool = False) -> None:
        _check_values(values)
        self.values: Floats = np.ascontiguousarray(values.T, np.float64)
        self.masked = values == 0
        with quiet():
            self.sums = self.total.rounded()
        empty = np.all(self.masked, axis=1)
        _check_sums(self.sums, empty, np.inf if normalize else TOLERATED)

    def repeated(self, rows: int, /) -> Probabilities:
        """A single row's distribution for so many rows."""
        return Probabilities(np.repeat(self.values.T, rows, axis=0), normalize=True)

    @cached_property
    def mass(self) -> Scaled:
        """The values, shape (classes, rows)."""
        return scaled(self.values)

    @cached_property
    def total(self) -> Scaled:
        """Their sum, shape (rows,)."""
        with quiet():
            return self.mass.sum()

    @cached_property
    def surprisal(self) -> Scaled:
        """-log p in nats, shape (classes, rows), from the others where p is more than half."""
        with quiet():
            dominant = self.shares.plain().high > 0.5
            possible = where(self.masked.T, 1.0, self.mass.value)
            far = _log(self.total.value, self.total.exponent) - _log(possible, self.mass.exponent)
            odds = (self.complement / self.shares).plain()
            near = log1p(where(dominant, odds, 0.0))
            return Scaled(where(dominant, near, where(self.masked.T, np.inf, far)))


class Masses(Probabilities):
    """Rows of masses that sum to anything, and are divided by nothing.

    For divergences that allow it: the sum of p log(p / q) - p + q is never negative either.

    Parameters
    ----------
    values : array, shape (rows, classes)
        Not negative, finite.

    Raises
    ------
    RowErrors
        Rows with another value.
    """

    def __init__(self, values: Floats, /) -> None:
        _check_values(values)
        self.values = np.ascontiguousarray(values.T, np.float64)
        self.masked = values == 0
        self.sums = np.ones(len(values))

    @cached_property
    def total(self) -> Scaled:
        """1, shape (rows,)."""
        return Scaled(DoubleDouble(np.ones(self.values.shape[1])))

    @cached_property
    def surprisal(self) -> Scaled:
        """-log of the mass in nats, shape (classes, rows)."""
        with quiet():
            possible = where(self.masked.T, 1.0, self.mass.value)
            surprisal = -_log(possible, self.mass.exponent)
            return Scaled(where(self.masked.T, np.inf, surprisal))


class Mixture(Probabilities):
    """Rows of probabilities in two parts, shape (classes, rows), that sum to 1."""

    def __init__(self, parts: DoubleDouble, /) -> None:
        self._parts = parts
        self.values = parts.rounded()
        self.masked = self.values.T == 0
        self.sums = np.ones(len(self.masked))

    @cached_property
    def mass(self) -> Scaled:
        """The parts as they are, shape (classes, rows)."""
        return Scaled(self._parts)


def _log(values: DoubleDouble, exponent: Integers | None) -> DoubleDouble:
    return log(values, 0 if exponent is None else exponent)


def from_log_probabilities(values: Floats, /, *, normalize: bool = False) -> Logits:
    """Log-probabilities as a distribution: logits whose exponentials sum to nearly 1.

    Raises
    ------
    RowErrors
        As `Probabilities`, for the sum of the exponentials.
    """
    distribution = Logits(values)
    if not normalize:
        sums = log_probability_sums(distribution)
        _check_sums(sums, np.zeros(len(sums), bool), TOLERATED)
    return distribution


def log_probability_sums(distribution: Logits, /) -> Floats:
    """Sum of the exponentials of each row's log-probabilities, shape (rows,)."""
    with quiet():
        return np.exp(distribution.logsumexp())


def _check_sums(sums: Floats, empty: Bools, tolerance: float) -> None:
    """Raise `RowErrors` for the rows whose probabilities do not sum to about 1."""
    bad = np.flatnonzero(empty | ~(np.abs(sums - 1) <= tolerance))
    if len(bad):
        raise RowErrors({row: _sum_error(sums[row], empty[row]) for row in bad.tolist()})


def _sum_error(total: float, empty: bool) -> DataError:
    if empty or total == 0:
        return DataError("every probability is 0: there is no sum to divide by")
    hint = "--normalize divides by any other sum"
    return DataError(f"probabilities sum to {total:.6g}, not to 1", hint)


def _check_values(values: Floats) -> None:
    """Raise `RowErrors` for the rows with a value that is negative or not finite."""
    bad = ~(values >= 0) | np.isinf(values)
    if bad.any():
        rows = np.flatnonzero(bad.any(axis=1)).tolist()
        raise RowErrors({row: _value_error(values[row], bad[row]) for row in rows})


def _value_error(values: Floats, bad: Bools) -> DataError:
    column = int(np.argmax(bad))
    what = "negative" if values[column] < 0 else "not finite"
    return DataError(f"probability {values[column]:.6g} of class {column} is {what}")
