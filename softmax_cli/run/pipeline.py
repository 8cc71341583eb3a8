"""What every command does with its rows: parse a chunk, compute, encode, write, add up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from softmax_cli import interrupts
from softmax_cli.errors import DataError, RowErrors, UsageError
from softmax_cli.input.rows import Block, Rows, none_usable
from softmax_cli.input.settings import InputSettings
from softmax_cli.notices import Notices
from softmax_cli.output.formats import Shape, Writer
from softmax_cli.output.layout import Records, Summary
from softmax_cli.output.terminal import Progress
from softmax_cli.run.parallel import ordered_map
from softmax_cli.run.totals import Outcome, Totals

R = TypeVar("R")
# Makes a result of the rows of a block, all of which can be used or named in `RowErrors`
Compute = Callable[[Block, Notices], R]


class Task(Generic[R]):
    """The function of a chunk: it depends on its chunk alone.

    `encode` makes a piece of results, `add_up` (None: nothing is summed) their totals.
    """

    def __init__(
        self,
        rows: Rows,
        invalid: str,
        compute: Compute[R],
        encode: Callable[[Records[R]], Any],
        add_up: Callable[[R], Totals] | None,
    ) -> None:
        self._read = 0  # rows so far, which number rows where one process reads all
        self._parse = rows.parse
        self._names = rows.names
        self._invalid = invalid
        self._compute = compute
        self._encode = encode
        self._add_up = add_up

    def __call__(self, chunk: Any) -> Outcome:
        """Parse, compute and encode."""
        notices = Notices()
        block = self._parse(chunk)
        count = len(block.values)
        block = block._replace(numbers=np.arange(self._read + 1, self._read + count + 1))
        self._read += count
        check_names(self._names, block.values.shape[1])
        result, good, errors = self._computed(block, notices)
        unusable = [*block.left_out, *(errors[row] for row in sorted(errors))]
        first = unusable[0] if unusable else None
        if self._invalid != "error":
            for error in unusable:
                notices.add_unusable(error)
        outcome = Outcome(b"", 0, len(good), None, notices.kinds, None, first)
        if self._invalid == "error":
            outcome = outcome._replace(error=first, first_unusable=None)
        if result is None:
            return outcome
        records = self._records(block, result, good)
        return outcome._replace(
            piece=self._encode(records),
            vectors=records.count,
            totals=self._add_up(result) if self._add_up is not None else None,
        )

    def _records(self, block: Block, result: R, good: NDArray[np.intp]) -> Records[R]:
        """Return the result with rows of nan for the others, or without them."""
        count, kept = len(block.values), block.kept
        is_whole = len(good) == count
        if self._invalid == "nan":
            return Records(result, count, None if is_whole else good, kept, block.numbers)
        return Records(result, len(good), None, kept if is_whole or kept is None else kept[good])

    def _computed(
        self, block: Block, notices: Notices
    ) -> tuple[R | None, NDArray[np.intp], dict[int, DataError]]:
        """Return the result of the rows that can be used, which these are, and others' errors.

        Where an error ends the output, the rows after the first one are not used either. Of no
        rows there is a result only where rows of nan are made like it.
        """
        errors = {**(block.against.row_errors if block.against else {}), **block.row_errors}
        while True:
            good = _without(errors, len(block.values), stops=self._invalid == "error")
            if not len(good) and self._invalid != "nan":
                return None, good, errors
            found = Notices()
            try:
                some = block if len(good) == len(block.values) else block.take(good.tolist())
                result = self._compute(some, found)
            except RowErrors as raised:
                for row, error in raised.errors.items():
                    at = int(good[row])
                    error.location = error.location or block.locations.at(at)
                    errors[at] = error
            else:
                notices.merge(found.kinds)
                return result, good, errors


def _without(errors: Mapping[int, object], count: int, *, stops: bool) -> NDArray[np.intp]:
    """Return the rows without an error, or those before the first."""
    rows = np.arange(min(errors) if stops and errors else count)
    return np.setdiff1d(rows, list(errors)) if errors else rows


class Run(Generic[R]):
    """Rows of an input through a task, with warnings and progress on standard error.

    `add_up` gives the totals of a block, `summarise` what is shown of all totals.
    """

    def __init__(
        self,
        rows: Rows,
        settings: InputSettings,
        compute: Compute[R],
        add_up: Callable[[R], Totals],
        summarise: Callable[[Totals], Summary],
        notices: Notices,
        *,
        parallel: bool = True,
    ) -> None:
        self._rows = rows if parallel else rows._replace(is_parallel=False)
        self._invalid = settings.invalid
        self._jobs = settings.jobs
        self._compute = compute
        self._add_up = add_up
        self._summarise = summarise
        self._notices = notices
        self.totals: Totals | None = None

    def write(self, writer: Writer, *, sums: bool = False) -> None:
        """Write each block's results as soon as they are there, then the summary.

        Totals are kept where the writer shows them, or if `sums`.
        """
        sums = sums or writer.summarises
        try:
            for outcome in self._outcomes(writer.encode, sums=sums, streams=writer.streams):
                if outcome.vectors:
                    writer.write(outcome.piece, outcome.vectors)
        except DataError:
            is_shown = writer.summarises_cut and self.totals is not None
            writer.close(self.summary() if is_shown else None)
            raise
        writer.close(self.summary() if self.totals is not None else {})

    def count(self) -> Totals:
        """Add up all rows, write nothing, and return the totals."""
        for _ in self._outcomes(_nothing):
            pass
        assert self.totals is not None
        return self.totals

    def reduce(self, writer: Writer, key: str, item: str) -> None:
        """Write one number for all vectors: an item of the summary, under a key."""
        if self._rows.kept:
            raise UsageError(
                "--keep copies cells to rows, and --reduction gives one number for all"
            )
        self.count()
        summary = self.summary()
        writer.reduce(key, summary[item], summary)

    def results(self) -> Iterator[Records[R]]:
        """Yield the results themselves, made by one process; the totals are there at the end."""
        self._rows = self._rows._replace(is_parallel=False)
        for outcome in self._outcomes(_itself):
            yield outcome.piece

    def summary(self) -> Summary:
        """Return what is shown of the totals."""
        assert self.totals is not None
        return self._summarise(self.totals)

    def _outcomes(
        self, encode: Callable[[Records[R]], Any], *, sums: bool = True, streams: bool = False
    ) -> Iterator[Outcome]:
        """Yield outcomes in order, with all but their pieces dealt with; then raise an error."""
        add_up = self._add_up if sums else None
        task = Task(self._rows, self._invalid, self._compute, encode, add_up)
        usable, first_unusable = 0, None
        with self._progress(streams=streams) as progress:
            for outcome in ordered_map(task, self._rows, self._jobs):
                self._notices.merge(outcome.notices)
                usable += outcome.usable
                first_unusable = first_unusable or outcome.first_unusable
                if outcome.totals is not None:
                    if self.totals is None:
                        self.totals = outcome.totals
                    else:
                        self.totals.merge(outcome.totals)
                yield outcome
                progress.add(outcome.vectors)
                if outcome.error is not None:
                    raise outcome.error
        if first_unusable is not None and not usable:
            raise none_usable(self._notices.forget_unusable(), first_unusable)

    @contextmanager
    def _progress(self, *, streams: bool) -> Iterator[Progress]:
        source = self._rows.source
        done = source.done if source is not None and source.size else None
        progress = Progress(done, streams=streams)
        interrupts.raise_exception()  # so that the line is cleared
        try:
            yield progress
        finally:
            progress.clear()


def _nothing(_records: Records[Any]) -> bytes:
    return b""


def _itself(records: Records[R]) -> Records[R]:
    return records


def check_names(names: Sequence[str] | None, classes: int) -> None:
    """Raise `DataError` unless there are as many names as classes, or none."""
    if names is not None and len(names) != classes:
        raise DataError(f"--names gives {len(names)} names for {classes} classes")


def shape_of(rows: Rows, invalid: str) -> Shape:
    """Return what a writer must know of the input."""
    return Shape(
        rows.names,
        rows.header,
        rows.transposed,
        rows.column_names,
        rows.kept,
        fills=invalid == "nan",
    )
