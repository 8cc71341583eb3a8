"""Rows that can only be shown when all have been seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from softmax_cli.flow.computing import Computation
from softmax_cli.flow.pipeline import count_rows, progress_of

if TYPE_CHECKING:
    from softmax_cli.flow.computing import Compute, Tally
    from softmax_cli.input.rows import Rows
    from softmax_cli.messages import Notices
    from softmax_cli.output.results import Fields, Summary, Writer


def write_worst(
    rows: Rows,
    compute: Compute,
    writer: Writer,
    tally: Tally,
    notices: Notices,
    *,
    count: int,
    divides: bool,
) -> None:
    """Write the rows with the largest losses, the largest first, and the summary of all rows.

    No more than so many and a block are held in memory.
    """
    worst = _Worst(tally, writer.fields, count)
    count_rows(rows, compute, worst, notices, divides=divides)
    if worst.rows is not None:
        writer.write(worst.rows)
    writer.close(worst.summary())


class _Worst:
    """A tally of all rows that keeps those with the largest losses; of equal ones the earlier.

    Attributes
    ----------
    rows : Fields or None
        Those, the largest first.
    """

    def __init__(self, tally: Tally, shown: frozenset[str], count: int) -> None:
        self.fields = shown | tally.fields | {"loss", "counted"}
        self.rows: Fields | None = None
        self._tally = tally
        self._shown = shown | {"loss"}
        self._count = count

    def add(self, fields: Fields) -> None:
        """Count some rows in."""
        self._tally.add(fields)
        used = fields["counted"] > 0
        found = {key: fields[key][used] for key in self._shown}
        if self.rows is not None:
            found = {key: np.concatenate([self.rows[key], found[key]]) for key in self._shown}
        order = np.argsort(-found["loss"], kind="stable")[: self._count]
        self.rows = {key: values[order] for key, values in found.items()}

    def summary(self) -> Summary:
        """Of all rows."""
        return self._tally.summary()


def write_gradient_of_mean(
    rows: Rows, compute: Compute, writer: Writer, tally: Tally, notices: Notices
) -> None:
    """Write the rows with the derivative of the mean loss by each row's logits.

    The denominator is known at the end, and so all rows are held in memory.

    Raises
    ------
    DataError
        There is no mean.
    """
    kept: list[Fields] = []
    computation = Computation(rows, compute, tally.fields | writer.fields, notices)
    with progress_of(rows, streams=False) as progress:
        for fields, counted in computation.results(rows.blocks, progress):
            if counted is not None:
                tally.add(counted)
            kept.append({key: fields[key] for key in writer.fields})
    summary = tally.summary()
    for fields in kept:
        writer.write({**fields, "gradient": fields["gradient"] / summary["weight_sum"]})
    writer.close(summary)
