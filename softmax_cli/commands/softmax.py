"""softmax-cli softmax."""

from __future__ import annotations

from typing import Final

import click

from softmax_cli.input.settings import InputSettings
from softmax_cli.input.source import open_rows
from softmax_cli.options import (
    HIERARCHICAL,
    SEED,
    Finite,
    VectorCommand,
    Whole,
    check_stdin_is_read_once,
    group,
    heading,
    input_options,
    option,
    output_options,
    parse_temperature,
)
from softmax_cli.output.settings import OutputSettings
from softmax_cli.results.settings import SoftmaxSettings

_EXAMPLES: Final = """\b
Examples:
  softmax-cli softmax 1 2 3
  softmax-cli softmax -T 0.5 "[1000, 1001, 1002]"
  softmax-cli softmax --log -i scores.csv -o log_probabilities.csv
  softmax-cli softmax --alpha 1.5 1 2 3
  softmax-cli softmax --top-p 0.9 -T 0.7 --sample 5 --seed 1 1 2 3
  seq 1 3 | softmax-cli softmax
"""

_softmax_options: Final = group(
    "settings",
    SoftmaxSettings,
    heading(
        "Softmax",
        option(
            "-T --temperature T",
            "Divides the scores; 0 is the hard choice",
            parse_temperature,
            default="1",
        ),
        option("--alpha A", "Entmax: 1 is softmax, 2 sparsemax", Finite(1)),
        HIERARCHICAL,
        option("--log", "Log-probabilities, right also where p is 0 or 1"),
    ),
    heading(
        "Truncation",
        option("--top-k K", "Keep the K best, and their equals", Whole(1)),
        option("--top-p P", "Of these the fewest that sum to P", Finite(0, 1, min_open=True)),
        option("--min-p P", "Of these those with P times the best's at least", Finite(0, 1)),
        option("--temperature-first", "Cut by the probabilities at -T"),
    ),
    heading("Sampling", option("--sample N", "Draw N classes of each row", Whole(1)), SEED),
)


@click.command(cls=VectorCommand, epilog=_EXAMPLES)
@_softmax_options
@input_options
@output_options
def softmax(source: InputSettings, output: OutputSettings, settings: SoftmaxSettings) -> None:
    """Turn scores into probabilities: exp(x) over the sum of exp(x), and never overflow."""
    if settings.hierarchical is not None:
        settings.check_hierarchical()
        path = None if source.vectors else source.path
        check_stdin_is_read_once({"scores": path, "--hierarchical": settings.hierarchical})
        _write_hierarchical(source, output, settings.hierarchical, log=settings.log)
        return
    rows = open_rows(source)

    from softmax_cli.messages import Notices
    from softmax_cli.output.writers import open_writer
    from softmax_cli.results import softmax as results
    from softmax_cli.run.pipeline import Run, shape_of

    writer = open_writer(output, results.layout(settings), shape_of(rows, source.invalid))
    compute = results.Softmax(settings, rows.names)
    # Samples come one after another, from one process.
    is_parallel = settings.sample is None
    with Notices() as notices:
        run = Run(
            rows, source, compute, results.add_up, results.summarise, notices, parallel=is_parallel
        )
        run.write(writer)


def _write_hierarchical(
    source: InputSettings, output: OutputSettings, counts: str, *, log: bool
) -> None:
    """Write the classes' probabilities from the scores of a tree's inner nodes."""
    rows = open_rows(source._replace(names=None))  # --names are those of the classes

    from softmax_cli.messages import Notices
    from softmax_cli.output.writers import open_writer
    from softmax_cli.results import hierarchical as results
    from softmax_cli.results.softmax import add_up, summarise
    from softmax_cli.run.pipeline import Run, shape_of

    hierarchy = results.Hierarchy(counts, source.names)
    shape = shape_of(rows, source.invalid)._replace(names=hierarchy.names)
    writer = open_writer(output, results.tree_layout(log=log), shape)
    with Notices() as notices:
        run = Run(
            rows._replace(names=None), source, hierarchy.probabilities, add_up, summarise, notices
        )
        run.write(writer)
