"""The base classes of losses, and cross-entropy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import Any, Final

import numpy as np

from softmax_cli.core import losses
from softmax_cli.core.doubledouble import Floats
from softmax_cli.core.losses import Labels, Objective, weights_of_counts
from softmax_cli.core.probabilities import Distribution, Probabilities
from softmax_cli.errors import DataError
from softmax_cli.input.numbers import parse_list
from softmax_cli.input.rows import Block
from softmax_cli.notices import Notices
from softmax_cli.option_rules import GIVEN, UNITS, LossSettings, ReportSettings
from softmax_cli.output.fields import Field, Layout, Records, Values, class_names
from softmax_cli.output.formats import Writer
from softmax_cli.results.pairs import check_length, distribution
from softmax_cli.results.targets import RowTargets, TargetReader
from softmax_cli.run.pipeline import Computation, Run
from softmax_cli.run.totals import ONE, ExactSum, Totals, Worst, ratio

_BREAKDOWN: Final = ("loss", "entropy", "kl", "perplexity", "probability", "predicted")


class RowLosses:
    """The base class of losses of a block's rows.

    Attributes have the shape (rows,) or (rows, classes); logarithms are in the unit of the base.
    Ignored rows have loss 0. `denominator` divides the gradient: 1, or that of the mean loss.
    """

    def __init__(self, block: Block, targets: RowTargets, loss: Loss) -> None:
        self.given = block.values
        self.kept = block.kept
        self.names = loss.targets.class_names
        self.denominator = 1.0
        self._locations = block.locations
        self._targets = targets
        self._base = loss.report.base

    def __len__(self) -> int:
        return len(self.given)

    @cached_property
    def loss(self) -> Floats:
        raise NotImplementedError

    @property
    def line(self) -> Values:
        return np.array(self._locations.numbers, dtype=int)

    @property
    def target(self) -> Values:
        return self._targets.names(self.names)

    @property
    def is_counted(self) -> Values:
        return ~self._targets.ignored

    def _counted(self, values: Floats, otherwise: float = 0.0) -> Floats:
        return self._targets.unless_ignored(values, otherwise)

    def why_infinite(self, row: int) -> str:
        """Return the message about a row whose loss is infinite."""
        raise NotImplementedError

    def note_infinite(self, notices: Notices) -> None:
        """Warn of rows whose loss is infinite, with a message about the first."""
        infinite = np.flatnonzero(np.isinf(self.loss))
        if len(infinite):
            row = int(infinite[0])
            notices.add("inf", self._locations.at(row), self.why_infinite(row), len(infinite))


class Loss(Computation):
    """The base class of computations of losses; `averaged` are fields other than the loss.

    `worst_keys` are the columns of the table of worst rows, `weights` those of the classes.
    """

    worst_keys: Sequence[str] = ()
    weights: Floats | None = None

    def __init__(self, targets: TargetReader, report: ReportSettings) -> None:
        self.targets = targets
        self.report = report

    def layout(self) -> Layout:
        """Return the layout of the rows, or of the worst rows with their line numbers."""
        layout = self.layout_of_rows()
        if self.report.worst is None:
            return layout
        keys = self.worst_keys
        shown = [key for key in ("loss", "probability", "target", "predicted") if key in keys]
        head, lines = (Field("line", "line", "text"),), columns_of(shown, {})
        return layout._replace(row=keys, fields=keys, head=head, lines=lines, classes=())

    def layout_of_rows(self) -> Layout:
        raise NotImplementedError

    def add_up(self, result: Any) -> Totals:
        """Return the sums, the number of rows that are not ignored, and the worst rows."""
        sums = {key: getattr(result, key) for key in ("loss", *self.averaged)}
        counted, worst = result.is_counted, None
        if self.report.worst is not None:
            keys = self.worst_keys if result.kept is None else (*self.worst_keys, "kept")
            columns = {key: getattr(result, key)[counted] for key in keys}
            worst = Worst.of(columns, self.report.worst)
        return Totals(len(result), sums, {"counted": int(counted.sum())}, worst)

    def summarise(self, totals: Totals) -> dict[str, Any]:
        """Return sums, which may be added up over several inputs, and means.

        Raises `DataError` if a mean is asked for and its denominator is 0.
        """
        counted = totals.counts["counted"]
        weight = counted * ONE if self.weights is None else totals.sums["weight"].units
        if self.report.reduction == "mean" and weight == 0:
            why = "the targets' weights sum to 0" if counted else "every row is ignored"
            raise DataError(f"{why}: there is no mean")
        ignored = {} if self.targets.ignore is None else {"ignored": totals.rows - counted}
        weight_sum = counted if self.weights is None else totals.sums["weight"].total()
        sums = {"loss_sum": totals.sums["loss"].total(), "weight_sum": weight_sum}
        sums["mean"] = totals.sums["loss"].total(weight)
        means = totals.sums_and_means(self.averaged, counted)
        return {"rows": totals.rows, **ignored, **sums, **means}


class LossResult(RowLosses):
    """The losses of predictions over all classes."""

    def __init__(
        self, block: Block, targets: RowTargets, prediction: Distribution, loss: CrossEntropy
    ) -> None:
        super().__init__(block, targets, loss)
        self._prediction = prediction
        self._objective = loss.objective
        self._arguments = prediction, targets.targets, loss.objective
        self._classes = block.values.shape[1]
        smoothing = loss.objective.smoothing
        self._smoothed = losses.smoothed(targets.targets, self._classes, smoothing)
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
        """The derivative of the loss by the logits, divided by the denominator."""
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
    def _likeliest(self) -> Labels:
        """By the given scores: different ones may have equal probabilities after rounding."""
        return np.asarray(np.argmax(self.given, axis=1))

    @property
    def predicted(self) -> Values:
        return class_names(self._likeliest, self.names)

    @property
    def is_correct(self) -> Values:
        """Whether the likeliest class is the target; False for ignored rows."""
        return np.asarray((self._likeliest == self._targets.labels) & self.is_counted)

    @property
    def weights(self) -> Floats:
        """What each row adds to the denominator of the mean."""
        return self._counted(losses.denominators(self._targets.targets, self._objective))

    @property
    def labels(self) -> Labels | None:
        """Each row's label; None where targets are distributions."""
        targets = self._targets.targets
        return None if isinstance(targets, Probabilities) else targets

    def why_infinite(self, row: int) -> str:
        name = class_names(np.array([np.argmax(self.parts[row])]), self.names)[0]
        return f"the loss is inf: class {name} has probability 0"


class CrossEntropy(Loss):
    """Computes cross-entropy with weights, label smoothing and focal factor; sums also by class."""

    worst_keys = ("line", "loss", "target", "predicted", "probability")

    def __init__(
        self, settings: LossSettings, by_class: bool, targets: TargetReader, report: ReportSettings
    ) -> None:
        super().__init__(targets, report)
        self._settings = settings
        self._by_class = by_class
        self.weights = read_weights(settings)
        self.objective = Objective(self.weights, settings.label_smoothing, settings.focal)

    def compute(self, block: Block, notices: Notices) -> LossResult:
        settings = self._settings
        if self.weights is not None:
            option = "--weights" if settings.weights is not None else "--class-counts"
            check_length(option, len(self.weights), block.values.shape[1])
        targets = self.targets.read(block, notices)
        prediction = distribution(block, settings.kind, notices, settings.normalize)
        result = LossResult(block, targets, prediction, self)
        # For a gradient, compute the loss only if a warning of an infinite one may be due.
        if not self.report.gradient or prediction.has_infinite_surprisal:
            result.note_infinite(notices)
        return result

    def add_up(self, result: LossResult) -> Totals:
        totals = super().add_up(result)
        counted, correct, loss = result.is_counted, result.is_correct, result.loss
        sums: dict[Any, Values] = {} if self.weights is None else {"weight": result.weights}
        counts: dict[Any, int] = {"correct": int(correct.sum())}
        labels = result.labels if self._by_class else None
        if labels is not None:
            for label in np.unique(labels[counted]).tolist():
                own = counted & (labels == label)
                sums["loss", label] = loss[own]
                counts["rows", label] = int(own.sum())
                counts["correct", label] = int(correct[own].sum())
        totals.merge(Totals(0, sums, counts))
        return totals

    def summarise(self, totals: Totals) -> dict[str, Any]:
        correct, counted = totals.counts["correct"], totals.counts["counted"]
        groups = self._summarise_classes(totals)
        return {
            **super().summarise(totals),
            "correct": correct,
            "accuracy": ratio(correct, counted),
            **({"by_class": groups} if groups else {}),
        }

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
        unit, row = UNITS[self.report.base], report_keys(self.report, _BREAKDOWN)
        selection = ("loss", "probability", "target", "predicted", "perplexity")
        lines = selection if row == ("loss",) else row
        return Layout(
            row,
            (*_BREAKDOWN, "target", "probabilities", "gradient"),
            columns_of(lines, {"entropy": "H(P)", "kl": "KL(P||Q)"}),
            (
                Field("smoothed_target", "target"),
                Field("given", GIVEN[self._settings.kind]),
                Field("probabilities", "probability"),
                Field("surprisals", "-log p"),
                Field("parts", "part of loss"),
                Field("gradient", "gradient"),
            ),
            footer=(
                Field("loss", "loss", unit),
                Field("perplexity", "perplexity"),
                Field("probability", "p of target"),
                Field("predicted", "predicted"),
            ),
            identity=(
                Field("entropy", "H(P)"),
                Field("kl", "KL(P||Q)"),
                Field("cross_entropy", "H(P,Q)", unit),
            ),
            summary=summary_fields(unit),
            summary_records="by_class",
            summary_columns=(
                Field("class", "class", "text"),
                Field("rows", "rows"),
                Field("mean", "mean loss"),
                Field("share", "share of loss"),
                Field("accuracy", "accuracy"),
            ),
            emphasis="target_distribution",
        )


def read_weights(settings: LossSettings) -> Floats | None:
    """Return the weights of the classes; raise `DataError` for those that can't be used."""
    if settings.weights is not None:
        weights = np.array(parse_list(settings.weights, "--weights"), np.float64)
        if not (np.isfinite(weights) & (weights >= 0)).all():
            raise DataError("--weights: weights must be finite and not negative")
        return weights
    if settings.class_counts is not None:
        counts = np.array(parse_list(settings.class_counts, "--class-counts"), np.float64)
        if not (np.isfinite(counts) & (counts > 0)).all():
            raise DataError("--class-counts: counts must be finite and greater than 0")
        return weights_of_counts(counts, beta=settings.beta)
    return None


def summary_fields(unit: str) -> tuple[Field, ...]:
    """Return the summary's fields; those that a kind of loss does not have are not shown."""
    return (
        Field("rows", "rows"),
        Field("mean", "mean", unit),
        Field("exact_mean", "exact mean", unit),
        Field("loss_sum", "sum", unit),
        Field("accuracy", "accuracy"),
        Field("weight_sum", "denominator"),
        Field("touched_mean", "scores read on average"),
    )


def report_keys(report: ReportSettings, breakdown: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns of delimited text."""
    if report.gradient:
        return ("gradient",)
    return breakdown if report.breakdown else ("loss",)


def columns_of(keys: Sequence[str], titles: Mapping[str, str]) -> list[Field]:
    """Return the columns of a table; a column without a title has its key as title."""
    text = ("target", "predicted", "code")
    return [Field(key, titles.get(key, key), "text" if key in text else "") for key in keys]


def write(run: Run, writer: Writer, report: ReportSettings) -> None:
    """Write the report that the options ask for."""
    if report.worst is not None:
        _write_worst(run, writer)
    elif report.gradient and report.reduction == "mean":
        _write_gradient_of_mean(run, writer)
    elif report.gradient or report.reduction == "none":
        run.write(writer)
    else:
        run.reduce(writer, "loss", "mean" if report.reduction == "mean" else "loss_sum")


def _write_worst(run: Run, writer: Writer) -> None:
    """Write the rows with the largest losses, and the summary of all rows."""
    worst = run.count().worst
    assert worst is not None
    columns, rows = worst.columns, len(worst.columns["loss"])
    records = Records(SimpleNamespace(**columns), rows, kept=columns.get("kept"))
    writer.write(writer.encode(records), rows)
    writer.close(run.summary())


def _write_gradient_of_mean(run: Run, writer: Writer) -> None:
    """Write the derivative of the mean loss by each row's logits.

    The denominator is known only at the end, so all results are kept in memory.
    """
    results = list(run.results())
    summary = run.summary()
    for records in results:
        records.result.denominator = summary["weight_sum"]
        if records.count:
            writer.write(writer.encode(records), records.count)
    writer.close(summary)
