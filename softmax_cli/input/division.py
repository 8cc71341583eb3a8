"""A file's rows, for one process or for several that each read parts of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from softmax_cli.errors import DataError
from softmax_cli.input import chunks
from softmax_cli.input.chunks import Lines, Opened
from softmax_cli.input.rows import Block

# Bytes that are worth another process
_WORTH: Final = 1 << 21

# The rows of whole lines, given the number of the line before them
_Reader = Callable[[Iterator[bytes], int], Iterator[Block]]


class FileBlocks(Iterator[Block]):
    """Blocks of a regular file, of which the rest may be divided between any two blocks."""

    def __init__(
        self,
        blocks: Iterator[Block],
        lines: Lines,
        opened: Opened,
        read: _Reader,
        jobs: int | None,
    ) -> None:
        self._blocks = blocks
        self._lines = lines
        self._opened = opened
        self._read = read
        self._jobs = _cores() if jobs is None else jobs

    def __next__(self) -> Block:
        return next(self._blocks)

    def mapped(self, function: Callable[[Block], Block]) -> FileBlocks:
        """What a function makes of each block."""

        def read(chunks: Iterator[bytes], line: int) -> Iterator[Block]:
            return map(function, self._read(chunks, line))

        blocks = map(function, self._blocks)
        return FileBlocks(blocks, self._lines, self._opened, read, self._jobs)

    def division(self) -> Division | None:
        """All that is left, if it is worth it; not in the middle of what has been read."""
        if self._jobs < 2 or self._opened.file.closed or not self._lines.is_idle():
            return None
        offset = self._opened.offset + self._lines.offset
        size = os.fstat(self._opened.file.fileno()).st_size  # it may have grown
        jobs = min(self._jobs, (size - offset) // _WORTH)
        if jobs < 2:
            return None
        return Division(self._opened, offset, self._lines.number, jobs, self._read)


class Division:
    """The rest of a file, which does not change, and how many processes are to read it.

    Attributes
    ----------
    offset, line : int
        Where the rest begins, and the number of the line before it.
    jobs : int
        2 or more.
    """

    def __init__(self, opened: Opened, offset: int, line: int, jobs: int, read: _Reader) -> None:
        self.offset = offset
        self.line = line
        self.jobs = jobs
        self._opened = opened
        self._file = opened.file.fileno()
        self._read = read

    def part(self, offset: int) -> tuple[bytes, int]:
        """Whole lines that can be read by themselves, and their number.

        There are none at the end of the file, and before a quote, in which a line may end that
        does not end its row. Then all that is left is `rest`.
        """
        size = chunks.CHUNK_BYTES
        try:
            while True:
                data = self._bytes(size, offset)
                cut = data.rfind(b"\n") + 1
                if cut or len(data) < size:
                    break
                size *= 2
        except DataError:  # which `rest` meets again when it is its turn
            return b"", 0
        if not cut or b'"' in data:
            return b"", 0
        # The processes share this place, by which the parent knows how far they are.
        os.lseek(self._file, offset + cut, os.SEEK_SET)
        ends = np.frombuffer(data, np.uint8, cut) == ord("\n")  # bytes.count is slower
        return data[:cut], int(np.count_nonzero(ends))

    def blocks(self, part: bytes, line: int) -> Iterator[Block]:
        """The rows of a part that follows a line of that number."""
        return self._read(iter([part]), line)

    def rest(self, offset: int, line: int) -> Iterator[Block]:
        """All rows from an offset on, which follows a line of that number."""
        return self._read(chunks.cut_at_lines(self._pieces(offset)), line)

    def _pieces(self, offset: int) -> Iterator[bytes]:
        while data := self._bytes(chunks.CHUNK_BYTES, offset):
            yield data
            offset += len(data)

    def _bytes(self, size: int, offset: int) -> bytes:
        with self._opened.reading():
            return os.pread(self._file, size, offset)


def _cores() -> int:
    """How many the process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
