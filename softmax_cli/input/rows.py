"""Rows of numbers as commands read them, and their locations in the input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_cli.errors import DataError, RowErrors
from softmax_cli.input.columns import RowShape
from softmax_cli.input.numbers import shown
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.stream import Input
from softmax_cli.messages import say


class Locations(NamedTuple):
    """Locations of rows for messages: 'stdin:3', 'argument 2', or without a separator the name.

    `numbers` are those of the lines, or of the rows where there are no lines, from 1.
    """

    name: str
    numbers: Sequence[int]
    separator: str | None = ":"

    def at(self, row: int) -> str:
        if self.separator is None:
            return self.name
        return f"{self.name}{self.separator}{self.numbers[row]}"


class Labels(NamedTuple):
    """The labels of rows: distinct texts, and the index among these of each row's label."""

    texts: Sequence[str]
    indices: NDArray[np.intp]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Labels:
        found = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        return cls(list(found), np.array([found[text] for text in texts], np.intp))


class Block(NamedTuple):
    """Consecutive rows of the input.

    `label_column` counts from 1. `kept` holds the cells copied to the output, shape (rows,
    columns): text, perhaps as UTF-8 in bytes, or numbers from JSON and npy. Rows with `row_errors`
    have nan as values. If vectors are columns, `left_out` holds the errors of the rows they lack.
    `against` has as many rows of another input. `numbers` counts rows from 1, if one process reads
    the whole input.
    """

    values: NDArray[np.float64]
    locations: Locations
    labels: Labels | None = None
    label_column: int | None = None
    kept: NDArray[Any] | None = None
    row_errors: Mapping[int, DataError] = {}
    left_out: Sequence[DataError] = ()
    against: Block | None = None
    numbers: NDArray[np.intp] | None = None

    def take(self, rows: Sequence[int] | slice) -> Block:
        """Return some rows, with their errors."""
        numbers, errors = self.locations.numbers, self.row_errors
        some = numbers[rows] if isinstance(rows, slice) else [numbers[row] for row in rows]
        if errors:
            indices = np.arange(len(self.values))[rows].tolist()
            errors = {i: errors[row] for i, row in enumerate(indices) if row in errors}
        return self._replace(
            values=self.values[rows],
            locations=self.locations._replace(numbers=some),
            labels=self.labels and self.labels._replace(indices=self.labels.indices[rows]),
            kept=None if self.kept is None else self.kept[rows],
            numbers=None if self.numbers is None else self.numbers[rows],
            row_errors=errors,
            against=None if self.against is None else self.against.take(rows),
        )


def already_parsed(block: Block) -> Block:
    """Return a block: the `parse` of chunks that are blocks already."""
    return block


class Rows(NamedTuple):
    """An open input: chunks, and the function that parses each into a block.

    `parse` depends on its chunk alone, so that any process may parse a `Chunk`. `names` are those
    of the classes, `kept` those of the copied columns. If vectors are columns (`transposed`),
    `column_names` are those in the header, and `beside` are the names and the cells of the copied
    columns. `others` are the names of columns that are no classes. `warning` is about the columns.
    """

    chunks: Iterator[Any]
    parse: Callable[[Any], Block] = already_parsed
    names: tuple[str, ...] | None = None
    header: bool = False
    transposed: bool = False
    column_names: tuple[str, ...] | None = None
    beside: tuple[tuple[str, ...], NDArray[np.object_]] | None = None
    kept: tuple[str, ...] = ()
    others: frozenset[str] = frozenset()
    source: Input | None = None
    warning: str = ""

    def blocks(self) -> Iterator[Block]:
        """Yield the block of each chunk."""
        return map(self.parse, self.chunks)


def rows_of(blocks: Iterator[Block], like: Rows) -> Rows:
    """Return rows made of given blocks, in all else like others."""
    return like._replace(chunks=blocks, parse=already_parsed)


def shaped(rows: Rows, source: Input, settings: InputSettings, shape: RowShape, form: str) -> Rows:
    """Return rows with the names in their shape, or columns as rows; if verbose, describe them.

    Copied cells beside columns name the classes, so that all is read before they are known.
    """
    if settings.verbose:
        say(source.name, f"{form}, {shape.described()}")
    names = shape.names
    chosen = tuple(names[i] for i in shape.chosen) if names else None
    takes_others = (settings.columns or "!").startswith("!")  # columns that no option names
    rows = rows._replace(
        names=settings.names or chosen,
        header=bool(names),
        kept=tuple(names[i] if names else f"column {i + 1}" for i in shape.kept),
        others=frozenset(names).difference(chosen or ()),
        source=source,
        warning=_suspicion(shape, source.name) if takes_others else "",
    )
    if not shape.transposed:
        return rows
    columns = rows_of(_transposed(rows, settings.invalid), rows)._replace(
        names=settings.names, transposed=True, column_names=chosen, kept=(), warning=""
    )
    if not shape.kept:
        return columns
    (block,) = columns.blocks()
    assert block.kept is not None
    return columns._replace(
        chunks=iter([block._replace(kept=None)]),
        names=settings.names or tuple(" ".join(map(str, cells)) for cells in block.kept),
        beside=(rows.kept, block.kept),
    )


def _suspicion(shape: RowShape, source: str) -> str:
    """Return a warning of a column whose name is hardly that of a class; '' if there is none."""
    for i in shape.chosen if shape.names else ():  # an array may claim any number of columns
        if shape.is_suspect(i):
            how = f"-k {i + 1} copies it, -c '!{i + 1}' leaves it out"
            return f"{source}: column {shown(shape.names[i])} is read as a class ({how})"
    return ""


def _transposed(rows: Rows, invalid: str) -> Iterator[Block]:
    """Yield the columns once all rows are read; a row of nan would spoil them all."""
    parts: list[NDArray[np.float64]] = []
    kept: list[NDArray[np.object_]] = []
    left_out: list[DataError] = []
    for block in rows.blocks():
        name, errors = block.locations.name, block.row_errors
        if errors and invalid != "skip":
            raise RowErrors(errors)
        left_out += [errors[row] for row in sorted(errors)]
        good = np.setdiff1d(np.arange(len(block.values)), list(errors))
        parts.append(block.values[good] if errors else block.values)
        if block.kept is not None:
            kept.append(block.kept[good])
    values = np.concatenate(parts).T
    if not values.size:
        raise none_usable(len(left_out), left_out[0])
    yield Block(
        values,
        Locations(name, range(1, len(values) + 1), None),
        kept=np.concatenate(kept) if kept else None,
        left_out=left_out,
    )


def none_usable(count: int, first: DataError) -> DataError:
    """Return the error of an input whose `count` rows are all unusable, with the first's error."""
    if count == 1:
        return first
    return DataError(f"none of {count} rows can be used, the first at {first.message}")
