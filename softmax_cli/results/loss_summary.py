"""Totals of losses over all rows, and by class; how losses are laid out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from softmax_cli.core.doubledouble import Floats
from softmax_cli.core.losses import Objective
from softmax_cli.errors import DataError
from softmax_cli.output.layout import Column, Lines, Summary, Values
from softmax_cli.results.class_names import Names, class_names
from softmax_cli.results.field_layout import Field, FieldLayout
from softmax_cli.results.loss import LossResult, RowLosses
from softmax_cli.results.settings import UNITS, ReportSettings
from softmax_cli.run.totals import Totals, Worst

_GIVEN: Final = {"logits": "logit", "probs": "given p", "logprobs": "log p"}
_BREAKDOWN: Final = ("loss", "entropy", "kl", "perplexity", "probability", "predicted")
WORST: Final = ("line", "loss", "target", "predicted", "probability")


def worst_of(result: RowLosses, keys: Sequence[str], most: int | None) -> Worst | None:
    """Return the rows with the largest losses that are not ignored, if they are wanted."""
    if most is None:
        return None
    columns = {key: getattr(result, key) for key in keys}
    return Worst.of(columns, result.kept, result.is_counted, most)


def add_up(result: LossResult, *, worst: int | None, by_class: bool) -> Totals:
    """Return the sums of losses and weights, and the numbers of rows, also for each label."""
    counted, correct, loss = result.is_counted, result.is_correct, result.loss
    counts: dict[Any, int] = {"correct": int(correct.sum()), "counted": int(counted.sum())}
    sums: dict[Any, Values] = {"loss": loss}
    weights = result.weights
    if weights is not None:
        sums["weight"] = weights
    labels = result.labels if by_class else None
    if labels is not None:
        for label in np.unique(labels[labels >= 0]).tolist():
            own = labels == label
            sums["loss", label] = loss[own]
            counts["rows", label] = int(own.sum())
            counts["correct", label] = int(correct[own].sum())
    return Totals(len(result), sums, counts, worst_of(result, WORST, worst))


def mean_loss(totals: Totals, weight: float, *, is_needed: bool) -> float:
    """Return the mean loss, nan for none; raise `DataError` for none where one is needed."""
    if is_needed and weight == 0:
        nothing = not totals.counts["counted"]
        why = "every row is ignored" if nothing else "the targets' weights sum to 0"
        raise DataError(f"{why}: there is no mean")
    return _ratio(totals.sum("loss"), weight)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else np.nan


def summarise(
    totals: Totals, *, weights: Floats | None, names: Names, counts_ignored: bool, needs_mean: bool
) -> Summary:
    """Return the sums, the mean and the accuracy; of shards of an input the sums add up.

    Raises `DataError` for a mean of nothing where one is needed.
    """
    counted, correct = totals.counts["counted"], totals.counts["correct"]
    weight = float(counted) if weights is None else totals.sum("weight")
    groups = _by_class(totals, weights, names)
    return {
        "rows": totals.rows,
        **({"ignored": totals.rows - counted} if counts_ignored else {}),
        "loss_sum": totals.sum("loss"),
        "weight_sum": weight,
        "mean": mean_loss(totals, weight, is_needed=needs_mean),
        "correct": correct,
        "accuracy": _ratio(correct, counted),
        **({"by_class": groups} if groups else {}),
    }


def _by_class(totals: Totals, weights: Floats | None, names: Names) -> list[dict[str, Any]]:
    labels = sorted({key[1] for key in totals.counts if isinstance(key, tuple)})
    whole, groups = totals.sum("loss"), []
    for label, name in zip(
        labels, class_names(np.array(labels, np.intp), names).tolist(), strict=True
    ):
        rows, correct = totals.counts["rows", label], totals.counts["correct", label]
        loss = totals.sum(("loss", label))
        weight = rows * (1.0 if weights is None else float(weights[label]))
        group = {"class": name, "rows": rows, "loss_sum": loss, "mean": _ratio(loss, weight)}
        counts = {"correct": correct, "accuracy": correct / rows}
        groups.append({**group, "share": _ratio(loss, whole), **counts})
    return groups


def summarise_unweighted(
    totals: Totals, *, others: Sequence[str], counts_ignored: bool, needs_mean: bool
) -> Summary:
    """Return the sums and means of losses and of other numbers, over rows that are not ignored."""
    counted = totals.counts["counted"]
    return {
        "rows": totals.rows,
        **({"ignored": totals.rows - counted} if counts_ignored else {}),
        "loss_sum": totals.sum("loss"),
        "weight_sum": float(counted),
        "mean": mean_loss(totals, counted, is_needed=needs_mean),
        **{f"{name}_sum": totals.sum(name) for name in others},
        **{f"{name}_mean": _ratio(totals.sum(name), counted) for name in others},
    }


class LossLayout(FieldLayout):
    """The loss, its breakdown or its gradient, with a table by class below."""

    def __init__(self, report: ReportSettings, kind: str, objective: Objective) -> None:
        unit = UNITS[report.base]
        loss = () if objective.is_cross_entropy else (Field("loss", "loss", unit),)
        row = report_keys(report, _BREAKDOWN)
        titles = {"entropy": "H(P)", "kl": "KL(P||Q)"}
        selection = ("loss", "probability", "target", "predicted", "perplexity")
        lines = selection if row == ("loss",) else row
        super().__init__(
            row,
            (*_BREAKDOWN, "target", "probabilities", "gradient"),
            [Field(key, titles.get(key, key), style_of(key)) for key in lines],
            (
                Field("smoothed_target", "target"),
                Field("given", _GIVEN[kind]),
                Field("probabilities", "probability"),
                Field("surprisals", "-log p"),
                Field("parts", "part of loss"),
                Field("gradient", "gradient"),
            ),
            footer=(
                *loss,
                Field("perplexity", "perplexity"),
                Field("probability", "probability of the target"),
                Field("predicted", "predicted"),
            ),
            identity=(
                Field("entropy", "H(P)"),
                Field("kl", "KL(P||Q)"),
                Field("cross_entropy", "H(P,Q)", unit),
            ),
            summary=summary_fields(unit),
            emphasis="target_distribution",
        )

    def groups(self, summary: Summary) -> Lines | None:
        groups: list[Mapping[str, Any]] = summary.get("by_class", [])
        titles = {
            "rows": "rows",
            "mean": "mean loss",
            "share": "part of loss",
            "accuracy": "accuracy",
        }
        columns = [
            Column(title, np.array([group[key] for group in groups]))
            for key, title in titles.items()
        ]
        return (
            Lines(columns, "class", [str(group["class"]) for group in groups]) if groups else None
        )


def summary_fields(unit: str) -> tuple[Field, ...]:
    """Return the items of the summary of any losses, of which each kind has some."""
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


def style_of(key: str) -> str:
    """Return the style of a column by its key."""
    return "text" if key in ("target", "predicted", "code") else "number"
