"""Where the fields of estimated losses are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softmax_cli.output.results import Column, Item, Layout
from softmax_cli.units import UNITS

if TYPE_CHECKING:
    from softmax_cli.flow.settings import ManySettings, ReportSettings

_TITLES = {"loss": "estimate", "standard_error": "std error", "touched": "scores read"}


def estimate_layout(report: ReportSettings, many: ManySettings) -> Layout:
    """The layout for what was asked for."""
    breakdown = _breakdown(many)
    row = breakdown if report.breakdown else ("gradient",) if report.gradient else ("loss",)
    unit = UNITS[report.base]
    fields = row if report.breakdown or report.gradient else _shown(many)
    is_repeated = many.repeat is not None
    layout = Layout(
        row=row,
        object=(
            *breakdown,
            "target",
            *([] if is_repeated else ["drawn"]),
            *(["gradient"] if report.gradient else []),
        ),
        lines=tuple(
            Column(field, _TITLES.get(field, field), "text" if field == "target" else "number")
            for field in fields
        ),
        total=(
            Item("rows", "rows"),
            Item("mean", "mean", unit),
            Item("exact_mean", "exact mean", unit),
            Item("loss_sum", "sum", unit),
            Item("weight_sum", "denominator"),
            Item("touched_mean", "scores read on average"),
        ),
        named=len(row) > 1,
    )
    return _repeated(layout, many) if is_repeated else _single(layout, unit, many)


def _breakdown(many: ManySettings) -> tuple[str, ...]:
    first = ("loss", "standard_error") if many.repeat is not None else ("loss",)
    columns = (*first, "exact", "difference", "touched", "classes")
    if many.negative is not None:
        return (*columns, "cross_entropy")
    if many.repeat is not None:
        return (*columns, "normaliser", "normaliser_standard_error")
    return columns


def _shown(many: ManySettings) -> tuple[str, ...]:
    """The columns of the table of many rows."""
    first = ("loss", "standard_error") if many.repeat is not None else ("loss",)
    return (*first, "exact", "difference", "touched", "target")


def _single(layout: Layout, unit: str, many: ManySettings) -> Layout:
    """With the table of a lone row: the classes read, the target first."""
    part = "part of loss" if many.negative is not None else "part of sum"
    return layout._replace(
        classes=(
            Column("read_scores", "score"),
            Column("times", "drawn", "text"),
            Column("expected_times", "expected"),
            Column("parts", part),
            Column("parts", "", "bar"),
        ),
        part=Column("read", "class"),
        footer=(
            Item("loss", "estimate", unit),
            Item("exact", "exact", unit),
            Item("difference", "difference"),
            *_ending(many, unit),
        ),
    )


def _repeated(layout: Layout, many: ManySettings) -> Layout:
    """With the table of a lone row: what was estimated, and how well."""
    return layout._replace(
        classes=(
            Column("means", "mean"),
            Column("standard_errors", "± std error"),
            Column("exacts", "exact"),
            Column("differences", "difference"),
            Column("distances", "in std errors", "rough"),
        ),
        part=Column("quantities", "estimate"),
        footer=_ending(many, ""),
    )


def _ending(many: ManySettings, unit: str) -> tuple[Item, ...]:
    cross_entropy = [Item("cross_entropy", "softmax cross-entropy", unit)]
    return (
        Item("target", "target"),
        Item("touched", "scores read"),
        Item("classes", "classes"),
        *(cross_entropy if many.negative is not None else []),
    )
