"""How a loss is estimated: what is drawn, how many of it, and what a draw counts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from softmax_cli.core import sampling
from softmax_cli.core.sampling import NegativeSampling, SampledSoftmax, expected_negative_loss
from softmax_cli.flow.counts import read_counts
from softmax_cli.flow.naming import check_length

if TYPE_CHECKING:
    from softmax_cli.core.doubledouble import Floats
    from softmax_cli.core.losses import Labels
    from softmax_cli.core.sampling import Indices
    from softmax_cli.flow.settings import ManySettings


class Scheme(NamedTuple):
    """Negative sampling or sampled softmax with so many draws.

    Attributes
    ----------
    is_negative : bool
    draws : int
    noise : Noise
    """

    is_negative: bool
    draws: int
    noise: sampling.Noise

    def expected(self, drawn: Indices) -> Floats:
        """How often each of some classes is drawn on average."""
        counts: Floats = self.draws * self.noise.probabilities[drawn]
        return counts

    def estimate(
        self, scores: Floats, labels: Labels, drawn: Indices, rows: Indices | None = None
    ) -> NegativeSampling | SampledSoftmax:
        """The estimate of each trial.

        Parameters
        ----------
        scores : array, shape (rows, classes)
        labels : array of int, shape (rows,)
        drawn : array of int, shape (draws, trials)
        rows : array of int, shape (trials,), optional
            Each trial's row; without it there is one trial for each.
        """
        rows = np.arange(len(labels)) if rows is None else rows
        own = labels[rows]
        return self.weighted(scores[rows, own], scores[rows, drawn], own, drawn)

    def weighted(
        self,
        targets: Floats,
        scores: Floats,
        labels: Labels,
        drawn: Indices,
        times: Indices | int = 1,
    ) -> NegativeSampling | SampledSoftmax:
        """The estimate of draws, each counted so often.

        Accidental hits, draws of the target, count for nothing.
        """
        weights = np.where(drawn == labels, 0.0, 1.0) * times
        if self.is_negative:
            return NegativeSampling(targets, scores, weights)
        return SampledSoftmax(targets, scores, weights / self.expected(drawn))

    def exact(self, scores: Floats, labels: Labels, cross_entropy: Floats) -> Floats:
        """What is estimated, in nats, shape (rows,)."""
        if self.is_negative:
            return expected_negative_loss(scores, labels, self.noise, self.draws)
        return cross_entropy


class SchemeReader:
    """The scheme for any number of classes.

    Parameters
    ----------
    many : ManySettings
    names : sequence of str or None
        The classes' names.

    Raises
    ------
    DataError
        The noise's counts can't be used.
    """

    def __init__(self, many: ManySettings, names: Sequence[str] | None) -> None:
        self._is_negative = many.negative is not None
        self._draws = many.negative or many.sampled or 0
        self._noise = many.noise or "uniform"
        self._counts: Floats | None = None
        if self._noise not in ("uniform", "log-uniform"):
            counts = read_counts(self._noise, "--noise")
            self._counts = counts.in_order_of(names, "--noise")
        self.of = cache(self._of)

    def _of(self, classes: int) -> Scheme:
        """The scheme for so many classes.

        Raises
        ------
        DataError
            There are counts of another number of them.
        """
        if self._counts is not None:
            check_length("--noise", len(self._counts), classes)
            made = sampling.proportional(self._counts)
        else:
            make = sampling.uniform if self._noise == "uniform" else sampling.log_uniform
            made = make(classes)
        return Scheme(self._is_negative, self._draws, made)
