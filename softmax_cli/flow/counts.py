"""How often classes occur, from a list or a file."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from softmax_cli.errors import DataError
from softmax_cli.flow.naming import order_by_names
from softmax_cli.flow.pairs import check_usable
from softmax_cli.input.counts import open_counts
from softmax_cli.input.numbers import is_list, parse_list

if TYPE_CHECKING:
    from softmax_cli.core.doubledouble import Floats


class Counts(NamedTuple):
    """A count for each class.

    Attributes
    ----------
    values : array, shape (classes,)
        Finite and positive.
    names : sequence of str or None
        The classes' names, where a file has them.
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
        strange = "a class named {}, which the rows do not have"
        order = order_by_names(names, self.names, strange, option)
        return self.values if order is None else self.values[order]


def read_counts(text: str, option: str) -> Counts:
    """Counts typed as a list, or of a file: one row, one column, or a name and a count a line.

    Raises
    ------
    DataError
        The file can't be read or is none of these, or a count is not positive.
    """
    if is_list(text):
        return Counts(_checked(np.array(parse_list(text, option)), option))
    try:
        rows = open_counts(text)
    except DataError as error:
        error.hint = error.hint or f"{option} takes counts as a list or a file"
        raise
    place = f"{option} {text}"
    blocks = list(rows.blocks)
    for block in blocks:
        check_usable(block)
    values = np.concatenate([block.values for block in blocks])
    if blocks[0].labels is not None:
        names = tuple(chain.from_iterable(block.labels or [] for block in blocks))
        return Counts(_checked(values[:, 0], place), names)
    if len(values) != 1:
        shape = f"{len(values)} rows of {values.shape[1]} numbers"
        raise DataError(f"{place}: {shape}", "counts are one row, or one column")
    return Counts(_checked(values[0], place), None if rows.downwards else rows.names)


def _checked(counts: Floats, place: str) -> Floats:
    wrong = np.flatnonzero(~(np.isfinite(counts) & (counts > 0)))
    if len(wrong):
        number = f"count {wrong[0] + 1} is {counts[wrong[0]]:g}"
        raise DataError(f"{place}: {number}, and counts are finite and greater than 0")
    return counts
