"""Which cells of a row make its vector, whatever the format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from softmax_cli.errors import DataError, UsageError
from softmax_cli.input.columns import resolve
from softmax_cli.input.rows import Block


class RowShape(NamedTuple):
    """Which cells of a row make the vector, which holds the label, and how many there are."""

    chosen: Sequence[int]
    label: int | None
    width: int

    def takes_all(self) -> bool:
        """Whether the vector is the whole row."""
        every = range(self.width)
        return self.chosen == every or list(self.chosen) == list(every)

    def label_column(self) -> int | None:
        """The number of the label's column, from 1."""
        return None if self.label is None else self.label + 1


def row_shape(
    columns: str | None,
    target_column: str | None,
    names: Sequence[str] | None,
    width: int,
    source: str,
) -> RowShape:
    """The shape of rows of a width, from the columns that were asked for.

    Raises
    ------
    UsageError
        More than one column of targets.
    DataError
        There is no such column, or none is left for the vector.
    """
    label = None
    if target_column is not None:
        found = resolve(target_column, names, width, source)
        if len(found) != 1:
            raise UsageError(f"--target-column {target_column} asks for {len(found)} columns")
        label = found[0]
    if columns is None and label is None:
        return RowShape(range(width), None, width)  # no list of ten million
    chosen = resolve(columns, names, width, source) if columns else range(width)
    chosen = [i for i in chosen if i != label]
    if not chosen:
        raise DataError(f"{source}: no column is left for the vector")
    return RowShape(chosen, label, width)


def check_axis(axis: str | None, target_column: str | None) -> None:
    """Refuse a target for each row where there are no rows.

    Raises
    ------
    UsageError
    """
    if axis == "column" and target_column is not None:
        raise UsageError("--target-column gives a target for each row, --axis column has no rows")


def turned(blocks: Iterator[Block], name: str) -> Iterator[Block]:
    """The whole input as one block whose vectors are the columns."""
    values = np.concatenate([block.values for block in blocks]).T
    yield Block(values, [name] * len(values))
