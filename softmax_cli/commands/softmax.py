"""softmax-cli softmax."""

from __future__ import annotations

from typing import Final

import click

from softmax_cli import completers
from softmax_cli.flow.settings import SamplingSettings, SoftmaxSettings, TruncationSettings
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.source import open_rows
from softmax_cli.options import (
    Finite,
    VectorCommand,
    Whole,
    gathered,
    input_options,
    option,
    output_options,
    parse_temperature,
    seed_option,
)
from softmax_cli.output.results import Column, Item, Layout
from softmax_cli.output.settings import OutputSettings

_EXAMPLES = """\b
Examples:
  softmax-cli softmax 1 2 3
  softmax-cli softmax -T 0.5 "[1000, 1001, 1002]"
  softmax-cli softmax --log -i scores.csv -o log_probabilities.csv
  softmax-cli softmax --alpha 1.5 1 2 3
  softmax-cli softmax --top-p 0.9 -T 0.7 --sample 5 --seed 1 1 2 3
  seq 1 3 | softmax-cli softmax
"""
# So many draws stand below a table
_LISTED: Final = 20

_softmax_options: Final = gathered(
    "settings",
    SoftmaxSettings,
    [
        option(
            "Softmax",
            "-T",
            "--temperature",
            metavar="T",
            type=parse_temperature,
            default="1",
            help="Divides the scores; 0 is the hard choice",
        ),
        option(
            "Softmax",
            "--alpha",
            type=Finite(1),
            metavar="A",
            default=1.0,
            show_default=False,
            help="Entmax: 1 is softmax, 2 sparsemax",
        ),
        option(
            "Softmax",
            "--hierarchical",
            metavar="COUNTS",
            shell_complete=completers.files,
            help="Scores are of a Huffman tree's nodes",
        ),
        option(
            "Softmax",
            "--log",
            is_flag=True,
            help="Log-probabilities, right also where p is 0 or 1",
        ),
    ],
)
_truncation_options: Final = gathered(
    "truncation",
    TruncationSettings,
    [
        option(
            "Truncation",
            "--top-k",
            type=Whole(1),
            metavar="K",
            help="Keep the K best, and their equals",
        ),
        option(
            "Truncation",
            "--top-p",
            type=Finite(0, 1, min_open=True),
            metavar="P",
            help="Of these the fewest that sum to P",
        ),
        option(
            "Truncation",
            "--min-p",
            type=Finite(0, 1),
            metavar="P",
            help="Of these those with P times the best's at least",
        ),
        option(
            "Truncation",
            "--temperature-first",
            is_flag=True,
            help="Cut by the probabilities at -T",
        ),
    ],
)
_sampling_options: Final = gathered(
    "sampling",
    SamplingSettings,
    [
        option(
            "Sampling",
            "--sample",
            type=Whole(1),
            metavar="N",
            help="Draw N classes of each row",
        ),
        seed_option("Sampling"),
    ],
)


@click.command(cls=VectorCommand, epilog=_EXAMPLES)
@_softmax_options
@_truncation_options
@_sampling_options
@input_options
@output_options
def softmax(
    source: InputSettings,
    output: OutputSettings,
    settings: SoftmaxSettings,
    truncation: TruncationSettings,
    sampling: SamplingSettings,
) -> None:
    """Turn scores into probabilities: exp(x) over the sum of exp(x), and never overflow."""
    counts = settings.hierarchical
    if counts is not None:
        _check_hierarchical(settings, truncation, sampling, source)
        nodes = open_rows(source._replace(names=None))  # --names are those of the classes

        from softmax_cli.flow.hierarchy import write_probabilities

        write_probabilities(nodes, source.names, output, counts, log=settings.log)
        return
    rows = open_rows(source)

    from softmax_cli.flow.pipeline import shape_of, write_rows
    from softmax_cli.flow.shares import Shares
    from softmax_cli.flow.tally import Totals
    from softmax_cli.messages import Notices
    from softmax_cli.output.writers import open_writer

    shares = Shares(settings, truncation, sampling, rows.names)
    writer = open_writer(output, _layout(settings, truncation, sampling), shape_of(rows))
    draws = sampling.sample is not None
    if draws:
        rows = shares.in_parts(rows)
    with Notices() as notices:
        # Draws come one after another, from one process.
        write_rows(rows, shares.compute, writer, Totals("entropy"), notices, divides=not draws)


def _check_hierarchical(
    settings: SoftmaxSettings,
    truncation: TruncationSettings,
    sampling: SamplingSettings,
    source: InputSettings,
) -> None:
    """Refuse what is about scores of classes, and to read standard input for two things."""
    others = {
        "--temperature": settings.temperature != 1,
        "--alpha": settings.alpha != 1,
        "--top-k, --top-p and --min-p": truncation.cuts,
        "--sample": sampling.sample is not None,
    }
    for name, is_given in others.items():
        if is_given:
            raise click.UsageError(f"{name}: about the scores of classes, not of a tree's nodes")
    if settings.hierarchical == source.path == "-" and not source.vectors:
        raise click.UsageError("standard input can't hold both scores and --hierarchical")


def _layout(
    settings: SoftmaxSettings, truncation: TruncationSettings, sampling: SamplingSettings
) -> Layout:
    shown = "log_probabilities" if settings.log else "probabilities"
    value = Column(shown, "log p" if settings.log else "probability")
    is_softmax, is_cut, draws = settings.alpha == 1, truncation.cuts, sampling.sample or 0
    logsumexp = ("logsumexp",) if is_softmax else ()
    samples = ("samples",) if draws else ()
    left = [("remaining", "kept", is_cut), ("support", "support", not is_softmax)]
    counts = [(field, title) for field, title, is_shown in left if is_shown]
    return Layout(
        row=samples or (shown,),
        object=("logits", shown, *logsumexp, "entropy", *samples),
        lines=(
            Column("samples", "", "text") if draws else value,
            *(Column(*count) for count in counts),
            Column("entropy", "entropy"),
            Column("winner", "winner", "text"),
        ),
        classes=(
            Column("logits", "logit"),
            value,
            *((Column("cut", "", "text"),) if is_cut else ()),
            *((Column("drawn", "drawn"),) if draws else ()),
            Column("probabilities", "", "bar"),
        ),
        footer=(
            *(Item(name, name) for name in logsumexp),
            Item("entropy", "entropy", "nats"),
            Item("perplexity", "perplexity"),
            Item("winner", "winner"),
            *(Item(*count) for count in counts),
            *((Item("samples", "drawn"),) if 0 < draws <= _LISTED else ()),
        ),
        total=(Item("rows", "rows"), Item("entropy_mean", "mean entropy", "nats")),
        emphasis="winners",
        numbered=frozenset(samples),
    )
