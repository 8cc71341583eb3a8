"""softmax-cli xent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from softmax_cli import completers
from softmax_cli.flow.settings import (
    ManySettings,
    ObjectiveSettings,
    ReportSettings,
    TargetSettings,
)
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.source import open_rows
from softmax_cli.options import (
    Finite,
    VectorCommand,
    Whole,
    base_option,
    breakdown_option,
    from_option,
    gathered,
    input_options,
    normalize_option,
    option,
    output_options,
    reduction_option,
    seed_option,
)
from softmax_cli.output.results import Column, Item, Layout
from softmax_cli.output.settings import OutputSettings
from softmax_cli.units import UNITS

if TYPE_CHECKING:
    from softmax_cli.flow.computing import LazyFields
    from softmax_cli.input.rows import Block

_EXAMPLES = """\b
Examples:
  softmax-cli xent 2,1,0.1 -t 0
  softmax-cli xent --from probs 0.3,0.4,0.3 -t 0.25,0.5,0.25
  softmax-cli xent -i labelled.csv --target-column label --reduction mean
  softmax-cli xent -i scores.csv --targets labels.txt --worst 10
  loss=$(softmax-cli xent 2,1,0.1 -t 0)
"""
_BREAKDOWN: Final = ("loss", "entropy", "kl", "perplexity", "probability", "predicted")
_WORST: Final = ("line", "loss", "target", "predicted", "probability")

_target_options: Final = gathered(
    "truth",
    TargetSettings,
    [
        option(
            "Target",
            "-t",
            "--target",
            metavar="T",
            help="For all rows: a class, or a distribution as a list",
        ),
        option(
            "Target",
            "--target-column",
            metavar="COL",
            shell_complete=completers.column,
            help="The column with each row's class",
        ),
        option(
            "Target",
            "--targets",
            "target_file",
            metavar="FILE",
            shell_complete=completers.files,
            help="A file with a class or distribution for each row",
        ),
        option("Target", "--ignore", metavar="T", help="Rows with this label count for nothing"),
    ],
)
_objective_options: Final = gathered(
    "terms",
    ObjectiveSettings,
    [
        option("Loss", "-w", "--weights", metavar="LIST", help="A weight for each class"),
        option(
            "Loss",
            "--class-counts",
            metavar="LIST",
            help="How often each occurs; weights are the inverse",
        ),
        option(
            "Loss",
            "--beta",
            type=Finite(0, 1),
            metavar="B",
            help="With counts n, weights by 1 / (1 - B^n)",
        ),
        option(
            "Loss",
            "--label-smoothing",
            type=Finite(0, 1),
            metavar="E",
            default=0.0,
            show_default=False,
            help="Part of each target for all classes",
        ),
        option(
            "Loss",
            "--focal",
            type=Finite(0),
            metavar="GAMMA",
            default=0.0,
            show_default=False,
            help="Times (1 - p)^GAMMA: what is easy counts less",
        ),
    ],
)
_report_options: Final = gathered(
    "report",
    ReportSettings,
    [
        reduction_option("Loss"),
        base_option("Loss"),
        breakdown_option("Loss", _BREAKDOWN),
        option("Loss", "--gradient", is_flag=True, help="CSV of the gradient by the logits"),
        option(
            "Loss",
            "--worst",
            type=Whole(1),
            metavar="N",
            help="The N largest losses, with their lines",
        ),
    ],
)
_many_options: Final = gathered(
    "many",
    ManySettings,
    [
        option(
            "Many classes",
            "--hierarchical",
            metavar="COUNTS",
            shell_complete=completers.files,
            help="Scores are of a Huffman tree's nodes",
        ),
        option(
            "Many classes",
            "--negative",
            type=Whole(1),
            metavar="N",
            help="The target against N classes drawn",
        ),
        option(
            "Many classes",
            "--sampled",
            type=Whole(1),
            metavar="N",
            help="Softmax over the target and N drawn",
        ),
        option(
            "Many classes",
            "--noise",
            metavar="Q",
            shell_complete=completers.one_of_or_file("uniform", "log-uniform"),
            help="Draw by uniform (the default), log-uniform or counts",
        ),
        seed_option("Many classes"),
        option(
            "Many classes",
            "--repeat",
            type=Whole(2),
            metavar="R",
            help="Mean of R estimates, and its error",
        ),
    ],
)


@click.command(cls=VectorCommand, epilog=_EXAMPLES)
@_target_options
@from_option("Loss", "logits")
@normalize_option("Loss")
@_objective_options
@_report_options
@_many_options
@input_options
@output_options
def xent(
    source: InputSettings,
    output: OutputSettings,
    truth: TargetSettings,
    terms: ObjectiveSettings,
    report: ReportSettings,
    many: ManySettings,
    kind: str,
    normalize: bool,
) -> None:
    """Cross-entropy: what a prediction costs where the target is the truth.

    The vector is the prediction Q. Against a class the loss is -log of its probability, against
    a distribution P it is H(P) + KL(P||Q).
    """
    names = source.names
    if many.method is not None:
        many.check_company(terms, report, kind, normalize=normalize)
        if many.hierarchical is not None:  # columns are nodes, --names those of the classes
            source = source._replace(names=None)
    _check_stdin(source, truth, many)
    rows = open_rows(source, target_column=truth.target_column, kind=kind)
    if many.method is not None:
        from softmax_cli.flow.many import write_many

        write_many(rows, names, output, truth, report, many)
        return

    from softmax_cli.flow.distributions import distribution
    from softmax_cli.flow.loss import loss_fields
    from softmax_cli.flow.loss_totals import LossTotals
    from softmax_cli.flow.objectives import check_classes, read_objective
    from softmax_cli.flow.pipeline import shape_of
    from softmax_cli.flow.reports import write_report
    from softmax_cli.flow.targets import TargetReader, with_targets
    from softmax_cli.messages import Notices
    from softmax_cli.output.writers import open_writer

    with Notices() as notices:
        loss = read_objective(terms)
        reader = TargetReader(truth, rows.names, notices, normalize=normalize)
        rows = with_targets(rows, truth)

        def compute(block: Block) -> LazyFields:
            check_classes(loss, block.values.shape[1], terms)
            p = reader.truth_of(block)
            q = distribution(block.values, kind, block.places, notices, normalize=normalize)
            return loss_fields(block, q, p, loss, report.base, rows.names, notices)

        layout = _layout(report, kind, is_cross_entropy=loss.is_cross_entropy)
        writer = open_writer(output, layout, shape_of(rows))
        tally = LossTotals(
            rows.names,
            counts_ignored=truth.ignore is not None,
            needs_mean=report.reduction == "mean",
            by_class=writer.summarises,
        )
        write_report(rows, compute, writer, tally, report, notices)


def _check_stdin(source: InputSettings, truth: TargetSettings, many: ManySettings) -> None:
    """Refuse to read standard input for two things."""
    readers = {
        "predictions": None if source.vectors else source.path,
        "--targets": truth.target_file,
        "--hierarchical": many.hierarchical,
        "--noise": many.noise,
    }
    both = [name for name, path in readers.items() if path == "-"]
    if len(both) > 1:
        raise click.UsageError(f"standard input can't hold both {both[0]} and {both[1]}")


def _layout(report: ReportSettings, kind: str, *, is_cross_entropy: bool) -> Layout:
    row = _BREAKDOWN if report.breakdown else ("gradient",) if report.gradient else ("loss",)
    layout = _full_layout(row, kind, UNITS[report.base], is_cross_entropy=is_cross_entropy)
    if report.breakdown or report.gradient:
        return layout._replace(lines=_row_lines(row))
    return layout if report.worst is None else layout.of_worst(_WORST)


def _full_layout(row: tuple[str, ...], kind: str, unit: str, *, is_cross_entropy: bool) -> Layout:
    given = {"logits": "logit", "probs": "given p", "logprobs": "log p"}[kind]
    return Layout(
        row=row,
        object=(*_BREAKDOWN, "target", "probabilities", "gradient"),
        lines=(
            Column("loss", "loss"),
            Column("probability", "probability"),
            Column("target", "target", "text"),
            Column("predicted", "predicted", "text"),
            Column("perplexity", "perplexity"),
        ),
        classes=(
            Column("targets", "target"),
            Column("given", given),
            Column("probabilities", "probability"),
            Column("surprisals", "-log p"),
            Column("shares", "part of loss"),
            Column("gradient", "gradient"),
        ),
        identity=(
            Item("entropy", "H(P)"),
            Item("kl", "KL(P||Q)"),
            Item("cross_entropy", "H(P,Q)", unit),
        ),
        footer=(
            *([] if is_cross_entropy else [Item("loss", "loss", unit)]),
            Item("perplexity", "perplexity"),
            Item("probability", "probability of the target"),
            Item("predicted", "predicted"),
        ),
        total=(
            Item("rows", "rows"),
            Item("mean", "mean", unit),
            Item("loss_sum", "sum", unit),
            Item("accuracy", "accuracy"),
            Item("weight_sum", "denominator"),
        ),
        groups=(
            Column("rows", "rows"),
            Column("mean", "mean loss"),
            Column("share", "part of loss"),
            Column("accuracy", "accuracy"),
        ),
        emphasis="truth",
        named=len(row) > 1,
    )


def _row_lines(row: tuple[str, ...]) -> tuple[Column, ...]:
    """The columns of delimited text in the table of many."""
    titles = {"entropy": "H(P)", "kl": "KL(P||Q)"}
    return tuple(
        Column(field, titles.get(field, field), "text" if field == "predicted" else "number")
        for field in row
    )
