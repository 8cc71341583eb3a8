"""softmax-cli softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from softmax_cli.input.settings import InputSettings
from softmax_cli.input.source import open_rows
from softmax_cli.options import (
    VectorCommand,
    input_options,
    option,
    output_options,
    parse_temperature,
)
from softmax_cli.output.results import Column, Item, Layout
from softmax_cli.output.settings import OutputSettings

if TYPE_CHECKING:
    from softmax_cli.flow.pipeline import LazyFields
    from softmax_cli.input.rows import Block

_EXAMPLES = """\b
Examples:
  softmax-cli softmax 1 2 3
  softmax-cli softmax -T 0.5 "[1000, 1001, 1002]"
  softmax-cli softmax --log -i scores.csv > log_probabilities.csv
  seq 1 3 | softmax-cli softmax
"""


@click.command(cls=VectorCommand, epilog=_EXAMPLES)
@option(
    "Softmax",
    "-T",
    "--temperature",
    metavar="T",
    type=parse_temperature,
    default="1",
    help="Divides the scores: below 1 sharpens, above 1 flattens, 0 is the hard choice.",
)
@option("Softmax", "--log", is_flag=True, help="Log-probabilities, right also where p is 0 or 1.")
@option(
    "Softmax",
    "--hierarchical",
    metavar="COUNTS",
    help="Scores of the nodes of the Huffman tree of these counts, a list or a file.",
)
@input_options
@output_options
def softmax(
    source: InputSettings,
    output: OutputSettings,
    temperature: float,
    log: bool,
    hierarchical: str | None,
) -> None:
    """Turn scores into probabilities: exp(x) over the sum of exp(x), and never overflow."""
    _check_hierarchical(hierarchical, source, temperature)
    if hierarchical is not None:
        nodes = open_rows(source._replace(names=None))  # --names are those of the classes

        from softmax_cli.flow.hierarchy import write_probabilities

        write_probabilities(nodes, source.names, output, hierarchical, log=log)
        return
    rows = open_rows(source)

    from softmax_cli.core.logits import Logits
    from softmax_cli.flow.naming import class_names
    from softmax_cli.flow.pipeline import shape_of, write_rows
    from softmax_cli.flow.tally import Totals
    from softmax_cli.messages import Notices
    from softmax_cli.output.writers import open_writer

    def compute(block: Block) -> LazyFields:
        logits = Logits(block.values, temperature=temperature)
        return {
            "logits": lambda: block.values,
            "probabilities": logits.probabilities,
            "log_probabilities": logits.log_probabilities,
            "logsumexp": logits.logsumexp,
            "entropy": logits.entropy,
            "perplexity": logits.perplexity,
            "winners": lambda: logits.winners,
            "winner": lambda: class_names(logits.winners.argmax(axis=1), rows.names),
        }

    shown = "log_probabilities" if log else "probabilities"
    writer = open_writer(output, _layout(shown), shape_of(rows))
    write_rows(rows, compute, writer, Totals("entropy"), notices=Notices())


def _check_hierarchical(counts: str | None, source: InputSettings, temperature: float) -> None:
    """Refuse to divide what is no score of a class, and to read standard input for two things."""
    if counts is not None and temperature != 1:
        raise click.UsageError("--temperature is about the scores of classes, not of nodes")
    if counts == source.path == "-" and not source.vectors:
        raise click.UsageError("standard input can't hold both scores and --hierarchical")


def _layout(shown: str) -> Layout:
    value = Column(shown, "log p" if shown == "log_probabilities" else "probability")
    return Layout(
        row=(shown,),
        object=("logits", shown, "logsumexp", "entropy"),
        lines=(value, Column("entropy", "entropy"), Column("winner", "winner", "text")),
        classes=(Column("logits", "logit"), value, Column("probabilities", "", "bar")),
        footer=(
            Item("logsumexp", "logsumexp"),
            Item("entropy", "entropy", "nats"),
            Item("perplexity", "perplexity"),
            Item("winner", "winner"),
        ),
        total=(Item("rows", "rows"), Item("entropy_mean", "mean entropy", "nats")),
        emphasis="winners",
    )
