"""softmax-cli compare."""

from __future__ import annotations

from typing import Final

import click

from softmax_cli import completion
from softmax_cli.input.columns import split_names
from softmax_cli.input.formats import open_rows
from softmax_cli.input.settings import InputSettings
from softmax_cli.options import (
    VectorCommand,
    heading,
    input_options,
    option,
    output_options,
    parse_temperature,
)
from softmax_cli.output.formats import OutputSettings, open_writer

_METHODS: Final = ("hard", "linear", "naive", "shifted", "lse", "stable")
_DTYPES: Final = ("float64", "float32", "float16")
_CHECK_FAILED: Final = 3
# Small, as rows take long to compute and are shown as they are done
_CHUNK_BYTES: Final = 1 << 14

_EXAMPLES: Final = """\b
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
@heading(
    "Compare",
    option(
        "-T --temperature temperatures T,...",
        "Temperatures to compare",
        default="1",
        callback=_temperatures,
    ),
    option(
        "--dtype dtypes TYPE,...",
        "float64,float32,float16  [default: all for naive, else float64]",
        callback=_dtypes,
        shell_complete=completion.list_of(*_DTYPES),
    ),
    option("--check", "Exit status 3 if naive breaks on any row"),
)
@input_options
@output_options
def compare(
    source: InputSettings,
    output: OutputSettings,
    temperatures: tuple[float, ...],
    dtypes: tuple[str, ...],
    check: bool,
) -> int:
    """Compare ways to compute a softmax: which one breaks, where and why.

    \b
    hard     1 for the largest           naive    exp(x) / sum exp(x)
    linear   x / sum x                   shifted  naive(x - max x)
    stable   what softmax prints         lse      exp(x - logsumexp(x))
    """
    rows = open_rows(source, chunk_bytes=_CHUNK_BYTES)

    from softmax_cli.notices import Notices
    from softmax_cli.results.comparison import Comparison, Trial
    from softmax_cli.run.pipeline import Run, shape_of

    trials = [
        Trial(method, dtype, temperature)
        for temperature in temperatures
        for method in _METHODS
        for dtype in dtypes or (_DTYPES if method == "naive" else _DTYPES[:1])
    ]
    comparison = Comparison(trials)
    shape = shape_of(rows, source.invalid)._replace(transposed=False)
    writer = open_writer(output, comparison.layout(), shape)
    with Notices() as notices:
        run = Run(rows, source, comparison, notices)
        run.write(writer, sums=check)
    naive = ("naive", (dtypes or _DTYPES)[0])
    if check and any(
        record["broken"]
        for record in run.summary()["methods"]
        if (record["method"], record["dtype"]) == naive
    ):
        return _CHECK_FAILED
    return 0
