"""softmax-cli xent."""

from functools import partial
from typing import Final

import click

from softmax_cli import completion, options
from softmax_cli.errors import DataError
from softmax_cli.input.formats import open_rows
from softmax_cli.input.settings import InputSettings
from softmax_cli.option_rules import (
    LossSettings,
    ManySettings,
    ReportSettings,
    TargetSettings,
    check_alone,
)
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
    "targets",
    TargetSettings,
    heading(
        "Target",
        option("-t --target T", "Target of all rows: class or distribution"),
        option("--target-column COL", "Column with the class of each row"),
        option("--targets target_file FILE", "A class or distribution per row", options.FILE),
        option("--tokens", "Log-probabilities of tokens that came, no target"),
        option("--ignore T", "Label of rows to leave out (ignore_index)"),
    ),
)
@group(
    "loss",
    LossSettings,
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
    ),
)
@group(
    "report",
    ReportSettings,
    heading(
        "Loss",
        options.REDUCTION,
        options.BASE,
        option("--breakdown", "CSV of loss, entropy, kl, perplexity, ..."),
        option("--gradient", "CSV of the gradient w.r.t. the logits"),
        option("--top K", "Top-K accuracy (-f table, json; --by-class)", Whole(1)),
        option("--worst N", "The N rows with the largest loss", Whole(1)),
        option("--by-class", "Rows, mean loss and accuracy of each class"),
    ),
)
@group(
    "many",
    ManySettings,
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
def xent(
    source: InputSettings,
    output: OutputSettings,
    targets: TargetSettings,
    loss: LossSettings,
    report: ReportSettings,
    many: ManySettings,
) -> None:
    """Cross-entropy loss of predictions against targets.

    A vector is a prediction Q. For a class as the target the loss is -log q of that class, for
    a distribution P it is H(P,Q) = H(P) + KL(P||Q). -f table and -f json give accuracy and
    perplexity, too.
    """
    if report.by_class and source.keep is not None:
        raise click.UsageError("--keep copies cells to rows, and --by-class has rows of classes")
    if targets.tokens:
        own = "tokens reduction base breakdown worst" + " kind" * (loss.kind == "logprobs")
        check_alone("--tokens", own, targets, loss, report, many)
    names, labels_only = source.names, "--by-class" if report.by_class else many.method
    if many.method is not None:
        many.check_others(loss, report)
        if many.hierarchical is not None:  # columns are nodes, --names those of the classes
            source = source._replace(names=None)
    files = {"targets": targets.target_file, "hierarchical": many.hierarchical, "noise": many.noise}
    options.check_stdin_is_read_once("predictions", source, **files)
    kind = "logprobs" if targets.tokens else loss.kind
    rows = open_rows(source, target_column=targets.target_column, kind=kind)

    if (target := targets.target) in rows.others and target not in (rows.names or ()):
        hint = f"--target-column {target} takes the class of each row from it"
        raise DataError(f"{target!r} is a column, and no class", hint)

    from softmax_cli.messages import Notices
    from softmax_cli.results.loss import Loss, Tokens, write
    from softmax_cli.results.targets import TargetReader
    from softmax_cli.run.pipeline import Run, shape_of

    with Notices() as notices:
        reader = partial(TargetReader, targets, loss.normalize, labels_only)
        if many.hierarchical is not None:
            from softmax_cli.results.hierarchical import Hierarchy, Paths

            tree = Hierarchy(many.hierarchical, names)
            losses: Loss = Paths(tree, reader(tree.names), report)
        elif targets.tokens:
            losses = Tokens(reader(rows.names), report)
        elif many.method is not None:
            from softmax_cli.results.estimates import Estimates

            losses = Estimates(many, reader(rows.names), report)
        else:
            from softmax_cli.results.cross_entropy import CrossEntropy

            form = output.resolved_format()
            in_table = form in ("table", "markdown") and report.worst is None
            by_class = report.by_class or in_table or form == "json"
            losses = CrossEntropy(loss, by_class, reader(rows.names), report)
        beside = losses.targets.beside(rows)
        run = Run(beside, source, losses, notices)
        writer = open_writer(output, losses.layout(), shape_of(rows, source.invalid))
        write(run, writer, report)
