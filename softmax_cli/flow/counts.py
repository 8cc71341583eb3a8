"""How often classes occur, from a list or a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from softmax_cli.errors import DataError
from softmax_cli.input.numbers import is_list, parse_list, shown
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.source import open_rows

if TYPE_CHECKING:
    from softmax_cli.core.arithmetic import Floats


class Counts(NamedTuple):
    """A count for each class.

    Attributes
    ----------
    values : array, shape (classes,)
        Finite and positive.
    names : sequence of str or None
        The classes' names, where a file has them as its header.
    """

    values: Floats
    names: Sequence[str] | None = None

    def in_order_of(self, names: Sequence[str] | None, option: str) -> Floats:
        """The counts of classes in an order, where both have names.

        Raises
        ------
        DataError
            The names are not the same.
        """
        if names is None or self.names is None or tuple(names) == tuple(self.names):
            return self.values
        if sorted(names) != sorted(self.names):
            strange = next((name for name in self.names if name not in names), self.names[-1])
            raise DataError(f"{option}: a class named {shown(strange)}, which the rows do not have")
        return self.values[[self.names.index(name) for name in names]]


def read_counts(text: str, option: str) -> Counts:
    """Counts typed as a list, or of a file with one row or one column of them.

    Raises
    ------
    DataError
        The file can't be read or has more than that, or a count is not positive.
    """
    if is_list(text):
        return Counts(_checked(np.array(parse_list(text, option)), option))
    rows = open_rows(InputSettings(path=text))
    vectors = [values for block in rows.blocks for values in block.values]
    if len(vectors) != 1:
        shape = f"{len(vectors)} rows of {len(vectors[0])}"
        raise DataError(f"{option} {text}: {shape} numbers", "counts are one row, or one column")
    return Counts(_checked(vectors[0], f"{option} {text}"), None if rows.downwards else rows.names)


def _checked(counts: Floats, place: str) -> Floats:
    if not (np.isfinite(counts) & (counts > 0)).all():
        raise DataError(f"{place}: counts are finite and greater than 0")
    return counts
