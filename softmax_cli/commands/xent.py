"""softmax-cli xent."""

from __future__ import annotations

from functools import partial
from typing import Final

import click

from softmax_cli import completion
from softmax_cli.input.formats import open_rows
from softmax_cli.input.settings import InputSettings
from softmax_cli.options import (
    BASE,
    FILE,
    HIERARCHICAL,
    NORMALIZE,
    REDUCTION,
    SEED,
    Finite,
    VectorCommand,
    Whole,
    check_stdin_is_read_once,
    from_option,
    group,
    heading,
    input_options,
    option,
    output_options,
)
from softmax_cli.output.formats import OutputSettings, open_writer
from softmax_cli.results.settings import LossSettings, ManySettings, ReportSettings, TargetSettings

_EXAMPLES: Final = """\b
Examples:
  softmax-cli xent 2,1,0.1 -t 0
  softmax-cli xent --from probs 0.3,0.4,0.3 -t 0.25,0.5,0.25
  softmax-cli xent -i labelled.csv --target-column label --reduction mean
  softmax-cli xent -i scores.csv --targets labels.txt --worst 10
  loss=$(softmax-cli xent 2,1,0.1 -t 0)
"""


@click.command(cls=VectorCommand, epilog=_EXAMPLES)
@group(
    "targets",
    TargetSettings,
    heading(
        "Target",
        option("-t --target T", "For all rows: a class, or a distribution as a list"),
        option(
            "--target-column COL",
            "The column with each row's class",
            shell_complete=completion.column,
        ),
        option(
            "--targets target_file FILE", "A file with a class or distribution for each row", FILE
        ),
        option("--ignore T", "Rows with this label count for nothing"),
    ),
)
@group(
    "loss",
    LossSettings,
    heading(
        "Loss",
        from_option("logits"),
        NORMALIZE,
        option("-w --weights LIST", "A weight for each class"),
        option("--class-counts LIST", "How often each occurs; weights are the inverse"),
        option("--beta B", "With counts n, weights by 1 / (1 - B^n)", Finite(0, 1)),
        option("--label-smoothing E", "Part of each target for all classes", Finite(0, 1)),
        option("--focal GAMMA", "Times (1 - p)^GAMMA: what is easy counts less", Finite(0)),
    ),
)
@group(
    "report",
    ReportSettings,
    heading(
        "Loss",
        REDUCTION,
        BASE,
        option("--breakdown", "CSV of loss, entropy, kl, perplexity and more"),
        option("--gradient", "CSV of the gradient by the logits"),
        option("--worst N", "The N largest losses, with their lines", Whole(1)),
    ),
)
@group(
    "many",
    ManySettings,
    heading(
        "Many classes",
        HIERARCHICAL,
        option("--negative N", "The target against N classes drawn", Whole(1)),
        option("--sampled N", "Softmax over the target and N drawn", Whole(1)),
        option(
            "--noise Q",
            "Draw by uniform (the default), log-uniform or counts",
            shell_complete=completion.one_of_or_file("uniform", "log-uniform"),
        ),
        SEED,
        option("--repeat R", "Mean of R estimates, and its error", Whole(2)),
    ),
)
@input_options
@output_options
def xent(
    source: InputSettings,
    output: OutputSettings,
    targets: TargetSettings,
    loss: LossSettings,
    report: ReportSettings,
    many: ManySettings,
) -> None:
    """Cross-entropy: what a prediction costs where the target is the truth.

    The vector is the prediction Q. Against a class the loss is -log of its probability, against
    a distribution P it is H(P) + KL(P||Q).
    """
    names = source.names
    if many.method is not None:
        many.check_others(loss, report)
        if many.hierarchical is not None:  # columns are nodes, --names those of the classes
            source = source._replace(names=None)
    check_stdin_is_read_once(
        {
            "predictions": None if source.vectors else source.path,
            "--targets": targets.target_file,
            "--hierarchical": many.hierarchical,
            "--noise": many.noise,
        }
    )
    rows = open_rows(source, target_column=targets.target_column, kind=loss.kind)

    from softmax_cli.messages import Notices
    from softmax_cli.results import loss as results
    from softmax_cli.results.targets import TargetReader
    from softmax_cli.run.pipeline import Run, shape_of

    with Notices() as notices:
        reader = partial(TargetReader, targets, notices, loss.normalize, many.method)
        if many.hierarchical is not None:
            from softmax_cli.results.hierarchical import Hierarchy, Paths

            tree = Hierarchy(many.hierarchical, names)
            losses: results.Loss = Paths(tree, reader(tree.names), report)
        elif many.method is not None:
            from softmax_cli.results.estimates import Estimates

            losses = Estimates(many, reader(rows.names), report)
        else:
            by_class = output.resolved_format() in ("table", "markdown", "json")
            losses = results.CrossEntropy(loss, by_class, reader(rows.names), report)
        beside = losses.targets.beside(rows)
        add_up, summarise, parallel = losses.add_up, losses.summarise, losses.parallel
        run = Run(beside, source, losses.compute, add_up, summarise, notices, parallel=parallel)
        writer = open_writer(output, losses.layout(), shape_of(rows, source.invalid))
        results.write(run, writer, report)
