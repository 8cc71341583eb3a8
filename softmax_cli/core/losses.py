"""Cross-entropy with weights, label smoothing and the focal factor, and its gradient.

A class c has the coefficient a_c = w_c t_c, where w is its weight and t the smoothed target, and
the cost (1 - p_c)**gamma * -log p_c. The loss is the sum of a_c times that cost. Losses and
gradients are in nats, or in the unit of base '2' or '10'.

Predictions are distributions of the shape (rows, classes). Targets are a class index for each row,
shape (rows,), or distributions, shape (rows, classes).
"""

from typing import NamedTuple

import numpy as np

from softmax_cli.core import divergences
from softmax_cli.core.doubledouble import DoubleDouble, Floats, Indices, fold_sum, where
from softmax_cli.core.elementary import exp, expm1, in_base, log, power
from softmax_cli.core.probabilities import Distribution, Mixture, Probabilities, Smoothed
from softmax_cli.core.softmax import Logits, by_temperature

Targets = Indices | Probabilities


class Objective(NamedTuple):
    """The parameters of a loss.

    Weights, shape (classes,), are >= 0; None is 1 for each class. Smoothing, from 0 to 1, is the
    fraction of each target that is spread evenly over all classes (Szegedy et al., "Rethinking the
    Inception architecture", 2016). Focal is the exponent gamma >= 0 (Lin et al., "Focal loss for
    dense object detection", 2017).
    """

    weights: Floats | None = None
    smoothing: float = 0.0
    focal: float = 0.0


def weights_of_counts(counts: Floats, /, *, beta: float | None = None) -> Floats:
    """Return weights of classes from their counts, shape (classes,), scaled to a mean of 1.

    They are (1 - beta) / (1 - beta**count), the inverse of the effective number of samples (Cui et
    al., "Class-balanced loss", 2019), or for beta = 1 the limit, the inverse frequency.
    """
    if beta is None or beta == 1:
        inverse = DoubleDouble(counts.min()) / DoubleDouble(counts)
    elif beta == 0:
        return np.ones_like(counts)
    else:
        inverse = -1.0 / expm1(log(DoubleDouble(beta)) * counts)
    return (inverse * (DoubleDouble(float(len(counts))) / fold_sum(inverse))).rounded()


def smoothed(targets: Targets, prediction: Distribution, smoothing: float, /) -> Targets:
    """Return targets with a fraction of each spread evenly over the classes of a prediction."""
    if smoothing == 0:
        return targets
    return Smoothed(_target(targets, prediction.masked.shape[1]), smoothing)


def cross_entropy(
    prediction: Distribution, targets: Indices | Distribution, /, *, base: str = "e"
) -> Floats:
    """Return H(P, Q), shape (rows,): the mean over the targets P of -log Q; inf where KL is."""
    mean = _mean_cost(prediction, targets, Objective())
    if isinstance(targets, Distribution):  # a tiny P may have underflowed to 0
        mean = where(np.any(divergences.impossible(targets, prediction), axis=1), np.inf, mean)
    return in_base(mean, base)


def target_entropy(targets: Targets, /, *, base: str = "e") -> Floats:
    """Return H(P), shape (rows,); 0 for labels."""
    if isinstance(targets, Probabilities):
        return targets.entropy(base=base)
    return np.zeros(len(targets))


def excess_entropy(prediction: Distribution, targets: Targets, /, *, base: str = "e") -> Floats:
    """Return KL(P || Q) = H(P, Q) - H(P), shape (rows,)."""
    if isinstance(targets, Probabilities):
        return divergences.kl_divergence(targets, prediction, base=base)
    return cross_entropy(prediction, targets, base=base)


def perplexity(prediction: Distribution, targets: Targets, /) -> Floats:
    """Return exp(H(P, Q)), shape (rows,)."""
    return exp(_mean_cost(prediction, targets, Objective()).plain()).rounded()


def target_probability(prediction: Distribution, targets: Targets, /) -> Floats:
    """Return the probability of the label, or its mean over a target distribution, (rows,)."""
    return _expectation(prediction.probability, targets).rounded()


def target_distribution(targets: Targets, classes: int, /) -> Floats:
    """Return P itself, shape (rows, classes): one-hot for labels."""
    return _target(targets, classes).probabilities()


def loss(
    prediction: Distribution, targets: Targets, objective: Objective, /, *, base: str = "e"
) -> Floats:
    """Return the loss, shape (rows,), of targets before smoothing."""
    targets = smoothed(targets, prediction, objective.smoothing)
    return in_base(_mean_cost(prediction, targets, objective), base)


def gradient(
    prediction: Distribution, targets: Targets, objective: Objective, /, *, base: str = "e"
) -> Floats:
    """Return the derivative of the loss by the logits, (rows, classes): Q - P for cross-entropy.

    With b_c = a_c times minus the derivative of the cost by log p_c, it is p_i times the sum of
    the other classes' b, minus b_i (1 - p_i); 1 - p_i is the sum of the other probabilities.
    """
    targets = smoothed(targets, prediction, objective.smoothing)
    p = prediction.probability
    is_plain = objective.weights is None and objective.focal == 0
    if not isinstance(targets, Probabilities):
        is_label = np.arange(len(p.high))[:, None] == targets
        result = where(is_label, -prediction.complement, p)
        if not is_plain:
            result = result * _expectation(_slopes(prediction, objective), targets)
    elif is_plain:
        result = p - targets.probability
    else:
        terms = targets.probability * _slopes(prediction, objective)
        # The largest is left out, not subtracted: nothing cancels.
        is_largest = np.arange(len(p.high))[:, None] == np.argmax(terms.plain().high, axis=0)
        others = where(is_largest, where(is_largest, 0.0, terms).sum(), terms.sum() - terms)
        result = p * others - terms * prediction.complement
    result = by_temperature(result, prediction.temperature)
    return in_base(result, base).T + 0.0  # no -0.0


def contributions(
    prediction: Distribution, targets: Targets, objective: Objective, /, *, base: str = "e"
) -> Floats:
    """Return each class's part of the loss, (rows, classes); 0 where its coefficient is 0."""
    costs = _costs(prediction, objective.focal)
    targets = smoothed(targets, prediction, objective.smoothing)
    coefficients = _target(targets, len(costs.high)).probability
    if objective.weights is not None:
        coefficients = coefficients * DoubleDouble(objective.weights[:, None]).normal()
    return in_base(_product(costs, coefficients), base).T


def _target(targets: Targets, classes: int) -> Probabilities:
    """Return P: one-hot for labels."""
    if isinstance(targets, Probabilities):
        return targets
    one_hot = np.arange(classes)[:, None] == targets
    return Mixture(DoubleDouble(one_hot.astype(np.float64)))


def _mean_cost(
    prediction: Distribution, targets: Indices | Distribution, objective: Objective
) -> DoubleDouble:
    """Return the loss in nats, shape (rows,), of targets after smoothing."""
    labels = None if isinstance(targets, Distribution) else targets
    costs = _costs(prediction, objective.focal, labels)
    if objective.weights is not None:
        weights = objective.weights[:, None] if labels is None else objective.weights[labels]
        costs = _product(costs, DoubleDouble(weights).normal())
    return targets.expectation(costs) if isinstance(targets, Distribution) else costs


def _expectation(values: DoubleDouble, targets: Indices | Distribution) -> DoubleDouble:
    """Return the mean over the targets of values, shape (classes, rows)."""
    if isinstance(targets, Distribution):
        return targets.expectation(values)
    return values[targets, np.arange(len(targets))]


def _costs(prediction: Distribution, focal: float, labels: Indices | None = None) -> DoubleDouble:
    """Return (1 - p)**focal * -log p in nats of each class, (classes, rows), or of labels, (rows,).

    That of labels alone needs no logarithm of the other classes.
    """
    surprisal = prediction.surprisal if labels is None else prediction.surprisal_of(labels)
    if focal == 0:
        return surprisal
    complement = _complement(prediction, focal)
    if labels is not None:
        complement = _expectation(complement, labels)
    return surprisal.normal() * power(complement, focal)


def _complement(prediction: Distribution, focal: float) -> DoubleDouble:
    """Return 1 - p, to 100 bits if a large power of it is to come."""
    if focal > 100 and isinstance(prediction, Logits):
        mass = where(prediction.masked.T, 0.0, exp(prediction.shifted))
        return Mixture(mass).complement
    return prediction.complement


def _slopes(prediction: Distribution, objective: Objective) -> DoubleDouble:
    """Return weights times minus the derivatives of costs by log p, shape (classes, rows).

    The derivative is -(1 - p)**focal (1 + focal p s / (1 - p)), where s = -log p; s / (1 - p) tends
    to 1 as p does.
    """
    slopes = DoubleDouble(np.ones(prediction.mass.high.shape))
    if objective.focal:
        complement = _complement(prediction, objective.focal)
        ratios = (_product(prediction.surprisal, prediction.probability) / complement).plain()
        ratios = where(complement.high == 0, 1.0, ratios)
        slopes = power(complement, objective.focal) * (ratios * objective.focal + 1.0)
    if objective.weights is not None:
        slopes = slopes * DoubleDouble(objective.weights[:, None]).normal()
    return slopes


def _product(costs: DoubleDouble, coefficients: DoubleDouble) -> DoubleDouble:
    """Return the product, 0 where the coefficient is 0 and the cost infinite."""
    zero = np.broadcast_to(coefficients.high == 0, costs.high.shape)
    return where(zero, 0.0, coefficients * where(zero, 0.0, costs).normal())
