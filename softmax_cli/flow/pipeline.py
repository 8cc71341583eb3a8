"""What every command does with its rows: compute a block, write it, count it in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING, Protocol

from softmax_cli.errors import DataError, RowError
from softmax_cli.flow.naming import check_names
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
    # What is made of blocks: text to be written, or fields to be counted in
    Pieces = Callable[[Iterator[Block]], Iterator[bytes | Fields]]


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
        Where `compute` notes what it finds, if that is all that a block leaves behind beside
        the tally. Then several processes may share the blocks.

    Raises
    ------
    DataError
        A row can't be used; the rows before it have been written.
    """
    counts = always or writer.summarises
    wanted = writer.fields | (tally.fields if counts else frozenset())

    def pieces(blocks: Iterator[Block]) -> Iterator[bytes | Fields]:
        assert isinstance(writer, TextWriter)
        for fields in computed(rows._replace(blocks=blocks), compute, wanted):
            if counts:
                yield {key: fields[key] for key in tally.fields}
            yield from writer.texts(fields)

    share = _sharing(rows, pieces, tally, notices if isinstance(writer, TextWriter) else None)
    try:
        with progress_of(rows, streams=writer.streams) as progress:
            for fields in computed(rows, compute, wanted, progress):
                if counts:
                    tally.add(fields)
                writer.write(fields)
                if share(progress):
                    break
    except DataError:
        writer.close(None)
        raise
    writer.close(tally.summary() if counts else {})


def progress_of(rows: Rows, *, streams: bool) -> Progress:
    """What tells a person how far the rows are."""
    opened = rows.opened
    is_sized = opened is not None and opened.size
    return Progress(opened.done if opened is not None and is_sized else None, streams=streams)


def _sharing(
    rows: Rows, pieces: Pieces, tally: Tally, notices: Notices | None
) -> Callable[[Progress], bool]:
    """What lets processes go through all rows that are left, if it is worth it, and says so.

    To be asked between two blocks; never before the second, which makes a writer's rows many.
    """
    blocks = rows.blocks
    if notices is None or not isinstance(blocks, Divisible):
        return lambda _: False
    asked = count()

    def share(progress: Progress) -> bool:
        division = blocks.division() if next(asked) else None
        if division is None:
            return False
        from softmax_cli.flow.workers import Work, divide

        divide(division, Work(pieces, tally, notices), progress)
        return True

    return share


def reduce_rows(
    rows: Rows,
    compute: Compute,
    writer: Writer,
    tally: Tally,
    *,
    field: str,
    item: str,
    notices: Notices | None = None,
) -> None:
    """Write one number for all vectors: an item of the summary, under a field's name.

    Parameters
    ----------
    rows, compute, writer, tally, notices
        As for `write_rows`.
    field, item : str

    Raises
    ------
    DataError
        A row can't be used.
    """

    def pieces(blocks: Iterator[Block]) -> Iterator[Fields]:
        return computed(rows._replace(blocks=blocks), compute, tally.fields)

    share = _sharing(rows, pieces, tally, notices)
    with progress_of(rows, streams=False) as progress:
        for fields in computed(rows, compute, tally.fields, progress):
            tally.add(fields)
            if share(progress):
                break
    summary = tally.summary()
    writer.reduce(field, summary[item], summary)


def computed(
    rows: Rows, compute: Compute, wanted: frozenset[str], progress: Progress | None = None
) -> Iterator[Fields]:
    """Each block's fields; of a block with a bad row those before it, and then the error."""
    for block in rows.blocks:
        check_names(rows.names, block.values.shape[1])
        fields, error = _until_error(block, compute, wanted)
        if fields is not None:
            yield fields
        if progress is not None:
            progress.add(len(block.values))
        if error is not None:
            column = f":{error.column}" if error.column else ""
            place = error.place or f"{block.places[error.row]}{column}"
            raise DataError(f"{place}: {error.message}", error.hint) from error


def _until_error(
    block: Block, compute: Compute, wanted: frozenset[str]
) -> tuple[Fields | None, RowError | None]:
    """The fields of the rows before the first bad one, and its error."""
    try:
        return _evaluated(compute(block), wanted), None
    except RowError as error:
        if not error.row:
            return None, error
        fields, earlier = _until_error(block.head(error.row), compute, wanted)
        return fields, earlier or error


def _evaluated(lazy: LazyFields, wanted: frozenset[str]) -> Fields:
    return {key: lazy[key]() for key in wanted}
