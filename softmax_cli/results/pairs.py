"""Rows as distributions, and paired with rows of another input: P and Q, or targets."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import numpy as np

from softmax_cli.core.doubledouble import Floats
from softmax_cli.core.probabilities import WARNING_TOLERANCE, Distribution, Masses, Probabilities
from softmax_cli.core.softmax import Logits, from_log_probabilities
from softmax_cli.errors import DataError, RowErrors, SumError, UsageError
from softmax_cli.input.formats import open_rows
from softmax_cli.input.numbers import is_list, parse_list, shown
from softmax_cli.input.rows import Block, Locations, Rows, rows_of
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.stream import input_name
from softmax_cli.messages import Notices
from softmax_cli.output.fields import Names


def against(rows: Rows, text: str | None) -> Rows:
    """Return the rows, each paired with Q: a list, a file's only row, or its row in the same place.

    A file of one column is one vector, as in the input. Without a text, the rows are two vectors,
    P and Q.
    """
    if text is None:
        return _first_against_second(rows)
    if is_list(text):
        return against_one(rows, np.array(parse_list(text, "--against")), "--against")
    name = input_name(text)
    blocks = in_order_of(rows.names, open_rows(InputSettings(path=text)), name)
    waiting = [next(blocks)]
    if len(waiting[0].values) == 1:
        waiting += islice(blocks, 1)
        if len(waiting) == 1:
            if waiting[0].row_errors:
                raise RowErrors(waiting[0].row_errors)
            return against_one(rows, waiting[0].values[0], waiting[0].locations.at(0))
    return rows_of(side_by_side(rows, chain(waiting, blocks), name), rows)


def _first_against_second(rows: Rows) -> Rows:
    blocks = rows.blocks()
    each = (block.take(slice(i, i + 1)) for block in blocks for i in range(len(block.values)))
    vectors = list(islice(each, 3))
    if len(vectors) != 2:
        how = "write both as arguments, kl 0.5,0.5 0.9,0.1, or give Q with --against"
        number = "more than two vectors" if len(vectors) > 1 else "only one vector"
        raise UsageError(f"{number}: {how}")
    p, q = vectors
    return rows_of(iter([p._replace(against=q)]), rows)._replace(transposed=False)


def against_one(rows: Rows, values: Floats, name: str) -> Rows:
    """Return the rows, each paired with the same vector."""

    def parse(chunk: Any) -> Block:
        block = rows.parse(chunk)
        count = len(block.values)
        others = np.broadcast_to(values, (count, len(values)))
        return block._replace(against=Block(others, Locations(name, range(count), None)))

    return rows._replace(parse=parse)


def order_by_names(names: Names, others: Names, where: str) -> list[int] | slice:
    """Return the index of each name among others; all if the order is the same or names miss.

    Raises `DataError`, with the location of the others, if they have other names.
    """
    if names is None or others is None or tuple(names) == tuple(others):
        return slice(None)
    if sorted(names) != sorted(others):
        alone = next((name for name in others if name not in names), others[-1])
        raise DataError(f"{where}: {shown(alone)} is not a column of the input")
    return [others.index(name) for name in names]


def in_order_of(names: Names, others: Rows, name: str) -> Iterator[Block]:
    """Return another input's blocks, its columns reordered by names if it has names, too."""
    order = order_by_names(names, others.names, name)
    return (block._replace(values=block.values[:, order]) for block in others.blocks())


def side_by_side(rows: Rows, others: Iterator[Block], name: str, hint: str = "") -> Iterator[Block]:
    """Yield rows paired with the rows of another input that have the same numbers.

    Raises `DataError`, after the last pair, if one input ends before the other.
    """
    other: Block | None = None
    for block in rows.blocks():
        left = block
        while len(left.values):
            if other is None or not len(other.values):
                other = next(others, None)
            if other is None:
                location = left.locations.at(0)
                text = f"{name} has no row for {location}: it ends before the input does"
                raise DataError(text, hint)
            count = min(len(left.values), len(other.values))
            yield left.take(slice(count))._replace(against=other.take(slice(count)))
            left = left.take(slice(count, None))._replace(left_out=())
            other = other.take(slice(count, None))
    if other is None or not len(other.values):
        other = next(others, None)
    if other is not None:
        raise DataError(f"{other.locations.at(0)}: one row more than the input has")


def check_length(what: str, length: int, classes: int) -> None:
    """Raise `DataError` unless `length`, that of `what`, is the number of classes."""
    if length != classes:
        raise DataError(f"{what} has {length} numbers, and the rows have {classes} classes")


def checked_against(block: Block) -> Block:
    """Return the block paired with a block; raise `DataError` if vectors differ in length."""
    q = block.against
    assert q is not None
    location = q.locations.at(0) if len(q.values) else q.locations.name
    check_length(location, q.values.shape[1], block.values.shape[1])
    return q


def distribution(
    block: Block, kind: str, notices: Notices, normalize: bool, temperature: float = 1.0
) -> Distribution:
    """Return rows of logits, probs, logprobs, masses or targets as distributions.

    Warns of sums that are off by more than rounding. Raises `RowErrors`, with locations, for
    unusable rows.
    """
    values = block.values
    result: Logits | Probabilities
    try:
        if kind == "logits":
            return Logits(values, temperature=temperature)
        if kind == "masses":
            return Masses(values)
        if kind == "logprobs":
            result = from_log_probabilities(values, normalize=normalize)
            sums = np.exp(result.logsumexp())
        else:
            result = Probabilities(values, normalize=normalize)
            sums = result.sums
    except RowErrors as raised:
        for row, error in raised.errors.items():
            error.location = block.locations.at(row)
            if isinstance(error, SumError):
                error.hint = "--normalize divides by the sum"
            elif kind == "probs" and values[row].min() < 0:
                error.hint = "for logits add --from logits"
        raise
    off = np.flatnonzero(np.abs(sums - 1) > WARNING_TOLERANCE)
    if len(off) and not normalize:
        message = f"probabilities sum to {sums[off[0]]:.6g}; they were divided by it"
        kind = f"sum of {block.locations.name}"
        notices.add(kind, block.locations.at(int(off[0])), message, len(off))
    return result
