"""Layouts: which results a command shows in each output format, and where."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# A value for each vector, shape (vectors,), or for each of its classes, shape (vectors, classes)
Values = NDArray[Any]
# Values of all vectors together, such as sums and means
Summary = Mapping[str, Any]
# The names of the classes, if they have any
Names = Sequence[str] | None


class Records(NamedTuple):
    """The results of a block, and which of its vectors have one; others may be shown as nan."""

    result: Any  # of the vectors that can be used
    count: int  # type: ignore[assignment]  # of all vectors; tuples have a method of this name
    good: NDArray[np.intp] | None = None  # indices of those; None for all
    kept: NDArray[Any] | None = None  # copied cells, shape (count, columns); bytes are UTF-8
    numbers: NDArray[np.intp] | None = None  # row numbers, where some have no result


class Field(NamedTuple):
    """An attribute of a result with a value for each vector, and how it is shown in a table.

    `style` is a `Column`'s style or, for an item below a table, the unit.
    """

    key: str
    title: str
    style: str = ""


class Column(NamedTuple):
    """A column of a table; values of shape (vectors, classes) become one for each class.

    Styles: 'number', 'rough' (3 digits, nothing for nan), 'digits' (a decimal, nothing for nan),
    'text', 'status' ('ok' or what went wrong), 'mark' (a dot where the value is not 0), 'bar',
    'barred' (a number with a bar beside it where there is room), or 'instead' (in the last column:
    numbers in place of those of the classes where these are too wide).
    """

    title: str
    values: Values
    style: str = "number"

    @property
    def is_number(self) -> bool:
        return self.style not in ("text", "status", "mark", "bar", "instead")


class Layout(NamedTuple):
    """What a command shows of its results, by the names of their attributes.

    A table of many vectors has a line for each vector, or for each record of the summary; the
    table of a lone vector has a line for each class.
    """

    row: Sequence[str]  # the columns of delimited text and npy; several have a header
    fields: Sequence[str]  # of a JSON object
    lines: Sequence[Field]  # the columns of the table of many vectors
    classes: Sequence[Field] = ()  # columns for a lone vector; none: it is shown as many are
    footer: Sequence[Field] = ()  # items below the table of a lone vector
    identity: Sequence[Field] = ()  # the same, where the last is the sum of the others
    summary: Sequence[Field] = ()  # items of the summary, below the table of many
    summary_records: str = ""  # key of the summary's records, with a table of their own
    summary_columns: Sequence[Field] = ()  # its columns
    summary_only: bool = False  # no table of many; `verdict` and `advice` of the summary are shown
    head: Sequence[Field] = ()  # first columns of the table of many; none: row numbers
    emphasis: str = ""  # attribute: a lone vector's line is bold where > 0, and red where < 0
    order: str = ""  # attribute with the indices of a lone vector's lines, from the top
    sweep: str = ""  # attribute with columns for a lone vector
    numbered: Sequence[str] = ()  # attributes with several values that are not one per class
    most: int = 20  # most vectors that a table shows
    records: int = 1  # rows of output for each vector
    best: int | None = None  # lines of the table of a lone vector; None for all, or for the best
    only_many: Sequence[str] = ()  # columns of `row` that a lone vector does not have
    constants: Mapping[str, Values] = {}  # values that are the same for every vector, good or not

    def values(self, key: str, records: Records) -> Values:
        """Return an attribute of all vectors, nan (or the text 'nan') where there is no result."""
        if key in self.constants:
            return np.tile(self.constants[key], records.count)
        values: Values = getattr(records.result, key)
        if self.only_many and key in self.numbered:
            values = values.ravel()  # a record for each
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
    """Return lists or arrays as a 1-D array of objects, also if they have equal lengths."""
    return np.fromiter(rows, np.object_)
