"""Distributions that classes are drawn from, with replacement."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core.arithmetic import Floats, fold_sum

Indices = NDArray[np.intp]


class Noise:
    """A distribution over classes.

    Parameters
    ----------
    probabilities : array, shape (classes,)
        Positive.

    Attributes
    ----------
    probabilities : array, shape (classes,)
    """

    def __init__(self, probabilities: Floats, /) -> None:
        self.probabilities = probabilities
        self._cumulative = np.cumsum(probabilities)
        self._cumulative /= self._cumulative[-1]

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...], /) -> Indices:
        """Classes, one for each of the generator's numbers in their order."""
        numbers = generator.random(shape)
        drawn: Indices = np.searchsorted(self._cumulative, numbers, side="right")
        return drawn


def uniform(classes: int, /) -> Noise:
    """Every class alike."""
    return Noise(np.full(classes, 1 / classes))


def log_uniform(classes: int, /) -> Noise:
    """log((k + 2) / (k + 1)) / log(K + 1), about 1 / k: for classes from the most frequent down.

    As TensorFlow's `log_uniform_candidate_sampler`.
    """
    return Noise(np.log1p(1 / np.arange(1.0, classes + 1)) / np.log1p(classes))


def proportional(counts: Floats, /) -> Noise:
    """As positive counts are to one another."""
    shares = counts / counts.max()
    return Noise(shares / fold_sum(shares))
