"""An open file or pipe, read as its bytes arrive, and split into chunks of whole rows."""

import codecs
import fcntl
import io
import os
import select
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import islice
from typing import Final, NamedTuple

from softmax_cli.errors import DataError
from softmax_cli.input.packed import PACKINGS, ZIP, only_array, unpacked

CHUNK_BYTES: Final = 1 << 19
# Bytes that are searched for line ends at once
_PAGE: Final = 1 << 15
# An unfinished row longer than this is parsed again only once its length has doubled.
_LONG_ROW: Final = 1 << 16
STDIN: Final = 0
# A row of a packed file, which may be much shorter than what is in it, is no longer than this.
_LONGEST_PACKED_ROW: Final = 1 << 28
_PICKLE: Final = "a Python pickle: numpy.save or DataFrame.to_csv write what can be read"
# The first bytes of files that can't be read, and what makes them readable
REFUSED: Final = {
    b"\xd0\xcf\x11\xe0": "an Excel file: save it as CSV",
    b"PAR1": "a Parquet file: duckdb or pandas turn it into CSV",
    **dict.fromkeys([b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"], _PICKLE),
    b"(\xb5/\xfd": "packed by zstd: zstdcat unpacks it",
    **dict.fromkeys([ZIP, *PACKINGS], "packed twice: unpack it once"),
}
# What a list begins with that numpy or torch has printed, apart from brackets
PRINTED: Final = (b"tensor([", b"array([")
# The beginnings, blanks aside, that do not tell whether a file is text
_BEGINNINGS: Final = (codecs.BOM_UTF8, *REFUSED, *PRINTED)
_TOO_LITTLE: Final = {item[:n] for item in _BEGINNINGS for n in range(len(item) + 1)}


def content_lines(text: bytes) -> Iterator[bytes]:
    """Yield the lines that are neither blank nor comments."""
    return filter(is_content, io.BytesIO(text))


def is_content(line: bytes) -> bool:
    """Return whether a line is neither blank nor a comment."""
    stripped = line.lstrip()
    return bool(stripped) and not stripped.startswith(b"#")


class Chunk(NamedTuple):
    """Whole rows as bytes, and the number of the line (or row) before the first."""

    data: bytes
    line: int


def input_name(path: str) -> str:
    """Return the name of an input in messages."""
    return "stdin" if path == "-" else path or "''"


class Input:
    """A file, or standard input for '-', without a buffer: a read returns what has arrived.

    What is packed is unpacked. For a regular file that is not packed `size` is its length and
    `offset` where reading begins.
    """

    def __init__(self, path: str, chunk_bytes: int = CHUNK_BYTES) -> None:
        self.name = input_name(path)
        self.chunk_bytes = chunk_bytes
        with self.reading():
            number = STDIN if path == "-" else os.open(path, os.O_RDONLY)
            # The system closes it at exit; Python would warn about it after an error.
            self.file = io.FileIO(number, closefd=False)
            status = os.fstat(number)
            is_regular = stat.S_ISREG(status.st_mode)
            self.size = status.st_size if is_regular else None
            self.offset = self.file.tell() if is_regular else 0
        self.is_packed = False
        self._pieces: Iterator[bytes] = iter(self._read, b"")
        # The writer waits less if the pipe is larger; Linux allows that, up to a limit per user.
        with suppress(AttributeError, OSError):
            if fcntl.fcntl(number, fcntl.F_GETPIPE_SZ) < chunk_bytes:
                fcntl.fcntl(number, fcntl.F_SETPIPE_SZ, chunk_bytes)

    @cached_property
    def start(self) -> bytes:
        """The first bytes to arrive, without a byte order mark."""
        start = self._first()
        if start.startswith((ZIP, *PACKINGS)):
            self.is_packed, self.size = True, None
            most, name = self.chunk_bytes, self.name
            if start.startswith(ZIP):
                self._pieces = only_array(self.file, most, name)
            else:
                self._pieces = unpacked(start, self._pieces, most, name)
            start = self._first()
        return start.removeprefix(codecs.BOM_UTF8)

    def _first(self) -> bytes:
        """Return the first bytes that tell what an input is."""
        start = b""
        for piece in self._pieces:
            start += piece
            if len(start) >= CHUNK_BYTES or start.strip() not in _TOO_LITTLE:
                break
        return start

    def pieces(self) -> Iterator[bytes]:
        """Yield all bytes as they arrive, the start first."""
        yield self.start
        yield from self._pieces

    def _read(self) -> bytes:
        """Return the next bytes as soon as some arrive; none at the end."""
        with self.reading():
            while (data := self.file.read(self.chunk_bytes)) is None:  # a non-blocking pipe
                select.select([self.file], [], [])
        return data

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn an `OSError` into the error that this input can't be read."""
        try:
            yield
        except OSError as error:
            raise DataError(f"can't read {self.name}: {error.strerror}") from error

    def left(self) -> int:
        """Return how many bytes of a regular file have not been read; it may have grown."""
        return os.fstat(self.file.fileno()).st_size - self.file.tell() if self.size else 0

    def done(self) -> float:
        """Return the fraction of a regular file that has been read."""
        return (self.file.tell() - self.offset) / max(1, (self.size or 0) - self.offset)


class TextChunks:
    """The first lines of a text input, to look ahead, and then chunks of all its rows.

    `text` holds whole lines that are read but not taken; `line` is the number of lines before them.
    """

    def __init__(self, source: Input) -> None:
        self.source = source
        self.text = b""
        self.line = 0
        self._lines = _whole_lines(source)

    def extend(self) -> bool:
        """Read until the text has grown, or doubled if it is long; return whether it has grown."""
        if len(self.text) > _LONG_ROW and self.text.isspace():
            self.take(len(self.text))
        parts = [self.text] if self.text else []  # one part is not copied
        before = size = len(self.text)
        least = 2 * before if before > _LONG_ROW else before + 1
        for lines in self._lines:
            parts.append(lines)
            size += len(lines)
            if size >= least:
                break
        self.text = b"".join(parts)
        return size > before

    def first_lines(self, count: int) -> list[bytes]:
        """Return the first `count` lines that are neither blank nor comments, once they arrive."""
        while len(lines := list(islice(content_lines(self.text), count))) < count and self.extend():
            pass
        return lines

    def take(self, end: int) -> Chunk:
        """Remove the first bytes of the text, and return them as a chunk."""
        import numpy as np

        chunk = Chunk(self.text[:end], self.line)
        self.text = self.text[end:]
        characters = np.frombuffer(chunk.data, np.uint8)
        for at in range(0, end, _PAGE):  # faster than bytes.count, and without a long array
            self.line += int(np.count_nonzero(characters[at : at + _PAGE] == ord("\n")))
        return chunk

    def chunks(self, end_of_rows: Callable[[bytes], int] = len) -> Iterator[Chunk]:
        """Yield chunks as they arrive.

        `end_of_rows` returns where the last whole row of a text of whole lines ends. A row that is
        unfinished at the end of the input stays in `text`.
        """
        has_more = True
        while has_more:
            if end := end_of_rows(self.text):
                yield self.take(end)
            has_more = self.extend()


def _whole_lines(source: Input) -> Iterator[bytes]:
    """Yield the lines that a read completes; at the end yield the rest."""
    begun: list[bytes] = []
    size = 0
    for piece in source.pieces():
        end = piece.rfind(b"\n") + 1
        if end:
            yield b"".join([*begun, memoryview(piece)[:end]])
            begun, size = [], 0
        begun.append(piece[end:])
        size += len(piece) - end
        if source.is_packed and size > _LONGEST_PACKED_ROW:
            raise DataError(f"{source.name}: a row longer than 256 MB in a packed file")
    yield b"".join(begun)
