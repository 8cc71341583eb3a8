"""What a command shows where: the contract between results and the writers of formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from softmax_cli.output.settings import Digits

# A value for each vector, shape (vectors,), or for each of its classes, shape (vectors, classes)
Values = NDArray[Any]
# What is known of all vectors together
Summary = Mapping[str, Any]
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Column(NamedTuple):
    """A column of a table; values of shape (vectors, classes) become one for each class.

    Styles: 'number', 'rough' (3 digits), 'text', 'status' ('ok' or what went wrong), 'mark' (a
    dot where the value is not 0) or 'bar'.
    """

    title: str
    values: Values
    style: str = "number"
    key: str = ""


class Item(NamedTuple):
    """A number or a word below a table, with its unit."""

    title: str
    value: Any
    unit: str = ""


class VectorTable(NamedTuple):
    """The table of a lone vector: a line for each class, or for other parts of it."""

    columns: Sequence[Column]
    footer: Sequence[Item] = ()
    identity: Sequence[Item] = ()  # the last is the sum of the others
    title: str = "class"
    heads: Sequence[str] | None = None  # at the beginning of the lines; None for the classes
    emphasis: Values | None = None  # not 0 where a line matters most
    order: Values | None = None  # the lines' positions, from 0 at the top
    notes: Sequence[str] = ()


class Lines(NamedTuple):
    """A line for each vector or record, with what stands at its beginning (None: its number)."""

    columns: Sequence[Column]
    title: str = "row"
    heads: Sequence[str] | None = None
    notes: Sequence[str] = ()


class Sweep(NamedTuple):
    """The records of a lone vector by method and temperature, which a table draws as a picture."""

    methods: Values
    temperatures: Values
    dtypes: Values
    probabilities: Values  # of shape (records, classes)
    entropies: Values
    extremes: Values  # the end of all temperatures that is reached, or ''
    notes: Values  # what broke
    reasons: Values  # why it broke


class Layout(Generic[R]):
    """What a command shows of its results; a command has a subclass."""

    named: bool = False  # whether delimited text has a header though the input had none
    numbered: frozenset[str] = frozenset()  # keys with several values that are not the classes'
    most: int = 20  # vectors that a table shows
    records: int = 1  # rows of delimited text and the like, of each vector

    def row(self, result: R) -> dict[str, Values]:
        """Return the columns of delimited text and npy, by their keys."""
        raise NotImplementedError

    def object(self, result: R) -> dict[str, Values]:
        """Return the fields of a JSON object, by their keys."""
        raise NotImplementedError

    def vector(self, result: R) -> VectorTable | Sweep | None:
        """Return the table of the only vector; None where it is shown as many are."""
        return None

    def lines(self, result: R) -> Lines:
        """Return the table of many vectors."""
        raise NotImplementedError

    def summary_lines(self, summary: Summary) -> Lines | None:
        """Return what a table of several vectors shows in place of a line for each."""
        return None

    def replaces_lines(self) -> bool:
        """Return whether there is a `summary_lines`."""
        return type(self).summary_lines is not Layout.summary_lines

    def groups(self, summary: Summary) -> Lines | None:
        """Return what is known of each class, below the table of many."""
        return None

    def total(self, summary: Summary) -> Sequence[Item]:
        """Return what stands below the table of many vectors."""
        return ()

    def fill(self, key: str, values: Values, records: Records[R]) -> Values:
        """Return the values of all vectors: nan for those that can't be used."""
        return records.filled(values, self.records)


class Records(NamedTuple, Generic[R_co]):
    """The results of a block, which may be shown with rows of nan for those that have none."""

    result: R_co  # of the vectors that can be used
    count: int  # type: ignore[assignment]  # of all vectors; tuples have a method of this name
    good: NDArray[np.intp] | None = None  # those that can be used; None for all
    kept: NDArray[np.object_] | None = None  # copied cells, shape (count, columns)
    numbers: NDArray[np.intp] | None = None  # of the rows, where some have no result

    def filled(self, values: Values, each: int = 1) -> Values:
        """Return values of all vectors, with nan (or the text 'nan') where there are none."""
        if self.good is None:
            return values
        is_text = values.dtype.kind in "OU"
        dtype = np.dtype(float) if values.dtype.kind == "f" else np.dtype(object)
        shape = values.shape[1:]
        whole = np.empty((self.count, each, *shape), dtype)
        whole[...] = "nan" if is_text else np.nan
        whole[self.good] = values.reshape(len(self.good), each, *shape)
        return whole.reshape(self.count * each, *shape)


class Shape(NamedTuple):
    """What the input says about the output."""

    names: tuple[str, ...] | None = None  # of the classes
    header: bool = False
    transposed: bool = False  # vectors were columns
    column_names: tuple[str, ...] | None = None  # of these vectors
    kept: tuple[str, ...] = ()  # names of the copied columns
    fills: bool = False  # rows of nan may stand for those that can't be used

    def class_names(self, count: int) -> list[str]:
        """Return the classes' names, or their indices from 0."""
        return list(self.names) if self.names else [str(i) for i in range(count)]


class Writer(Generic[R]):
    """An output format."""

    summarises = False  # whether it shows what is known of all vectors together
    streams = True  # whether it shows vectors before it has seen all
    summarises_cut = False  # whether it shows the summary also where the input broke off

    def __init__(self, layout: Layout[R], shape: Shape, digits: Digits) -> None:
        self.layout = layout
        self.shape = shape
        self.digits = digits

    def encode(self, records: Records[R]) -> Any:
        """Return what is to be written of a block: text, or what `write` makes text of.

        It may run in another process, so it depends on the block alone (after the first block,
        which is always encoded and written before other processes are started).
        """
        raise NotImplementedError

    def write(self, piece: Any, vectors: int) -> None:
        """Write an encoded block; they come in order."""
        raise NotImplementedError

    def close(self, summary: Summary | None) -> None:
        """Write what stands at the end; None where the input broke off."""

    def reduce(self, key: str, value: float, summary: Summary) -> None:
        """Write one number for all vectors, and nothing of each; the only call."""
        raise NotImplementedError
