"""What is reported of losses: each row, the worst, one number for all, or the mean's gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from softmax_cli.input.rows import Block, Rows
from softmax_cli.input.settings import InputSettings
from softmax_cli.messages import Notices
from softmax_cli.output.layout import Column, Layout, Lines, Records, Summary, Values, Writer
from softmax_cli.output.settings import OutputSettings
from softmax_cli.output.writers import open_writer
from softmax_cli.results import loss_summary
from softmax_cli.results.loss import Loss, Prediction
from softmax_cli.results.settings import LossSettings, ManySettings, ReportSettings, TargetSettings
from softmax_cli.results.targets import TargetReader, with_targets
from softmax_cli.run.pipeline import Run, shape_of
from softmax_cli.run.totals import Totals

# The columns of a table of the worst rows, in their order
_SHOWN: Final = ("loss", "probability", "target", "predicted")


class Request(NamedTuple):
    """The rows of predictions, and what is asked about their losses."""

    rows: Rows
    source: InputSettings
    targets: TargetSettings
    report: ReportSettings
    notices: Notices

    def reader(self, names: Sequence[str] | None, **options: Any) -> TargetReader:
        """Return a reader of the targets among classes with these names."""
        return TargetReader(self.targets, names, self.notices, **options)

    def run(
        self,
        rows: Rows,
        compute: Callable[[Block, Notices], Any],
        add_up: Callable[[Any], Totals],
        summarise: Callable[..., Summary],
        *,
        parallel: bool = True,
    ) -> Run[Any]:
        """Return a run over the rows with their targets."""
        counts_ignored = self.targets.ignore is not None
        needs_mean = self.report.reduction == "mean"
        summary = partial(summarise, counts_ignored=counts_ignored, needs_mean=needs_mean)
        beside = with_targets(rows, self.targets)._replace(names=self.rows.names)
        source, notices = self.source, self.notices
        return Run(beside, source, compute, add_up, summary, notices, parallel=parallel)


class Job(NamedTuple):
    """A run over rows, how its results are shown, and the keys of the worst rows."""

    run: Run[Any]
    layout: Layout[Any]
    worst: tuple[str, ...] = ()


def of_softmax(
    request: Request, prediction: Prediction, objective: LossSettings, *, by_class: bool
) -> Job:
    """Return the losses of predictions over all classes, summed up by class if they are shown."""
    names, report = request.rows.names, request.report
    reader = request.reader(names, normalize=prediction.normalize)
    compute = Loss(reader, prediction, objective, report, names)
    weights = compute.objective.weights
    add_up = partial(loss_summary.add_up, worst=report.worst, by_class=by_class)
    summarise = partial(loss_summary.summarise, weights=weights, names=names)
    run = request.run(request.rows, compute, add_up, summarise)
    layout = loss_summary.LossLayout(report, prediction.kind, compute.objective)
    return Job(run, layout, loss_summary.WORST)


def of_paths(request: Request, names: Sequence[str] | None, counts: str) -> Job:
    """Return the losses of labels along their paths through the tree of counts."""
    from softmax_cli.results import hierarchical

    report, tree = request.report, hierarchical.Hierarchy(counts, names)
    reader = request.reader(tree.names, labels_only=hierarchical.OPTION)
    run = request.run(
        request.rows._replace(names=tree.names),
        hierarchical.Paths(tree, reader, report),
        partial(hierarchical.add_up, worst=report.worst),
        partial(loss_summary.summarise_unweighted, others=("touched",)),
    )
    return Job(run, hierarchical.path_layout(report), hierarchical.WORST)


def of_estimates(request: Request, many: ManySettings) -> Job:
    """Return losses estimated from classes that are drawn."""
    from softmax_cli.results import estimates

    names, report = request.rows.names, request.report
    reader = request.reader(names, labels_only=many.method)
    compute = estimates.Estimates(many, reader, names, report)
    summarise = partial(loss_summary.summarise_unweighted, others=("exact", "touched"))
    # One generator goes through all rows in their order.
    run = request.run(request.rows, compute, estimates.add_up, summarise, parallel=False)
    return Job(run, estimates.layout(report, many))


def write(job: Job, request: Request, output: OutputSettings) -> None:
    """Write what was asked for."""
    layout, report = job.layout, request.report
    if report.worst is not None:
        layout = WorstLayout(layout, job.worst)
    writer = open_writer(output, layout, shape_of(request.rows, request.source.invalid))
    if report.worst is not None:
        _write_worst(job.run, writer)
    elif report.gradient and report.reduction == "mean":
        _write_gradient_of_mean(job.run, writer)
    elif report.gradient or report.reduction == "none":
        job.run.write(writer)
    else:
        job.run.reduce(writer, "loss", "mean" if report.reduction == "mean" else "loss_sum")


class WorstLayout(Layout[dict[str, Values]]):
    """Rows out of their order, with their lines; below a table stands what is known of all."""

    named = True

    def __init__(self, layout: Layout[Any], keys: tuple[str, ...]) -> None:
        self._keys = keys
        self.total = layout.total  # type: ignore[method-assign]
        self.groups = layout.groups  # type: ignore[method-assign]

    def row(self, result: dict[str, Values]) -> dict[str, Values]:
        return {key: result[key] for key in self._keys}

    object = row

    def lines(self, result: dict[str, Values]) -> Lines:
        order = sorted(self._keys[1:], key=_SHOWN.index)
        columns = [Column(key, result[key], loss_summary.style_of(key)) for key in order]
        return Lines(columns, "line", list(map(str, result["line"].tolist())))


def _write_worst(run: Run[Any], writer: Writer[dict[str, Values]]) -> None:
    """Write the rows with the largest losses, and the summary of all rows."""
    worst = run.count().worst
    assert worst is not None
    rows = len(worst.columns["loss"])
    writer.write(writer.encode(Records(worst.columns, rows, kept=worst.kept)), rows)
    writer.close(run.summary())


def _write_gradient_of_mean(run: Run[Any], writer: Writer[Any]) -> None:
    """Write the derivative of the mean loss by each row's logits.

    The denominator is known at the end, and so all rows are held in memory.
    """
    results = list(run.results())
    summary = run.summary()
    for records in results:
        records.result.denominator = summary["weight_sum"]
        if records.count:
            writer.write(writer.encode(records), records.count)
    writer.close(summary)
