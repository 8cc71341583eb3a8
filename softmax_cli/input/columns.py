"""Columns by name, number and range."""

from __future__ import annotations

import re
from collections.abc import Sequence

from softmax_cli.errors import DataError, UsageError
from softmax_cli.input.numbers import shown

_RANGE = re.compile(r"(\d+)(-?)(\d*)\Z")


def resolve(spec: str, names: Sequence[str] | None, width: int, source: str) -> list[int]:
    """Indices, from 0, of the columns that a list such as 'id,2-5,7-' asks for, in its order.

    An exact name wins over a number or a range.

    Raises
    ------
    DataError
        There is no such column, or more than one of a name.
    """
    chosen: list[int] = []
    for item in split_names(spec):
        if names is not None and item in names:
            chosen.append(_named(item, names, source))
        else:
            chosen.extend(_numbered(item, names, width, source))
    return chosen


def is_numbered(spec: str) -> bool:
    """Whether every item of the list could be a number or a range."""
    return all(_range(item) is not None for item in split_names(spec))


def split_names(spec: str) -> list[str]:
    """The items of a list separated by commas; a name with a comma stands in quotes.

    Raises
    ------
    UsageError
        There is more than one line, outside quotes.
    """
    import csv
    import io

    rows = list(csv.reader(io.StringIO(spec, newline=""), skipinitialspace=True))
    if len(rows) > 1:
        raise UsageError(f"{shown(spec)} is more than one line where a list is expected")
    return [item.strip() for row in rows for item in row]


def _range(item: str) -> tuple[int, int | None] | None:
    """First and last column, from 1, of a number or a range; None for another text."""
    match = _RANGE.match(item)
    if match is None:
        return None
    first = int(match[1])
    if not match[2]:
        return first, first
    return first, int(match[3]) if match[3] else None


def _named(item: str, names: Sequence[str], source: str) -> int:
    found = [i for i, name in enumerate(names) if name == item]
    if len(found) > 1:
        both = f"{found[0] + 1} and {found[1] + 1}"
        raise DataError(f"{source}: {shown(item)} is the name of columns {both}", "a number tells")
    return found[0]


def _numbered(item: str, names: Sequence[str] | None, width: int, source: str) -> list[int]:
    bounds = _range(item)
    if bounds is None:
        raise DataError(f"{source}: no column named {shown(item)}", _known(item, names))
    first, last = bounds[0], width if bounds[1] is None else bounds[1]
    if not 1 <= first <= last <= width:
        number = "columns" if "-" in item else "column"
        raise DataError(f"{source}: no {number} {item}: the input has {width}")
    return list(range(first - 1, last))


def _known(item: str, names: Sequence[str] | None) -> str:
    if names is None:
        return "there is no header, so they are numbers from 1 and ranges; or --header"
    import difflib

    close = difflib.get_close_matches(item, names, n=1)
    return f"did you mean {close[0]!r}?" if close else "the columns are " + ", ".join(names[:10])
