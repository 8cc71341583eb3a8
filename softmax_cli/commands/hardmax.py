"""softmax-cli hardmax."""

from typing import Final

import click

from softmax_cli.input.formats import open_rows
from softmax_cli.input.settings import InputSettings
from softmax_cli.options import VectorCommand, Whole, heading, input_options, option, output_options
from softmax_cli.output.formats import OutputSettings, open_writer

_EXAMPLES: Final = """\b
Examples:
  softmax-cli hardmax 0.2 0.3 0.5
  softmax-cli hardmax --names cat,dog,owl 0.2 0.3 0.5
  softmax-cli hardmax --as one-hot --ties split 2 2 1
  softmax-cli hardmax --top 2 --names cat,dog,owl 0.2 0.3 0.5
  softmax-cli hardmax -i scores.csv --as name | sort | uniq -c
"""


@click.command(cls=VectorCommand, epilog=_EXAMPLES)
@heading(
    "Hardmax",
    option(
        "--as form",
        "What to print  [default: index; name with --names]",
        ["index", "name", "value", "one-hot"],
    ),
    option(
        "--ties",
        "Which class wins a tie  [default: first]",
        ["first", "last", "all", "split", "error"],
    ),
    option("--top K", "The K best classes, best first", Whole(1)),
)
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
    if top is not None and ties in ("all", "split"):
        raise click.UsageError(f"--ties {ties} does not go with --top")
    if ties == "split" and form not in (None, "one-hot"):
        raise click.UsageError(f"--ties split needs --as one-hot, not --as {form}")
    rows = open_rows(source._replace(kind="scores"))
    is_named = source.names or rows.beside
    form = form or ("one-hot" if ties == "split" else "name" if is_named else "index")

    from softmax_cli.results.hardmax import Hardmax
    from softmax_cli.run.pipeline import Run, shape_of

    choice = Hardmax(form.replace("-", "_"), ties, top, rows.names)
    writer = open_writer(output, choice.layout(), shape_of(rows, source.invalid))
    with Run(rows, source, choice) as run:
        run.write(writer)
