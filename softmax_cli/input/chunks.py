"""Bytes from a file or a pipe, in chunks of whole lines, as soon as they are there."""

from __future__ import annotations

import codecs
import fcntl
import io
import os
import select
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from softmax_cli.errors import DataError, UsageError

CHUNK_BYTES: Final = 1 << 19
_STDIN: Final = 0


def check_not_terminal(path: str) -> None:
    """Refuse to wait for a terminal, where nobody would know that we wait.

    Raises
    ------
    UsageError
        `path` is '-' and standard input is a terminal.
    """
    if path == "-" and os.isatty(_STDIN):
        raise UsageError(
            "no vector: type one, as in 'softmax-cli softmax 1 2 3', "
            "or give rows by a pipe or with -i FILE"
        )


class Opened:
    """An input, read without a buffer: a read returns what has arrived.

    Attributes
    ----------
    file : FileIO
    name : str
        How messages name it.
    size : int or None
        Of a regular file.
    offset : int
        Where it is read from.
    chunk_bytes : int
        How much is read at once.
    """

    def __init__(self, file: io.FileIO, name: str, chunk_bytes: int | None = None) -> None:
        self.file = file
        self.name = name
        self.chunk_bytes = chunk_bytes or CHUNK_BYTES
        status = os.fstat(file.fileno())
        is_regular = stat.S_ISREG(status.st_mode)
        self.size = status.st_size if is_regular else None
        self.offset = file.tell() if is_regular else 0
        if stat.S_ISFIFO(status.st_mode):
            _enlarge(file.fileno(), self.chunk_bytes)
        # The first bytes of a pipe, once they have been looked at and not been read
        self._head = b""
        self._has_ended = False

    def start(self) -> bytes:
        """Some of the first bytes, which are read all the same; of a pipe those that arrive first.

        Raises
        ------
        DataError
            They can't be read.
        """
        with self.reading():
            if self.size is not None:
                return os.pread(self.file.fileno(), self.chunk_bytes, self.offset)
            while len(self._head) < self.chunk_bytes and not self._head.strip():
                piece = self.arrived()
                if not piece:
                    break
                self._head += piece
        return self._head

    def arrived(self, unless: Sequence[int] = ()) -> bytes:
        """The next bytes, at most `chunk_bytes`, of which it waits for the first; empty at the end.

        Parameters
        ----------
        unless : sequence of int
            Descriptors: once one of them can be read, there is nothing to wait for.

        Raises
        ------
        OSError
            The input can't be read.
        EOFError
            As `unless` says.
        """
        parts: list[bytes] = []
        room = self.chunk_bytes
        while room and not self._has_ended:
            if self.size is None:  # a pipe holds less than is worth the work of a block
                waiting = [self.file.fileno(), *unless]
                ready = select.select(waiting, [], [], 0 if parts else None)[0]
                if any(other in ready for other in unless):
                    raise EOFError
                if not ready:
                    break
            data = self.file.read(room)
            if data is None:  # of one that does not block, and had nothing after all
                continue
            self._has_ended = not data
            parts.append(data)
            room -= len(data)
        return b"".join(parts)

    def pieces(self) -> Iterator[bytes]:
        """All bytes as they arrive.

        Raises
        ------
        DataError
            They can't be read.
        """
        with self.file, self.reading():
            if self._head:
                yield self._head
                self._head = b""
            while data := self.arrived():
                yield data

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Where an `OSError` is about reading this input, and told so."""
        try:
            yield
        except OSError as error:
            raise DataError(f"can't read {self.name}: {error.strerror}") from error

    def done(self) -> float:
        """How much of a regular file has been read, from 0 to 1."""
        if self.file.closed or not self.size:
            return 1.0
        return (self.file.tell() - self.offset) / max(1, self.size - self.offset)


def _enlarge(pipe: int, size: int) -> None:
    """Let a pipe hold so much, where that can be said: its writer then need not wait for us."""
    with suppress(AttributeError, OSError):  # Linux has it, up to a limit for each user
        if fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) < size:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, size)


def open_input(path: str, chunk_bytes: int | None = None) -> Opened:
    """A file, or standard input for '-', read in chunks of that size.

    Raises
    ------
    DataError
        It can't be opened.
    """
    name = display_name(path)
    try:
        # Python would complain of a file that an error leaves open; the system closes it anyway.
        file = io.FileIO(_STDIN if path == "-" else os.open(path, os.O_RDONLY), closefd=False)
        return Opened(file, name, chunk_bytes)
    except OSError as error:
        raise DataError(f"can't read {name}: {error.strerror}") from error


def display_name(path: str) -> str:
    """How messages name an input."""
    return "stdin" if path == "-" else path or "''"


class WholeLines(Iterator[bytes]):
    """Pieces of text as chunks of whole lines; only the last may lack its newline.

    Attributes
    ----------
    begun : bytes
        What has come of a line whose end has not.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._begun: list[bytes] = []

    def __next__(self) -> bytes:
        for data in self._pieces:
            cut = data.rfind(b"\n") + 1
            if cut:
                chunk = b"".join([*self._begun, memoryview(data)[:cut]])
                self._begun = [data[cut:]]
                return chunk
            self._begun.append(data)
        last, self._begun = self.begun, []
        if not last:
            raise StopIteration
        return last

    @property
    def begun(self) -> bytes:
        """See the class."""
        return b"".join(self._begun)


class Lines:
    """Decoded lines for a reader of rows, without the blank ones and the comments.

    A blank line or a '#' inside a quoted cell belongs to the cell: whoever reads a row sets
    `between_rows` when it has one.

    Attributes
    ----------
    number : int
        The line that was handed out last, from 1.
    offset : int
        How many bytes have been read.
    row_start : int
        The line that the current row began on.
    delimiter : str
        What separates cells, once it is known.
    fault : DataError or None
        A line that is no text has been handed out as well as it can be; whoever knows where its
        row ends takes this away.
    """

    def __init__(self, chunks: Iterator[bytes], name: str, *, number: int = 0) -> None:
        self.number = number
        self.offset = 0
        self.row_start = 0
        self.delimiter = ","
        self.fault: DataError | None = None
        self.between_rows = True
        self._chunks = chunks
        self._name = name
        # What has been read and not handed out: a chunk, and then its lines.
        self._chunk = b""
        self._lines: list[bytes] = []
        self._next = 0

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        while not self.ready():
            self._chunk = self._read()
            if not self._chunk:
                raise StopIteration
        line = self._lines[self._next]
        self._next += 1
        self.number += 1
        if self.between_rows:
            self.row_start = self.number
            self.between_rows = False
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            hint = "iconv turns other encodings into UTF-8"
            wrong = DataError(f"{self._place(line, error.start)}: invalid UTF-8", hint)
            self.fault = self.fault or wrong
            text = line.decode(errors="replace")
        if "\0" in text:  # which csv refuses in Python 3.10, and takes in 3.11
            wrong = DataError(f"{self._place(line, line.index(0))}: a NUL byte")
            self.fault = self.fault or wrong
            text = text.replace("\0", "")
        return text

    def _place(self, line: bytes, at: int) -> str:
        """The place of a byte of the current line, with the number of its cell."""
        cell = line[:at].count(self.delimiter.encode()) + 1
        return f"{self._name}:{self.number}:{cell}"

    def ready(self) -> bool:
        """Whether a line has been read that belongs to a row; steps over those that do not."""
        self._cut()
        while self._next < len(self._lines):
            line = self._lines[self._next]
            if not self.between_rows or not (line.isspace() or line.lstrip().startswith(b"#")):
                return True
            self._next += 1
            self.number += 1
        return False

    def peek(self, count: int) -> list[str]:
        """The next `count` lines that belong to rows, or fewer at the end of the input."""
        self._cut()
        found: list[str] = []
        at = self._next
        while len(found) < count:
            if at == len(self._lines):
                fetched = self._read()
                if not fetched:
                    break
                self._lines = self._lines[self._next :] + _lines_of(fetched)
                at, self._next = at - self._next, 0
            line = self._lines[at]
            at += 1
            if not (line.isspace() or line.lstrip().startswith(b"#")):
                found.append(line.decode(errors="replace"))
        return found

    def ahead(self, count: int) -> bytes:
        """At most so many of the next lines, as they are and as far as they have been read.

        Between rows only. It waits for one line at need, and is empty at the end of the input.
        """
        if self._next == len(self._lines):
            self._chunk = self._chunk or self._read()
            if len(self._chunk) <= count or self._chunk.count(b"\n") <= count:
                return self._chunk
            self._cut()
        return b"".join(self._lines[self._next : self._next + count])

    def skip(self, count: int) -> None:
        """Step over lines that `ahead` gave."""
        self.number += count
        if self._chunk:
            self._chunk = b""
        else:
            self._next += count

    def is_idle(self) -> bool:
        """Whether all that has been read has been handed out."""
        return not self._chunk and self._next == len(self._lines)

    def _read(self) -> bytes:
        """The next chunk, empty at the end of the input."""
        chunk = next(self._chunks, b"")
        start, self.offset = self.offset, self.offset + len(chunk)
        return chunk if start else chunk.removeprefix(codecs.BOM_UTF8)

    def _cut(self) -> None:
        """Cut the chunk that is there into lines."""
        if self._chunk:
            self._lines, self._next = _lines_of(self._chunk), 0
            self._chunk = b""


def _lines_of(chunk: bytes) -> list[bytes]:
    lines = chunk.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return [line + b"\n" for line in lines]
