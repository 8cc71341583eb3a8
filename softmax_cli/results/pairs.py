"""Rows beside the rows of another input: P and Q, predictions and targets."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np

from softmax_cli.core.distribution import Distribution
from softmax_cli.core.doubledouble import Floats
from softmax_cli.errors import DataError, UsageError
from softmax_cli.input.numbers import is_list, parse_list
from softmax_cli.input.rows import Block, Locations, Rows, rows_of
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.source import open_rows
from softmax_cli.messages import Notices
from softmax_cli.results.class_names import Names, check_length, order_by_names
from softmax_cli.results.distributions import distribution, distribution_of_other


def first_against_second(rows: Rows) -> Rows:
    """Return the first of two vectors, with the second beside it."""
    two = "P and Q are two vectors; --against gives one Q for all rows, or a file of them"
    blocks = []
    for block in rows.blocks():
        check_usable(block)
        blocks.append(block)
        if sum(len(block.values) for block in blocks) > 2:
            raise UsageError(f"more than two vectors: {two}")
    vectors = [block.part(i, i + 1) for block in blocks for i in range(len(block.values))]
    if len(vectors) != 2:
        raise UsageError(f"only one vector: {two}")
    p, q = vectors
    return rows_of(iter([p._replace(against=q)]), rows)._replace(transposed=False)


def against(rows: Rows, text: str) -> Rows:
    """Return every row with Q beside it: a list, the only row of a file, or a row of it each.

    A file of one column is one vector, as the input is.
    """
    if is_list(text):
        values = np.array(parse_list(text, "--against"))
        return _against_one(rows, values, Locations("--against", [], None))
    blocks = in_order_of(rows.names, open_rows(InputSettings(path=text)), text)
    first = next(blocks)
    second = next(blocks, None) if len(first.values) == 1 else None
    if second is None and len(first.values) == 1:
        check_usable(first)
        return _against_one(rows, first.values[0], Locations(first.locations.at(0), [], None))
    waiting = [first] if second is None else [first, second]
    return rows_of(side_by_side(rows, chain(waiting, blocks), text), rows)


def check_usable(block: Block) -> None:
    """Raise the error of vectors that are not rows among others."""
    if block.row_errors:
        raise block.row_errors[min(block.row_errors)]


def _against_one(rows: Rows, values: Floats, location: Locations) -> Rows:
    def with_one(block: Block) -> Block:
        count = len(block.values)
        many = location._replace(numbers=range(count))
        return block._replace(against=Block(np.broadcast_to(values, (count, len(values))), many))

    return rows.mapped(with_one)


def in_order_of(names: Names, others: Rows, name: str) -> Iterator[Block]:
    """Return another input's blocks, its columns in the order of names where it has names too."""
    unknown = "a column named {}, which the input does not have"
    order = order_by_names(names, others.names, unknown, name)
    if order is None:
        return others.blocks()
    return (block._replace(values=block.values[:, order]) for block in others.blocks())


def side_by_side(rows: Rows, others: Iterator[Block], name: str, hint: str = "") -> Iterator[Block]:
    """Yield every row with the row of another input that has its number.

    Raises `DataError` where one input ends before the other, after the rows before that.
    """
    left: Block | None = None
    for block in rows.blocks():
        done = 0
        while done < len(block.values):
            if left is None or not len(left.values):
                left = next(others, None)
            if left is None:
                location = block.locations.at(done)
                raise DataError(
                    f"{name} has no row for {location}: it ends before the input does", hint
                )
            count = min(len(block.values) - done, len(left.values))
            yield block.part(done, done + count)._replace(against=left.part(0, count))
            left, done = left.part(count, len(left.values)), done + count
    if left is None or not len(left.values):
        left = next(others, None)
    if left is not None:
        raise DataError(f"{left.locations.at(0)}: a row more than the input has")


def pair_of(
    block: Block, kind: str, notices: Notices, *, normalize: bool
) -> tuple[Distribution, Distribution]:
    """Return a block's P and Q; raise `RowErrors` for rows of either that are no distribution."""
    q = checked_against(block)
    return (
        distribution(block, kind, notices, normalize=normalize),
        distribution_of_other(q, kind, notices, normalize=normalize),
    )


def checked_against(block: Block) -> Block:
    """Return the vectors beside a block's; raise `DataError` where they differ in length."""
    q = block.against
    assert q is not None
    location = q.locations.at(0) if len(q.values) else q.locations.name
    check_length(location, q.values.shape[1], block.values.shape[1])
    return q
