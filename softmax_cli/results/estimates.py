"""Losses of many classes, estimated from the target and a few classes that are drawn."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np

from softmax_cli.core.doubledouble import DoubleDouble, Floats
from softmax_cli.core.elementary import in_base
from softmax_cli.core.hierarchical import scattered
from softmax_cli.core.sampling import Sampler, log_uniform, proportional
from softmax_cli.core.softmax import Logits
from softmax_cli.input.rows import Block
from softmax_cli.messages import Notices
from softmax_cli.output.layout import Column, Item, Values, VectorTable
from softmax_cli.results.class_names import Names, check_length, class_names, order_by_names, ragged
from softmax_cli.results.field_layout import Field, FieldLayout
from softmax_cli.results.hierarchical import read_counts
from softmax_cli.results.loss import RowLosses, note_infinite
from softmax_cli.results.loss_summary import report_keys, style_of, summary_fields
from softmax_cli.results.settings import ManySettings, ReportSettings
from softmax_cli.results.targets import RowTargets, TargetReader
from softmax_cli.run.totals import Totals
from softmax_cli.units import UNITS

_TITLES: Final = {"loss": "estimate", "standard_error": "std error", "touched": "scores read"}


class EstimateResult(RowLosses):
    """Each row's estimated loss beside the exact one, drawn as the result is made.

    `read` are the classes read in a single trial, the target first, shape (1 + draws, rows).
    """

    def __init__(
        self,
        block: Block,
        targets: RowTargets,
        base: str,
        names: Names,
        logits: Logits,
        sampler: Sampler,
        trials: int,
    ) -> None:
        super().__init__(block, targets, base, names)
        self.sampler = sampler
        self.scores = logits.scores
        labels = targets.labels
        exact = cross_entropy = logits.surprisals()[np.arange(len(labels)), labels]
        if sampler.is_negative:
            exact = sampler.expected_negative_loss(self.scores, labels)
        means, errors, self.read = sampler.trials(self.scores, labels, exact, trials)
        self.loss, self.standard_error = self._in_unit(means[0]), self._in_unit(errors[0], np.nan)
        self.exact, self.cross_entropy = self._in_unit(exact), self._in_unit(cross_entropy)
        with np.errstate(invalid="ignore"):
            self.difference = self.loss - self.exact
        # The estimated sum of exponentials over the exact one
        self.normaliser = self._counted(means[1], np.nan)
        self.normaliser_standard_error = self._counted(errors[1], np.nan)
        touched = self._counted(means[2])
        self.touched: Values = touched.astype(int) if self.read.size else touched
        self.classes = np.full(len(self), self.scores.shape[1])

    def _in_unit(self, nats: Floats, otherwise: float = 0.0) -> Floats:
        return self._counted(in_base(DoubleDouble(nats), self._base), otherwise)

    @property
    def drawn(self) -> Values:
        return ragged(class_names(self.read[1:].T, self.names).tolist())

    @property
    def gradient(self) -> Floats:
        """The derivative by the scores, over the denominator."""
        scores = self.scores[np.arange(len(self)), self.read]
        found = self.sampler.estimate(scores, self.read).gradient()
        return self._in_unit(scattered(found, self.read, self.scores.shape[1])) / self.denominator

    def why_infinite(self, row: int) -> str:
        return f"the estimate is inf, with class {self.target[row]} as the target"


def estimator(
    many: ManySettings, reader: TargetReader, names: Names, report: ReportSettings
) -> Callable[[Block, Notices], EstimateResult]:
    """Return the function of a block, whose draws go on from block to block.

    It raises `RowErrors` for rows that have no loss, before anything is drawn for a block.
    """
    noise, counts = many.noise or "uniform", None
    if noise not in ("uniform", "log-uniform"):
        counts, own = read_counts(noise, "--noise")
        unknown = "a class named {}, which the rows do not have"
        order = order_by_names(names, own, unknown, "--noise")
        counts = counts if order is None else counts[order]
    generator = np.random.Generator(np.random.PCG64(many.seed))

    @cache
    def sampler(classes: int) -> Sampler:
        if counts is not None:
            check_length("--noise", len(counts), classes)
            probabilities = proportional(counts)
        elif noise == "log-uniform":
            probabilities = log_uniform(classes)
        else:
            probabilities = np.full(classes, 1 / classes)
        draws = many.negative or many.sampled or 0
        return Sampler(probabilities, draws, many.negative is not None, generator)

    def estimated(block: Block, notices: Notices) -> EstimateResult:
        logits = Logits(block.values)
        targets = reader.read(block, notices)
        made, trials = sampler(block.values.shape[1]), many.repeat or 1
        result = EstimateResult(block, targets, report.base, names, logits, made, trials)
        note_infinite(result.loss, block, notices, result.why_infinite)
        return result

    return estimated


def add_up(result: EstimateResult) -> Totals:
    """Return the sums of estimated and exact losses, and of scores read."""
    sums = {"loss": result.loss, "exact": result.exact, "touched": result.touched}
    return Totals(len(result), sums, {"counted": int(result.is_counted.sum())})


class EstimateLayout(FieldLayout):
    """Estimates, their breakdown or their gradient; of a lone row the classes that are read.

    Where estimates are repeated, a lone row shows what is estimated in their place.
    """

    def __init__(self, report: ReportSettings, many: ManySettings) -> None:
        self._base, self._is_repeated = report.base, many.repeat is not None
        error = ("standard_error",) if self._is_repeated else ()
        losses = ("loss", *error, "exact", "difference", "touched")
        breakdown = (*losses, "classes")
        if many.negative is not None:
            breakdown = (*breakdown, "cross_entropy")
        elif self._is_repeated:
            breakdown = (*breakdown, "normaliser", "normaliser_standard_error")
        row = report_keys(report, breakdown)
        shown = (*losses, "target") if row == ("loss",) else row
        fields = (*breakdown, "target", *(() if self._is_repeated else ("drawn",)))
        super().__init__(
            row,
            (*fields, *(("gradient",) if report.gradient else ())),
            [Field(key, _TITLES.get(key, key), style_of(key)) for key in shown],
            summary=summary_fields(UNITS[report.base]),
        )

    def vector(self, result: EstimateResult) -> VectorTable:
        unit = UNITS[self._base]
        items = [
            Item("target", result.target[0]),
            Item("scores read", result.touched[0]),
            Item("classes", result.classes[0]),
        ]
        if result.sampler.is_negative:
            of_softmax = Item("softmax cross-entropy", result.cross_entropy[0])
            items.append(of_softmax if self._is_repeated else of_softmax._replace(unit=unit))
        if self._is_repeated:
            heads, columns = _quantities(result)
            return VectorTable(columns, items, title="estimate", heads=heads)
        losses = [
            Item("estimate", result.loss[0], unit),
            Item("exact", result.exact[0], unit),
            Item("difference", result.difference[0]),
        ]
        heads, columns = _classes_read(result, self._base)
        return VectorTable(columns, [*losses, *items], heads=heads)


def _quantities(result: EstimateResult) -> tuple[list[str], list[Column]]:
    """Return the names of what is estimated, and the mean of each beside the exact value."""
    rows = [
        (result.loss[0], result.standard_error[0], result.exact[0], result.difference[0]),
        (result.normaliser[0], result.normaliser_standard_error[0], 1.0, result.normaliser[0] - 1),
    ]
    heads = ["loss"] if result.sampler.is_negative else ["loss", "normaliser"]
    mean, error, exact, difference = np.array(rows[: len(heads)]).T
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = difference / error
    return heads, [
        Column("mean", mean),
        Column("± std error", error),
        Column("exact", exact),
        Column("difference", difference),
        Column("in std errors", distance, "rough"),
    ]


def _classes_read(result: EstimateResult, base: str) -> tuple[list[str], list[Column]]:
    """Return the names of the classes read, the target first, and each one's part of the loss."""
    sampler, read = result.sampler, result.read[:, 0]
    found, times = np.unique(read, return_counts=True)
    times[found == read[0]] -= 1  # the target is read without a draw
    order = np.argsort(found != read[0], kind="stable")
    found, times = found[order], times[order]
    scores = result.scores[0, found]
    parts = sampler.estimate(scores[:, None], found[:, None], times[1:, None]).parts()[:, 0]
    if sampler.is_negative:
        parts = in_base(DoubleDouble(parts), base)
    return list(map(str, class_names(found, result.names))), [
        Column("score", scores),
        Column("drawn", times, "text"),
        Column("expected", sampler.expected(found)),
        Column("part of loss" if sampler.is_negative else "part of sum", parts),
        Column("", parts, "bar"),
    ]
