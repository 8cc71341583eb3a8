"""Vectors in pairs, P and the Q that it is held against."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

from softmax_cli.errors import DataError, RowError, UsageError
from softmax_cli.flow.distributions import distribution
from softmax_cli.input.numbers import parse_list
from softmax_cli.input.rows import Block, Rows

if TYPE_CHECKING:
    from softmax_cli.core.probabilities import Distribution
    from softmax_cli.messages import Notices


def against_second(rows: Rows) -> Rows:
    """The first of two vectors, held against the second.

    Raises
    ------
    UsageError
        There are not two of them.
    """
    two = "P and Q are two vectors; --against gives one Q for all rows"
    blocks = []
    for block in rows.blocks:
        blocks.append(block)
        if sum(len(block.values) for block in blocks) > 2:
            raise UsageError(f"more than two vectors: {two}")
    values = np.concatenate([block.values for block in blocks])
    places = list(islice(chain.from_iterable(block.places for block in blocks), 2))
    if len(values) != 2:
        raise UsageError(f"only one vector: {two}")
    q = Block(values[1:], places[1:])
    return rows._replace(blocks=iter([Block(values[:1], places[:1], against=q)]), downwards=False)


def against_fixed(rows: Rows, text: str) -> Rows:
    """Every row held against one list.

    Raises
    ------
    DataError
        The list is none, or has another length than the rows.
    """
    values = np.array(parse_list(text, "--against"))

    def blocks() -> Iterator[Block]:
        for block in rows.blocks:
            if block.values.shape[1] != len(values):
                raise DataError(
                    f"--against has length {len(values)} where the rows have "
                    f"{block.values.shape[1]} classes"
                )
            q = Block(
                np.broadcast_to(values, block.values.shape), ["--against"] * len(block.values)
            )
            yield block._replace(against=q)

    return rows._replace(blocks=blocks())


def pair_of(
    block: Block, kind: str, notices: Notices, *, normalize: bool
) -> tuple[Distribution, Distribution]:
    """A block's P and Q.

    Raises
    ------
    RowError
        A row of P is no distribution.
    DataError
        A row of Q is none.
    """
    p = distribution(block.values, kind, block.places, notices, normalize=normalize)
    assert block.against is not None
    try:
        q = distribution(
            block.against.values, kind, block.against.places, notices, normalize=normalize
        )
    except RowError as error:
        place = block.against.places[error.row]
        raise DataError(f"{place}: {error.message}", error.hint) from error
    return p, q
