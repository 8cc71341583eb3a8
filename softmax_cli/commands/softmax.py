"""softmax-cli softmax."""

from typing import Final

import click

from softmax_cli import options
from softmax_cli.input.formats import open_rows
from softmax_cli.input.settings import InputSettings
from softmax_cli.option_rules import SoftmaxSettings
from softmax_cli.options import Finite, Whole, group, heading, option
from softmax_cli.output.formats import OutputSettings, open_writer

_EXAMPLES: Final = """\b
Examples:
  softmax-cli softmax 1 2 3
  softmax-cli softmax -T 0.5 "[1000, 1001, 1002]"
  softmax-cli softmax --log -i scores.csv -o log_probabilities.csv
  softmax-cli softmax --from probs --breakdown 0.5 0.3 0.2
  softmax-cli softmax --top-p 0.9 -T 0.7 --sample 5 --seed 1 1 2 3
  seq 1 3 | softmax-cli softmax
"""


@click.command(cls=options.VectorCommand, epilog=_EXAMPLES)
@group(
    "settings",
    SoftmaxSettings,
    heading(
        "Softmax",
        options.from_option("logits"),
        options.NORMALIZE,
        options.temperature_option("Divide by T; 0 is hardmax"),
        option("--alpha A", "Entmax: 1 is softmax, 2 is sparsemax", Finite(1)),
        options.HIERARCHICAL,
        option("--log", "Log-probabilities"),
        option("--top N", "The N likeliest classes, best first", Whole(1)),
        option("--breakdown", "CSV of logsumexp, entropy, winner, ..."),
    ),
    heading(
        "Truncation",
        option("--top-k K", "Keep the K likeliest classes, and ties", Whole(1)),
        option("--top-p P", "Keep the fewest that reach the sum P", Finite(0, 1, min_open=True)),
        option("--min-p P", "Keep those with P times the highest, or more", Finite(0, 1)),
        option("--temperature-first", "Divide by T before the cut, not after it"),
    ),
    heading(
        "Sampling", option("--sample N", "Draw N classes for each row", Whole(1)), options.SEED
    ),
)
@options.input_options
@options.output_options
def softmax(source: InputSettings, output: OutputSettings, settings: SoftmaxSettings) -> None:
    """Turn logits into probabilities: exp(x) / sum exp(x), without overflow.

    -f table and -f json give logsumexp and entropy, too.
    """
    names = source.names
    if settings.hierarchical is not None:
        source = source._replace(names=None)  # columns are nodes, --names those of the classes
    options.check_stdin_is_read_once("scores", source, hierarchical=settings.hierarchical)
    rows = open_rows(source._replace(kind=settings.kind))

    from softmax_cli.results.softmax import Softmax
    from softmax_cli.run.pipeline import Run, shape_of

    shape = shape_of(rows, source.invalid)
    lists = output.resolved_format() in ("json", "jsonl")
    if settings.hierarchical is None:
        computation = Softmax(settings, rows.names, lists=lists)
    else:
        from softmax_cli.results.hierarchical import Hierarchy, TreeSoftmax

        tree = Hierarchy(settings.hierarchical, names)
        computation = TreeSoftmax(tree, settings, lists=lists)
        shape = shape._replace(names=tree.names)
    writer = open_writer(output, computation.layout(), shape)
    with Run(rows, source, computation) as run:
        run.write(writer)
