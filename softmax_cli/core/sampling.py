"""Random draws of classes, and losses of many classes estimated from them.

A trial reads its target and the drawn classes. These, their scores and their weights have the shape
(1 + draws, trials), the target first. Its weight is 1, and a weight of 0 leaves a draw out.
"""

from typing import Final, NamedTuple

import numpy as np

from softmax_cli.core.doubledouble import DoubleDouble, Floats, Indices, fold_sum, where
from softmax_cli.core.elementary import exponentials, log, log1p
from softmax_cli.core.hierarchical import sigmoid, softplus

# Draws in memory at the same time
_AT_ONCE: Final = 1 << 16


def draw(probabilities: Floats, uniforms: Floats, /) -> Indices:
    """Return classes drawn by inversion of the cumulative distribution, none of probability 0.

    Probabilities have the shape (rows, classes), uniforms in [0, 1) and the result (rows, draws).
    """
    cumulative = np.cumsum(probabilities, axis=1)
    total = cumulative[:, -1:]
    # Find the first class whose cumulative probability is larger; the minimum ensures there is one.
    wanted = np.minimum(uniforms * total, np.nextafter(total, 0))
    classes = probabilities.shape[1]
    drawn = np.zeros(wanted.shape, np.intp)
    for power in reversed(range(classes.bit_length())):
        next_ = np.minimum(drawn + (1 << power), classes)
        is_above = np.take_along_axis(cumulative, next_ - 1, axis=1) > wanted
        drawn = np.where(is_above, drawn, next_)
    return drawn


def log_uniform(classes: int, /) -> Floats:
    """Return log((k + 2) / (k + 1)) / log(K + 1), for classes k from the most frequent down.

    As TensorFlow's `log_uniform_candidate_sampler`.
    """
    return np.asarray(np.log1p(1 / np.arange(1.0, classes + 1)) / np.log1p(classes))


def proportional(counts: Floats, /) -> Floats:
    """Return probabilities proportional to positive counts."""
    ratios = counts / counts.max()
    return (DoubleDouble(ratios) / fold_sum(ratios)).rounded()


class NegativeSampling:
    """-log s(target) - sum of weight * log s(-score), s the sigmoid, in nats.

    A logistic regression for each class (Mikolov et al., "Distributed representations of words and
    phrases", 2013). Draws of the target have weight 0: word2vec leaves them out, too.
    """

    def __init__(self, scores: Floats, weights: Floats, /) -> None:
        self._signed = np.concatenate([-scores[:1], scores[1:]])
        self._weights = weights

    def loss(self) -> Floats:
        """Return the loss, shape (trials,)."""
        return fold_sum(self._weights * softplus(self._signed).rounded()).rounded()

    def gradient(self) -> Floats:
        """Return the derivative of the loss by each score, shape (1 + draws, trials)."""
        result = self._weights * sigmoid(self._signed).rounded()
        result[0] = 0.0 - result[0]
        return result


class SampledSoftmax:
    """Cross-entropy in nats with the sum over the other classes estimated.

    Jean et al., "On using very large target vocabulary for neural machine translation", 2015. With
    weights 1 / (N q) for N draws of probability q, and 0 for draws of the target, exp(target) plus
    the sum of weight * exp(score) is an unbiased estimate of the sum of all exponentials. The loss
    is its logarithm minus the target's score. (TensorFlow's `sampled_softmax_loss` also corrects
    the target's score; that is of use in training, but does not estimate the cross-entropy.)
    """

    def __init__(self, scores: Floats, weights: Floats, /) -> None:
        target, masked = scores[0], np.isneginf(scores)
        gap = DoubleDouble(scores) - np.where(masked[0], 0.0, target)
        gap = where((weights == 0) | masked, -np.inf, gap)
        top = gap.high.max(axis=0, initial=0.0)
        vast = np.isposinf(top)  # all other terms are negligible
        limit = np.where(np.isposinf(gap.high), 0.0, -np.inf)
        # All digits of the largest gap: in floats, large ones may be off by hundreds.
        low = np.where(gap.high == top, gap.low, -np.inf).max(axis=0)
        self._shift = where(vast | np.isinf(low), 0.0, DoubleDouble(top, low))
        # The terms of the sum, in units of the largest exponential
        self._terms = (
            exponentials(where(vast, limit, gap - self._shift)) * DoubleDouble(weights).normal()
        )
        self._sum_of_others = self._terms[1:].sum()
        self._total = self._sum_of_others + self._terms[0]
        self._impossible = masked[0] | vast

    def loss(self) -> Floats:
        """Return the loss, shape (trials,)."""
        total = self._total.plain()
        shifted = log(where(total.high > 0, total, 1.0)) + self._shift
        loss = where(self._shift.high > 0, shifted, log1p(self._sum_of_others))
        return where(self._impossible, np.inf, loss).rounded()

    def gradient(self) -> Floats:
        """Return the derivative of the loss by each score, shape (1 + draws, trials)."""
        total = where(self._total.high == 0, 1.0, self._total)
        result = (self._terms / total).rounded()
        result[0] = 0.0 - (self._sum_of_others / total).rounded()
        return result


class Sampler(NamedTuple):
    """Draws classes with replacement, and estimates losses from them.

    `noise` are the probabilities of the classes, shape (classes,).
    """

    noise: Floats
    draws: int
    is_negative: bool
    generator: np.random.Generator

    def read(self, labels: Indices) -> Indices:
        """Return the classes read in trials with these targets, shape (1 + draws, trials)."""
        shape = len(labels), self.draws
        drawn = self.generator.choice(len(self.noise), shape, p=self.noise)
        return np.concatenate([labels[None], drawn.T])

    def estimate(
        self, scores: Floats, read: Indices, times: Floats | int = 1
    ) -> NegativeSampling | SampledSoftmax:
        """Return estimates of trials from the scores of the classes read; draws count `times`."""
        weights = np.where(read == read[0], 0.0, times)
        weights[0] = 1.0
        if self.is_negative:
            return NegativeSampling(scores, weights)
        weights[1:] /= self.draws * self.noise[read[1:]]
        return SampledSoftmax(scores, weights)

    def expected_negative_loss(self, scores: Floats, labels: Indices) -> Floats:
        """Return the expected `NegativeSampling` loss, shape (rows,); scores (rows, classes).

        It is that of all classes, each drawn as often as expected.
        """
        every = np.repeat(np.arange(len(self.noise))[:, None], len(labels), axis=1)
        read = np.concatenate([labels[None], every])
        times = self.draws * self.noise[read]
        return self.estimate(scores[np.arange(len(labels)), read], read, times).loss()

    def trials(self, scores: Floats, labels: Indices, count: int) -> tuple[Floats, Floats, Indices]:
        """Return means over `count` trials of each row, standard errors, and the classes read.

        Means and errors, shape (2, rows), are those of the loss and of the number of scores read.
        The classes, shape (1 + draws, rows), are empty if count > 1.
        """
        rows_at_once = max(1, _AT_ONCE // (count * self.draws))
        trials_at_once = max(1, _AT_ONCE // self.draws)
        found = []
        for start in range(0, max(1, len(labels)), rows_at_once):
            rows = np.arange(len(labels))[start : start + rows_at_once]
            row_of_trial = np.repeat(rows, count)
            parts = []
            for done in range(0, max(1, len(row_of_trial)), trials_at_once):
                each = row_of_trial[done : done + trials_at_once]
                read = self.read(labels[each])
                losses = self.estimate(scores[each, read], read).loss()
                ordered = np.sort(read, axis=0)
                different = 1.0 + (ordered[1:] != ordered[:-1]).sum(axis=0)
                parts.append(np.stack([losses, different]))
            values = np.concatenate(parts, axis=1).reshape(2, len(rows), count)
            error = np.full((2, len(rows)), np.nan)
            if count > 1:
                error, read = values.std(axis=2, ddof=1) / np.sqrt(count), read[:, :0]
            found.append((values.mean(axis=2), error, read))
        means, errors, read = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
        return means, errors, read
