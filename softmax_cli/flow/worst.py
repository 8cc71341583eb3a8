"""Rows that can only be shown when all have been seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from softmax_cli.flow.computing import Computation
from softmax_cli.flow.pipeline import progress_of

if TYPE_CHECKING:
    from softmax_cli.flow.computing import Compute, Tally
    from softmax_cli.input.rows import Rows
    from softmax_cli.messages import Notices
    from softmax_cli.output.results import Fields, Writer


def write_worst(
    rows: Rows,
    compute: Compute,
    writer: Writer,
    tally: Tally,
    notices: Notices,
    *,
    count: int,
) -> None:
    """Write the rows with the largest losses, the largest first, and the summary of all rows.

    No more than so many and a block are held in memory. Of equal losses the earlier comes first.
    """
    wanted = writer.fields | {"loss"}
    worst: Fields | None = None
    computation = Computation(rows, compute, wanted | tally.fields, notices, fills=False)
    with progress_of(rows, streams=False) as progress:
        for fields, _ in computation.results(rows.blocks, progress):
            tally.add(fields)
            used = fields["counted"] > 0
            found = {key: fields[key][used] for key in wanted}
            if worst is not None:
                found = {key: np.concatenate([worst[key], found[key]]) for key in wanted}
            order = np.argsort(-found["loss"], kind="stable")[:count]
            worst = {key: values[order] for key, values in found.items()}
    if worst is not None:
        writer.write(worst)
    writer.close(tally.summary())


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
