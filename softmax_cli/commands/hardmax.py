"""softmax-cli hardmax."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from softmax_cli.input.settings import InputSettings
from softmax_cli.input.source import open_rows
from softmax_cli.options import VectorCommand, Whole, input_options, option, output_options
from softmax_cli.output.results import Column, Item, Layout
from softmax_cli.output.settings import OutputSettings

if TYPE_CHECKING:
    from softmax_cli.flow.computing import LazyFields
    from softmax_cli.input.rows import Block

_EXAMPLES = """\b
Examples:
  softmax-cli hardmax 0.2 0.3 0.5
  softmax-cli hardmax --as name --names cat,dog,owl 0.2 0.3 0.5
  softmax-cli hardmax --as one-hot --ties split 2 2 1
  softmax-cli hardmax --top 2 --as name --names cat,dog,owl 0.2 0.3 0.5
  softmax-cli hardmax -i scores.csv --as name | sort | uniq -c
"""


@click.command(cls=VectorCommand, epilog=_EXAMPLES)
@option(
    "Hardmax",
    "--as",
    "form",
    type=click.Choice(["index", "name", "value", "one-hot"]),
    default=None,
    show_default="index",
    help="Print the",
)
@option(
    "Hardmax",
    "--ties",
    type=click.Choice(["first", "last", "all", "split", "error"]),
    default=None,
    show_default="first",
    help="Equals:",
)
@option("Hardmax", "--top", type=Whole(1), metavar="K", help="The K best, in order")
@input_options
@output_options
def hardmax(
    source: InputSettings,
    output: OutputSettings,
    form: str | None,
    ties: str | None,
    top: int | None,
) -> None:
    """Pick the class with the largest score."""
    form = form or ("one-hot" if ties == "split" else "index")
    if top is not None and ties in ("all", "split"):
        raise click.UsageError(
            f"--top takes so many and no more: --ties {ties} does not go with it"
        )
    if ties == "split" and form != "one-hot":
        raise click.UsageError(f"--ties split shares a one-hot, --as {form} can't be shared")
    rows = open_rows(source, kind="scores")

    from softmax_cli.flow.choice import choose
    from softmax_cli.flow.pipeline import shape_of, write_rows
    from softmax_cli.flow.ranking import choose_best
    from softmax_cli.flow.tally import TieCount
    from softmax_cli.messages import Notices
    from softmax_cli.output.writers import open_writer

    with Notices() as notices:

        def compute(block: Block) -> LazyFields:
            if top is not None:
                return choose_best(block.values, top, ties, rows.names, block.places, notices)
            return choose(block.values, ties, rows.names, block.places, notices)

        layout = _layout if top is None else _layout_of_best
        writer = open_writer(output, layout(form.replace("-", "_")), shape_of(rows))
        write_rows(rows, compute, writer, TieCount(), notices)


def _layout(form: str) -> Layout:
    return Layout(
        row=(form,),
        object=("index", "name", "value", "margin", "ties"),
        lines=(
            Column("index", "index"),
            Column("name", "winner", "text"),
            Column("value", "value"),
            Column("margin", "margin"),
            Column("close", "close", "mark"),
        ),
        classes=(
            Column("scores", "value"),
            Column("one_hot", "pick", "mark"),
            Column("distance", "distance"),
        ),
        footer=(
            Item("name", "winner"),
            Item("value", "value"),
            Item("margin", "margin to the runner-up"),
            Item("closeness", "choice"),
        ),
        total=(Item("rows", "rows"), Item("ties", "ties"), Item("close", "close")),
        emphasis="one_hot",
    )


def _layout_of_best(form: str) -> Layout:
    """The layout for more than one: the best stand on top."""
    one = _layout(form)
    return one._replace(
        lines=(Column("name", "", "text"), *one.lines[3:]),
        classes=(
            Column("scores", "value"),
            Column("rank", "pick", "text"),
            Column("distance", "distance"),
        ),
        footer=(Item("name", "best"), *one.footer[2:]),
        order="place",
        numbered=frozenset({"index", "name", "value"}),
    )
