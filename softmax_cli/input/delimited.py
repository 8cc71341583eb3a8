"""Delimited text: its header, and its rows in blocks."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, islice
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from softmax_cli.errors import DataError
from softmax_cli.input.chunks import Lines, Opened, WholeLines, open_input
from softmax_cli.input.columns import is_numbered
from softmax_cli.input.delimiters import cells_of, find_delimiter, split_rows
from softmax_cli.input.division import DivisibleBlocks, Source
from softmax_cli.input.numbers import is_missing, is_number, parse_number, shown
from softmax_cli.input.plain import PlainRows, parse_plain
from softmax_cli.input.rows import Block, Places, Rows
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.shape import RowShape, cells_kept, check_axis, row_shape, turned

# A block's numbers and the handful of arrays made of them fit a processor's cache.
_BLOCK_VALUES: Final = 1 << 13
# Lines that are tried as plain numbers at once, and rows that are read one by one where they are
# not: the fewest, and more than a chunk holds.
_FEW: Final = 8
_MOST: Final = 1 << 20

# A row's cells, or why it has none, with the line it begins on
_Row = tuple[int, "list[str] | DataError"]
_Item = TypeVar("_Item")


def read_delimited(
    settings: InputSettings,
    target_column: str | None = None,
    opened: Opened | None = None,
    *,
    lines: Lines | None = None,
) -> Rows:
    """Find out the dialect of delimited text from its first lines.

    Parameters
    ----------
    settings : InputSettings
    target_column : str, optional
        The column, by name or number, that holds each row's target and leaves the vector.
    opened : Opened, optional
        The input; without it the settings' path is opened.
    lines : Lines, optional
        Its lines, where some have been looked at.

    Raises
    ------
    UsageError
        Options that exclude one another.
    DataError
        There are no rows, or a chosen column is missing; later, from the blocks, a row that
        can't be read.
    """
    opened = opened or open_input(settings.path)
    name = opened.name
    whole = None
    if lines is None:
        whole = WholeLines(opened.pieces())
        lines = Lines(whole, name)
    lines.delimiter = settings.delimiter or find_delimiter(lines)
    rows = _rows(lines, name)
    taken, at = _start(rows, name, settings.invalid)
    first = taken[at][1]
    if isinstance(first, DataError):
        raise first
    if settings.header is not False and _lacks_a_name(first, taken[at + 1 :], lines):
        first = ["", *first]
    names, shape = _header(first, settings, target_column, name)
    table = _Table(name, lines.delimiter, shape)
    check_axis(settings.axis, target_column)
    chosen_names = tuple(names[i] for i in shape.chosen) if names else None
    if names is not None:
        del taken[at]
    blocks = _all_blocks(rows, lines, table, taken, first if names is not None else None)
    form = f"csv, delimiter {lines.delimiter!r}, {'no ' * (names is None)}header"
    found = f"{form}, {shape.described(names, settings.axis)}"
    if shape.is_downwards(settings.axis):
        blocks = turned(blocks, name, settings.invalid)
        return Rows(
            blocks, settings.names, names is not None, True, chosen_names, opened, found=found
        )
    if whole is not None:
        source = Source(opened, whole, lines, table.blocks)
        blocks = DivisibleBlocks(blocks, source, settings.jobs)
    named, kept = settings.names or chosen_names, shape.kept_names(names)
    return Rows(blocks, named, names is not None, opened=opened, kept=kept, found=found)


class _Table(NamedTuple):
    """What the first lines say of the others."""

    name: str
    delimiter: str
    shape: RowShape

    def blocks(self, chunks: Iterator[bytes], line: int) -> Iterator[Block]:
        """Rows of whole lines that follow a line of that number."""
        lines = Lines(chunks, self.name, number=line)
        lines.delimiter = self.delimiter
        return _gathered(_blocks(_rows(lines, self.name), lines, self), lines)


def _rows(lines: Lines, name: str) -> Iterator[_Row]:
    csv.field_size_limit(sys.maxsize)  # an overlong cell is no number, and is told so
    reader = split_rows(lines, lines.delimiter)
    while True:
        row: list[str] | DataError | None
        try:
            row = next(reader, None)
        except csv.Error as error:
            row = lines.fault or DataError(f"{name}:{lines.row_start}: {_explained(str(error))}")
            if "unexpected end" in str(error):  # it has swallowed rows that can be used
                raise row from error
        if row is None:
            return
        lines.between_rows = True
        row, lines.fault = lines.fault or row, None
        yield lines.row_start, row


def _start(rows: Iterator[_Row], name: str, invalid: str) -> tuple[list[_Row], int]:
    """The first rows, and which of them the others are like.

    It is the first unless that may be one that can't be used: then, of three, the first that has
    another's length.

    Raises
    ------
    DataError
        There are no rows.
    """
    taken = list(islice(rows, 1))
    if not taken:
        raise DataError(f"{name}: no rows")
    if invalid == "error":
        return taken, 0
    lengths: list[int | None] = []
    for at in range(3):
        taken += islice(rows, at + 1 - len(taken))
        if at == len(taken):
            break
        cells = taken[at][1]
        length = None if isinstance(cells, DataError) else len(cells)
        if length is not None and length in lengths:
            start = lengths.index(length)
            before = taken[0][1]
            if start == 1 and isinstance(before, list) and len(before) == length - 1:
                start = 0 if not any(map(is_number, before)) else 1  # a header, as below
            return taken, start
        lengths.append(length)
    usable = (at for at, length in enumerate(lengths) if length is not None)
    return taken, next(usable, 0)


def _lacks_a_name(first: list[str], others: list[_Row], lines: Lines) -> bool:
    """Whether a header leaves out what the row names are called, as R's write.table does."""
    if any(map(is_number, first)):
        return False
    if others:
        return isinstance(others[0][1], list) and len(others[0][1]) == len(first) + 1
    return any(len(cells_of(line, lines.delimiter)) == len(first) + 1 for line in lines.peek(1))


def _explained(error: str) -> str:
    """What the csv module means, for one who has not read its source."""
    if "unexpected end" in error:
        return "a quote that is never closed"
    if "new-line" in error:
        return "a carriage return inside a line; lines end with LF or CRLF"
    if "expected after" in error:
        return "text behind a closing quote"
    return error


def _header(
    first: list[str], settings: InputSettings, target_column: str | None, name: str
) -> tuple[list[str] | None, RowShape]:
    """The names in the first row, if that is what it holds, and the shape of every row."""
    given = (settings.columns, settings.keep, target_column)
    specs = [spec for spec in given if spec is not None]
    names = [cell.strip() for cell in first]
    header = settings.header
    if header is None and not all(map(is_numbered, specs)):
        header = True  # a column asked for by name
    if header is None:
        shape = row_shape(settings, target_column, None, len(first), name)
        # pandas leaves the name above its index empty; elsewhere an empty cell is a missing one.
        # Decimal commas make no name of a number.
        texts = (names[i].replace(",", ".", 1) for i in shape.chosen)
        are_numbers = _values([first], shape) is not None
        header = not names[0] or (
            not are_numbers and any(not (is_missing(text) or is_number(text)) for text in texts)
        )
    if not header:
        return None, row_shape(settings, target_column, None, len(first), name)
    return names, row_shape(settings, target_column, names, len(first), name)


def _why_header(first: list[str], shape: RowShape) -> str:
    """Why a first row was taken for a header."""
    named = next((cell for i in shape.chosen if not is_number(cell := first[i])), None)
    reason = f"as {shown(named)} is not a number; " if named is not None else ""
    return f"the first row is one, {reason}--no-header takes it as data"


def _all_blocks(
    rows: Iterator[_Row], lines: Lines, table: _Table, taken: list[_Row], header: list[str] | None
) -> Iterator[Block]:
    """The rows that have been taken, and all others."""
    if taken:
        yield _parsed(taken, table.shape, table.name)
    empty = not taken
    for block in _gathered(_blocks(rows, lines, table), lines):
        yield block
        empty = False
    if empty and header is not None:
        reason = _why_header(header, table.shape)
        raise DataError(f"{table.name}: no rows after the header", reason)


def _blocks(rows: Iterator[_Row], lines: Lines, table: _Table) -> Iterator[Block]:
    """Blocks as large as what has arrived, so that no row waits for a later one."""
    name, delimiter, shape = table
    trial, few = _MOST, _FEW
    while text := lines.ahead(trial):
        plain = parse_plain(text, delimiter, shape)
        if plain is not None:
            count = len(plain.values)
            block = _plain_block(plain, lines.number + 1, shape, name)
            lines.skip(count)
            yield block
            trial, few = max(trial, count * 2), _FEW
        elif (count := text.count(b"\n")) > _FEW:
            trial = count // 4  # what is wrong may be wrong with one row
        else:
            yield from _patient(rows, lines, few, shape, name)
            few = min(few * 2, _MOST)


def _gathered(blocks: Iterator[Block], lines: Lines) -> Iterator[Block]:
    """Small blocks made one, as far as they have arrived: each has its price further on."""
    waiting: list[Block] = []
    failure = None
    while True:
        block, failure = _next_or_failure(blocks)
        if block is None:
            break
        waiting.append(block)
        if sum(block.values.size for block in waiting) >= _BLOCK_VALUES or not lines.ready():
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)
    if failure is not None:
        raise failure


def _next_or_failure(items: Iterator[_Item]) -> tuple[_Item | None, DataError | None]:
    """The next item, if any, or the error in its place: what was read before it comes first."""
    try:
        return next(items, None), None
    except DataError as error:
        return None, error


def _joined(blocks: list[Block]) -> Block:
    if len(blocks) == 1:
        return blocks[0]
    labels = None if blocks[0].labels is None else [x for b in blocks for x in b.labels or ()]
    kept = [block.kept for block in blocks if block.kept is not None]
    return blocks[0]._replace(
        values=np.concatenate([block.values for block in blocks]),
        faults=_all_faults(blocks),
        places=list(chain.from_iterable(block.places for block in blocks)),
        labels=labels,
        kept=np.concatenate(kept) if kept else None,
    )


def _all_faults(blocks: list[Block]) -> dict[int, DataError]:
    starts = accumulate((len(block.values) for block in blocks), initial=0)
    return {
        start + row: fault
        for start, block in zip(starts, blocks, strict=False)
        for row, fault in (block.faults or {}).items()
    }


def _plain_block(plain: PlainRows, line: int, shape: RowShape, name: str) -> Block:
    places = Places(name, range(line, line + len(plain.values)))
    return Block(plain.values, places, plain.labels, shape.label_column(), kept=plain.kept)


def _patient(
    rows: Iterator[_Row], lines: Lines, most: int, shape: RowShape, name: str
) -> Iterator[Block]:
    """At most so many rows of whatever dialect, of those that have arrived; waits for one."""
    waiting: list[_Row] = []
    failure = None
    while len(waiting) < most and len(waiting) * shape.width < _BLOCK_VALUES:
        row, failure = _next_or_failure(rows)
        if row is None:
            break
        waiting.append(row)
        if not lines.ready():
            break
    if waiting:
        yield _parsed(waiting, shape, name)
    if failure is not None:
        raise failure


def _parsed(rows: list[_Row], shape: RowShape, name: str) -> Block:
    """Rows of whatever dialect, and what is wrong with those that can't be used."""
    usable = [cells for _, cells in rows if not isinstance(cells, DataError)]
    values = _values(usable, shape) if len(usable) == len(rows) else None
    faults: dict[int, DataError] = {}
    if values is None:
        faults = {i: fault for i, row in enumerate(rows) if (fault := _fault(row, shape, name))}
        values = np.full((len(rows), len(shape.chosen)), np.nan)
        good = [i for i in range(len(rows)) if i not in faults]
        found = _values([cells for i in good if isinstance(cells := rows[i][1], list)], shape)
        assert found is not None
        values[good] = found
    labels = kept = None
    if shape.label is not None:
        labels = [cell.strip() for (cell,) in _cells_at([shape.label], rows)]
    if shape.kept:
        kept = cells_kept(_cells_at(shape.kept, rows))
    places = Places(name, [line for line, _ in rows])
    return Block(values, places, labels, shape.label_column(), kept=kept, faults=faults)


def _cells_at(columns: Sequence[int], rows: list[_Row]) -> list[list[str]]:
    """Some columns' cells of each row; empty where it has none."""
    return [
        [cells[i] if isinstance(cells, list) and i < len(cells) else "" for i in columns]
        for _, cells in rows
    ]


def _values(rows: Sequence[list[str]], shape: RowShape) -> NDArray[np.float64] | None:
    """The chosen cells as an array, or None if any of them is not a number as it should be."""
    if any(len(cells) != shape.width for cells in rows):
        return None
    if shape.takes_all():
        flat = list(chain.from_iterable(rows))
    else:
        flat = [cells[i] for cells in rows for i in shape.chosen]
    if "_" in "".join(flat):
        return None
    try:
        values = np.fromiter(map(float, flat), np.float64, len(flat))
    except ValueError:
        return None
    return None if np.isnan(values).any() else values.reshape(len(rows), len(shape.chosen))


def _fault(row: _Row, shape: RowShape, name: str) -> DataError | None:
    """What is wrong with a row's first bad cell, if it has one."""
    line, cells = row
    if isinstance(cells, DataError):
        return cells
    chosen = set(shape.chosen)
    for i in range(max(shape.width, len(cells))):
        place = f"{name}:{line}:{i + 1}"
        if i >= len(cells) or i >= shape.width:
            length = f"a row of length {len(cells)} where {shape.width} is expected"
            return DataError(f"{place}: {length}")
        if i in chosen:
            try:
                parse_number(cells[i], place)
            except DataError as error:
                if i == 0 and shape.takes_all() and cells[1:] and all(map(is_number, cells[1:])):
                    error.hint = (
                        error.hint or "names of rows? -c 2- leaves them out, -k 1 copies them"
                    )
                return error
    return None
