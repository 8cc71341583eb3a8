"""Classes from numbers to names and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from softmax_cli.errors import DataError
from softmax_cli.input.numbers import is_number, shown


def class_names(
    indices: NDArray[np.intp], names: Sequence[str] | None
) -> NDArray[np.object_] | NDArray[np.intp]:
    """The name of each class, or its index where classes have no names."""
    return indices if names is None else np.array(names, dtype=object)[indices]


def check_length(what: str, length: int, classes: int) -> None:
    """See that something has a number for each class.

    Raises
    ------
    DataError
        It has more, or fewer.
    """
    if length != classes:
        raise DataError(f"{what} has length {length} where the rows have {classes} classes")


def check_names(names: Sequence[str] | None, classes: int) -> None:
    """See that there are as many names as classes, if there are any.

    Raises
    ------
    DataError
        There are more names, or fewer.
    """
    if names is not None and len(names) != classes:
        raise DataError(f"--names gives {len(names)} names for {classes} classes")


def order_by_names(
    names: Sequence[str] | None, others: Sequence[str] | None, strange: str, where: str
) -> list[int] | None:
    """Where each of some names stands among others; None where both are alike, or one has none.

    Parameters
    ----------
    names, others : sequence of str or None
    strange : str
        What is wrong with a name of the others alone, which stands for '{}'.
    where : str
        The place of the others.

    Raises
    ------
    DataError
        The names are not the same.
    """
    if names is None or others is None or tuple(names) == tuple(others):
        return None
    if sorted(names) != sorted(others):
        alone = next((name for name in others if name not in names), others[-1])
        raise DataError(f"{where}: {strange.format(shown(alone))}")
    return [others.index(name) for name in names]


def ragged(rows: Iterable[object]) -> NDArray[np.object_]:
    """An array of lists or arrays, which numpy would take for a table if they are of one length."""
    items = list(rows)
    array = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        array[i] = item
    return array


class Classes:
    """Reads a class as typed or found in a cell: an exact name, else an index from 0."""

    def __init__(self, names: Sequence[str] | None, count: int) -> None:
        self._indices: dict[str, int] = {}
        self._again: dict[str, int] = {}
        for i, name in enumerate(names or ()):
            if self._indices.setdefault(name, i) != i:
                self._again.setdefault(name, i)
        self._count = count

    def index(self, text: str) -> int:
        """The index of a class.

        Raises
        ------
        DataError
            There is no such class, or more than one.
        """
        text = text.strip()
        if text in self._again:
            both = f"{self._indices[text]} and {self._again[text]}"
            raise DataError(f"{shown(text)} is the name of classes {both}", "an index tells them")
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
        raise DataError(f"{shown(text)} is no class", hint)
