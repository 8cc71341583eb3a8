"""softmax-cli kl."""

from typing import Final

import click

from softmax_cli import options
from softmax_cli.input.formats import open_rows
from softmax_cli.input.settings import InputSettings
from softmax_cli.option_rules import DivergenceSettings
from softmax_cli.options import from_option, group, heading, option
from softmax_cli.output.formats import OutputSettings, open_writer

_EXAMPLES: Final = """\b
Examples:
  softmax-cli kl 0.36,0.48,0.16 0.3,0.4,0.3
  softmax-cli kl --from logits "2 1 0.1" "1 1 1" --base 2
  softmax-cli kl -i students.csv --against teachers.csv --reduction mean
  printf '0.1,0.9\\n0.5,0.5\\n' | softmax-cli kl --divergence js
"""


@click.command(cls=options.VectorCommand, epilog=_EXAMPLES)
@group(
    "settings",
    DivergenceSettings,
    heading(
        "Divergence",
        option("--against Q", "Q: a list, or a file of one row or all", options.FILE),
        option(
            "--divergence",
            "js: scipy's jensenshannon^2",
            ["kl", "reverse", "jeffreys", "js"],
            default="kl",
        ),
        from_option("probs"),
        options.temperature_option("Divide the logits by T"),
        options.NORMALIZE,
        option("--generalized", "For any sums: sum of p log(p/q) - p + q"),
        options.REDUCTION,
        options.BASE,
        option("--breakdown", "CSV of kl, reverse, jeffreys, js, ..."),
    ),
)
@options.input_options
@options.output_options
def kl(source: InputSettings, output: OutputSettings, settings: DivergenceSettings) -> None:
    """Kullback-Leibler divergence KL(P||Q) of two distributions.

    P and Q are two vectors; or each row is a P, and --against gives Q.
    """
    options.check_stdin_is_read_once("P", source, against=settings.against)
    rows = open_rows(source._replace(kind=settings.kind))

    from softmax_cli.results.divergence import Divergences
    from softmax_cli.results.pairs import against
    from softmax_cli.run.pipeline import Run, shape_of

    divergences = Divergences(settings, rows.names)
    beside = against(rows, settings.against)
    writer = open_writer(output, divergences.layout(), shape_of(rows, source.invalid))
    with Run(beside, source, divergences) as run:
        if settings.reduction == "none":
            run.write(writer)
        else:
            run.reduce(writer, settings.divergence, f"{settings.divergence}_{settings.reduction}")
