"""softmax-cli kl."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from softmax_cli import completers
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
    from softmax_cli.flow.computing import LazyFields
    from softmax_cli.input.rows import Block

_EXAMPLES = """\b
Examples:
  softmax-cli kl 0.36,0.48,0.16 0.3,0.4,0.3
  softmax-cli kl --from logits "2 1 0.1" "1 1 1" --base 2
  softmax-cli kl -i students.csv --against 0.2,0.3,0.5
  softmax-cli kl -i students.csv --against teachers.csv --reduction mean
  printf '0.1,0.9\\n0.5,0.5\\n' | softmax-cli kl --divergence js
"""
_BREAKDOWN = ("kl", "reverse", "jeffreys", "js", "entropy", "cross_entropy")
_TITLES = {
    "kl": "KL(P||Q)",
    "reverse": "KL(Q||P)",
    "jeffreys": "Jeffreys",
    "js": "JS",
    "entropy": "H(P)",
    "cross_entropy": "H(P,Q)",
}


@click.command(cls=VectorCommand, epilog=_EXAMPLES)
@option(
    "Divergence",
    "--against",
    metavar="Q",
    shell_complete=completers.files,
    help="Q as a list, or a file with it or one for each row",
)
@option(
    "Divergence",
    "--divergence",
    type=click.Choice(["kl", "reverse", "jeffreys", "js"]),
    default="kl",
    help="Which:",
)
@from_option("Divergence", "probs")
@normalize_option("Divergence")
@option(
    "Divergence",
    "--generalized",
    is_flag=True,
    help="Sum of p log(p/q) - p + q, for any sums",
)
@reduction_option("Divergence")
@base_option("Divergence")
@breakdown_option("Divergence", _BREAKDOWN)
@input_options
@output_options
def kl(
    source: InputSettings,
    output: OutputSettings,
    against: str | None,
    divergence: str,
    kind: str,
    normalize: bool,
    generalized: bool,
    reduction: str,
    base: str,
    breakdown: bool,
) -> None:
    """Kullback-Leibler divergence: what it costs to take Q for P.

    P and Q are two vectors, or each row is a P and --against is Q.
    """
    if reduction != "none" and breakdown:
        raise click.UsageError("--breakdown shows rows, --reduction leaves none")
    if generalized and (normalize or breakdown or kind != "probs"):
        raise click.UsageError(
            "--generalized takes masses as they are: no --normalize, no --from, and no entropies "
            "that --breakdown could show"
        )
    if against == source.path == "-" and not source.vectors:
        raise click.UsageError("standard input can't be both P and --against")
    rows = open_rows(source, kind=kind)

    from softmax_cli.flow.divergence import divergence_fields
    from softmax_cli.flow.pairs import against_second, held, pair_of
    from softmax_cli.flow.pipeline import reduce_rows, shape_of, write_rows
    from softmax_cli.flow.tally import Totals
    from softmax_cli.messages import Notices
    from softmax_cli.output.writers import open_writer

    with Notices() as notices:
        pairs = against_second(rows) if against is None else held(rows, against)

        def compute(block: Block) -> LazyFields:
            given = "masses" if generalized else kind
            p, q = pair_of(block, given, notices, normalize=normalize)
            return divergence_fields(p, q, base, rows.names, block.places, notices, shown)

        row = _BREAKDOWN if breakdown else (divergence,)
        layout = _layout(row, divergence, UNITS[base])
        writer = open_writer(output, _of_masses(layout) if generalized else layout, shape_of(rows))
        shown = writer.fields if reduction == "none" else {divergence}
        tally = Totals(divergence)
        if reduction == "none":
            write_rows(pairs, compute, writer, tally, notices)
        else:
            item = f"{divergence}_{reduction}"
            reduce_rows(pairs, compute, writer, tally, notices, field=divergence, item=item)


def _layout(row: tuple[str, ...], divergence: str, unit: str) -> Layout:
    return Layout(
        row=row,
        object=_BREAKDOWN,
        lines=tuple(Column(field, _TITLES[field]) for field in _BREAKDOWN),
        classes=(
            Column("p", "P"),
            Column("q", "Q"),
            Column("terms", "P log(P/Q)"),
            Column("terms", "", "bar"),
        ),
        identity=(
            Item("entropy", "H(P)"),
            Item("kl", "KL(P||Q)"),
            Item("cross_entropy", "H(P,Q)", unit),
        ),
        footer=tuple(Item(field, _TITLES[field], unit) for field in _BREAKDOWN[:4]),
        total=(
            Item("rows", "rows"),
            Item(f"{divergence}_mean", f"mean {_TITLES[divergence]}", unit),
            Item(f"{divergence}_sum", "sum", unit),
        ),
        named=len(row) > 1,
    )


def _of_masses(layout: Layout) -> Layout:
    """Without entropies, which masses do not have."""
    fields = _BREAKDOWN[:4]
    return layout._replace(
        object=fields,
        lines=tuple(column for column in layout.lines if column.field in fields),
        classes=tuple(
            column._replace(title="P log(P/Q) - P + Q") if column.title == "P log(P/Q)" else column
            for column in layout.classes
        ),
        identity=(),
    )
