"""softmax-cli compare."""

from typing import Final

import click

from softmax_cli import options
from softmax_cli.input.columns import split_names
from softmax_cli.input.formats import open_rows
from softmax_cli.input.settings import InputSettings
from softmax_cli.options import Finite, heading, option
from softmax_cli.output.formats import OutputSettings, open_writer

_METHODS: Final = ("hard", "linear", "naive", "shifted", "lse", "stable")
# The float types, and their other names
_DTYPES: Final = {
    "float64": ("fp64", "f64", "double"),
    "float32": ("fp32", "f32", "single", "float"),
    "float16": ("fp16", "f16", "half"),
    "bfloat16": ("bf16",),
}
_CHECK_FAILED: Final = 3
# Small, as rows take long to compute and are shown as they are done
_CHUNK_BYTES: Final = 1 << 14

_EXAMPLES: Final = """\b
Examples:
  softmax-cli compare 1000 1001 1002
  softmax-cli compare --dtype float32 -3 0.5 90
  softmax-cli compare -T 0.1,1,10 1 2 3
  softmax-cli compare --check -i logits.csv > /dev/null || echo "status $?"
"""


def _dtypes(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[str, ...]:
    known = {alias: dtype for dtype in _DTYPES for alias in (dtype, *_DTYPES[dtype])}
    names = [] if value is None else split_names(value) or [""]
    for name in names:
        if name not in known:
            raise click.BadParameter(f"{name!r} is not one of {', '.join(_DTYPES)}")
    return tuple(dict.fromkeys(known[name] for name in names))


def _temperatures(ctx: click.Context, param: click.Parameter, value: str) -> tuple[float, ...]:
    items = split_names(value) or [""]
    return tuple(dict.fromkeys(Finite(0).convert(item, param, ctx) for item in items))


@click.command(cls=options.VectorCommand, epilog=_EXAMPLES)
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
        "float64,float32,float16,bfloat16  [default: all for naive, else float64]",
        callback=_dtypes,
        shell_complete=click.Choice(list(_DTYPES)).shell_complete,
    ),
    option("--check", "Exit status 3 if naive breaks in float64 (or the first --dtype)"),
)
@options.input_options
@options.output_options
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

    Shown are the decimal digits that are right, and the worst error in ulps (units in the last
    place): up to 0.5 is the nearest number there is.
    """
    rows = open_rows(source, _CHUNK_BYTES)

    from softmax_cli.results.comparison import Comparison, Trial
    from softmax_cli.run.pipeline import Run, shape_of

    trials = [
        Trial(method, dtype, temperature)
        for temperature in temperatures
        for method in _METHODS
        for dtype in dtypes or (_DTYPES if method == "naive" else ["float64"])
    ]
    comparison = Comparison(trials)
    shape = shape_of(rows, source.invalid)._replace(transposed=False)
    writer = open_writer(output, comparison.layout(), shape)
    with Run(rows, source, comparison) as run:
        run.write(writer, sums=check)
    naive = ("naive", dtypes[0] if dtypes else "float64")
    records = run.summary()["methods"] if check else []
    is_broken = any(r["broken"] for r in records if (r["method"], r["dtype"]) == naive)
    return _CHECK_FAILED if is_broken else 0
