"""Distributions over classes, whatever they were given as."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np

from softmax_cli.core.doubledouble import Bools, DoubleDouble, Floats, Scaled, choose, quiet
from softmax_cli.core.elementary import exp, in_base


class Distribution(ABC):
    """Rows of distributions.

    `masked`, the classes of probability 0, has the shape (rows, classes), as have the methods'
    floats. Properties of more digits have the shape (classes, rows): short sums over many rows are
    slow in numpy the other way round. Logarithms are in nats, or in the unit of base '2' or '10'.
    """

    masked: Bools

    @property
    @abstractmethod
    def mass(self) -> Scaled:
        """The probabilities times the total, shape (classes, rows)."""

    @property
    @abstractmethod
    def total(self) -> Scaled:
        """The sum of the mass, shape (rows,)."""

    @property
    @abstractmethod
    def surprisal(self) -> Scaled:
        """-log p in nats, inf for a masked class, shape (classes, rows)."""

    @cached_property
    def probability(self) -> Scaled:
        """The probabilities, shape (classes, rows)."""
        with quiet():
            return self.mass * (Scaled(DoubleDouble(1.0)) / self.total)

    @cached_property
    def complement(self) -> Scaled:
        """1 - p from the sum of the other classes, shape (classes, rows)."""
        with quiet():
            plain = self.probability.plain()
            dominant = plain.high > 0.5
            rest = (self.mass * np.where(dominant, 0.0, 1.0)).sum() / self.total
            return choose(dominant, rest, Scaled(1.0 - plain))

    @property
    def has_infinite_surprisal(self) -> bool:
        return bool(self.masked.any())

    def probabilities(self) -> Floats:
        with quiet():
            return self.probability.rounded().T

    def log_probabilities(self, *, base: str = "e") -> Floats:
        return 0.0 - self.surprisals(base=base)  # no -0.0

    def surprisals(self, *, base: str = "e") -> Floats:
        """-log p, shape (rows, classes), never negative; inf for a masked class."""
        return in_base(self.surprisal, base).T

    def expectation(self, values: Scaled, /) -> Scaled:
        """Sum of p * value, shape (rows,), of values that are not negative, shape (classes, rows).

        Values of masked classes are not read.
        """
        with quiet():
            kept = values.filled(self.mass.value.high == 0, 0.0)
            return (self.mass * kept.normal()).sum() / self.total

    @cached_property
    def _entropy(self) -> Scaled:
        return self.expectation(self.surprisal)

    def entropy(self, *, base: str = "e") -> Floats:
        """Shannon entropy, shape (rows,); no term is negative, so nothing cancels."""
        return in_base(self._entropy, base)

    def perplexity(self) -> Floats:
        """exp(entropy), shape (rows,): the number of equally likely classes."""
        with quiet():
            return exp(self._entropy.plain()).rounded()
