"""What a command hands to a writer, and what a writer is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:  # layouts are declared before it is known whether numpy will be needed
    from numpy.typing import NDArray

    Values = NDArray[Any]
    # A field's values for some vectors: shape (vectors,), or (vectors, classes) for a field
    # that has a value for each class.
    Fields = Mapping[str, Values]
    # What is known of all vectors together.
    Summary = Mapping[str, Any]


class Column(NamedTuple):
    """A column of a table.

    Attributes
    ----------
    field : str
    title : str
        For a field with a value for each class, in a table with a line for each vector, the
        classes' names stand instead.
    style : str
        'number', 'rough' (a number to three digits), 'text', 'status' ('ok' or what went
        wrong), 'mark' (a dot where the value is not 0) or 'bar'.
    """

    field: str
    title: str
    style: str = "number"


class Item(NamedTuple):
    """A number, or a word, below a table: its field or key, its name and its unit."""

    field: str
    title: str
    unit: str = ""


class Layout(NamedTuple):
    """Which fields a command shows where.

    Attributes
    ----------
    row : tuple of str
        The fields of a row of delimited text.
    object : tuple of str
        The fields of a JSON object.
    classes : tuple of Column
        The table of a lone vector, a line for each class; without any columns a lone vector
        is shown as many are.
    lines : tuple of Column
        The table of many vectors, a line for each.
    part : Column or None
        What heads each line of the table of a lone vector, where that is not a class.
    footer : tuple of Item
        Fields below the table of a lone vector.
    total : tuple of Item
        Items of the summary below the table of many.
    identity : tuple of Item
        Fields of which the last is the sum of the others, below the table of a lone vector.
    groups : tuple of Column
        Of the summary's items for each class, below the table of many.
    notes : str or None
        A field of words about each vector, below the table; empty words are left out.
    emphasis : str or None
        A field of classes that are not 0 where the class matters most.
    order : str or None
        A field of numbers, by which the lines of a lone vector's classes are sorted.
    numbered : frozenset of str
        Fields with several values for each vector that are not those of the classes.
    label : Column or None
        What heads each line of the table of many vectors; None for their number.
    most : int
        How many vectors a table shows.
    named : bool
        Whether delimited text has a header though the input had none.
    """

    row: tuple[str, ...]
    object: tuple[str, ...]
    lines: tuple[Column, ...]
    classes: tuple[Column, ...] = ()
    part: Column | None = None
    footer: tuple[Item, ...] = ()
    total: tuple[Item, ...] = ()
    identity: tuple[Item, ...] = ()
    groups: tuple[Column, ...] = ()
    notes: str | None = None
    emphasis: str | None = None
    order: str | None = None
    numbered: frozenset[str] = frozenset()
    label: Column | None = None
    most: int = 20
    named: bool = False

    def of_worst(self, fields: tuple[str, ...]) -> Layout:
        """The same of some rows out of their order: these fields, with the rows' lines."""
        return self._replace(
            row=fields,
            object=fields,
            classes=(),
            lines=tuple(column for column in self.lines if column.field in fields),
            label=Column("line", "line"),
            named=True,
        )


class Shape(NamedTuple):
    """What the input says about the output.

    Attributes
    ----------
    names : tuple of str or None
        The classes' names.
    header : bool
        Whether the input had a header.
    downwards : bool
        Whether vectors were columns: a value for each class then runs down the lines.
    column_names : tuple of str or None
        The columns' names where vectors were columns.
    kept : tuple of str
        Names of the columns that are copied from the input: of the field `kept`, shape
        (vectors, columns).
    fills : bool
        Whether a row of nan may stand for one that can't be used.
    """

    names: tuple[str, ...] | None = None
    header: bool = False
    downwards: bool = False
    column_names: tuple[str, ...] | None = None
    kept: tuple[str, ...] = ()
    fills: bool = False

    def class_names(self, count: int) -> list[str]:
        """The names of so many classes: as given, else their indices from 0."""
        return list(self.names) if self.names else [str(i) for i in range(count)]


class Writer(Protocol):
    """One output format.

    Attributes
    ----------
    fields : frozenset of str
        The fields it needs of each vector.
    summarises : bool
        Whether it shows what is known of all vectors together.
    streams : bool
        Whether it shows vectors before it has seen all of them.
    """

    @property
    def fields(self) -> frozenset[str]:
        """Names of fields."""

    @property
    def summarises(self) -> bool:
        """True or False."""

    @property
    def streams(self) -> bool:
        """True or False."""

    def write(self, fields: Fields) -> None:
        """Show some vectors' results; they come in order."""

    def close(self, summary: Summary | None) -> None:
        """Show what is known of all vectors together; the last call.

        None where the input broke off: then what has been shown is ended properly.
        """

    def reduce(self, field: str, value: float, summary: Summary) -> None:
        """Show one number for all vectors, and nothing of each; the only call."""


@runtime_checkable
class SharedWriter(Protocol):
    """A writer for which several processes may write."""

    def is_settled(self) -> bool:
        """Whether what `texts` gives from now on hangs on the vectors given alone."""

    def texts(self, fields: Fields) -> Iterator[bytes | bytearray]:
        """What `write` writes, in pieces of whole lines."""

    def count_in(self, vectors: int) -> None:
        """Know of so many more that were given to `texts` elsewhere."""
