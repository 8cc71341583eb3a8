"""What is read off a distribution over classes, whatever it was given as."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np

from softmax_cli.core.doubledouble import (
    Bools,
    DoubleDouble,
    Floats,
    Scaled,
    choose,
    exp,
    quiet,
    scaled,
    where,
)


class Distribution(ABC):
    """Rows of distributions.

    Inside, classes run along the first axis: short sums over many rows are slow in numpy the other
    way round. Every logarithm is in nats unless a base, '2' or '10', is given.

    Attributes
    ----------
    masked : bool array, shape (rows, classes)
        Classes of probability 0.
    mass : Scaled, shape (classes, rows)
        The probabilities times the row's total.
    total : Scaled, shape (rows,)
    surprisal : Scaled, shape (classes, rows)
        -log p in nats, inf for a masked class.
    """

    masked: Bools

    @property
    @abstractmethod
    def mass(self) -> Scaled:
        """See above."""

    @property
    @abstractmethod
    def total(self) -> Scaled:
        """See above."""

    @property
    @abstractmethod
    def surprisal(self) -> Scaled:
        """See above."""

    @cached_property
    def shares(self) -> Scaled:
        """The probabilities in two parts, shape (classes, rows)."""
        with quiet():
            return self.mass * (Scaled(DoubleDouble(1.0)) / self.total)

    @cached_property
    def complement(self) -> Scaled:
        """1 - p from the sum of the other classes, shape (classes, rows)."""
        with quiet():
            plain = self.shares.plain()
            dominant = plain.high > 0.5
            rest = (self.mass * np.where(dominant, 0.0, 1.0)).sum() / self.total
            return choose(dominant, rest, Scaled(1.0 - plain))

    @property
    def has_infinite_surprisal(self) -> bool:
        """Whether -log p of a class is inf."""
        return bool(self.masked.any())

    def probabilities(self, *, out: Floats | None = None) -> Floats:
        """Probabilities, shape (rows, classes), in `out` if that is given."""
        with quiet():
            result = self.shares.rounded().T
        if out is None:
            return result
        out[...] = result
        return out

    def log_probabilities(self, *, out: Floats | None = None, base: str = "e") -> Floats:
        """Their logarithms, shape (rows, classes); -inf for a masked class."""
        with quiet():
            return np.subtract(0.0, self.surprisals(base=base), out=out)  # no -0.0

    def surprisals(self, *, base: str = "e") -> Floats:
        """-log p, shape (rows, classes), never negative; inf for a masked class."""
        with quiet():
            return self.surprisal.in_base(base).T

    def complements(self) -> Floats:
        """1 - p from the sum of the other classes, shape (rows, classes)."""
        with quiet():
            return self.complement.rounded().T

    def expectation(self, values: Scaled | Floats, /) -> Scaled:
        """Sum of p * value, shape (rows,), of values that are not negative, shape (classes, rows).

        Values of masked classes are not read.
        """
        values = values if isinstance(values, Scaled) else scaled(values)
        with quiet():
            kept = Scaled(where(self.mass.value.high == 0, 0.0, values.value), values.exponent)
            return (self.mass * kept.normal()).sum() / self.total

    @cached_property
    def _entropy(self) -> Scaled:
        return self.expectation(self.surprisal)

    def entropy(self, *, base: str = "e") -> Floats:
        """Shannon entropy, shape (rows,); no term is negative, so nothing cancels."""
        with quiet():
            return self._entropy.in_base(base)

    def perplexity(self) -> Floats:
        """exp(entropy), shape (rows,): the number of equally likely classes."""
        with quiet():
            return exp(self._entropy.plain()).rounded()
