"""Rows of given probabilities, divided by their sum."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from softmax_cli.core.distribution import Distribution
from softmax_cli.core.doubledouble import Bools, DoubleDouble, Floats, Scaled, quiet, where
from softmax_cli.core.elementary import log, log1p
from softmax_cli.core.softmax import Logits
from softmax_cli.errors import DataError, RowErrors

# With what 0.99 misses of 1 - 1e-2 in binary
SILENT: Final = 1e-6 + 1e-12
TOLERATED: Final = 1e-2 + 1e-12


class Probabilities(Distribution):
    """Rows of probabilities, shape (rows, classes), divided by the exact sum of each row.

    `values` has the shape (classes, rows), `sums` (rows,). Raises `RowErrors` for rows with
    negative or infinite values, and for sums more than `TOLERATED` away from 1, or with `normalize`
    for sums of 0.
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
        return Scaled.of(self.values)

    @cached_property
    def total(self) -> Scaled:
        with quiet():
            return self.mass.sum()

    @cached_property
    def _log_mass(self) -> DoubleDouble:
        """Logarithms in nats, 0 for masked classes."""
        return log(Scaled(where(self.masked.T, 1.0, self.mass.value), self.mass.exponent))

    @cached_property
    def surprisal(self) -> Scaled:
        """-log p in nats, shape (classes, rows), from the others where p is more than half."""
        with quiet():
            dominant = self.probability.plain().high > 0.5
            odds = (self.complement / self.probability).plain()
            near = log1p(where(dominant, odds, 0.0))
            far = where(self.masked.T, np.inf, log(self.total) - self._log_mass)
            return Scaled(where(dominant, near, far))


class Masses(Probabilities):
    """Rows of masses, shape (rows, classes), that sum to anything and are divided by nothing.

    For divergences: the sum of p log(p / q) - p + q is never negative either. Raises `RowErrors`
    for rows with negative or infinite values.
    """

    def __init__(self, values: Floats, /) -> None:
        _check_values(values)
        self.values = np.ascontiguousarray(values.T, np.float64)
        self.masked = values == 0
        self.sums = np.ones(len(values))

    @cached_property
    def total(self) -> Scaled:
        """1, shape (rows,)."""
        return Scaled(DoubleDouble(self.sums))

    @cached_property
    def surprisal(self) -> Scaled:
        with quiet():
            return Scaled(where(self.masked.T, np.inf, -self._log_mass))


class Mixture(Probabilities):
    """Rows of probabilities in double-double, shape (classes, rows), that sum to 1."""

    def __init__(self, probability: DoubleDouble, /) -> None:
        self._given = probability
        self.values = probability.rounded()
        self.masked = self.values.T == 0
        self.sums = np.ones(len(self.masked))

    @cached_property
    def mass(self) -> Scaled:
        return Scaled(self._given)


def from_log_probabilities(values: Floats, /, *, normalize: bool = False) -> Logits:
    """Log-probabilities in nats, shape (rows, classes), as a distribution.

    Raises `RowErrors` as `Probabilities` does, for the sum of the exponentials.
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
    bad = np.flatnonzero(empty | ~(np.abs(sums - 1) <= tolerance))
    if len(bad):
        raise RowErrors({row: _sum_error(sums[row], empty[row]) for row in bad.tolist()})


def _sum_error(total: float, empty: bool) -> DataError:
    if empty or total == 0:
        return DataError("every probability is 0: there is no sum to divide by")
    hint = "--normalize divides by any other sum"
    return DataError(f"probabilities sum to {total:.6g}, not to 1", hint)


def _check_values(values: Floats) -> None:
    bad = ~(values >= 0) | np.isinf(values)
    if bad.any():
        rows = np.flatnonzero(bad.any(axis=1)).tolist()
        raise RowErrors({row: _value_error(values[row], bad[row]) for row in rows})


def _value_error(values: Floats, bad: Bools) -> DataError:
    column = int(np.argmax(bad))
    what = "negative" if values[column] < 0 else "not finite"
    return DataError(f"probability {values[column]:.6g} of class {column} is {what}")
