"""softmax-cli xent."""

from __future__ import annotations

from typing import Final

import click

from softmax_cli import completion
from softmax_cli.input.formats import open_rows
from softmax_cli.input.settings import InputSettings
from softmax_cli.options import (
    Finite,
    VectorCommand,
    Whole,
    base_option,
    breakdown_option,
    check_stdin_is_read_once,
    counts_option,
    from_option,
    group,
    input_options,
    normalize_option,
    option,
    output_options,
    reduction_option,
    seed_option,
)
from softmax_cli.output.formats import OutputSettings
from softmax_cli.results.settings import (
    ManySettings,
    ObjectiveSettings,
    ReportSettings,
    TargetSettings,
)

_EXAMPLES: Final = """\b
Examples:
  softmax-cli xent 2,1,0.1 -t 0
  softmax-cli xent --from probs 0.3,0.4,0.3 -t 0.25,0.5,0.25
  softmax-cli xent -i labelled.csv --target-column label --reduction mean
  softmax-cli xent -i scores.csv --targets labels.txt --worst 10
  loss=$(softmax-cli xent 2,1,0.1 -t 0)
"""
_BREAKDOWN: Final = ("loss", "entropy", "kl", "perplexity")

_target_options: Final = group(
    "targets",
    TargetSettings,
    option(
        "Target", "-t --target", "For all rows: a class, or a distribution as a list", metavar="T"
    ),
    option(
        "Target",
        "--target-column",
        "The column with each row's class",
        metavar="COL",
        shell_complete=completion.column,
    ),
    option(
        "Target",
        "--targets target_file",
        "A file with a class or distribution for each row",
        metavar="FILE",
        shell_complete=completion.files,
    ),
    option("Target", "--ignore", "Rows with this label count for nothing", metavar="T"),
)
_objective_options: Final = group(
    "objective",
    ObjectiveSettings,
    option("Loss", "-w --weights", "A weight for each class", metavar="LIST"),
    option(
        "Loss", "--class-counts", "How often each occurs; weights are the inverse", metavar="LIST"
    ),
    option(
        "Loss", "--beta", "With counts n, weights by 1 / (1 - B^n)", type=Finite(0, 1), metavar="B"
    ),
    option(
        "Loss",
        "--label-smoothing",
        "Part of each target for all classes",
        type=Finite(0, 1),
        metavar="E",
        default=0.0,
        show_default=False,
    ),
    option(
        "Loss",
        "--focal",
        "Times (1 - p)^GAMMA: what is easy counts less",
        type=Finite(0),
        metavar="GAMMA",
        default=0.0,
        show_default=False,
    ),
)
_report_options: Final = group(
    "report",
    ReportSettings,
    reduction_option("Loss"),
    base_option("Loss"),
    breakdown_option("Loss", _BREAKDOWN),
    option("Loss", "--gradient", "CSV of the gradient by the logits", is_flag=True),
    option("Loss", "--worst", "The N largest losses, with their lines", type=Whole(1), metavar="N"),
)
_many_options: Final = group(
    "many",
    ManySettings,
    counts_option("Many classes"),
    option(
        "Many classes",
        "--negative",
        "The target against N classes drawn",
        type=Whole(1),
        metavar="N",
    ),
    option(
        "Many classes",
        "--sampled",
        "Softmax over the target and N drawn",
        type=Whole(1),
        metavar="N",
    ),
    option(
        "Many classes",
        "--noise",
        "Draw by uniform (the default), log-uniform or counts",
        metavar="Q",
        shell_complete=completion.one_of_or_file("uniform", "log-uniform"),
    ),
    seed_option("Many classes"),
    option(
        "Many classes", "--repeat", "Mean of R estimates, and its error", type=Whole(2), metavar="R"
    ),
)


@click.command(cls=VectorCommand, epilog=_EXAMPLES)
@_target_options
@from_option("Loss", "logits")
@normalize_option("Loss")
@_objective_options
@_report_options
@_many_options
@input_options
@output_options
def xent(
    source: InputSettings,
    output: OutputSettings,
    targets: TargetSettings,
    objective: ObjectiveSettings,
    report: ReportSettings,
    many: ManySettings,
    kind: str,
    normalize: bool,
) -> None:
    """Cross-entropy: what a prediction costs where the target is the truth.

    The vector is the prediction Q. Against a class the loss is -log of its probability, against
    a distribution P it is H(P) + KL(P||Q).
    """
    names = source.names
    if many.method is not None:
        many.check_others(objective, report, kind, normalize=normalize)
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
    rows = open_rows(source, target_column=targets.target_column, kind=kind)

    from softmax_cli.messages import Notices
    from softmax_cli.results import loss_report
    from softmax_cli.results.loss import Prediction

    with Notices() as notices:
        request = loss_report.Request(rows, source, targets, report, notices)
        if many.hierarchical is not None:
            job = loss_report.of_paths(request, names, many.hierarchical)
        elif many.method is not None:
            job = loss_report.of_estimates(request, many)
        else:
            by_class = output.resolved_format() in ("table", "markdown", "json")
            prediction = Prediction(kind, normalize)
            job = loss_report.of_softmax(request, prediction, objective, by_class=by_class)
        loss_report.write(job, request, output)
