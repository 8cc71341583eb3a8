"""What a training loss adds to cross-entropy: class weights, label smoothing and the focal factor.

A class c takes part with a_c = w_c t_c, where t is the smoothed target, and costs
(1 - p_c)**gamma * -log p_c. The loss is the sum of a_c times that cost.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from softmax_cli.core import losses
from softmax_cli.core.arithmetic import Floats, fold_sum
from softmax_cli.core.divergences import expectation_of_surprise
from softmax_cli.core.losses import Targets
from softmax_cli.core.probabilities import Distribution, Probabilities


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


def weights_of_counts(counts: Floats, /, *, beta: float | None = None) -> Floats:
    """Weights of classes that occur so often, shape (classes,), scaled to sum to their number.

    (1 - beta) / (1 - beta**count), the inverse of the effective number of samples (Cui et al.,
    "Class-balanced loss", 2019), or its limit for beta to 1, the inverse frequency.
    """
    if beta is None or beta == 1:
        inverse = counts.min() / counts
    elif beta == 0:
        inverse = np.ones_like(counts)
    else:
        inverse = -1 / np.expm1(counts * np.log(beta))
    weights: Floats = inverse * (len(counts) / fold_sum(inverse))
    return weights


def smoothed(targets: Targets, classes: int, smoothing: float, /) -> Targets:
    """Targets with a part of them spread over all classes alike."""
    if smoothing == 0:
        return targets
    shares = losses.target_shares(targets, classes)
    return Probabilities((1 - smoothing) * shares + smoothing / classes)


def loss(prediction: Distribution, targets: Targets, objective: Objective, /) -> Floats:
    """The loss in nats, shape (rows,).

    Parameters
    ----------
    prediction : Distribution
        Q, of shape (rows, classes).
    targets : Labels or Probabilities
        P before smoothing.
    objective : Objective
    """
    costs = _costs(prediction, objective.focal)
    classes = costs.shape[1]
    targets = smoothed(targets, classes, objective.smoothing)
    if not isinstance(targets, Probabilities):
        own = losses.at_labels(costs, targets)
        return own if objective.weights is None else _times(objective.weights[targets], own)
    if objective.weights is None:
        return expectation_of_surprise(targets, prediction, costs)
    # The weighted target as a distribution, and its sum.
    values = targets.values.T * objective.weights
    sums = fold_sum(values.T) / targets.sums
    anything = np.where((sums > 0)[:, None], values, 1.0)
    mean = expectation_of_surprise(Probabilities(anything, normalize=True), prediction, costs)
    return _times(sums, mean)


def gradient(prediction: Distribution, targets: Targets, objective: Objective, /) -> Floats:
    """The loss's derivative by the logits, shape (rows, classes).

    With b_c = a_c times minus the derivative of the cost by log p_c, it is p_i times the sum of
    the other classes' b, minus b_i (1 - p_i).
    """
    targets = smoothed(targets, prediction.masked.shape[1], objective.smoothing)
    if objective.is_cross_entropy:
        return losses.gradient(prediction, targets)
    probabilities, complements = prediction.probabilities(), prediction.complements()
    slopes = _slopes(prediction, objective.focal)
    if objective.weights is not None:
        slopes = slopes * objective.weights
    if isinstance(targets, Probabilities):
        pulls = targets.probabilities() * slopes
        others = fold_sum(pulls.T)[:, None] - pulls
        return probabilities * others - pulls * complements
    rows = np.arange(len(targets))
    pull = slopes[rows, targets]
    result = probabilities * pull[:, None]
    result[rows, targets] = 0.0 - pull * complements[rows, targets]  # no -0.0
    return result


def contributions(prediction: Distribution, targets: Targets, objective: Objective, /) -> Floats:
    """Each class's part of the loss in nats, shape (rows, classes); 0 where it takes no part."""
    costs = _costs(prediction, objective.focal)
    classes = costs.shape[1]
    shares = losses.target_shares(smoothed(targets, classes, objective.smoothing), classes)
    if objective.weights is not None:
        shares = shares * objective.weights
    return _times(shares, costs)


def denominators(targets: Targets, objective: Objective, /) -> Floats:
    """What each row adds to the denominator of a mean, shape (rows,).

    The weight of a label, and 1 for a distribution, as torch has it.
    """
    if isinstance(targets, Probabilities):
        return np.ones(targets.values.shape[1])
    if objective.weights is None:
        return np.ones(len(targets))
    return objective.weights[targets]


def _costs(prediction: Distribution, focal: float) -> Floats:
    """(1 - p)**focal * -log p of each class in nats."""
    surprisals = prediction.surprisals()
    if focal == 0:
        return surprisals
    return _times(prediction.complements() ** focal, surprisals)


def _slopes(prediction: Distribution, focal: float) -> Floats:
    """Minus the derivative of a class's cost by log p: (1 - p)**focal (1 + focal p s / (1 - p)).

    Here s = -log p, so that s / (1 - p) tends to 1 where p does.
    """
    if focal == 0:
        return np.ones_like(prediction.probabilities())
    complements = prediction.complements()
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = _times(prediction.probabilities(), prediction.surprisals()) / complements
    ratios = np.where(complements == 0, 1.0, ratios)
    slopes: Floats = complements**focal * (1 + focal * ratios)
    return slopes


def _times(weights: Floats, costs: Floats) -> Floats:
    """The product, 0 where nothing is weighed, though its cost be infinite."""
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        return np.where(weights == 0, 0.0, weights * costs)
