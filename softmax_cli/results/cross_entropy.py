"""Cross-entropy, with weights, label smoothing and the focal factor."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from softmax_cli.core import losses
from softmax_cli.core.doubledouble import Bools, Floats, Indices
from softmax_cli.core.hardmax import is_among_best
from softmax_cli.core.losses import Objective, weights_of_counts
from softmax_cli.core.probabilities import Distribution, Probabilities
from softmax_cli.errors import DataError, listed
from softmax_cli.input.columns import split_names
from softmax_cli.input.numbers import parse_list, parse_number
from softmax_cli.input.rows import Block
from softmax_cli.messages import Notices
from softmax_cli.option_rules import GIVEN, UNITS, LossSettings
from softmax_cli.output.fields import Field, Layout, Names, Values, class_names
from softmax_cli.results.loss import Loss, RowLosses
from softmax_cli.results.pairs import check_length, distribution
from softmax_cli.results.softmax import warn_of_probabilities
from softmax_cli.results.targets import Classes, RowTargets
from softmax_cli.run.totals import ONE, ExactSum, Totals, ratio


class LossResult(RowLosses):
    """The losses of predictions over all classes."""

    def __init__(
        self, block: Block, targets: RowTargets, prediction: Distribution, loss: CrossEntropy
    ) -> None:
        super().__init__(block, targets, loss)
        self._prediction = prediction
        self._arguments = prediction, targets.targets, loss.objective
        self.labels = None if isinstance(targets.targets, Probabilities) else targets.targets
        self._top = loss.settings.top
        self._smoothed = losses.smoothed(targets.targets, prediction, loss.objective.smoothing)
        self._pair = prediction, self._smoothed

    @cached_property
    def loss(self) -> Floats:
        return self._counted(losses.loss(*self._arguments, base=self._base))

    @property
    def entropy(self) -> Floats:
        return self._counted(losses.target_entropy(self._smoothed, base=self._base))

    @property
    def kl(self) -> Floats:
        return self._counted(losses.excess_entropy(*self._pair, base=self._base))

    @property
    def cross_entropy(self) -> Floats:
        return self._counted(losses.cross_entropy(*self._pair, base=self._base))

    @property
    def perplexity(self) -> Floats:
        return self._counted(losses.perplexity(*self._pair), 1.0)

    @cached_property
    def parts(self) -> Floats:
        """Each class's part of the loss."""
        return self._counted(losses.contributions(*self._arguments, base=self._base))

    @property
    def gradient(self) -> Floats:
        """The derivative of the loss by the logits."""
        return self._counted(losses.gradient(*self._arguments, base=self._base))

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
        return self._counted(losses.target_distribution(self._smoothed, self.given.shape[1]))

    @cached_property
    def _likeliest(self) -> Indices:
        """By the given scores: different ones may have equal probabilities after rounding."""
        return np.asarray(np.argmax(self.given, axis=1))

    @property
    def predicted(self) -> Values:
        return class_names(self._likeliest, self.names)

    @cached_property
    def is_correct(self) -> Bools:
        """Whether the target is the likeliest class, or one of the best; False if ignored."""
        labels = self._targets.labels
        found = self._likeliest == labels
        if self._top is not None:
            found = is_among_best(self.given, labels, self._top)
        return np.asarray(found & self.is_counted)

    @property
    def emphasis(self) -> Floats:
        """The target's probabilities, but -1 for a wrong prediction, shape (rows, classes)."""
        target = losses.target_distribution(self._targets.targets, self.given.shape[1])
        found = self._counted(target)
        wrong = np.flatnonzero(self.is_counted & ~self.is_correct)
        found[wrong, self._likeliest[wrong]] = -1.0
        return found

    def why_infinite(self, row: int) -> str:
        name = class_names(np.array([np.argmax(self.parts[row])]), self.names)[0]
        return f"the loss is inf: class {name} has probability 0"


class CrossEntropy(Loss):
    """Computes cross-entropy with weights, label smoothing and focal factor; sums also by class."""

    breakdown = ("loss", "entropy", "kl", "perplexity", "probability", "predicted")
    lines = ("loss", "probability", "target", "predicted", "perplexity")
    others = ("target", "probabilities")
    worst_keys = ("line", "loss", "target", "predicted", "probability")

    def __init__(self, settings: LossSettings, names: Names, by_class: bool) -> None:
        super().__init__(settings, names)
        self._by_class = by_class
        self.has_perplexity = not settings.focal  # whose factor makes the mean no cross-entropy
        self.weights = read_weights(settings, names)
        self.objective = Objective(self.weights, settings.label_smoothing, settings.focal)

    def compute(self, block: Block, notices: Notices) -> LossResult:
        settings = self.settings
        if self.weights is not None:
            option = "--weights" if settings.weights is not None else "--class-counts"
            check_length(option, len(self.weights), block.values.shape[1])
        targets = self.targets.read(block, notices)
        form = settings.normalize, settings.temperature
        prediction = distribution(block, settings.kind, notices, *form)
        result = LossResult(block, targets, prediction, self)
        if settings.kind == "logits":
            warn_of_probabilities(block, notices)
        if not self.settings.gradient:
            result.note_infinite(notices)
        return result

    def add_up(self, result: LossResult) -> Totals:
        totals = super().add_up(result)
        counted, correct, labels = result.is_counted, result.is_correct, result.labels
        totals.counts["correct"] = int(correct.sum())
        if self.weights is not None:
            # As in torch, a distribution has the weight 1.
            weights = np.ones(len(result)) if labels is None else self.weights[labels]
            totals.sums["weight"] = ExactSum(weights[counted])
        if self._by_class and labels is not None:
            for label in np.unique(labels[counted]).tolist():
                own = counted & (labels == label)
                totals.sums["loss", label] = ExactSum(result.loss[own])
                totals.counts["rows", label] = int(own.sum())
                totals.counts["correct", label] = int(correct[own].sum())
        return totals

    def summarise(self, totals: Totals) -> dict[str, Any]:
        correct = totals.counts["correct"]
        summary = {**super().summarise(totals), "correct": correct}
        summary["accuracy"] = ratio(correct, totals.counts["counted"])
        if groups := self._summarise_classes(totals):
            summary["by_class"] = groups
        return summary

    def _summarise_classes(self, totals: Totals) -> list[dict[str, Any]]:
        labels = sorted({key[1] for key in totals.counts if isinstance(key, tuple)})
        names = class_names(np.array(labels, np.intp), self.targets.class_names).tolist()
        groups = []
        for label, name in zip(labels, names, strict=True):
            rows, correct = totals.counts["rows", label], totals.counts["correct", label]
            loss = totals.sums["loss", label].total()
            weight = ONE if self.weights is None else ExactSum(self.weights[label]).units
            mean = totals.sums["loss", label].total(rows * weight)
            group = {"class": name, "rows": rows, "loss_sum": loss, "mean": mean}
            share = {"share": ratio(loss, totals.sums["loss"].total())}
            groups.append({**group, **share, "correct": correct, "accuracy": correct / rows})
        return groups

    def layout_of_rows(self) -> Layout:
        layout, unit = super().layout_of_rows(), UNITS[self.settings.base]
        loss, perplexity = Field("loss", "loss", unit), Field("perplexity", "perplexity")
        target, predicted = Field("probability", "p of target"), Field("predicted", "predicted")
        return layout._replace(
            fields=(*self.breakdown, *self.others, "gradient"),
            classes=(
                Field("smoothed_target", "target"),
                Field("given", GIVEN[self.settings.kind]),
                Field("probabilities", "probability"),
                Field("surprisals", "-log p"),
                Field("parts", "part of loss"),
                Field("gradient", "gradient"),
            ),
            footer=(loss, perplexity, target, predicted),
            identity=(*self.columns(("entropy", "kl")), Field("cross_entropy", "H(P,Q)", unit)),
            summary_records="by_class",
            summary_columns=self.columns(("class", "rows", "mean", "share", "accuracy")),
            emphasis="emphasis",
        )


def read_weights(settings: LossSettings, names: Names) -> Floats | None:
    """Return the weights of the classes; raise `DataError` for those that can't be used."""
    is_counts = settings.weights is None
    option = "--class-counts" if is_counts else "--weights"
    text = settings.class_counts if is_counts else settings.weights
    if text is None:
        return None
    numbers = _number_of_each(text, option, names)
    if not (np.isfinite(numbers) & (numbers > 0 if is_counts else numbers >= 0)).all():
        least = "greater than 0" if is_counts else "not negative"
        raise DataError(f"{option} must be finite and {least}")
    return weights_of_counts(numbers, beta=settings.beta) if is_counts else numbers


def _number_of_each(text: str, option: str, names: Names) -> Floats:
    """Return the number of each class, from a list of numbers, or by name: 'cat=1,dog=2'."""
    if "=" not in text:
        return np.array(parse_list(text, option), np.float64)
    items = [item.partition("=") for item in split_names(text)]
    count = len(names or items)
    classes, numbers = Classes(names, count), np.full(count, np.nan)
    for name, _, number in items:
        numbers[classes.index(name)] = parse_number(number, f"{option}, class {name}")
    if len(items) != count or np.isnan(numbers).any():
        left = class_names(np.flatnonzero(np.isnan(numbers)), names).tolist()
        hint = f"not given: {listed(left)}" if left else ""
        raise DataError(f"{option}: give each of the {count} classes one number", hint)
    return numbers
