"""softmax-cli xent."""

from typing import Final

import click

from softmax_cli import completion, options
from softmax_cli.errors import DataError
from softmax_cli.input.formats import open_rows
from softmax_cli.input.settings import InputSettings
from softmax_cli.option_rules import LossSettings
from softmax_cli.options import Finite, Whole, group, heading, option
from softmax_cli.output.formats import OutputSettings, open_writer

_EXAMPLES: Final = """\b
Examples:
  softmax-cli xent 2,1,0.1 -t 0
  softmax-cli xent --from probs 0.3,0.4,0.3 -t 0.25,0.5,0.25
  softmax-cli xent -i labelled.csv --target-column label --reduction mean
  softmax-cli xent -i scores.csv --targets labels.txt --worst 10
"""


@click.command(cls=options.VectorCommand, epilog=_EXAMPLES)
@group(
    "settings",
    LossSettings,
    heading(
        "Target",
        option("-t --target T", "Target of all rows: class or distribution"),
        option("--target-column COL", "Column with the class of each row"),
        option("--targets target_file FILE", "A class or distribution per row", options.FILE),
        option("--tokens", "Log-probabilities of tokens that came, no target"),
        option("--ignore T", "Label of rows to leave out (ignore_index)"),
    ),
    heading(
        "Loss",
        options.from_option("logits"),
        options.temperature_option("Divide the logits by T"),
        options.NORMALIZE,
        option("-w --weights LIST", "Weight of each class: 1,2 or cat=1,dog=2"),
        option("--class-counts LIST", "Weights from counts: inverse frequency"),
        option("--beta B", "Weights (1 - B) / (1 - B^n) from counts n", Finite(0, 1)),
        option("--label-smoothing E", "Spread E of each target over all classes", Finite(0, 1)),
        option("--focal GAMMA", "Focal loss: times (1 - p)^GAMMA", Finite(0)),
        options.REDUCTION,
        options.BASE,
        option("--breakdown", "CSV of loss, entropy, kl, perplexity, ..."),
        option("--gradient", "CSV of the gradient w.r.t. the logits"),
        option("--top K", "Top-K accuracy (-f table, json; --by-class)", Whole(1)),
        option("--worst N", "The N rows with the largest loss", Whole(1)),
        option("--by-class", "Rows, mean loss and accuracy of each class"),
    ),
    heading(
        "Many classes",
        options.HIERARCHICAL,
        option("--negative N", "Negative sampling with N drawn classes", Whole(1)),
        option("--sampled N", "Sampled softmax with N drawn classes", Whole(1)),
        option(
            "--noise Q",
            "uniform (default), log-uniform, or counts",
            shell_complete=completion.one_of_or_file("uniform", "log-uniform"),
        ),
        options.SEED,
        option("--repeat R", "Mean and standard error over R estimates", Whole(2)),
    ),
)
@options.input_options
@options.output_options
def xent(source: InputSettings, output: OutputSettings, settings: LossSettings) -> None:
    """Cross-entropy loss of predictions against targets.

    A vector is a prediction Q. For a class as the target the loss is -log q of that class, for
    a distribution P it is H(P,Q) = H(P) + KL(P||Q). -f table and -f json give accuracy and
    perplexity, too.
    """
    if settings.by_class and source.keep is not None:
        raise click.UsageError("--keep copies cells to rows, and --by-class has rows of classes")
    target, tree, names = settings.target, settings.hierarchical, source.names
    if tree is not None:
        source = source._replace(names=None)  # columns are nodes, --names those of the classes
    files = {"targets": settings.target_file, "hierarchical": tree, "noise": settings.noise}
    options.check_stdin_is_read_once("predictions", source, **files)
    kind = "logprobs" if settings.tokens else settings.kind
    rows = open_rows(source._replace(target_column=settings.target_column, kind=kind))

    if target in rows.others and target not in (rows.names or ()):
        hint = f"--target-column {target} takes the class of each row from it"
        raise DataError(f"{target!r} is a column, and no class", hint)

    from softmax_cli.results.loss import Loss, Tokens, write
    from softmax_cli.run.pipeline import Run, shape_of

    if tree is not None:
        from softmax_cli.results.hierarchical import Hierarchy, Paths

        losses: Loss = Paths(settings, Hierarchy(tree, names))
    elif settings.tokens:
        losses = Tokens(settings, rows.names)
    elif settings.negative is not None or settings.sampled is not None:
        from softmax_cli.results.estimates import Estimates

        losses = Estimates(settings, rows.names)
    else:
        from softmax_cli.results.cross_entropy import CrossEntropy

        form = output.resolved_format()
        in_table = form in ("table", "markdown") and settings.worst is None
        by_class = settings.by_class or in_table or form == "json"
        losses = CrossEntropy(settings, rows.names, by_class)
    beside = losses.targets.beside(rows)
    writer = open_writer(output, losses.layout(), shape_of(rows, source.invalid))
    with Run(beside, source, losses) as run:
        write(run, writer, settings)
