"""Distributions over classes: the base class, and those of given probabilities or masses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Final

import numpy as np

from softmax_cli.core.doubledouble import Bools, DoubleDouble, Floats, Indices, where
from softmax_cli.core.elementary import exp, in_base, log, log1p
from softmax_cli.errors import DataError, RowErrors, SumError

# Tolerances of sums; 1e-12 covers the binary rounding of decimal sums such as 0.99.
WARNING_TOLERANCE: Final = 1e-6 + 1e-12
ERROR_TOLERANCE: Final = 1e-2 + 1e-12


class Distribution(ABC):
    """Rows of distributions.

    Floats have the shape (rows, classes), double-doubles are transposed, (classes, rows): numpy is
    slow at short sums over many rows the other way round. Logarithms are in nats, or in the unit of
    base '2' or '10'.
    """

    temperature = 1.0  # that logits were divided by

    @property
    @abstractmethod
    def mass(self) -> DoubleDouble:
        """The probabilities times the total, shape (classes, rows)."""

    @property
    def total(self) -> DoubleDouble:
        """What the mass is divided by, shape (rows,); 1 where masses are probabilities."""
        return DoubleDouble(np.ones(self.mass.high.shape[1:]))

    @property
    @abstractmethod
    def surprisal(self) -> DoubleDouble:
        """-log p in nats, inf for a masked class, shape (classes, rows)."""

    def surprisal_of(self, classes: Indices) -> DoubleDouble:
        """Return -log p of a class of each row, shape (rows,)."""
        return self.surprisal[classes, np.arange(len(classes))]

    @cached_property
    def probability(self) -> DoubleDouble:
        """The probabilities, shape (classes, rows)."""
        return self.mass * (1.0 / self.total)

    @cached_property
    def complement(self) -> DoubleDouble:
        """1 - p, for p > 1/2 as the sum of the other classes, shape (classes, rows)."""
        plain = self.probability.plain()
        dominant = plain.high > 0.5
        rest = (self.mass * np.where(dominant, 0.0, 1.0)).sum() / self.total
        return where(dominant, rest, 1.0 - plain)

    @cached_property
    def masked(self) -> Bools:
        """The classes of probability 0, shape (rows, classes)."""
        return np.equal(self.mass.high.T, 0)

    def probabilities(self) -> Floats:
        return self.probability.rounded().T

    def log_probabilities(self, *, base: str = "e") -> Floats:
        return 0.0 - self.surprisals(base=base)  # no -0.0

    def surprisals(self, *, base: str = "e") -> Floats:
        """Return -log p, shape (rows, classes), never negative; inf for a masked class."""
        return in_base(self.surprisal, base).T

    def expectation(self, values: DoubleDouble, /) -> DoubleDouble:
        """Return the sum of p * value, shape (rows,), for values >= 0, shape (classes, rows).

        Values of masked classes are ignored.
        """
        kept = where(self.mass.high == 0, 0.0, values)
        return (self.mass * kept.normal()).sum() / self.total

    @cached_property
    def _entropy(self) -> DoubleDouble:
        return self.expectation(self.surprisal)

    def entropy(self, *, base: str = "e") -> Floats:
        """Return the Shannon entropy, shape (rows,); no term is negative, so nothing cancels."""
        return in_base(self._entropy, base)

    def perplexity(self) -> Floats:
        """Return exp(entropy), shape (rows,)."""
        return exp(self._entropy.plain()).rounded()


class Probabilities(Distribution):
    """Rows of probabilities, shape (rows, classes), divided by the sum of each row.

    Raises `RowErrors` for rows with negative or infinite values, and for sums more than
    `ERROR_TOLERANCE` away from 1, or with `normalize` for sums of 0.
    """

    def __init__(self, values: Floats, /, *, normalize: bool = False) -> None:
        self._mass = _checked(values)
        check_sums(self.sums, np.inf if normalize else ERROR_TOLERANCE)

    @cached_property
    def sums(self) -> Floats:
        """The sums that rows are divided by, shape (rows,)."""
        return self.total.rounded()

    @property
    def mass(self) -> DoubleDouble:
        return self._mass

    @cached_property
    def total(self) -> DoubleDouble:
        return self.mass.sum()

    @cached_property
    def _log_mass(self) -> DoubleDouble:
        """The logarithms of the mass in nats, 0 for masked classes."""
        return log(where(self.masked.T, 1.0, self.mass))

    @cached_property
    def surprisal(self) -> DoubleDouble:
        """-log p in nats, shape (classes, rows), from the other classes where p > 1/2."""
        sizes = self.probability.plain().high
        top = sizes.argmax(axis=0), np.arange(sizes.shape[1])
        odds = self.complement[top] / self.probability[top]
        far = where(self.masked.T, np.inf, log(self.total) - self._log_mass)
        return where(sizes > 0.5, log1p(odds), far)


class Masses(Probabilities):
    """Rows of masses, shape (rows, classes), with any sum, which are not normalized.

    For generalized divergences: the sum of p log(p / q) - p + q is never negative either. Raises
    `RowErrors` for rows with negative or infinite values.
    """

    def __init__(self, values: Floats, /) -> None:
        self._mass = _checked(values)

    total = Distribution.total  # 1

    @cached_property
    def surprisal(self) -> DoubleDouble:
        return where(self.masked.T, np.inf, -self._log_mass)


class Mixture(Probabilities):
    """Rows of masses in double-double, shape (classes, rows), divided by their sum."""

    def __init__(self, probability: DoubleDouble, /) -> None:
        self._mass = probability


class Smoothed(Probabilities):
    """Rows of probabilities, a fraction of which is spread evenly over all classes."""

    def __init__(self, target: Probabilities, smoothing: float, /) -> None:
        self.target, self.smoothing = target, smoothing
        classes, spread = len(target.mass.high), DoubleDouble(np.array([smoothing])).normal()
        # Not divided by the classes, so that those of labels are exact
        self._mass = target.mass * ((1.0 - spread) * float(classes)) + target.total * spread


def check_sums(sums: Floats, tolerance: float, /) -> None:
    """Raise `RowErrors` for sums that are 0 or too far from 1."""
    errors: dict[int, DataError] = {}
    for row in np.flatnonzero((sums == 0) | ~(np.abs(sums - 1) <= tolerance)).tolist():
        if sums[row] == 0:
            errors[row] = DataError("every probability is 0: there is no sum to divide by")
        else:
            errors[row] = SumError(f"probabilities sum to {sums[row]:.6g}, not to 1")
    if errors:
        raise RowErrors(errors)


def _checked(values: Floats) -> DoubleDouble:
    bad, errors = ~(values >= 0) | np.isinf(values), {}
    for row in np.flatnonzero(bad.any(axis=1)).tolist():
        column = int(np.argmax(bad[row]))
        what = "negative" if values[row, column] < 0 else "not finite"
        text = f"probability {values[row, column]:.6g} of class {column} is {what}"
        errors[row] = DataError(text)
    if errors:
        raise RowErrors(errors)
    return DoubleDouble(np.ascontiguousarray(values.T, np.float64)).normal()
