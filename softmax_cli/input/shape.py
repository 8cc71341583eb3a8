"""Which cells of a row make its vector, whatever the format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_cli.errors import DataError, UsageError
from softmax_cli.input.columns import resolve
from softmax_cli.input.rows import Block
from softmax_cli.input.settings import InputSettings


class RowShape(NamedTuple):
    """Which cells of a row make the vector, which hold the label and what is to be kept.

    And how many there are.
    """

    chosen: Sequence[int]
    label: int | None
    width: int
    kept: Sequence[int] = ()

    def takes_all(self) -> bool:
        """Whether the vector is the whole row."""
        every = range(self.width)
        return self.chosen == every or list(self.chosen) == list(every)

    def label_column(self) -> int | None:
        """The number of the label's column, from 1."""
        return None if self.label is None else self.label + 1

    def is_downwards(self, axis: str | None) -> bool:
        """Whether vectors are read downwards: if told so, or if there is but one column."""
        has_rows = self.label is not None or bool(self.kept)
        return axis == "column" or (axis is None and len(self.chosen) == 1 and not has_rows)

    def kept_names(self, names: Sequence[str] | None) -> tuple[str, ...]:
        """What the columns that are kept are called."""
        return tuple(names[i] if names else f"column {i + 1}" for i in self.kept)


def row_shape(
    settings: InputSettings,
    target_column: str | None,
    names: Sequence[str] | None,
    width: int,
    source: str,
) -> RowShape:
    """The shape of rows of a width, from the columns that were asked for.

    What holds the label is no part of the vector, and what is kept is one if it was asked for.

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
    kept = resolve(settings.keep, names, width, source) if settings.keep else []
    if settings.columns:
        chosen = resolve(settings.columns, names, width, source)
    elif label is None and not kept:
        return RowShape(range(width), None, width)  # no list of ten million
    else:
        chosen = [i for i in range(width) if i not in kept]
    chosen = [i for i in chosen if i != label]
    if not chosen:
        raise DataError(f"{source}: no column is left for the vector")
    return RowShape(chosen, label, width, kept)


def cells_kept(rows: Sequence[Sequence[Any]]) -> NDArray[np.object_]:
    """Cells as an array of objects, shape (rows, columns)."""
    kept = np.empty((len(rows), len(rows[0])), dtype=object)
    kept[:] = rows
    return kept


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
