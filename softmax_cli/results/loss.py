"""The loss of each row: cross-entropy with weights, label smoothing and the focal factor."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import numpy as np

from softmax_cli.core import losses
from softmax_cli.core.distribution import Distribution
from softmax_cli.core.doubledouble import Floats
from softmax_cli.core.losses import Objective, weights_of_counts
from softmax_cli.core.probabilities import Probabilities
from softmax_cli.errors import DataError
from softmax_cli.input.numbers import parse_list
from softmax_cli.input.rows import Block
from softmax_cli.messages import Notices
from softmax_cli.output.layout import Values
from softmax_cli.results.class_names import Names, check_length, class_names
from softmax_cli.results.distributions import distribution
from softmax_cli.results.settings import LossSettings, ReportSettings
from softmax_cli.results.targets import RowTargets, TargetReader


class RowLosses:
    """What the losses of rows have in common, however they are computed.

    Attributes have the shape (rows,), or (rows, classes); logarithms are in the unit of `base`.
    Ignored rows have loss 0. `denominator` is 1, or that of the mean whose gradient is wanted.
    """

    def __init__(self, block: Block, targets: RowTargets, base: str, names: Names) -> None:
        self.given = block.values
        self.kept = block.kept
        self.line = np.array(block.locations.numbers, dtype=int)
        self.names = names
        self.denominator = 1.0
        self._targets = targets
        self._base = base

    def __len__(self) -> int:
        return len(self.given)

    def _counted(self, values: Floats, otherwise: float = 0.0) -> Floats:
        return self._targets.unless_ignored(values, otherwise)

    @property
    def target(self) -> Values:
        return self._targets.names(self.names)

    @property
    def is_counted(self) -> Values:
        ignored = self._targets.ignored
        return np.ones(len(self), bool) if ignored is None else ~ignored


class LossResult(RowLosses):
    """The losses of predictions over all classes."""

    def __init__(
        self,
        block: Block,
        prediction: Distribution,
        targets: RowTargets,
        objective: Objective,
        base: str,
        names: Names,
    ) -> None:
        super().__init__(block, targets, base, names)
        self._prediction = prediction
        self._objective = objective
        self._arguments = prediction, targets.targets, objective
        self._classes = block.values.shape[1]
        smoothing = objective.smoothing
        self._smoothed = losses.smoothed(targets.targets, self._classes, smoothing)

    @cached_property
    def loss(self) -> Floats:
        return self._counted(losses.loss(*self._arguments, base=self._base))

    @property
    def entropy(self) -> Floats:
        return self._counted(losses.target_entropy(self._smoothed, base=self._base))

    @property
    def kl(self) -> Floats:
        found = losses.excess_entropy(self._prediction, self._smoothed, base=self._base)
        return self._counted(found)

    @property
    def cross_entropy(self) -> Floats:
        found = losses.cross_entropy(self._prediction, self._smoothed, base=self._base)
        return self._counted(found)

    @property
    def perplexity(self) -> Floats:
        return self._counted(losses.perplexity(self._prediction, self._smoothed), 1.0)

    @cached_property
    def parts(self) -> Floats:
        """Each class's part of the loss."""
        return self._counted(losses.contributions(*self._arguments, base=self._base))

    @property
    def gradient(self) -> Floats:
        """The derivative of the loss by the logits, over the denominator."""
        found = losses.gradient(*self._arguments, base=self._base)
        return self._counted(found) / self.denominator

    @property
    def surprisals(self) -> Floats:
        """-log p of each class."""
        return self._prediction.surprisals(base=self._base)

    @cached_property
    def probabilities(self) -> Floats:
        return self._prediction.probabilities()

    @property
    def probability(self) -> Floats:
        """The target's probability, nan where it is ignored."""
        found = losses.target_probability(self._prediction, self._targets.targets)
        return self._counted(found, np.nan)

    @property
    def smoothed_target(self) -> Floats:
        return self._counted(losses.target_distribution(self._smoothed, self._classes))

    @property
    def target_distribution(self) -> Floats:
        return self._counted(losses.target_distribution(self._targets.targets, self._classes))

    @cached_property
    def _likeliest(self) -> losses.Labels:
        likeliest: losses.Labels = np.argmax(self.probabilities, axis=1)
        return likeliest

    @property
    def predicted(self) -> Values:
        return class_names(self._likeliest, self.names)

    @property
    def is_correct(self) -> Values:
        """Whether the likeliest class is the target; not where that is ignored."""
        return np.asarray((self._likeliest == self._targets.labels) & self.is_counted)

    @property
    def weights(self) -> Floats | None:
        """What each row adds to the denominator of the mean; None for 1 each."""
        if self._objective.weights is None:
            return None
        return self._counted(losses.denominators(self._targets.targets, self._objective))

    @property
    def labels(self) -> losses.Labels | None:
        """Each row's label, -1 where it is ignored; None where targets are distributions."""
        targets = self._targets.targets
        if isinstance(targets, Probabilities):
            return None
        return np.where(self.is_counted, targets, -1)

    def why_infinite(self, row: int) -> str:
        name = class_names(np.array([np.argmax(self.parts[row])]), self.names)[0]
        return f"the loss is inf: -log p of class {name} is"


def note_infinite(
    values: Floats, block: Block, notices: Notices, message: Callable[[int], str]
) -> None:
    """Warn of rows whose loss is infinite, with a message about the first."""
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        row = int(infinite[0])
        notices.add("inf", block.locations.at(row), message(row), len(infinite))


class Prediction(NamedTuple):
    """What the numbers of a prediction are: 'logits', 'probs' or 'logprobs', of any sum or not."""

    kind: str
    normalize: bool


class Loss:
    """Makes results of blocks."""

    def __init__(
        self,
        targets: TargetReader,
        prediction: Prediction,
        settings: LossSettings,
        report: ReportSettings,
        names: Names,
    ) -> None:
        self._targets = targets
        self._prediction = prediction
        self.objective = read_objective(settings)
        self._option = "--weights" if settings.weights is not None else "--class-counts"
        self._report = report
        self._names = names

    def __call__(self, block: Block, notices: Notices) -> LossResult:
        """Return the losses of a block; raise `RowErrors` for rows that have none."""
        if self.objective.weights is not None:
            check_length(self._option, len(self.objective.weights), block.values.shape[1])
        targets = self._targets.read(block, notices)
        kind, normalize = self._prediction
        prediction = distribution(block, kind, notices, normalize=normalize)
        base = self._report.base
        result = LossResult(block, prediction, targets, self.objective, base, self._names)
        # A gradient needs no loss, but a warning where one is infinite.
        if not self._report.gradient or prediction.has_infinite_surprisal:
            note_infinite(result.loss, block, notices, result.why_infinite)
        return result


def read_objective(settings: LossSettings) -> Objective:
    """Return the loss that is asked for; raise `DataError` for weights that can't be used."""
    weights = None
    if settings.weights is not None:
        weights = np.array(parse_list(settings.weights, "--weights"), np.float64)
        if not (np.isfinite(weights) & (weights >= 0)).all():
            raise DataError("--weights: weights are finite and not negative")
    elif settings.class_counts is not None:
        counts = np.array(parse_list(settings.class_counts, "--class-counts"), np.float64)
        if not (np.isfinite(counts) & (counts > 0)).all():
            raise DataError("--class-counts: counts are finite and greater than 0")
        weights = weights_of_counts(counts, beta=settings.beta)
    return Objective(weights, settings.label_smoothing, settings.focal)
