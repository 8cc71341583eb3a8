"""Cross-entropy of predictions against targets, what training adds to it, and their gradients.

A class c takes part with a_c = w_c t_c, where w is its weight and t the smoothed target, and costs
(1 - p_c)**gamma * -log p_c. The loss is the sum of a_c times that cost. Logarithms, and with them
gradients, are in nats unless a base, '2' or '10', is given.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core import divergences
from softmax_cli.core.distribution import Distribution
from softmax_cli.core.doubledouble import (
    DoubleDouble,
    Floats,
    Scaled,
    choose,
    exp,
    expm1,
    fold_sum,
    log,
    power,
    quiet,
    scaled,
    where,
)
from softmax_cli.core.probabilities import Mixture, Probabilities

Labels = NDArray[np.intp]
Targets = Labels | Probabilities


class Objective(NamedTuple):
    """The parameters of a loss.

    Attributes
    ----------
    weights : array, shape (classes,), or None
        Not negative; None weighs every class 1.
    smoothing : float
        The part, 0 to 1, of each target that is spread over all classes alike (Szegedy et al.,
        "Rethinking the Inception architecture", 2016).
    focal : float
        The exponent gamma, from 0 up (Lin et al., "Focal loss for dense object detection", 2017).
    """

    weights: Floats | None = None
    smoothing: float = 0.0
    focal: float = 0.0

    @property
    def is_cross_entropy(self) -> bool:
        """Whether the loss is H(P, Q) of the smoothed target, neither weighted nor focal."""
        return self.weights is None and self.focal == 0


_CROSS_ENTROPY = Objective()


def weights_of_counts(counts: Floats, /, *, beta: float | None = None) -> Floats:
    """Weights of classes that occur so often, shape (classes,), scaled to sum to their number.

    (1 - beta) / (1 - beta**count), the inverse of the effective number of samples (Cui et al.,
    "Class-balanced loss", 2019), or its limit for beta to 1, the inverse frequency.
    """
    with quiet():
        if beta is None or beta == 1:
            inverse = DoubleDouble(counts.min()) / DoubleDouble(counts)
        elif beta == 0:
            return np.ones_like(counts)
        else:
            inverse = -1.0 / expm1(log(DoubleDouble(beta)) * counts)
        return (inverse * (DoubleDouble(float(len(counts))) / fold_sum(inverse))).rounded()


def smoothed(targets: Targets, classes: int, smoothing: float, /) -> Targets:
    """Targets with a part of them spread over all classes alike."""
    if smoothing == 0:
        return targets
    with quiet():
        if isinstance(targets, Probabilities):
            shares = targets.shares.plain()
        else:
            shares = DoubleDouble(target_shares(targets, classes).T)
        kept = 1.0 - DoubleDouble(smoothing)
        return Mixture(shares * kept + DoubleDouble(smoothing) / float(classes))


def cross_entropy(prediction: Distribution, targets: Targets, /, *, base: str = "e") -> Floats:
    """H(P, Q), shape (rows,): the mean over P of -log Q.

    Parameters
    ----------
    prediction : Distribution
        Q, of shape (rows, classes).
    targets : Labels or Probabilities
        P: a class index for each row, shape (rows,), or distributions, shape (rows, classes).
    """
    with quiet():
        return _cross_entropy(prediction, targets).in_base(base)


def target_entropy(targets: Targets, /, *, base: str = "e") -> Floats:
    """H(P), shape (rows,); 0 for labels."""
    if isinstance(targets, Probabilities):
        return targets.entropy(base=base)
    return np.zeros(len(targets))


def excess_entropy(prediction: Distribution, targets: Targets, /, *, base: str = "e") -> Floats:
    """KL(P || Q), shape (rows,): what the prediction costs beyond H(P)."""
    if isinstance(targets, Probabilities):
        return divergences.kl_divergence(targets, prediction, base=base)
    return cross_entropy(prediction, targets, base=base)


def perplexity(prediction: Distribution, targets: Targets, /) -> Floats:
    """Perplexity exp(H(P, Q)), shape (rows,): as many equally likely classes cost that."""
    with quiet():
        return exp(_cross_entropy(prediction, targets).plain()).rounded()


def target_probability(prediction: Distribution, targets: Targets, /) -> Floats:
    """The probability of the label, or of a class drawn from the target, shape (rows,)."""
    with quiet():
        if isinstance(targets, Probabilities):
            return targets.expectation(prediction.shares).rounded()
        return _at(prediction.shares, targets).rounded()


def target_shares(targets: Targets, classes: int, /) -> Floats:
    """P itself, shape (rows, classes): one-hot for labels."""
    if isinstance(targets, Probabilities):
        return targets.probabilities()
    shares = np.zeros((len(targets), classes))
    shares[np.arange(len(targets)), targets] = 1.0
    return shares


def loss(
    prediction: Distribution, targets: Targets, objective: Objective, /, *, base: str = "e"
) -> Floats:
    """The loss, shape (rows,), of targets before smoothing; see `cross_entropy`."""
    with quiet():
        costs = _costs(prediction, objective.focal)
        targets = smoothed(targets, len(costs.value.high), objective.smoothing)
        if isinstance(targets, Probabilities):
            if objective.weights is not None:
                costs = _weighted(costs, scaled(objective.weights[:, None]))
            return targets.expectation(costs).in_base(base)
        costs = _at(costs, targets)
        if objective.weights is not None:
            costs = _weighted(costs, scaled(objective.weights[targets]))
        return costs.in_base(base)


def gradient(
    prediction: Distribution,
    targets: Targets,
    objective: Objective = _CROSS_ENTROPY,
    /,
    *,
    base: str = "e",
) -> Floats:
    """The loss's derivative by the logits, shape (rows, classes): Q - P for cross-entropy.

    With b_c = a_c times minus the derivative of the cost by log p_c, it is p_i times the sum of
    the other classes' b, minus b_i (1 - p_i); 1 - p_i is the sum of the other probabilities.
    """
    targets = smoothed(targets, prediction.masked.shape[1], objective.smoothing)
    with quiet():
        shares = prediction.shares
        if isinstance(targets, Probabilities):
            if objective.is_cross_entropy:
                result = shares + -targets.shares
            else:
                part = targets.shares * _slopes(prediction, objective)
                others = Scaled(fold_sum(part.plain()) - part.plain())
                result = shares * others + -(part * prediction.complement)
        else:
            rows = np.arange(len(targets))
            is_label = np.zeros(shares.value.high.shape, bool)
            is_label[targets, rows] = True
            result = choose(is_label, -prediction.complement, shares)
            if not objective.is_cross_entropy:
                result = result * _at(_slopes(prediction, objective), targets)
        return result.in_base(base).T + 0.0  # no -0.0


def contributions(
    prediction: Distribution, targets: Targets, objective: Objective, /, *, base: str = "e"
) -> Floats:
    """Each class's part of the loss, shape (rows, classes); 0 where it takes no part."""
    with quiet():
        costs = _costs(prediction, objective.focal)
        classes = len(costs.value.high)
        targets = smoothed(targets, classes, objective.smoothing)
        if isinstance(targets, Probabilities):
            shares = targets.shares
        else:
            shares = Scaled(DoubleDouble(target_shares(targets, classes).T))
        if objective.weights is not None:
            shares = shares * scaled(objective.weights[:, None])
        return _weighted(costs, shares).in_base(base).T


def denominators(targets: Targets, objective: Objective, /) -> Floats:
    """What each row adds to the denominator of a mean, shape (rows,).

    The weight of a label, and 1 for a distribution, as torch has it.
    """
    if isinstance(targets, Probabilities):
        return np.ones(targets.values.shape[1])
    if objective.weights is None:
        return np.ones(len(targets))
    return objective.weights[targets]


def at_labels(values: Floats, labels: Labels, /) -> Floats:
    """The value at each row's label, shape (rows,)."""
    return values[np.arange(len(labels)), labels]


def _at(values: Scaled, labels: Labels) -> Scaled:
    key: Any = (labels, np.arange(len(labels)))
    return values[key]


def _cross_entropy(prediction: Distribution, targets: Targets) -> Scaled:
    if isinstance(targets, Probabilities):
        return targets.expectation(prediction.surprisal)
    return _at(prediction.surprisal, targets)


def _costs(prediction: Distribution, focal: float) -> Scaled:
    """(1 - p)**focal * -log p of each class in nats, shape (classes, rows)."""
    if focal == 0:
        return prediction.surprisal
    return prediction.surprisal.normal() * power(prediction.complement, focal)


def _slopes(prediction: Distribution, objective: Objective) -> Scaled:
    """A class's weight times minus the derivative of its cost by log p, shape (classes, rows).

    That is (1 - p)**focal (1 + focal p s / (1 - p)), where s = -log p, so that s / (1 - p) tends
    to 1 where p does.
    """
    slopes = Scaled(DoubleDouble(np.ones(prediction.mass.value.high.shape)))
    if objective.focal:
        complement = prediction.complement
        ratios = (_weighted(prediction.surprisal, prediction.shares) / complement).plain()
        ratios = where(complement.value.high == 0, 1.0, ratios)
        slopes = power(complement, objective.focal) * (ratios * objective.focal + 1.0)
    if objective.weights is not None:
        slopes = slopes * scaled(objective.weights[:, None])
    return slopes


def _weighted(costs: Scaled, weights: Scaled) -> Scaled:
    """The product, 0 where nothing is weighed, though its cost be infinite."""
    nothing = np.broadcast_to(weights.value.high == 0, costs.value.high.shape)
    product = weights * Scaled(where(nothing, 0.0, costs.value), costs.exponent).normal()
    return Scaled(where(nothing, 0.0, product.value), product.exponent)
