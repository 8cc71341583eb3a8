"""What is told of losses: each, the worst, their gradient, or one number for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softmax_cli.flow.pipeline import reduce_rows, write_rows
from softmax_cli.flow.worst import write_gradient_of_mean, write_worst

if TYPE_CHECKING:
    from softmax_cli.flow.computing import Compute, Tally
    from softmax_cli.flow.settings import ReportSettings
    from softmax_cli.input.rows import Rows
    from softmax_cli.messages import Notices
    from softmax_cli.output.results import Writer


def write_report(
    rows: Rows,
    compute: Compute,
    writer: Writer,
    tally: Tally,
    report: ReportSettings,
    notices: Notices,
    *,
    divides: bool = True,
) -> None:
    """Write what was asked for.

    Parameters
    ----------
    rows, compute, writer
        What is to be done.
    tally : Tally
        Its summary has `loss_sum`, `weight_sum` and `mean`.
    report : ReportSettings
    notices : Notices
    divides : bool
        See `write_rows`.

    Raises
    ------
    DataError
        A row can't be used, or there is no mean.
    """
    if report.worst is not None:
        count = report.worst
        write_worst(rows, compute, writer, tally, notices, count=count, divides=divides)
    elif report.gradient and report.reduction == "mean":
        write_gradient_of_mean(rows, compute, writer, tally, notices)
    elif report.gradient or report.reduction == "none":
        write_rows(rows, compute, writer, tally, notices, divides=divides)
    else:
        item = "mean" if report.reduction == "mean" else "loss_sum"
        reduce_rows(rows, compute, writer, tally, notices, field="loss", item=item, divides=divides)
