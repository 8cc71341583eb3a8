"""softmax-cli xent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from softmax_cli.input.settings import InputSettings
from softmax_cli.input.source import open_rows
from softmax_cli.options import (
    VectorCommand,
    base_option,
    breakdown_option,
    from_option,
    input_options,
    normalize_option,
    option,
    output_options,
    reduction_option,
)
from softmax_cli.output.results import Column, Item, Layout
from softmax_cli.output.settings import OutputSettings
from softmax_cli.units import UNITS

if TYPE_CHECKING:
    from softmax_cli.flow.pipeline import LazyFields
    from softmax_cli.input.rows import Block

_EXAMPLES = """\b
Examples:
  softmax-cli xent 2,1,0.1 -t 0
  softmax-cli xent --from probs 0.3,0.4,0.3 -t 0.25,0.5,0.25
  softmax-cli xent -i scores.csv --target-column label --reduction mean
  loss=$(softmax-cli xent 2,1,0.1 -t 0)
"""
_BREAKDOWN = ("loss", "entropy", "kl", "perplexity", "probability", "predicted")


@click.command(cls=VectorCommand, epilog=_EXAMPLES)
@option(
    "Target",
    "-t",
    "--target",
    metavar="T",
    help="For all rows: a class by name or index, or a distribution as a list.",
)
@option("Target", "--target-column", metavar="COL", help="The column with each row's class.")
@from_option("Loss", "logits")
@normalize_option("Loss")
@reduction_option("Loss")
@base_option("Loss")
@breakdown_option("Loss", _BREAKDOWN)
@option("Loss", "--gradient", is_flag=True, help="The loss's gradient by the logits in CSV.")
@input_options
@output_options
def xent(
    source: InputSettings,
    output: OutputSettings,
    target: str | None,
    target_column: str | None,
    kind: str,
    normalize: bool,
    reduction: str,
    base: str,
    breakdown: bool,
    gradient: bool,
) -> None:
    """Cross-entropy: what a prediction costs where the target is the truth.

    The vector is the prediction Q. Against a class the loss is -log of its probability, against
    a distribution P it is H(P) + KL(P||Q).
    """
    if (target is None) == (target_column is None):
        raise click.UsageError("one of --target and --target-column says what is true")
    if breakdown and gradient:
        raise click.UsageError("--breakdown and --gradient exclude one another")
    if reduction != "none" and (breakdown or gradient):
        raise click.UsageError("--breakdown and --gradient show rows, --reduction leaves none")
    rows = open_rows(source, target_column=target_column, kind=kind)

    from softmax_cli.flow.distributions import distribution
    from softmax_cli.flow.loss import LossTotals, loss_fields
    from softmax_cli.flow.pipeline import reduce_rows, shape_of, write_rows
    from softmax_cli.flow.targets import TargetReader
    from softmax_cli.messages import Notices
    from softmax_cli.output.writers import open_writer

    with Notices() as notices:
        reader = TargetReader(target, rows.names, notices, normalize=normalize)

        def compute(block: Block) -> LazyFields:
            targets = reader.targets_of(block)
            prediction = distribution(
                block.values, kind, block.places, notices, normalize=normalize
            )
            return loss_fields(block.values, prediction, targets, base, rows.names)

        row = _BREAKDOWN if breakdown else ("gradient",) if gradient else ("loss",)
        writer = open_writer(output, _layout(row, kind, UNITS[base]), shape_of(rows))
        if reduction == "none":
            write_rows(rows, compute, writer, LossTotals(), notices=notices)
        else:
            item = "mean" if reduction == "mean" else "loss_sum"
            reduce_rows(rows, compute, writer, LossTotals(), field="loss", item=item)


def _layout(row: tuple[str, ...], kind: str, unit: str) -> Layout:
    given = {"logits": "logit", "probs": "given p", "logprobs": "log p"}[kind]
    return Layout(
        row=row,
        object=(*_BREAKDOWN, "probabilities", "gradient"),
        lines=(
            Column("loss", "loss"),
            Column("probability", "probability"),
            Column("true", "target", "text"),
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
            Item("loss", "H(P,Q)", unit),
        ),
        footer=(
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
        emphasis="targets",
        named=len(row) > 1,
    )
