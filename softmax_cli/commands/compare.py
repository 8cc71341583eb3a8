"""softmax-cli compare."""

from __future__ import annotations

import click

from softmax_cli import completers
from softmax_cli.input.columns import split_names
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

_METHODS = ("hard", "linear", "naive", "shifted", "lse", "stable")
_DTYPES = ("float64", "float32", "float16")
_CHECK_FAILED = 3
_ROWS = 32
# Read at once: so little that several processes pay even for a few thousand rows
_CHUNK_BYTES = 1 << 14

_EXAMPLES = """\b
Examples:
  softmax-cli compare 1000 1001 1002
  softmax-cli compare --dtype float32 -3 0.5 90
  softmax-cli compare -T 0.1,1,10 1 2 3
  softmax-cli compare --check -i logits.csv > /dev/null || echo "naive breaks"
"""


def _dtypes(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[str, ...]:
    dtypes = tuple(split_names(value) or [""]) if value is not None else ()
    for dtype in dtypes:
        if dtype not in _DTYPES:
            raise click.BadParameter(f"{dtype!r} is not one of {', '.join(_DTYPES)}")
    return dtypes


def _temperatures(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[float, ...]:
    return tuple(parse_temperature(text) for text in split_names(value) or [""])


@click.command(cls=VectorCommand, epilog=_EXAMPLES)
@option(
    "Compare",
    "-T",
    "--temperature",
    "temperatures",
    metavar="T,...",
    default="1",
    callback=_temperatures,
    help="Temperatures to go through",
)
@option(
    "Compare",
    "--dtype",
    "dtypes",
    metavar="TYPE,...",
    callback=_dtypes,
    shell_complete=completers.list_of(*_DTYPES),
    help="float64,float32,float16  [default: all for naive, else float64]",
)
@option(
    "Compare",
    "--check",
    is_flag=True,
    help="Status 3 if naive in the first type broke on a row",
)
@input_options
@output_options
def compare(
    source: InputSettings,
    output: OutputSettings,
    temperatures: tuple[float, ...],
    dtypes: tuple[str, ...],
    check: bool,
) -> None:
    """Put vectors through every formula, and see which one breaks, where and why.

    \b
    hard     1 for the winner            naive    exp(x) / sum exp(x)
    linear   x / sum x                   shifted  naive of x - max
    stable   ours                        lse      exp(x - logsumexp(x))
    """
    rows = open_rows(source, chunk_bytes=_CHUNK_BYTES)

    from softmax_cli.flow.comparison import Comparison, ComparisonTally, Trial
    from softmax_cli.flow.pipeline import shape_of, write_rows
    from softmax_cli.messages import Notices
    from softmax_cli.output.writers import open_comparison_writer

    trials = [
        Trial(method, dtype, temperature)
        for temperature in temperatures
        for method in _METHODS
        for dtype in dtypes or (_DTYPES if method == "naive" else _DTYPES[:1])
    ]
    one, many = _layouts(swept=temperatures != (1.0,))
    shape = shape_of(rows)._replace(downwards=False)
    tally = ComparisonTally()
    swept = len(temperatures) > 1
    writer = open_comparison_writer(output, one, many, shape, swept=swept)
    with Notices() as notices:
        compute = Comparison(trials).compute
        rows = rows.in_parts(_ROWS)  # each takes its time, and is to be seen
        write_rows(rows, compute, writer, tally, notices, always=check, numbered=True)
    if check and tally.broke("naive", (dtypes or _DTYPES)[0]):
        raise click.exceptions.Exit(_CHECK_FAILED)


def _layouts(*, swept: bool) -> tuple[Layout, Layout]:
    """The layouts for one vector, and of the table for many."""
    temperature = (Column("temperature", "T"),) if swept else ()
    trial = (*temperature, Column("dtype", "type", "text"))
    keys = ("row", "method", "dtype", "temperature", "status", "ulp_error")
    one = Layout(
        row=(*keys, "probabilities"),
        object=(*keys, "reason", "probabilities"),
        lines=(
            *trial,
            Column("probabilities", ""),
            Column("status", "status", "status"),
            Column("ulp_error", "ulps", "rough"),
        ),
        notes="note",
        label=Column("method", "method"),
        most=100,
        named=True,
    )
    many = Layout(
        row=(),
        object=(),
        lines=(
            *trial,
            Column("broken", "rows that broke"),
            Column("first_broken", "first", "text"),
            Column("worst_ulp_error", "worst ulps", "rough"),
        ),
        total=(Item("rows", "rows"),),
        notes="note",
        label=Column("method", "method"),
        most=100,
    )
    return one, many
