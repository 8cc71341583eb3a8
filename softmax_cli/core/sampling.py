"""Classes drawn at random, and losses of many classes that are estimated from draws.

Each trial of an estimate has a target and draws, which run along the first axis: targets have the
shape (trials,), draws, their scores and weights (draws, trials). A weight of 0 leaves a draw out.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from softmax_cli.core.doubledouble import (
    DoubleDouble,
    Floats,
    Indices,
    Scaled,
    fold_sum,
    quiet,
    where,
)
from softmax_cli.core.elementary import exponentials, in_base, log, log1p
from softmax_cli.core.hierarchical import sigmoid, softplus
from softmax_cli.core.losses import Labels


def draw(probabilities: Floats, uniforms: Floats, /) -> Indices:
    """Classes by inversion of each row's cumulative distribution, never one of probability 0.

    Probabilities have the shape (rows, classes), uniforms, from [0, 1), and the classes (rows,
    draws).
    """
    cumulative = np.cumsum(probabilities, axis=1)
    total = cumulative[:, -1:]
    # The first class whose cumulative probability is above: there is one, also where u rounds up.
    wanted = np.minimum(uniforms * total, np.nextafter(total, 0))
    low = np.zeros(wanted.shape, dtype=np.intp)
    high = np.full(wanted.shape, probabilities.shape[1] - 1, dtype=np.intp)
    for _ in range(probabilities.shape[1].bit_length()):
        middle = (low + high) // 2
        above = np.take_along_axis(cumulative, middle, axis=1) > wanted
        high = np.where(above, middle, high)
        low = np.where(above, low, np.minimum(middle + 1, high))
    return low


class Noise:
    """A distribution that classes are drawn from, with replacement; shape (classes,), positive."""

    def __init__(self, probabilities: Floats, /) -> None:
        self.probabilities = probabilities
        self._cumulative = np.cumsum(probabilities)
        self._cumulative /= self._cumulative[-1]

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...], /) -> Indices:
        """Classes, one for each of the generator's numbers in their order."""
        numbers = generator.random(shape)
        return np.asarray(np.searchsorted(self._cumulative, numbers, side="right"))


def uniform(classes: int, /) -> Noise:
    """Equal probabilities."""
    return Noise(np.full(classes, 1 / classes))


def log_uniform(classes: int, /) -> Noise:
    """log((k + 2) / (k + 1)) / log(K + 1), about 1 / k: for classes from the most frequent down.

    As TensorFlow's `log_uniform_candidate_sampler`.
    """
    return Noise(np.log1p(1 / np.arange(1.0, classes + 1)) / np.log1p(classes))


def proportional(counts: Floats, /) -> Noise:
    """Probabilities proportional to positive counts."""
    ratios = counts / counts.max()
    return Noise((DoubleDouble(ratios) / fold_sum(ratios)).rounded())


class SampledSoftmax:
    """Cross-entropy with the sum over the other classes estimated.

    Jean et al., "On using very large target vocabulary for neural machine translation", 2015. With
    weights 1 / (N q), N draws of probability q each, exp(target) plus the sum of weight *
    exp(score) is an unbiased estimate of the sum of all exponentials, where draws of the target
    have the weight 0. The loss is its logarithm less the target's score. (TensorFlow's
    `sampled_softmax_loss` corrects the target's score like the others': a signal to train by, but
    no estimate of the cross-entropy.)
    """

    def __init__(self, targets: Floats, scores: Floats, weights: Floats, /) -> None:
        masked = np.isneginf(targets)
        with quiet():
            gap = DoubleDouble(scores) - np.where(masked, 0.0, targets)
            gap = where((weights == 0) | np.isneginf(scores), DoubleDouble(-np.inf), gap)
            top = gap.high.max(axis=0, initial=0.0)
            vast = np.isposinf(top)  # all other terms are negligible
            limit = np.where(np.isposinf(gap.high), 0.0, -np.inf)
            self._shift = np.where(vast, 0.0, top)
            terms = exponentials(where(vast, limit, gap - self._shift)) * Scaled.of(weights)
            self._terms = terms.filled(weights == 0, 0.0)
            self._impossible = masked | vast
            own = exponentials(DoubleDouble(-self._shift, np.zeros(self._shift.shape)))
            self._own = own.filled(self._impossible, 0.0)

    @cached_property
    def _others(self) -> Scaled:
        """The sum over the other classes, in units of the largest exponential."""
        with quiet():
            return self._terms.sum()

    @cached_property
    def _total(self) -> Scaled:
        with quiet():
            return self._others + self._own

    def loss(self, *, base: str = "e") -> Floats:
        """The loss, shape (trials,)."""
        with quiet():
            total = self._total.plain()
            shifted = log(where(total.high > 0, total, 1.0)) + self._shift
            loss = where(self._shift > 0, shifted, log1p(self._others.plain()))
            return in_base(where(self._impossible, np.inf, loss), base)

    def probabilities(self) -> Floats:
        """Each draw's part of the estimated sum, shape (draws, trials)."""
        return self._over_total(self._terms)

    def complement(self) -> Floats:
        """The part of all draws together, shape (trials,)."""
        return self._over_total(self._others)

    def target_probability(self) -> Floats:
        """The target's part, shape (trials,)."""
        return self._over_total(self._own)

    def _over_total(self, terms: Scaled) -> Floats:
        with quiet():
            total = self._total
            positive = Scaled(where(total.value.high == 0, 1.0, total.value), total.exponent)
            return (terms / positive).rounded()


class NegativeSampling:
    """-log s(target) - sum of weight * log s(-score), s the sigmoid, in nats.

    A logistic regression for each class (Mikolov et al., "Distributed representations of words and
    phrases", 2013). Draws of the target have the weight 0, as word2vec leaves them out.
    """

    def __init__(self, targets: Floats, scores: Floats, weights: Floats, /) -> None:
        self._targets = targets
        self._scores = scores
        self._weights = weights

    def loss(self) -> Floats:
        """The loss, shape (trials,)."""
        with quiet():
            return fold_sum(np.concatenate([self.target_part()[None], self.parts()])).rounded()

    def target_part(self) -> Floats:
        """The target's part of the loss, shape (trials,)."""
        return softplus(-self._targets).rounded()

    def parts(self) -> Floats:
        """Each draw's part of the loss, shape (draws, trials)."""
        with quiet():
            return np.where(
                self._weights == 0, 0.0, self._weights * softplus(self._scores).rounded()
            )

    def score_gradient(self) -> Floats:
        """The derivative by each draw's score, shape (draws, trials)."""
        return np.asarray(self._weights * sigmoid(self._scores).rounded())

    def target_gradient(self) -> Floats:
        """The derivative by the target's score, shape (trials,)."""
        return 0.0 - sigmoid(-self._targets).rounded()


def expected_negative_loss(scores: Floats, labels: Labels, noise: Noise, draws: int, /) -> Floats:
    """The mean of `NegativeSampling` over all draws, shape (rows,); scores (rows, classes)."""
    weights = np.tile(draws * noise.probabilities[:, None], (1, len(scores)))
    rows = np.arange(len(labels))
    weights[labels, rows] = 0.0
    return NegativeSampling(scores[rows, labels], scores.T, weights).loss()


def scores_read(drawn: Indices, labels: Labels, /) -> Indices:
    """The number of different classes in each trial's draws and its label, shape (trials,)."""
    ordered = np.sort(drawn, axis=0)
    new = ordered != labels
    new[1:] &= ordered[1:] != ordered[:-1]
    return np.asarray(1 + new.sum(axis=0))


def scattered(values: Floats, drawn: Indices, classes: int, /) -> Floats:
    """Draws' values summed by their classes, shape (trials, classes)."""
    result = np.zeros((drawn.shape[1], classes))
    np.add.at(result, (np.arange(drawn.shape[1]), drawn), values)
    return result


class Moments:
    """Means of columns of numbers that come in parts, and their standard errors.

    Parts are merged by Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for
    computing sample variances" (1979), so that no two large sums are subtracted.
    """

    def __init__(self) -> None:
        self._count = 0
        self.mean: Floats = np.zeros(())
        self._squares: Floats = np.zeros(())

    def add(self, values: Floats, /) -> None:
        """Add more numbers of each column, shape (numbers, columns)."""
        count = len(values)
        with quiet():
            mean = fold_sum(values).rounded() / count
            squares = fold_sum((values - mean) ** 2).rounded()
            if self._count:
                part = count / (self._count + count)
                difference = mean - self.mean
                squares = self._squares + squares + difference**2 * (self._count * part)
                mean = self.mean + difference * part
        self._count += count
        self.mean, self._squares = mean, squares

    def standard_error(self) -> Floats:
        """Standard errors of the means, shape (columns,); nan for a single number."""
        if self._count < 2:
            return np.full_like(self.mean, np.nan)
        return np.asarray(np.sqrt(self._squares / (self._count - 1) / self._count))
