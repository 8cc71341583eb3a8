"""Classes from numbers to names and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from softmax_cli.errors import DataError
from softmax_cli.input.numbers import is_number, shown

Names = Sequence[str] | None


def class_names(indices: NDArray[np.intp], names: Names) -> NDArray[np.object_] | NDArray[np.intp]:
    """Return the name of each class, or its index where classes have no names."""
    return indices if names is None else np.array(names, dtype=object)[indices]


def check_length(what: str, length: int, classes: int) -> None:
    """Raise `DataError` unless something has a number for each class."""
    if length != classes:
        raise DataError(f"{what} has {length} numbers, and the rows have {classes} classes")


def order_by_names(names: Names, others: Names, unknown: str, where: str) -> list[int] | None:
    """Return where each name stands among others; None where both are alike, or one has none.

    Raises `DataError` where the names are not the same; `unknown` is the text about a name that
    only the others have, which stands for '{}', and `where` their location.
    """
    if names is None or others is None or tuple(names) == tuple(others):
        return None
    if sorted(names) != sorted(others):
        alone = next((name for name in others if name not in names), others[-1])
        raise DataError(f"{where}: {unknown.format(shown(alone))}")
    return [others.index(name) for name in names]


def ragged(rows: Iterable[object]) -> NDArray[np.object_]:
    """Return an array of lists or arrays as objects, also where they have equal lengths."""
    return np.fromiter(rows, np.object_)


class Classes:
    """Reads a class as typed or found in a cell: an exact name, else an index from 0."""

    def __init__(self, names: Names, count: int) -> None:
        self._indices: dict[str, int] = {}
        self._duplicates: dict[str, int] = {}
        for i, name in enumerate(names or ()):
            if self._indices.setdefault(name, i) != i:
                self._duplicates.setdefault(name, i)
        self._count = count

    def index(self, text: str) -> int:
        """Return the index of a class; raise `DataError` for none, or more than one."""
        text = text.strip()
        if text in self._duplicates:
            both = f"{self._indices[text]} and {self._duplicates[text]}"
            raise DataError(
                f"{shown(text)} is the name of classes {both}", "choose one by its index"
            )
        if text in self._indices:
            return self._indices[text]
        if is_number(text) and float(text).is_integer():  # '3.0', as a float column has it
            if 0 <= float(text) < self._count:
                return int(float(text))
            raise DataError(f"label {text} is out of range: the classes are 0 to {self._count - 1}")
        import difflib

        near = difflib.get_close_matches(text, self._indices, n=1)
        known = ", ".join(list(self._indices)[:10]) or f"0 to {self._count - 1}"
        hint = f"did you mean {near[0]!r}?" if near else f"the classes are {known}"
        raise DataError(f"{shown(text)} is not a class", hint)
