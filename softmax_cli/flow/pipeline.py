"""What every command does with its rows: compute a block, write it, count it in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from softmax_cli.errors import DataError, RowError
from softmax_cli.input.rows import Divisible
from softmax_cli.output.progress import Progress
from softmax_cli.output.results import Shape, TextWriter, Writer

if TYPE_CHECKING:
    from softmax_cli.input.rows import Block, Rows
    from softmax_cli.messages import Notices
    from softmax_cli.output.results import Fields, Summary, Values

    # A block's fields, each computed when it is asked for.
    LazyFields = Mapping[str, Callable[[], Values]]
    Compute = Callable[[Block], LazyFields]


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


def shape_of(rows: Rows) -> Shape:
    """What a writer must know of the input."""
    return Shape(rows.names, rows.header, rows.downwards, rows.column_names)


def write_rows(
    rows: Rows,
    compute: Compute,
    writer: Writer,
    tally: Tally,
    *,
    always: bool = False,
    notices: Notices | None = None,
) -> None:
    """Write each vector's results as soon as they are there, then the summary.

    Parameters
    ----------
    rows, compute, writer
        What is to be done.
    tally : Tally
        Kept where the writer shows it, or `always`.
    always : bool
    notices : Notices, optional
        Where `compute` notes what it finds, if that is all that a block leaves behind. Then
        several processes may share the blocks.

    Raises
    ------
    DataError
        A row can't be used; the rows before it have been written.
    """
    counts = always or writer.summarises
    wanted = writer.fields | (tally.fields if counts else frozenset())
    shared = None if counts or notices is None else _shared(rows, compute, writer, notices)
    try:
        with _progress(rows, streams=writer.streams) as progress:
            for fields in _computed(rows, compute, wanted, progress):
                if counts:
                    tally.add(fields)
                writer.write(fields)
                if shared is not None and shared(progress):
                    break
    except DataError:
        writer.close(None)
        raise
    writer.close(tally.summary() if counts else {})


@contextmanager
def _progress(rows: Rows, *, streams: bool) -> Iterator[Progress]:
    """How far the reading of the rows is; their input is closed at the end, also by an error."""
    opened = rows.opened
    if opened is None:
        with Progress(None, streams=streams) as progress:
            yield progress
        return
    with opened.file, Progress(opened.done if opened.size else None, streams=streams) as progress:
        yield progress


def _shared(
    rows: Rows, compute: Compute, writer: Writer, notices: Notices
) -> Callable[[Progress], bool] | None:
    """What shares the rows that are left among processes and says whether it did, if any can."""
    blocks = rows.blocks
    if not isinstance(blocks, Divisible) or not isinstance(writer, TextWriter):
        return None

    def texts(blocks: Iterator[Block]) -> Iterator[bytes]:
        for fields in _computed(rows._replace(blocks=blocks), compute, writer.fields):
            yield from writer.texts(fields)

    def share(progress: Progress) -> bool:
        division = blocks.division()
        if division is None:
            return False
        from softmax_cli.flow.workers import write_divided

        write_divided(division, texts, notices, progress)
        return True

    return share


def reduce_rows(
    rows: Rows, compute: Compute, writer: Writer, tally: Tally, *, field: str, item: str
) -> None:
    """Write one number for all vectors: an item of the summary, under a field's name.

    Raises
    ------
    DataError
        A row can't be used.
    """
    with _progress(rows, streams=False) as progress:
        for fields in _computed(rows, compute, tally.fields, progress):
            tally.add(fields)
    summary = tally.summary()
    writer.reduce(field, summary[item], summary)


def _computed(
    rows: Rows, compute: Compute, wanted: frozenset[str], progress: Progress | None = None
) -> Iterator[Fields]:
    """Each block's fields; of a block with a bad row those before it, and then the error."""
    for block in rows.blocks:
        _check_names(rows, block)
        try:
            yield _evaluated(compute(block), wanted)
            if progress is not None:
                progress.add(len(block.values))
        except RowError as error:
            if error.row:
                yield _evaluated(compute(block.head(error.row)), wanted)
            column = f":{error.column}" if error.column else ""
            place = f"{block.places[error.row]}{column}"
            raise DataError(f"{place}: {error.message}", error.hint) from error


def _evaluated(lazy: LazyFields, wanted: frozenset[str]) -> Fields:
    return {key: lazy[key]() for key in wanted}


def _check_names(rows: Rows, block: Block) -> None:
    classes = block.values.shape[1]
    if rows.names is not None and len(rows.names) != classes:
        raise DataError(f"--names gives {len(rows.names)} names for {classes} classes")
