"""A loss of many classes, by a tree or by draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from softmax_cli.flow.estimates import write_estimates
from softmax_cli.flow.paths import write_path_losses

if TYPE_CHECKING:
    from softmax_cli.flow.settings import ManySettings, ReportSettings, TargetSettings
    from softmax_cli.input.rows import Rows
    from softmax_cli.output.settings import OutputSettings


def write_many(
    rows: Rows,
    names: Sequence[str] | None,
    output: OutputSettings,
    truth: TargetSettings,
    report: ReportSettings,
    many: ManySettings,
) -> None:
    """Write the losses of rows by the method that was asked for.

    Parameters
    ----------
    rows : Rows
        Where there is a tree, the names that they have are the nodes'.
    names : sequence of str or None
        What --names gives.
    output, truth, report, many
        What the command line says.

    Raises
    ------
    DataError
        A row, a target or a count can't be used.
    """
    if many.hierarchical is not None:
        write_path_losses(rows, names, output, truth, report, many.hierarchical)
    else:
        write_estimates(rows, output, truth, report, many)
