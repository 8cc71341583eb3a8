"""Rows as distributions, and beside the rows of another input: P and Q, predictions and targets."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import numpy as np

from softmax_cli.core.doubledouble import Floats
from softmax_cli.core.probabilities import SILENT, Distribution, Masses, Probabilities
from softmax_cli.core.softmax import Logits, from_log_probabilities
from softmax_cli.errors import DataError, RowErrors, UsageError
from softmax_cli.input.formats import open_rows
from softmax_cli.input.numbers import is_list, parse_list, shown
from softmax_cli.input.rows import Block, Locations, Rows, rows_of
from softmax_cli.input.settings import InputSettings
from softmax_cli.notices import Notices
from softmax_cli.output.fields import Names


def against(rows: Rows, text: str | None) -> Rows:
    """Return every row with Q beside it: a list, the only row of a file, or a row of it each.

    A file of one column is one vector, as the input is. None for the first of two vectors, with
    the second beside it.
    """
    if text is None:
        return _first_against_second(rows)
    if is_list(text):
        return _against_one(rows, np.array(parse_list(text, "--against")), "--against")
    blocks = in_order_of(rows.names, open_rows(InputSettings(path=text)), text)
    waiting = [next(blocks)]
    if len(waiting[0].values) == 1:
        waiting += islice(blocks, 1)
        if len(waiting) == 1:
            check_usable(waiting[0])
            return _against_one(rows, waiting[0].values[0], waiting[0].locations.at(0))
    return rows_of(side_by_side(rows, chain(waiting, blocks), text), rows)


def _first_against_second(rows: Rows) -> Rows:
    blocks = []
    for block in rows.blocks():
        check_usable(block)
        blocks.append(block)
        if sum(len(block.values) for block in blocks) > 2:
            raise UsageError("more than two vectors: with several P, give Q with --against")
    vectors = [block.take(slice(i, i + 1)) for block in blocks for i in range(len(block.values))]
    if len(vectors) != 2:
        how = "write P and Q as one argument each, kl 0.5,0.5 0.9,0.1, or give Q with --against"
        raise UsageError(f"only one vector: {how}")
    p, q = vectors
    return rows_of(iter([p._replace(against=q)]), rows)._replace(transposed=False)


def check_usable(block: Block) -> None:
    """Raise the error of vectors that are not rows among others."""
    if block.row_errors:
        raise block.row_errors[min(block.row_errors)]


def _against_one(rows: Rows, values: Floats, name: str) -> Rows:
    def parse(chunk: Any) -> Block:
        block = rows.parse(chunk)
        count = len(block.values)
        others = np.broadcast_to(values, (count, len(values)))
        return block._replace(against=Block(others, Locations(name, range(count), None)))

    return rows._replace(parse=parse)


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
                text = f"{name} has no row for {location}: it ends before the input does"
                raise DataError(text, hint)
            count = min(len(block.values) - done, len(left.values))
            yield block.take(slice(done, done + count))._replace(against=left.take(slice(count)))
            left, done = left.take(slice(count, None)), done + count
    if left is None or not len(left.values):
        left = next(others, None)
    if left is not None:
        raise DataError(f"{left.locations.at(0)}: one row more than the input has")


def check_length(what: str, length: int, classes: int) -> None:
    """Raise `DataError` unless something has a number for each class."""
    if length != classes:
        raise DataError(f"{what} has {length} numbers, and the rows have {classes} classes")


def checked_against(block: Block) -> Block:
    """Return the vectors beside a block's; raise `DataError` where they differ in length."""
    q = block.against
    assert q is not None
    location = q.locations.at(0) if len(q.values) else q.locations.name
    check_length(location, q.values.shape[1], block.values.shape[1])
    return q


def distribution(block: Block, kind: str, notices: Notices, normalize: bool) -> Distribution:
    """Return rows of logits, probs or logprobs as a distribution each, or of masses as they are.

    Sums that are off by more than rounding are noted. Raises `RowErrors` for other rows.
    """
    values = block.values
    if kind == "logits":
        return Logits(values)
    if kind == "masses":
        return Masses(values)
    if kind == "logprobs":
        logits = from_log_probabilities(values, normalize=normalize)
        if not normalize:
            note_sums(np.exp(logits.logsumexp()), block.locations, notices)
        return logits
    probabilities = Probabilities(values, normalize=normalize)
    if not normalize:
        note_sums(probabilities.sums, block.locations, notices)
    return probabilities


def distribution_of_other(
    block: Block, kind: str, notices: Notices, normalize: bool
) -> Distribution:
    """Return rows of another input as distributions; errors have their own location."""
    try:
        return distribution(block, kind, notices, normalize)
    except RowErrors as raised:
        for row, error in raised.errors.items():
            error.location = error.location or block.locations.at(row)
        raise


def note_sums(sums: Floats, locations: Locations, notices: Notices) -> None:
    """Note the rows whose sum is off by more than rounding to six digits explains."""
    off = np.flatnonzero(np.abs(sums - 1) > SILENT)
    if len(off):
        message = f"probabilities sum to {sums[off[0]]:.6g}; they were divided by it"
        notices.add("sum", locations.at(int(off[0])), message, len(off))
