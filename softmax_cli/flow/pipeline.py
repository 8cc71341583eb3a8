"""What every command does with its rows: compute a block, write it, count it in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from softmax_cli.errors import DataError, UsageError
from softmax_cli.flow.computing import Computation
from softmax_cli.input.rows import Divisible
from softmax_cli.output.progress import Progress
from softmax_cli.output.results import Shape, SharedWriter, Writer

if TYPE_CHECKING:
    from softmax_cli.flow.computing import Compute, Tally
    from softmax_cli.input.rows import Block, Rows
    from softmax_cli.messages import Notices
    from softmax_cli.output.results import Fields

    # What is made of blocks: text to be written, fields to be counted in, a number of vectors
    Piece = bytes | bytearray | Fields | int
    Pieces = Callable[[Iterator[Block]], Iterator[Piece]]


def shape_of(rows: Rows) -> Shape:
    """What a writer must know of the input."""
    return Shape(
        rows.names, rows.header, rows.downwards, rows.column_names, rows.kept, rows.invalid == "nan"
    )


def write_rows(
    rows: Rows,
    compute: Compute,
    writer: Writer,
    tally: Tally,
    notices: Notices,
    *,
    always: bool = False,
    divides: bool = True,
    numbered: bool = False,
) -> None:
    """Write each vector's results as soon as they are there, then the summary.

    Parameters
    ----------
    rows, compute, writer
        What is to be done.
    tally : Tally
        Kept where the writer shows it, or `always`.
    notices : Notices
        Where `compute` notes what it finds.
    always : bool
    divides : bool
        Whether several processes may share the blocks, as `compute` needs to know of no other.
    numbered : bool
        Whether it needs to know the rows' numbers.

    Raises
    ------
    DataError
        A row can't be used; the rows before it have been written.
    """
    counts = always or writer.summarises
    wanted = writer.fields | (tally.fields if counts else frozenset())
    computation = Computation(rows, compute, wanted, notices)

    texts = writer if divides and isinstance(writer, SharedWriter) else None

    def pieces(blocks: Iterator[Block]) -> Iterator[Piece]:
        assert texts is not None
        for fields, counted in computation.results(blocks):
            if counts and counted is not None:
                yield {key: counted[key] for key in tally.fields}
            yield from texts.texts(fields)
            yield len(next(iter(fields.values())))

    shared = _Shared(pieces, tally, notices, texts, numbered)
    try:
        with progress_of(rows, streams=writer.streams) as progress:
            blocks = rows.blocks
            if texts is not None:
                blocks = _until_shared(rows.blocks, computation, shared, progress)
            for fields, counted in computation.results(blocks, progress):
                if counts and counted is not None:
                    tally.add(counted)
                writer.write(fields)
    except DataError:
        writer.close(None)
        raise
    writer.close(tally.summary() if counts else {})


def progress_of(rows: Rows, *, streams: bool) -> Progress:
    """What tells a person how far the rows are."""
    opened = rows.opened
    is_sized = opened is not None and opened.size
    return Progress(opened.done if opened is not None and is_sized else None, streams=streams)


class _Shared(NamedTuple):
    """What several processes may do; see `workers.Work` and `write_rows`."""

    pieces: Pieces
    tally: Tally
    notices: Notices
    writer: SharedWriter | None = None
    numbered: bool = False


def _until_shared(
    blocks: Iterator[Block], computation: Computation, shared: _Shared, progress: Progress
) -> Iterator[Block]:
    """The blocks, up to where it is worth it that processes go through all that are left.

    The next block is asked for when all is done with the one before, and an error in it raised.
    """
    pieces, tally, notices, writer, numbered = shared
    divisible = blocks if isinstance(blocks, Divisible) else None
    for block in blocks:
        yield block
        is_settled = computation.has_begun() and (writer is None or writer.is_settled())
        division = divisible.division() if divisible and is_settled else None
        if division is None:
            continue
        from softmax_cli.flow.workers import Work, divide

        work = Work(pieces, tally, notices, computation.count if numbered else None)
        try:
            divide(division, work, progress)
        finally:
            if writer is not None:
                writer.count_in(work.vectors)
        return


def count_rows(
    rows: Rows, compute: Compute, tally: Tally, notices: Notices, *, divides: bool = True
) -> None:
    """Count all vectors in, and write nothing.

    Parameters
    ----------
    rows, compute, tally, notices, divides
        As for `write_rows`.

    Raises
    ------
    DataError
        A row can't be used.
    """
    computation = Computation(rows, compute, tally.fields, notices, fills=False)

    def pieces(blocks: Iterator[Block]) -> Iterator[Piece]:
        for fields, _ in computation.results(blocks):
            yield fields
            yield len(next(iter(fields.values())))

    with progress_of(rows, streams=False) as progress:
        blocks = rows.blocks
        if divides:
            shared = _Shared(pieces, tally, notices)
            blocks = _until_shared(rows.blocks, computation, shared, progress)
        for fields, _ in computation.results(blocks, progress):
            tally.add(fields)


def reduce_rows(
    rows: Rows,
    compute: Compute,
    writer: Writer,
    tally: Tally,
    notices: Notices,
    *,
    field: str,
    item: str,
    divides: bool = True,
) -> None:
    """Write one number for all vectors: an item of the summary, under a field's name.

    Parameters
    ----------
    rows, compute, writer, tally, notices, divides
        As for `write_rows`.
    field, item : str

    Raises
    ------
    UsageError
        Cells are to be copied to rows, and there are none.
    DataError
        A row can't be used.
    """
    if rows.kept:
        raise UsageError("--keep copies cells to rows, --reduction leaves none")
    count_rows(rows, compute, tally, notices, divides=divides)
    summary = tally.summary()
    writer.reduce(field, summary[item], summary)
