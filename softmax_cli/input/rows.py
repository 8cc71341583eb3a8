"""Rows of numbers on their way to a command, and where each came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, Protocol, overload, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from softmax_cli.input.division import Division

from softmax_cli.errors import DataError
from softmax_cli.input.chunks import Opened


class Block(NamedTuple):
    """Some rows, in the order of the input.

    Attributes
    ----------
    values : array, shape (rows, classes)
    places : sequence of str
        Where each row stands, for messages: 'stdin:3', 'argument 2'.
    labels : list of str or None
        Each row's cell in the column of targets, if there is one.
    label_column : int or None
        That column, from 1.
    against : Block or None
        As many rows to be held against these, where a command compares vectors.
    kept : object array, shape (rows, columns), or None
        The cells that are copied to the output: texts, or a number as JSON or npy has it.
    faults : mapping of int to DataError, or None
        Rows that can't be used, by their index, and why. Their values are nan.
    left_out : sequence of DataError
        Why rows were left out of vectors that are columns.
    numbers : int array or None
        The rows' numbers, from 1 and over all blocks, once they have been counted.
    """

    values: NDArray[np.float64]
    places: Sequence[str]
    labels: list[str] | None = None
    label_column: int | None = None
    against: Block | None = None
    kept: NDArray[np.object_] | None = None
    faults: Mapping[int, DataError] | None = None
    left_out: Sequence[DataError] = ()
    numbers: NDArray[np.intp] | None = None

    def all_faults(self) -> dict[int, DataError]:
        """Those of the rows, and of what they are held against."""
        against = self.against.faults if self.against is not None else None
        return {**(against or {}), **(self.faults or {})}

    def rows_at(self, indices: NDArray[np.intp]) -> Block:
        """Some of the rows, all of which can be used."""
        at = indices.tolist()
        return self._replace(
            values=self.values[indices],
            places=[self.places[i] for i in at],
            labels=None if self.labels is None else [self.labels[i] for i in at],
            against=None if self.against is None else self.against.rows_at(indices),
            kept=None if self.kept is None else self.kept[indices],
            numbers=None if self.numbers is None else self.numbers[indices],
            faults=None,
        )

    def head(self, count: int) -> Block:
        """The first rows."""
        return self.part(0, count)

    def part(self, start: int, stop: int) -> Block:
        """The rows from one to before another."""
        return self._replace(
            values=self.values[start:stop],
            places=self.places[start:stop],
            labels=None if self.labels is None else self.labels[start:stop],
            against=None if self.against is None else self.against.part(start, stop),
            kept=None if self.kept is None else self.kept[start:stop],
            numbers=None if self.numbers is None else self.numbers[start:stop],
            left_out=() if start else self.left_out,
            faults=None
            if self.faults is None
            else {i - start: fault for i, fault in self.faults.items() if start <= i < stop},
        )


class Places(Sequence[str]):
    """'stdin:3', 'stdin:4', ... from the lines' numbers, made when they are asked for."""

    def __init__(self, source: str, lines: Sequence[int]) -> None:
        self._source = source
        self._lines = lines

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Places: ...
    def __getitem__(self, index: int | slice) -> str | Places:
        if isinstance(index, slice):
            return Places(self._source, self._lines[index])
        return f"{self._source}:{self._lines[index]}"


@runtime_checkable
class Divisible(Protocol):
    """Blocks that may be shared among processes."""

    def division(self) -> Division | None:
        """All that is left, if it is worth it now; it is asked for between two blocks."""

    def each(self, function: Callable[[Block], Iterable[Block]]) -> Iterator[Block]:
        """What a function makes of each block, divisible too."""


class Rows(NamedTuple):
    """An opened input.

    Attributes
    ----------
    blocks : iterator of Block
    names : tuple of str or None
        The classes' names, if they have any.
    header : bool
        Whether the input had a header.
    downwards : bool
        Whether vectors are columns of the input, read downwards.
    column_names : tuple of str or None
        The header's names where vectors are columns.
    opened : Opened or None
        Where the rows are read from, if they are.
    kept : tuple of str
        Names of the columns that are copied to the output.
    invalid : str
        'error', 'nan' or 'skip': what becomes of rows that can't be used.
    found : str
        What was found out about the input, in words.
    """

    blocks: Iterator[Block]
    names: tuple[str, ...] | None = None
    header: bool = False
    downwards: bool = False
    column_names: tuple[str, ...] | None = None
    opened: Opened | None = None
    kept: tuple[str, ...] = ()
    invalid: str = "error"
    found: str = ""

    def in_parts(self, most: int) -> Rows:
        """The same rows, no more than so many in a block."""

        def parts(block: Block) -> Iterator[Block]:
            return (block.part(at, at + most) for at in range(0, len(block.values), most))

        return self._each(parts)

    def mapped(self, function: Callable[[Block], Block]) -> Rows:
        """The same rows, with what a function makes of each block by itself."""
        return self._each(lambda block: (function(block),))

    def _each(self, function: Callable[[Block], Iterable[Block]]) -> Rows:
        blocks = self.blocks
        if isinstance(blocks, Divisible):
            return self._replace(blocks=blocks.each(function))
        return self._replace(blocks=chain.from_iterable(map(function, blocks)))
