"""Columns chosen by name, number or range, and which cells of a row make its vector."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from softmax_cli.errors import DataError, UsageError, did_you_mean, listed
from softmax_cli.input.numbers import shown
from softmax_cli.input.settings import InputSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RANGE = re.compile(r"(\d+)([-:]?)(\d*)\Z")
# Names of columns that are hardly classes
_SUSPECTS: Final = "id", "index", "unnamed: 0", "label", "target", "class", "step", "epoch"


class RowShape(NamedTuple):
    """The cells of a row of `width` cells that make the vector, hold the label or are copied.

    They are indices from 0, a range if they are adjacent; `names` are those of all columns. If
    `transposed`, vectors are columns. `decimal` stands before the decimals of numbers.
    """

    width: int
    chosen: Sequence[int]
    label: int | None = None
    kept: Sequence[int] = ()
    names: Sequence[str] = ()
    transposed: bool = False
    decimal: str = "."

    def takes_all(self) -> bool:
        """Return whether the vector is the whole row."""
        return self.chosen == range(self.width)

    def vectors(self, cells: NDArray[Any]) -> NDArray[Any]:
        """Return the chosen columns of an array, shape (rows, width); a view if possible."""
        if isinstance(self.chosen, range):
            return cells[:, self.chosen.start : self.chosen.stop]
        return cells.take(self.chosen, axis=1)

    def label_column(self) -> int | None:
        """Return the number of the label's column, from 1; None where a label is the whole row."""
        return None if self.label is None or not self.chosen else self.label + 1

    def described(self) -> str:
        """Return a description of the columns, for --verbose."""
        label = [] if self.label is None else [self.label]
        parts = []
        for kind, columns in (("columns", self.chosen), ("target", label), ("kept", self.kept)):
            some = columns[:11]  # one more than are shown; an array may claim any number
            names = [(self.names[i] if self.names else "") or str(i + 1) for i in some]
            parts += [f"{kind}: {listed(names)}"] if names else []
        return "; ".join([*parts, *["read downwards"] * self.transposed])

    def is_suspect(self, column: int) -> bool:
        """Return whether the name of a column is hardly that of a class."""
        return bool(self.names) and self.names[column].casefold() in _SUSPECTS


def row_shape(settings: InputSettings, names: Sequence[str], width: int, source: str) -> RowShape:
    """Return the shape of rows of `width` cells; a label is no part of the vector."""
    label = None
    if (target := settings.target_column) is not None:
        found = _resolve(target, names, range(width), source, width)
        if len(found) != 1:
            raise UsageError(f"--target-column {target} names {len(found)} columns, not one")
        label = found[0]
    kept = _resolve(settings.keep, names, range(width), source, width) if settings.keep else []
    # A first column without a name holds the row names.
    has_row_names = names[:1] == [""] and width > 1
    chosen: Sequence[int] = range(int(has_row_names), width)
    if kept:
        copied = set(kept)
        chosen = [i for i in chosen if i not in copied]
    if settings.columns:
        chosen = _resolve(settings.columns, names, chosen or range(width), source, width)
    if label is not None:
        chosen = [i for i in chosen if i != label]
    if not chosen:
        hint = "choose its columns with -c"
        raise DataError(f"{source}: no columns are left for the vector", hint)
    adjacent = range(chosen[0], chosen[0] + len(chosen))
    if isinstance(chosen, list) and chosen == list(adjacent):
        chosen = adjacent
    is_lone = len(chosen) == 1 and label is None
    transposed = settings.axis == "column" or (settings.axis is None and is_lone)
    return RowShape(width, chosen, label, kept, names, transposed, settings.decimal or ".")


def is_numbered(spec: str) -> bool:
    """Return whether every item of the list could be a number or a range."""
    return all(_RANGE.match(item.removeprefix("!")) for item in split_names(spec))


def split_names(spec: str) -> list[str]:
    """Return the items of a list separated by commas; a name with a comma stands in quotes."""
    import csv
    import io

    rows = csv.reader(io.StringIO(spec, newline=""), skipinitialspace=True)
    return [item.strip() for row in rows for item in row]


def _resolve(
    spec: str, names: Sequence[str], every: Sequence[int], source: str, width: int
) -> list[int]:
    """Return the columns in a list such as 'id,2-5,cat:owl', or `every` one but those in '!id'."""
    chosen: list[int] = []
    left_out: list[int] = []
    for item in split_names(spec):
        is_left_out = item.startswith("!") and item not in names
        found = left_out if is_left_out else chosen
        found += _columns(item[is_left_out:], names, width, source)
    if left_out and chosen and spec.startswith("!"):
        raise UsageError(f"{spec!r} leaves out one column and takes others: ! is for one item")
    unwanted = set(left_out)
    return [i for i in chosen or every if i not in unwanted]


def _columns(item: str, names: Sequence[str], width: int, source: str) -> Sequence[int]:
    """Return the columns of a name, else of a number or a range of either."""
    named = [i for i, name in enumerate(names) if name == item]
    if len(named) > 1:
        both = f"{shown(item)} is the name of columns {named[0] + 1} and {named[1] + 1}"
        raise DataError(f"{source}: {both}", "choose one by its number")
    if named:
        return named
    if match := _RANGE.match(item):
        first, last = int(match[1]), int(match[3] or (width if match[2] else match[1]))
        if not 1 <= first <= last <= width:
            number = "columns" if match[2] else "column"
            raise DataError(f"{source}: no {number} {item}: the input has {width}")
        return range(first - 1, last)
    start, _, end = item.partition(":")
    if start in names and end in names:
        first, last = (_columns(name, names, width, source)[0] for name in (start, end))
        if first > last:
            raise DataError(f"{source}: no columns {item}: {shown(end)} comes first")
        return range(first, last + 1)
    missing = end if start in names else start if end in names else item
    hint = did_you_mean(missing, names) or f"the columns are {listed(names)}"
    if not names:
        hint = "there is no header: use numbers from 1 and ranges, or --header"
    raise DataError(f"{source}: no column named {shown(missing)}", hint)
