"""How often classes occur, from a list or a file."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from softmax_cli.core.doubledouble import Floats
from softmax_cli.errors import DataError
from softmax_cli.input.formats import open_rows
from softmax_cli.input.numbers import is_list, parse_list
from softmax_cli.input.settings import InputSettings
from softmax_cli.results.class_names import Names, order_by_names
from softmax_cli.results.pairs import check_usable


class Counts(NamedTuple):
    """A count for each class, finite and positive, shape (classes,); and the names in its file."""

    values: Floats
    names: Sequence[str] | None = None

    def in_order_of(self, names: Names, option: str) -> Floats:
        """Return the counts in an order of classes, where both have names."""
        unknown = "a class named {}, which the rows do not have"
        order = order_by_names(names, self.names, unknown, option)
        return self.values if order is None else self.values[order]


def read_counts(text: str, option: str) -> Counts:
    """Return counts typed as a list, or of a file: a row, a column, or a name and a count a line.

    Raises `DataError` for another file, or counts that are not positive.
    """
    if is_list(text):
        return Counts(_checked(np.array(parse_list(text, option)), option))
    try:
        rows = open_rows(InputSettings(path=text), kind="counts")
    except DataError as error:
        error.hint = error.hint or f"{option} takes counts as a list or a file"
        raise
    location = f"{option} {text}"
    blocks = list(rows.blocks())
    for block in blocks:
        check_usable(block)
    values = np.concatenate([block.values for block in blocks])
    if blocks[0].labels is not None:
        names = tuple(chain.from_iterable(block.labels or [] for block in blocks))
        return Counts(_checked(values[:, 0], location), names)
    if len(values) != 1:
        shape = f"{len(values)} rows of {values.shape[1]} numbers"
        raise DataError(shape, "counts are one row, or one column", location)
    return Counts(_checked(values[0], location), None if rows.transposed else rows.names)


def _checked(counts: Floats, location: str) -> Floats:
    wrong = np.flatnonzero(~(np.isfinite(counts) & (counts > 0)))
    if len(wrong):
        number = f"count {wrong[0] + 1} is {counts[wrong[0]]:g}"
        raise DataError(f"{location}: {number}, and counts are finite and greater than 0")
    return counts
