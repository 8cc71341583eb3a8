"""Blocks of rows become fields; what becomes of the rows that can't be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np

from softmax_cli.errors import DataError, RowError, RowErrors
from softmax_cli.flow.naming import check_names
from softmax_cli.input.shape import none_usable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from softmax_cli.input.rows import Block, Rows
    from softmax_cli.messages import Notices
    from softmax_cli.output.progress import Progress
    from softmax_cli.output.results import Fields, Summary, Values

    # A block's fields, each computed when it is asked for.
    LazyFields = Mapping[str, Callable[[], Values]]
    Compute = Callable[[Block], LazyFields]

# Fields that say which record of a row it is, also of a row of nan
_STRUCTURE: Final = frozenset({"method", "dtype", "temperature"})


class Tally(Protocol):
    """A running summary of all vectors.

    Attributes
    ----------
    fields : frozenset of str
        The fields it needs of each vector.
    """

    @property
    def fields(self) -> frozenset[str]:
        """Names of fields."""

    def add(self, fields: Fields) -> None:
        """Count some vectors in."""

    def summary(self) -> Summary:
        """What is known so far."""


class Result(NamedTuple):
    """What is made of a block's rows.

    Attributes
    ----------
    shown : Fields
        Those to be written.
    counted : Fields or None
        Those of the rows that can be used, if there are any.
    """

    shown: Fields
    counted: Fields | None


class Computation:
    """What is made of each block of rows, which may have one that can't be used.

    Such a row ends the work, or it is noted: then a row of nan stands for it, or nothing.

    Parameters
    ----------
    rows : Rows
    compute : callable
    wanted : frozenset of str
        Names of fields.
    notices : Notices
    fills : bool
        Whether there is a place for rows of nan.

    Attributes
    ----------
    count : int
        How many rows there have been.
    """

    def __init__(
        self,
        rows: Rows,
        compute: Compute,
        wanted: frozenset[str],
        notices: Notices,
        *,
        fills: bool = True,
    ) -> None:
        self._rows = rows
        self._compute = compute
        self._wanted = wanted
        self._notices = notices
        self._fills = fills and rows.invalid == "nan"
        self.count = 0
        # The records of the first row that could be used, and what came before it
        self._pattern: Fields | None = None
        self._waiting: list[Block] = []
        self._faults: list[DataError] = []

    def has_begun(self) -> bool:
        """Whether no row waits for the first that can be used."""
        return self._rows.invalid == "error" or self._pattern is not None

    def results(
        self, blocks: Iterator[Block], progress: Progress | None = None
    ) -> Iterator[Result]:
        """Each block's fields.

        Raises
        ------
        DataError
            A row can't be used and may not be left out, or none can be used. The fields of the
            rows before it have been given.
        """
        for block in with_numbers(blocks, self.count):
            self.count += len(block.values)
            check_names(self._rows.names, block.values.shape[1])
            if progress is not None:
                progress.add(len(block.values))
            if self._rows.invalid == "error":
                yield from self._until_fault(block)
            else:
                yield from self._without_faults(block)
        if self._faults and self._pattern is None:
            self._notices.forget_unusable()
            raise none_usable(self._faults)

    def _until_fault(self, block: Block) -> Iterator[Result]:
        """The fields of the rows before the first that can't be used, and then its error."""
        fault: DataError | None = None
        if faults := block.all_faults():
            row = min(faults)
            block, fault = block.head(row), faults[row]
        fields = None
        while len(block.values) and fields is None:
            try:
                fields = self._computed(block)
            except (RowError, RowErrors) as error:
                fault = _placed(error, block)
                block = block.head(error.row)
        if fields is not None:
            yield Result(fields, fields)
        if fault is not None:
            raise fault

    def _without_faults(self, block: Block) -> Iterator[Result]:
        """The fields of the rows that can be used, with nan for the others if they are to be."""
        faults = block.all_faults()
        usable = np.setdiff1d(np.arange(len(block.values)), list(faults))
        parts = list(self._parts(block, usable, faults))
        for fault in (*block.left_out, *(faults[row] for row in sorted(faults))):
            self._notices.add_unusable(fault.message)
            if self._pattern is None:
                self._faults.append(fault)
        fields = _joined([fields for _, fields in parts])
        if self._pattern is None and fields is not None:
            each = len(next(iter(fields.values()))) // sum(len(rows) for rows, _ in parts)
            self._pattern = {key: values[:each] for key, values in fields.items()}
        if not self._fills or not (faults or self._waiting):
            if fields is not None:
                yield Result(fields, fields)
            return
        if self._pattern is None:
            self._waiting.append(block)
            return
        for waiting in self._waiting:
            yield Result(_filled(self._pattern, None, np.empty(0, np.intp), waiting), None)
        self._waiting = []
        good = np.concatenate([rows for rows, _ in parts]) if parts else np.empty(0, np.intp)
        yield Result(_filled(self._pattern, fields, good, block), fields)

    def _parts(
        self, block: Block, rows: NDArray[np.intp], faults: dict[int, DataError]
    ) -> Iterator[tuple[NDArray[np.intp], Fields]]:
        """Rows that can be used, in groups, with their fields; what is wrong with others."""
        if not len(rows):
            return
        try:
            some = block.rows_at(rows) if len(rows) < len(block.values) else block
            yield rows, self._computed(some)
        except (RowError, RowErrors) as error:
            faults[int(rows[error.row])] = _placed(error, some)
            # Halves, as each of many rows may have a fault
            after = error.row + 1 + (len(rows) - error.row) // 2
            yield from self._parts(block, rows[: error.row], faults)
            yield from self._parts(block, rows[error.row + 1 : after], faults)
            yield from self._parts(block, rows[after:], faults)

    def _computed(self, block: Block) -> Fields:
        """The fields of rows, counted in; of what is noted nothing is left if one has a fault."""
        earlier = self._notices.take()
        try:
            lazy: LazyFields = {"kept": _kept(block), **self._compute(block)}
            fields = {key: lazy[key]() for key in self._wanted}
        except (RowError, RowErrors):
            self._notices.take()
            raise
        finally:
            own = self._notices.take()
            self._notices.merge(earlier)
            self._notices.merge(own)
        return fields


def with_numbers(blocks: Iterator[Block], before: int) -> Iterator[Block]:
    """The blocks with the numbers of their rows, but for those that have them.

    Parameters
    ----------
    blocks : iterator of Block
    before : int
        How many rows there were.
    """
    for block in blocks:
        start = before + 1
        before += len(block.values)
        if block.numbers is None:
            yield block._replace(numbers=np.arange(start, before + 1))
        else:
            yield block


def _placed(error: RowError | RowErrors, block: Block) -> DataError:
    """A row's error, with its place."""
    column = f":{error.column}" if error.column else ""
    place = error.place or f"{block.places[error.row]}{column}"
    placed = DataError(f"{place}: {error.message}", error.hint)
    placed.__cause__ = error
    return placed


def _kept(block: Block) -> Callable[[], Values]:
    def kept() -> Values:
        assert block.kept is not None
        return block.kept

    return kept


def _joined(parts: list[Fields]) -> Fields | None:
    if len(parts) < 2:
        return parts[0] if parts else None
    return {key: np.concatenate([fields[key] for fields in parts]) for key in parts[0]}


def _filled(pattern: Fields, fields: Fields | None, good: NDArray[np.intp], block: Block) -> Fields:
    """The fields of all rows of a block, in the place of those that can't be used nan.

    Parameters
    ----------
    pattern : Fields
        The records of any row.
    fields : Fields or None
        Those of the good rows, if there are any.
    good : array of int
    """
    filled: dict[str, Values] = {}
    count = len(block.values)
    for key, records in pattern.items():
        each = len(records)
        dtype = np.dtype(float) if records.dtype.kind == "f" else np.dtype(object)
        whole = np.empty((count, *records.shape), dtype)
        whole[...] = "nan" if records.dtype.kind in "OU" else np.nan
        if key in _STRUCTURE:
            whole[...] = records
        elif key == "row" and block.numbers is not None:
            whole[...] = block.numbers[:, None]
        elif key == "kept" and block.kept is not None:
            whole[...] = block.kept[:, None]
        if fields is not None:
            whole[good] = fields[key].reshape(len(good), *records.shape)
        filled[key] = whole.reshape(count * each, *records.shape[1:])
    return filled
