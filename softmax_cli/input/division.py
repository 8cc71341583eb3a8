"""The rows of an input, for one process or for several that each read parts of it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple

import numpy as np

from softmax_cli.errors import DataError
from softmax_cli.input.chunks import Lines, Opened, WholeLines
from softmax_cli.input.rows import Block

# Chunks that are worth another process
_WORTH: Final = 4
_NEWLINE, _QUOTE = ord("\n"), ord('"')

# The rows of whole lines, given the number of the line before them
Reader = Callable[[Iterator[bytes], int], Iterator[Block]]


class Source(NamedTuple):
    """Where blocks come from.

    Attributes
    ----------
    opened : Opened
    whole : WholeLines
        What is read of it.
    lines : Lines
        What is made of that.
    read : callable
        Makes blocks of any other whole lines.
    """

    opened: Opened
    whole: WholeLines
    lines: Lines
    read: Reader


class DivisibleBlocks(Iterator[Block]):
    """Blocks of an input, of which the rest may be divided between any two blocks."""

    def __init__(
        self,
        blocks: Iterator[Block],
        source: Source,
        jobs: int | None,
        each: Callable[[Block], Iterable[Block]] = lambda block: (block,),
    ) -> None:
        self._blocks = blocks
        self._source = source
        self._jobs = _cores() if jobs is None else jobs
        self._each = each
        self._waiting: deque[Block] = deque()

    def __next__(self) -> Block:
        while not self._waiting:
            self._waiting.extend(self._each(next(self._blocks)))
        return self._waiting.popleft()

    def each(self, function: Callable[[Block], Iterable[Block]]) -> DivisibleBlocks:
        """What a function makes of each block."""

        def both(block: Block) -> Iterable[Block]:
            return chain.from_iterable(map(function, self._each(block)))

        return DivisibleBlocks(self._blocks, self._source, self._jobs, both)

    def division(self) -> Division | None:
        """All that is left, if it is worth it; not in the middle of what has been read."""
        opened, whole, lines, read = self._source
        if self._jobs < 2 or self._waiting or opened.file.closed or not lines.is_idle():
            return None
        begun = whole.begun
        read_bytes = lines.offset + len(begun)
        offset = opened.offset + read_bytes
        worth = _WORTH * opened.chunk_bytes
        if opened.size is None:  # as much has come, and so much more may
            jobs = self._jobs if read_bytes >= 2 * worth else 1
        else:
            left = os.fstat(opened.file.fileno()).st_size - offset  # it may have grown
            jobs = min(self._jobs, left // worth)
        if jobs < 2:
            return None

        def blocks(chunks: Iterator[bytes], line: int) -> Iterator[Block]:
            return chain.from_iterable(map(self._each, read(chunks, line)))

        return Division(opened, Place(offset, lines.number, begun), lines.delimiter, jobs, blocks)


class Place(NamedTuple):
    """How far an input has been read.

    Attributes
    ----------
    offset : int
        Where reading goes on, if it is a file that is read.
    line : int
        The number of the last line before what has been begun.
    begun : bytes
        What has been read of the lines behind that.
    """

    offset: int
    line: int
    begun: bytes


class Division:
    """The rest of an input, and how many processes are to read it.

    Attributes
    ----------
    start : Place
        Where it begins.
    jobs : int
        2 or more.
    """

    def __init__(
        self, opened: Opened, start: Place, delimiter: str, jobs: int, read: Reader
    ) -> None:
        self.start = start
        self.jobs = jobs
        self._opened = opened
        self._delimiter = delimiter
        self._read = read

    def part(self, place: Place, unless: Sequence[int]) -> tuple[bytes, Place]:
        """Whole rows that can be read by themselves, and the place behind them.

        There are none at the end of the input, and where it can't be told whether a line ends its
        row: then all that is left is `rest`.

        Raises
        ------
        EOFError
            One of the descriptors `unless` could be read while there was nothing else.
        """
        offset, line, begun = place
        parts: list[bytes | memoryview] = [begun]
        cut = 0
        while not cut:
            try:
                data = self._piece(offset, unless)
            except DataError:  # which `rest` meets again when it is its turn
                data = b""
            if not data:
                return b"", Place(offset, line, b"".join(parts))
            offset += len(data)
            cut = data.rfind(b"\n") + 1
            parts.append(memoryview(data)[:cut] if cut else data)
        text, begun = b"".join(parts), data[cut:]
        if b'"' in text:
            cut = end_of_rows(text, self._delimiter)
            if not cut:
                return b"", Place(offset, line, text + begun)
            text, begun = text[:cut], text[cut:] + begun
        ends = np.frombuffer(text, np.uint8) == _NEWLINE  # bytes.count is slower
        return text, Place(offset, line + int(np.count_nonzero(ends)), begun)

    def blocks(self, part: bytes, place: Place) -> Iterator[Block]:
        """The rows of a part that begins at a place."""
        return self._read(iter([part]), place.line)

    def rest(self, place: Place, unless: Sequence[int]) -> Iterator[Block]:
        """All rows from a place on; see `part`."""
        pieces = chain([place.begun], self._pieces(place.offset, unless))
        return self._read(WholeLines(pieces), place.line)

    def _pieces(self, offset: int, unless: Sequence[int]) -> Iterator[bytes]:
        while data := self._piece(offset, unless):
            yield data
            offset += len(data)

    def _piece(self, offset: int, unless: Sequence[int]) -> bytes:
        with self._opened.reading():
            if self._opened.size is None:
                return self._opened.arrived(unless)
            file = self._opened.file.fileno()
            data = os.pread(file, self._opened.chunk_bytes, offset)
            # The processes share this place, by which the parent knows how far they are.
            os.lseek(file, offset + len(data), os.SEEK_SET)
            return data


def end_of_rows(text: bytes, delimiter: str) -> int:
    """Where the last row of a text ends that is whole; 0 if that can't be told from the quotes."""
    if b"#" in text:  # in a comment a quote is none
        return 0
    characters = np.frombuffer(text, np.uint8)
    quotes = (characters == _QUOTE).nonzero()[0]
    opening, closing = quotes[::2], quotes[1::2]
    # A quote opens a cell where one begins, and one more behind a closing quote is a quote in it.
    before = np.where(opening, characters[opening - 1], _NEWLINE)
    begins = (before == ord(delimiter)) | (before == _NEWLINE)
    begins[1:] |= opening[1:] == closing[: len(opening) - 1] + 1
    newlines = (characters == _NEWLINE).nonzero()[0]
    outside = newlines[quotes.searchsorted(newlines) % 2 == 0]
    if not begins.all() or not len(outside):
        return 0
    return int(outside[-1]) + 1


def _cores() -> int:
    """How many the process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
