"""Cross-entropy of predictions against targets, and its gradient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core.arithmetic import Floats, divide, fold_sum, fold_sum_parts, two_product
from softmax_cli.core.divergences import expectation_of_surprise, kl_divergence
from softmax_cli.core.probabilities import Distribution, Probabilities

Labels = NDArray[np.intp]
Targets = Labels | Probabilities


def cross_entropy(prediction: Distribution, targets: Targets, /) -> Floats:
    """H(P, Q) in nats, shape (rows,): the mean over P of -log Q.

    Parameters
    ----------
    prediction : Distribution
        Q, of shape (rows, classes).
    targets : Labels or Probabilities
        P: a class index for each row, shape (rows,), or distributions, shape (rows, classes).
    """
    if isinstance(targets, Probabilities):
        return expectation_of_surprise(targets, prediction, prediction.surprisals())
    return at_labels(prediction.surprisals(), targets)


def target_entropy(targets: Targets, /) -> Floats:
    """H(P) in nats, shape (rows,); 0 for labels."""
    if isinstance(targets, Probabilities):
        return targets.entropy()
    return np.zeros(len(targets))


def excess_entropy(prediction: Distribution, targets: Targets, /) -> Floats:
    """KL(P || Q) in nats, shape (rows,): what the prediction costs beyond H(P)."""
    if isinstance(targets, Probabilities):
        return kl_divergence(targets, prediction)
    return at_labels(prediction.surprisals(), targets)


def perplexity(prediction: Distribution, targets: Targets, /) -> Floats:
    """Perplexity exp(H(P, Q)), shape (rows,): as many equally likely classes cost that.

    The exponent's last digits are the result's first, so it is kept as two floats.
    """
    surprisals, missed = prediction.surprisal_parts()
    if isinstance(targets, Probabilities):
        with np.errstate(invalid="ignore"):
            possible = targets.values > 0
            terms, errors = two_product(targets.values, surprisals.T)
            total, low = fold_sum_parts(np.where(possible, terms, 0.0))
            rest = fold_sum(np.where(possible, errors + targets.values * missed.T, 0.0))
        high, low = divide(total, low + rest, *targets.sum_parts)
    else:
        high, low = at_labels(surprisals, targets), at_labels(missed, targets)
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.exp(high)
        return np.where(np.isfinite(rounded), rounded * (1 + low), rounded)


def target_probability(prediction: Distribution, targets: Targets, /) -> Floats:
    """The probability of the label, or of a class drawn from the target, shape (rows,)."""
    if isinstance(targets, Probabilities):
        return targets.expectation(prediction.probabilities())
    return at_labels(prediction.probabilities(), targets)


def target_shares(targets: Targets, classes: int, /) -> Floats:
    """P itself, shape (rows, classes): one-hot for labels."""
    if isinstance(targets, Probabilities):
        return targets.probabilities()
    shares = np.zeros((len(targets), classes))
    shares[np.arange(len(targets)), targets] = 1.0
    return shares


def gradient(prediction: Distribution, targets: Targets, /) -> Floats:
    """D H(P, Q) / d logits = Q - P, shape (rows, classes).

    At a label it is minus the sum of the other probabilities, as q - 1 would cancel.
    """
    probabilities = prediction.probabilities()
    if isinstance(targets, Probabilities):
        return probabilities - targets.probabilities()
    result = probabilities.copy()
    rows = np.arange(len(targets))
    result[rows, targets] = 0.0 - prediction.complements()[rows, targets]  # no -0.0
    return result


def at_labels(values: Floats, labels: Labels, /) -> Floats:
    """The value at each row's label, shape (rows,)."""
    return values[np.arange(len(labels)), labels]
