"""Which cells of a row make its vector, whatever the format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_cli.errors import DataError, UsageError
from softmax_cli.input.columns import resolve
from softmax_cli.input.rows import Block
from softmax_cli.input.settings import InputSettings

# How many columns a description names
_SHOWN: Final = 10


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

    def described(self, names: Sequence[str] | None, axis: str | None) -> str:
        """What makes the vectors, in words."""

        def listed(columns: Sequence[int]) -> str:
            shown = [(names[i] if names else "") or str(i + 1) for i in columns[:_SHOWN]]
            return ", ".join(shown) + (", ..." if len(columns) > _SHOWN else "")

        count = f"{len(self.chosen)} column{'s' * (len(self.chosen) > 1)}"
        parts = [count if names is None and self.takes_all() else f"{count}: {listed(self.chosen)}"]
        if self.label is not None:
            parts.append(f"target: {listed([self.label])}")
        if self.kept:
            parts.append(f"kept: {listed(self.kept)}")
        if self.is_downwards(axis):
            parts.append("read downwards")
        return "; ".join(parts)

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
    elif label is None and not kept and (names is None or names[0] or width == 1):
        return RowShape(range(width), None, width)  # no list of ten million
    else:
        # A first column without a name has those of the rows.
        has_row_names = names is not None and not names[0] and width > 1
        chosen = [i for i in range(int(has_row_names), width) if i not in kept]
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


def turned(blocks: Iterator[Block], name: str, invalid: str) -> Iterator[Block]:
    """The whole input as one block whose vectors are the columns.

    Rows that can't be used are left out of them, if they may be.

    Raises
    ------
    DataError
        A row can't be used: then no vector can.
    """
    parts: list[NDArray[np.float64]] = []
    left_out: list[DataError] = []
    for block in blocks:
        faults = block.faults or {}
        if faults and invalid != "skip":
            fault = faults[min(faults)]
            if invalid == "nan":
                fault.hint = fault.hint or "vectors are columns here: --invalid skip"
            raise fault
        left_out += [faults[row] for row in sorted(faults)]
        parts.append(np.delete(block.values, list(faults), axis=0) if faults else block.values)
    values = np.concatenate(parts).T
    if not values.size:
        raise none_usable(left_out)
    yield Block(values, [name] * len(values), left_out=left_out)


def none_usable(faults: Sequence[DataError]) -> DataError:
    """What is to be told where every row has its fault."""
    first = faults[0]
    if len(faults) == 1:
        return first
    return DataError(f"none of {len(faults)} rows can be used, the first at {first.message}")
