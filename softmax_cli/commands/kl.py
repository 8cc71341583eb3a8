"""softmax-cli kl."""

from __future__ import annotations

from functools import partial
from typing import Final

import click

from softmax_cli.input.settings import InputSettings
from softmax_cli.input.source import open_rows
from softmax_cli.options import (
    BASE,
    FILE,
    NORMALIZE,
    REDUCTION,
    VectorCommand,
    from_option,
    heading,
    input_options,
    option,
    output_options,
)
from softmax_cli.output.settings import OutputSettings

_EXAMPLES: Final = """\b
Examples:
  softmax-cli kl 0.36,0.48,0.16 0.3,0.4,0.3
  softmax-cli kl --from logits "2 1 0.1" "1 1 1" --base 2
  softmax-cli kl -i students.csv --against 0.2,0.3,0.5
  softmax-cli kl -i students.csv --against teachers.csv --reduction mean
  printf '0.1,0.9\\n0.5,0.5\\n' | softmax-cli kl --divergence js
"""
_DIVERGENCES: Final = ["kl", "reverse", "jeffreys", "js"]


@click.command(cls=VectorCommand, epilog=_EXAMPLES)
@heading(
    "Divergence",
    option("--against Q", "Q as a list, or a file with it or one for each row", FILE),
    option("--divergence", "Which:", _DIVERGENCES, default="kl"),
    from_option("probs"),
    NORMALIZE,
    option("--generalized", "Sum of p log(p/q) - p + q, for any sums"),
    REDUCTION,
    BASE,
    option("--breakdown", "CSV of kl, reverse, jeffreys, js and more"),
)
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

    from softmax_cli.messages import Notices
    from softmax_cli.output.writers import open_writer
    from softmax_cli.results import divergence as results
    from softmax_cli.results import pairs
    from softmax_cli.run.pipeline import Run, shape_of

    row = results.row_keys(divergence, breakdown=breakdown)
    layout = results.layout(row, divergence, base, of_masses=generalized)
    shown = results.shown_keys(row, output.resolved_format())
    if reduction != "none":
        shown = frozenset({divergence})
    given = "masses" if generalized else kind
    compute = results.Divergence(given, base, shown, rows.names, normalize=normalize)
    add_up = partial(results.add_up, divergence=divergence)
    summarise = partial(results.summarise, divergence=divergence)
    with Notices() as notices:
        beside = (
            pairs.first_against_second(rows) if against is None else pairs.against(rows, against)
        )
        writer = open_writer(output, layout, shape_of(rows, source.invalid))
        run = Run(beside, source, compute, add_up, summarise, notices)
        if reduction == "none":
            run.write(writer)
        else:
            run.reduce(writer, divergence, f"{divergence}_{reduction}")
