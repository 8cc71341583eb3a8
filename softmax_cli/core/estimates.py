"""Losses of many classes, estimated from the target and some classes that are drawn.

Each trial has a target and draws, one of them along the first axis of an array. What a draw counts
is its weight; 0 leaves it out.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from softmax_cli.core.arithmetic import Floats, fold_sum, quiet, two_sum
from softmax_cli.core.losses import Labels, at_labels
from softmax_cli.core.noise import Indices, Noise
from softmax_cli.core.sigmoid import sigmoid, softplus

# Beyond this an exponential nears the largest number, below that the smallest.
_STEEP = 600.0
_DEEP = -690.0


class SampledSoftmax:
    """Cross-entropy with the sum over the other classes estimated.

    Jean et al., "On using very large target vocabulary for neural machine translation", 2015. With
    weights 1 / (N q), N draws of probability q each, exp(target) plus the sum of weight *
    exp(score) is an unbiased estimate of the sum of all exponentials, where draws of the target
    have the weight 0. The loss is its logarithm less the target's score. (TensorFlow's
    `sampled_softmax_loss` corrects the target's score like the others': a signal to train by, but
    no estimate of the cross-entropy.)

    Parameters
    ----------
    targets : array, shape (trials,)
        The target's score; -inf for a masked class.
    scores : array, shape (draws, trials)
        Of the classes drawn, as they are.
    weights : array, shape (draws, trials)
    """

    def __init__(self, targets: Floats, scores: Floats, weights: Floats, /) -> None:
        self._lost = np.isneginf(targets)
        gap, residue = two_sum(scores, -np.where(self._lost, 0.0, targets))
        gap[weights == 0] = -np.inf
        top = gap.max(axis=0)
        beyond = np.isposinf(top)
        if beyond.any():  # finite, but more than a float holds: nothing else counts
            gap = np.where(beyond, np.where(np.isposinf(gap), 0.0, -np.inf), gap)
        self._lost = self._lost | beyond
        self._shift = np.where(beyond, 0.0, np.maximum(top - _STEEP, 0.0))
        self._terms = _weighted(gap - self._shift, weights) * (1 + residue)
        self._own = np.where(self._lost, 0.0, np.exp(-self._shift))

    @cached_property
    def _others(self) -> Floats:
        """The sum over the other classes, in units of the target's exponential and the shift's."""
        return fold_sum(self._terms)

    def loss(self) -> Floats:
        """The loss in nats, shape (trials,)."""
        with quiet():
            shifted = self._shift + np.log(self._others + self._own)
        loss = np.where(self._shift > 0, shifted, np.log1p(self._others))
        return np.where(self._lost, np.inf, loss)

    def shares(self) -> Floats:
        """Each draw's part of the estimated sum, shape (draws, trials)."""
        return self._of_sum(self._terms)

    def others_share(self) -> Floats:
        """The part of all draws together, shape (trials,)."""
        return self._of_sum(self._others)

    def target_share(self) -> Floats:
        """The part that is left to the target: its estimated probability, shape (trials,)."""
        return self._of_sum(self._own)

    def _of_sum(self, terms: Floats) -> Floats:
        total = self._others + self._own
        return terms / np.where(total == 0, 1.0, total)


def _weighted(gap: Floats, weights: Floats) -> Floats:
    """exp(gap) * weight, also where the exponential alone has too few digits."""
    with np.errstate(under="ignore"):
        terms = np.exp(gap) * weights
        deep = (gap < _DEEP) & np.isfinite(gap)
        if deep.any():
            root = np.exp(gap[deep] / 2)
            terms[deep] = root * (root * weights[deep])
    return terms


class NegativeSampling:
    """-log s(target) - sum of weight * log s(-score): the target is told from noise.

    A logistic regression for each class (Mikolov et al., "Distributed representations of words and
    phrases", 2013). Draws of the target have the weight 0, as word2vec leaves them out.

    Parameters
    ----------
    targets : array, shape (trials,)
    scores, weights : array, shape (draws, trials)
    """

    def __init__(self, targets: Floats, scores: Floats, weights: Floats, /) -> None:
        self._targets = targets
        self._scores = scores
        self._weights = weights

    def loss(self) -> Floats:
        """The loss in nats, shape (trials,)."""
        return fold_sum(np.concatenate([self.target_part()[None], self.parts()]))

    def target_part(self) -> Floats:
        """The target's part of the loss in nats, shape (trials,)."""
        return softplus(-self._targets)

    def parts(self) -> Floats:
        """Each draw's part of the loss in nats, shape (draws, trials)."""
        with np.errstate(invalid="ignore"):
            parts = self._weights * softplus(self._scores)
        return np.where(self._weights == 0, 0.0, parts)

    def pulls(self) -> Floats:
        """The derivative by each draw's score, shape (draws, trials)."""
        result: Floats = self._weights * sigmoid(self._scores)
        return result

    def target_pull(self) -> Floats:
        """The derivative by the target's score, shape (trials,)."""
        return 0.0 - sigmoid(-self._targets)


def expected_negative_loss(scores: Floats, labels: Labels, noise: Noise, draws: int, /) -> Floats:
    """The mean of `NegativeSampling` over all draws in nats, shape (rows,); scores (rows, classes).

    Draws of the target count for nothing, as where they are drawn.
    """
    weights = np.tile(draws * noise.probabilities[:, None], (1, len(scores)))
    weights[labels, np.arange(len(labels))] = 0.0
    return NegativeSampling(at_labels(scores, labels), scores.T, weights).loss()


def touched(drawn: Indices, labels: Labels, /) -> Indices:
    """How many classes' scores each trial reads: the target's, and of each other class drawn once.

    Parameters
    ----------
    drawn : array of int, shape (draws, trials)
    labels : array of int, shape (trials,)
    """
    found = np.sort(drawn, axis=0)
    new = found != labels
    new[1:] &= found[1:] != found[:-1]
    count: Indices = 1 + new.sum(axis=0)
    return count


def scattered(values: Floats, drawn: Indices, classes: int, /) -> Floats:
    """Draws' values summed by their classes, shape (trials, classes)."""
    result = np.zeros((drawn.shape[1], classes))
    np.add.at(result, (np.arange(drawn.shape[1]), drawn), values)
    return result
