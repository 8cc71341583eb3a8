"""The fields of a cross-entropy, and its sums over rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from softmax_cli.core import losses
from softmax_cli.core.probabilities import Probabilities
from softmax_cli.flow.naming import class_names
from softmax_cli.flow.tally import Totals
from softmax_cli.units import in_base

if TYPE_CHECKING:
    from softmax_cli.core.arithmetic import Floats
    from softmax_cli.core.losses import Labels, Targets
    from softmax_cli.core.probabilities import Distribution
    from softmax_cli.flow.pipeline import LazyFields
    from softmax_cli.output.results import Summary


def loss_fields(
    given: Floats,
    prediction: Distribution,
    targets: Targets,
    base: str,
    names: Sequence[str] | None,
) -> LazyFields:
    """Each row's loss, taken apart.

    Parameters
    ----------
    given : array, shape (rows, classes)
        The prediction as it was read.
    prediction, targets
        Q and P.
    base : str
        'e', '2' or '10', of every logarithm and so of the gradient.
    names : sequence of str or None
    """

    def unit(nats: Floats) -> Floats:
        return in_base(nats, base)

    def predicted() -> Labels:
        return likeliest(prediction)

    def true() -> Labels:
        return likeliest(targets) if isinstance(targets, Probabilities) else targets

    return {
        "loss": lambda: unit(losses.cross_entropy(prediction, targets)),
        "entropy": lambda: unit(losses.target_entropy(targets)),
        "kl": lambda: unit(losses.excess_entropy(prediction, targets)),
        "perplexity": lambda: losses.perplexity(prediction, targets),
        "probability": lambda: losses.target_probability(prediction, targets),
        "predicted": lambda: class_names(predicted(), names),
        "true": lambda: class_names(true(), names),
        "correct": lambda: (predicted() == true()).astype(float),
        "weight": lambda: np.ones(len(given)),
        "given": lambda: given,
        "targets": lambda: losses.target_shares(targets, given.shape[1]),
        "probabilities": prediction.probabilities,
        "surprisals": lambda: unit(prediction.surprisals()),
        "shares": lambda: unit(losses.contributions(prediction, targets)),
        "gradient": lambda: unit(losses.gradient(prediction, targets)),
    }


def likeliest(distribution: Distribution) -> Labels:
    """The first class of the largest probability, shape (rows,)."""
    labels: Labels = np.argmax(distribution.probabilities(), axis=1)
    return labels


class LossTotals(Totals):
    """rows, loss_sum, weight_sum, mean and correct: of shards of an input they add up."""

    def __init__(self) -> None:
        super().__init__("loss", "weight", "correct")

    def summary(self) -> Summary:
        """The sums, and the mean and the accuracy that follow from them."""
        loss, weight, correct = self.sum("loss"), self.sum("weight"), self.sum("correct")
        return {
            "rows": self.rows,
            "loss_sum": loss,
            "weight_sum": weight,
            "mean": loss / weight,
            "correct": int(correct),
            "accuracy": correct / self.rows,
        }
