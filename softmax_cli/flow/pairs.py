"""Vectors in pairs, P and the Q that it is held against."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

from softmax_cli.errors import DataError, RowError, RowErrors, UsageError
from softmax_cli.flow.distributions import distribution
from softmax_cli.flow.naming import check_length, order_by_names
from softmax_cli.input.numbers import is_list, parse_list
from softmax_cli.input.rows import Block, Rows
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.source import open_rows

if TYPE_CHECKING:
    from softmax_cli.core.doubledouble import Floats
    from softmax_cli.core.probabilities import Distribution
    from softmax_cli.messages import Notices


def against_second(rows: Rows) -> Rows:
    """The first of two vectors, held against the second.

    Raises
    ------
    UsageError
        There are not two of them.
    """
    two = "P and Q are two vectors; --against gives one Q for all rows, or a file of them"
    blocks = []
    for block in rows.blocks:
        check_usable(block)
        blocks.append(block)
        if sum(len(block.values) for block in blocks) > 2:
            raise UsageError(f"more than two vectors: {two}")
    values = np.concatenate([block.values for block in blocks])
    places = list(islice(chain.from_iterable(block.places for block in blocks), 2))
    if len(values) != 2:
        raise UsageError(f"only one vector: {two}")
    q = Block(values[1:], places[1:])
    p = blocks[0].head(1)._replace(against=q)
    return rows._replace(blocks=iter([p]), downwards=False)


def held(rows: Rows, text: str) -> Rows:
    """Every row held against one list, against the only row of a file, or a row of it each.

    A file of one column is one vector, as the input is.

    Raises
    ------
    DataError
        It has another length than the rows, or the file can't be read.
    """
    if is_list(text):
        values = np.array(parse_list(text, "--against"))
        return _held_against_one(rows, values, "--against")
    blocks = in_order_of(rows, open_rows(InputSettings(path=text)), text)
    first = next(blocks)
    second = next(blocks, None) if len(first.values) == 1 else None
    if second is None and len(first.values) == 1:
        check_usable(first)
        return _held_against_one(rows, first.values[0], first.places[0])
    waiting = [first] if second is None else [first, second]
    return rows._replace(blocks=in_step(rows, chain(waiting, blocks), text))


def check_usable(block: Block) -> None:
    """See that vectors that are no rows among others can be used."""
    if block.faults:
        raise block.faults[min(block.faults)]


def _held_against_one(rows: Rows, values: Floats, place: str) -> Rows:
    def held(block: Block) -> Block:
        count = len(block.values)
        q = Block(np.broadcast_to(values, (count, len(values))), [place] * count)
        return block._replace(against=q)

    return rows.mapped(held)


def in_order_of(rows: Rows, others: Rows, name: str) -> Iterator[Block]:
    """Another input's blocks, its columns in the order of the rows' where both have names.

    Raises
    ------
    DataError
        The names are not the same.
    """
    strange = "a column named {}, which the input does not have"
    order = order_by_names(rows.names, others.names, strange, name)
    if order is None:
        return others.blocks
    return (block._replace(values=block.values[:, order]) for block in others.blocks)


def in_step(rows: Rows, others: Iterator[Block], name: str, hint: str = "") -> Iterator[Block]:
    """Every row with the row of another input that stands where it does.

    Raises
    ------
    DataError
        One input ends before the other, once the rows before that have been given.
    """
    left: Block | None = None
    for block in rows.blocks:
        done = 0
        while done < len(block.values):
            if left is None or not len(left.values):
                left = next(others, None)
            if left is None:
                place = block.places[done]
                raise DataError(
                    f"{name} has no row for {place}: it ends before the input does", hint
                )
            count = min(len(block.values) - done, len(left.values))
            yield block.part(done, done + count)._replace(against=left.part(0, count))
            left, done = left.part(count, len(left.values)), done + count
    if left is None or not len(left.values):
        left = next(others, None)
    if left is not None:
        raise DataError(f"{left.places[0]}: a row more than the input has")


def pair_of(
    block: Block, kind: str, notices: Notices, *, normalize: bool
) -> tuple[Distribution, Distribution]:
    """A block's P and Q.

    Raises
    ------
    RowError
        A row of either is no distribution.
    DataError
        P and Q differ in length.
    """
    q = held_against(block)
    return (
        distribution(block.values, kind, block.places, notices, normalize=normalize),
        of_its_own_place(q, kind, notices, normalize=normalize),
    )


def held_against(block: Block) -> Block:
    """The vectors that a block's are held against, of the same length.

    Raises
    ------
    DataError
        They are of another length.
    """
    assert block.against is not None
    check_length(block.against.places[0], block.against.values.shape[1], block.values.shape[1])
    return block.against


def of_its_own_place(block: Block, kind: str, notices: Notices, *, normalize: bool) -> Distribution:
    """Vectors that others are held against as distributions; an error names their own place."""
    try:
        return distribution(block.values, kind, block.places, notices, normalize=normalize)
    except (RowError, RowErrors) as error:
        place = block.places[error.row]
        raise RowError(error.row, error.message, error.hint, place=place) from error
