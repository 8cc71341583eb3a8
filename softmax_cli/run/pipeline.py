"""The steps of every command: parse a chunk, compute, encode, write, add up."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_cli import interrupts
from softmax_cli.errors import DataError, RowErrors, UsageError
from softmax_cli.input.rows import Block, Rows, none_usable
from softmax_cli.input.settings import InputSettings
from softmax_cli.messages import UNUSABLE, Notice, Notices, say
from softmax_cli.output.fields import Layout, Records, Summary
from softmax_cli.output.formats import Shape, Writer
from softmax_cli.output.progress import Progress
from softmax_cli.run.parallel import default_jobs, ordered_map
from softmax_cli.run.totals import Outcome, Totals


class Computation:
    """What a command computes for each block, adds up over all rows, and shows.

    `parallel` is False if results depend on the blocks before, `reads_classes` if numbers are not
    those of classes. `averaged` are the fields that have a sum and a mean in the summary.
    """

    parallel = True
    reads_classes = True
    averaged: Sequence[str] = ()

    def compute(self, block: Block, notices: Notices) -> Any:
        """Return the result of a block; raise `RowErrors` for rows that have none."""
        raise NotImplementedError

    def layout(self) -> Layout:
        """Return the layout of the results and the summary."""
        raise NotImplementedError

    def add_up(self, result: Any) -> Totals:
        return Totals(len(result), {key: getattr(result, key) for key in self.averaged})

    def summarise(self, totals: Totals) -> dict[str, Any]:
        """Return the summary of the totals of all rows."""
        means = totals.sums_and_means(self.averaged, totals.rows)
        return {"rows": totals.rows, **totals.counts, **means}


class Run:
    """Runs a computation on the rows of an input, with progress on standard error.

    Leaving the context, also by an error, prints warnings about rows.
    """

    def __init__(self, rows: Rows, settings: InputSettings, computation: Computation) -> None:
        self._rows = rows
        self._invalid = settings.invalid
        self._jobs = (settings.jobs or default_jobs()) if computation.parallel else 1
        self._computation = computation
        self._notices = Notices()
        self._read = 0  # rows so far, if one process reads all
        self.totals: Totals | None = None

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        self._notices.say()

    def write(self, writer: Writer, *, sums: bool = False) -> None:
        """Write each block's results as soon as they are computed, then the summary.

        Totals are kept if the writer shows them, or if `sums`.
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
        for _ in self._outcomes(lambda _records: b""):
            pass
        assert self.totals is not None
        return self.totals

    def reduce(self, writer: Writer, key: str, item: str) -> None:
        """Write one number for all vectors: an item of the summary, under a key."""
        if self._rows.kept:
            hint = "-c '!id' leaves a column out"
            raise UsageError("--keep does not go with --reduction, which has no rows", hint)
        self.count()
        summary = self.summary()
        writer.reduce(key, summary[item], summary)

    def summary(self) -> Summary:
        assert self.totals is not None
        return self._computation.summarise(self.totals)

    def _outcomes(
        self, encode: Callable[[Records], Any], *, sums: bool = True, streams: bool = False
    ) -> Iterator[Outcome]:
        """Yield outcomes in order, their totals and notices merged; then raise any error."""
        outcome_of = partial(self._outcome, encode=encode, sums=sums)
        usable, error, source = 0, None, self._rows.source
        done = source.done if source is not None and source.size else None
        interrupts.raise_exception()  # so that the line of progress is cleared
        with closing(Progress(done, streams=streams)) as progress:
            for outcome in ordered_map(outcome_of, self._rows, self._jobs):
                self._notices.merge(outcome.notices)
                if self._rows.warning and outcome.usable and not usable:
                    say("warning", self._rows.warning)
                usable += outcome.usable
                error = error or outcome.error
                if outcome.totals is not None:
                    if self.totals is None:
                        self.totals = outcome.totals
                    else:
                        self.totals.merge(outcome.totals)
                yield outcome
                progress.add(outcome.vectors)
                if error is not None and self._invalid == "error":
                    raise error
        if error is not None and not usable:
            rows = self._notices.kinds.pop(UNUSABLE).rows  # which the error tells
            raise none_usable(rows, error)

    def _outcome(self, chunk: Any, *, encode: Callable[[Records], Any], sums: bool) -> Outcome:
        """Parse, compute and encode a chunk, without other effects: a worker may do it."""
        notices = Notices()
        block = self._rows.parse(chunk)
        count = len(block.values)
        block = block._replace(numbers=np.arange(self._read + 1, self._read + count + 1))
        self._read += count
        check_names(self._rows.names, block.values.shape[1])
        result, good, errors = self._computed(block, notices)
        if block.values.shape[1] == 1 and len(good) and self._computation.reads_classes:
            how = "" if self._rows.source is None else ", or --axis column"
            message = f"one number is one class, of probability 1: give all of them{how}"
            notices.add("one class", block.locations.at(int(good[0])), message, len(good))
        unusable = [*block.left_out, *(errors[row] for row in sorted(errors))]
        if unusable and self._invalid != "error":
            notices.merge({UNUSABLE: Notice(unusable[0].message, len(unusable))})
        first = unusable[0] if unusable else None
        if result is None:
            return Outcome(b"", 0, 0, None, notices.kinds, first)
        records = self._records(block, result, good)
        totals = self._computation.add_up(result) if sums and len(good) else None
        return Outcome(encode(records), records.count, len(good), totals, notices.kinds, first)

    def _records(self, block: Block, result: Any, good: NDArray[np.intp]) -> Records:
        """Return the result with rows of nan for the unusable rows, or without these."""
        count, kept = len(block.values), block.kept
        is_whole = len(good) == count
        if self._invalid == "nan":
            return Records(result, count, None if is_whole else good, kept, block.numbers)
        return Records(result, len(good), None, kept if is_whole or kept is None else kept[good])

    def _computed(
        self, block: Block, notices: Notices
    ) -> tuple[Any, NDArray[np.intp], dict[int, DataError]]:
        """Return the result of the usable rows, their indices, and the errors of the others.

        With --invalid error the rows after the first error are not used either. Without usable
        rows the result is None, but with --invalid nan it is empty.
        """
        errors = {**(block.against.row_errors if block.against else {}), **block.row_errors}
        while True:
            good = np.arange(len(block.values))
            if errors:
                before = good[: min(errors)] if self._invalid == "error" else good
                good = np.setdiff1d(before, list(errors))
            if not len(good) and self._invalid != "nan":
                return None, good, errors
            found = Notices()
            try:
                some = block if len(good) == len(block.values) else block.take(good.tolist())
                result = self._computation.compute(some, found)
            except RowErrors as raised:
                for row, error in raised.errors.items():
                    at = int(good[row])
                    error.location = error.location or block.locations.at(at)
                    errors[at] = error
            else:
                notices.merge(found.kinds)
                return result, good, errors


def check_names(names: Sequence[str] | None, classes: int) -> None:
    """Raise `DataError` unless there are as many names as classes, or none."""
    if names is not None and len(names) != classes:
        raise DataError(f"--names gives {len(names)} names for {classes} classes")


def shape_of(rows: Rows, invalid: str) -> Shape:
    """Return what a writer needs to know of the input."""
    fills = invalid == "nan"
    return Shape(
        rows.names, rows.header, rows.transposed, rows.column_names, rows.kept, fills, rows.beside
    )
