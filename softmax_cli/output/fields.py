"""What a command shows where: the contract between results and the writers of formats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

# A value for each vector, shape (vectors,), or for each of its classes, shape (vectors, classes)
Values = NDArray[Any]
# What is known of all vectors together
Summary = Mapping[str, Any]
# Those of the classes, if they have any
Names = Sequence[str] | None
R_co = TypeVar("R_co", covariant=True)


class Records(NamedTuple, Generic[R_co]):
    """The results of a block, which may be shown with rows of nan for those that have none."""

    result: R_co  # of the vectors that can be used
    count: int  # type: ignore[assignment]  # of all vectors; tuples have a method of this name
    good: NDArray[np.intp] | None = None  # those that can be used; None for all
    kept: NDArray[np.object_] | None = None  # copied cells, shape (count, columns)
    numbers: NDArray[np.intp] | None = None  # of the rows, where some have no result


class Field(NamedTuple):
    """An attribute of a result with a value for each vector, and how it is shown in a table.

    `style` is that of a `Column`; of an item below a table it is the unit.
    """

    key: str
    title: str
    style: str = ""


class Column(NamedTuple):
    """A column of a table; values of shape (vectors, classes) become one for each class.

    Styles: 'number', 'rough' (3 digits, nothing for nan), 'text', 'status' ('ok' or what went
    wrong), 'mark' (a dot where the value is not 0), 'bar', 'barred' (a number with a bar beside it
    where there is room), or 'instead' (in the last column: numbers in place of those of the classes
    where these are too wide).
    """

    title: str
    values: Values
    style: str = "number"


class Layout(NamedTuple):
    """What a command shows of its results, by the names of their attributes.

    Tables of many vectors have a line for each, or for each record of the summary; the table of
    a lone vector has a line for each class.
    """

    row: Sequence[str]  # the columns of delimited text and npy
    fields: Sequence[str]  # of a JSON object
    lines: Sequence[Field]  # the columns of the table of many vectors
    classes: Sequence[Field] = ()  # those of a lone vector; none: it is shown as many are
    footer: Sequence[Field] = ()  # items below the table of a lone vector
    identity: Sequence[Field] = ()  # too; the last is the sum of the others
    summary: Sequence[Field] = ()  # items of the summary, below the table of many
    groups: str = ""  # the summary's key of records, which have a table below that of many
    group_columns: Sequence[Field] = ()  # its columns
    only_groups: bool = False  # in place of that of many; results and records have a `note` then
    head: Sequence[Field] = ()  # what is at the beginning of the lines; none: their numbers
    part: Field | None = None  # the same of a lone vector's lines; None for the classes
    parts: str = ""  # the attribute with the columns of a lone vector that are not the classes'
    emphasis: str = ""  # not 0 where a lone vector's line matters most
    order: str = ""  # the positions of a lone vector's lines, from 0 at the top
    sweep: str = ""  # the attribute with the columns and notes of a lone vector, if not the lines
    numbered: Sequence[str] = ()  # attributes with several values that are not the classes'
    most: int = 20  # vectors that a table shows
    records: int = 1  # rows of delimited text and the like, of each vector
    constants: Mapping[str, Values] = {}  # what the records of each vector have, good or not

    @property
    def has_header(self) -> bool:
        """Whether delimited text has a header though the input had none."""
        return len(self.row) > 1

    def values(self, key: str, records: Records[Any]) -> Values:
        """Return an attribute of all vectors, nan (or the text 'nan') where there is no result."""
        if key in self.constants:
            return np.tile(self.constants[key], records.count)
        values: Values = getattr(records.result, key)
        if records.good is None:
            return values
        if key == "row" and records.numbers is not None:
            return records.numbers.repeat(self.records)
        dtype = float if values.dtype.kind == "f" else object
        shape = self.records, *values.shape[1:]
        filled = np.full((records.count, *shape), np.nan, dtype)
        if values.dtype.kind in "OU":
            filled[...] = "nan"
        filled[records.good] = values.reshape(len(records.good), *shape)
        return filled.reshape(records.count * self.records, *shape[1:])


def class_names(indices: NDArray[np.intp], names: Names) -> NDArray[np.object_] | NDArray[np.intp]:
    """Return the name of each class, or its index where classes have no names."""
    return indices if names is None else np.array(names, dtype=object)[indices]


def ragged(rows: Iterable[object]) -> NDArray[np.object_]:
    """Return an array of lists or arrays as objects, also where they have equal lengths."""
    return np.fromiter(rows, np.object_)
