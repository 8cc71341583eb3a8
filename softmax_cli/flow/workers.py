"""The rest of a large input, put through several processes in turn.

The processes stand in a ring. Whose turn it is to read takes the next part of the input and tells
the next where it ends; whose turn it is to write writes, and hands on what has been noted and
summed so far. Between the two each computes by itself. So rows, sums, warnings and errors come as
from one process, and no rows go from one to another. All of them end when one of them does: what it
would have told the next is cut short.
"""

from __future__ import annotations

import mmap
import os
import pickle
import select
import signal
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, TypeVar

from softmax_cli import interrupts
from softmax_cli.errors import DataError, SoftmaxError
from softmax_cli.flow.computing import with_numbers
from softmax_cli.output import stdout
from softmax_cli.output.progress import Progress

if TYPE_CHECKING:
    from softmax_cli.flow.computing import Tally
    from softmax_cli.flow.pipeline import Piece, Pieces
    from softmax_cli.input.division import Division
    from softmax_cli.input.rows import Block
    from softmax_cli.messages import Notices

_LENGTH: Final = struct.Struct("Q?")
# Bytes of a message that a pipe holds anywhere
_SHORT: Final = 2048
# Where in a file whole rows end, and how many vectors there have been
_REACHED: Final = struct.Struct("QQ")
_Item = TypeVar("_Item")
# Seconds between two looks at how far the work is
_LOOK_AGAIN: Final = 0.1


class _Pipe(NamedTuple):
    """Messages from a process to the next, of which one is on its way at most.

    Attributes
    ----------
    reader, writer : int
        Each process closes the end that is not its own.
    store : int
        A file for what is too long for a pipe: to send never waits. Pipes of which only one has a
        message at any time may share it.
    """

    reader: int
    writer: int
    store: int

    def send(self, message: object) -> None:
        data = pickle.dumps(message)
        is_stored = len(data) > _SHORT
        if is_stored:
            done = 0
            while done < len(data):
                done += os.pwrite(self.store, memoryview(data)[done:], done)
        os.write(self.writer, _LENGTH.pack(len(data), is_stored) + (b"" if is_stored else data))

    def receive(self) -> Any:
        """The next message.

        Raises
        ------
        EOFError
            The other process has ended.
        """
        count, is_stored = _LENGTH.unpack(self._exactly(_LENGTH.size))
        data = self._stored(count) if is_stored else self._exactly(count)
        return pickle.loads(data)  # noqa: S301 - our own

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            part = os.read(self.reader, count)
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _stored(self, count: int) -> bytes:
        parts: list[bytes] = []
        done = 0
        while done < count:
            parts.append(os.pread(self.store, count - done, done))
            done += len(parts[-1])
        return b"".join(parts)


class Work:
    """What the processes do, and what they know of all vectors.

    Parameters
    ----------
    pieces : callable
        Makes of some blocks what is to be written and to be counted in.
    tally : Tally
        What is counted in.
    notices : Notices
        Where `pieces` notes what it finds.
    rows : int or None
        How many there have been, where `pieces` has to know each row's number.

    Attributes
    ----------
    vectors : int
        How many `pieces` has told of.
    """

    def __init__(self, pieces: Pieces, tally: Tally, notices: Notices, rows: int | None) -> None:
        self.pieces = pieces
        self.tally = tally
        self.notices = notices
        self.rows = rows
        self.vectors = 0

    def so_far(self) -> tuple[object, ...]:
        """What the next process has to know."""
        return self.notices.take(), vars(self.tally), self.vectors

    def resume(self, so_far: tuple[Any, Any, int]) -> None:
        """Take up what the one before knows."""
        noted, counted, self.vectors = so_far
        self.notices.merge(noted)
        vars(self.tally).update(counted)

    def use(self, piece: Piece) -> None:
        """Write it, or count it in."""
        if isinstance(piece, int):
            self.vectors += piece
        elif isinstance(piece, Mapping):
            self.tally.add(piece)
        else:
            stdout.write(piece)


class _Links(NamedTuple):
    """What a process has to do with the others.

    Attributes
    ----------
    read_turn, write_turn : _Pipe
        From the one before it in the ring.
    next_read_turn, next_write_turn : _Pipe
        To the one behind it.
    result : _Pipe
        To the parent: from the last process to write, all notices and the error if there is one.
    alive : _Pipe
        From the parent, which sends nothing: it ends when the parent does.
    reached : mmap
        How far the output is, as `_REACHED` has it.
    parent : int
        Its process id.
    """

    read_turn: _Pipe
    write_turn: _Pipe
    next_read_turn: _Pipe
    next_write_turn: _Pipe
    result: _Pipe
    alive: _Pipe
    reached: mmap.mmap
    parent: int

    def note_reached(self, vectors: int) -> None:
        """Tell the parent how far the output is."""
        _note_reached(self.reached, vectors)


def divide(division: Division, work: Work, progress: Progress) -> None:
    """Write and count what is made of the rest of an input, by as many processes as it says.

    Raises
    ------
    DataError
        A row can't be used, and the rows before it have been written; or a process was ended.
    """
    stores = [_store() for _ in range(3)]
    turns = [(_pipe(stores[0]), _pipe(stores[1])) for _ in range(division.jobs)]
    result, alive = _pipe(stores[2]), _pipe(stores[2])
    reached = mmap.mmap(-1, _REACHED.size)
    _note_reached(reached, 0)
    turns[0][0].send((division.start, work.rows))
    turns[0][1].send(work.so_far())
    workers: set[int] = set()
    try:
        for number in range(division.jobs):
            own, following = turns[number], turns[(number + 1) % division.jobs]
            links = _Links(*own, *following, result, alive, reached, os.getpid())
            pid = _fork()
            if pid == 0:
                _keep_own([end for pair in turns for end in pair], links)
                _work_and_exit(division, work, links)
            workers.add(pid)
        ends = (end for pair in turns for pipe in pair for end in (pipe.reader, pipe.writer))
        _close(alive.reader, result.writer, *ends)
        _watch(result, reached, progress)
        _await(result, workers, reached, work)
    finally:
        heard = signal.getsignal(signal.SIGINT)
        interrupts.ignore()
        _close(alive.writer, *stores)
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        for pid in workers:
            os.waitpid(pid, 0)
        if workers:
            _take_back_begun_row(reached)
        signal.signal(signal.SIGINT, heard)


def _fork() -> int:
    try:
        return os.fork()
    except OSError as error:
        raise DataError(f"can't start a process: {error.strerror}", "-j 1 needs none") from error


def _pipe(store: int) -> _Pipe:
    return _Pipe(*os.pipe(), store)


def _store() -> int:
    """A file in memory where the system has that."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("turns")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _close(*ends: int) -> None:
    for end in ends:
        os.close(end)


def _keep_own(pipes: list[_Pipe], links: _Links) -> None:
    """Close every end of the ring that is another's, so that an end of its owner is seen."""
    own = {
        links.read_turn.reader,
        links.write_turn.reader,
        links.next_read_turn.writer,
        links.next_write_turn.writer,
    }
    _close(
        links.result.reader,
        links.alive.writer,
        *({end for pipe in pipes for end in (pipe.reader, pipe.writer)} - own),
    )


def _watch(result: _Pipe, reached: mmap.mmap, progress: Progress) -> None:
    """Wait for the last word, and show meanwhile how far the others are."""
    seen = 0
    while progress.is_on and not select.select([result.reader], [], [], _LOOK_AGAIN)[0]:
        _, vectors = _REACHED.unpack(reached[:])
        progress.add(vectors - seen)
        seen = vectors
    progress.clear()


def _await(result: _Pipe, workers: set[int], reached: mmap.mmap, work: Work) -> None:
    """Wait for the last word, and for the ends of all."""
    try:
        so_far, error = result.receive()
    except EOFError:
        so_far, error = None, None
    codes = []
    while workers:
        pid, status = os.wait()
        workers.discard(pid)
        codes.append(os.waitstatus_to_exitcode(status))
    os.close(result.reader)
    if so_far is None:
        _, work.vectors = _REACHED.unpack(reached[:])
        _take_back_begun_row(reached)
        _explain(codes)
    work.resume(so_far)
    if error is not None:
        raise error


def _explain(codes: list[int]) -> NoReturn:
    """Say why the processes ended before their time."""
    if interrupts.INTERRUPTED in codes:
        raise KeyboardInterrupt
    # The others may have died of the pipe to the first that did.
    killed = [-code for code in codes if code < 0 and code != -signal.SIGPIPE]
    if killed:
        name = signal.Signals(killed[0]).name
        raise DataError(f"a process at work was ended by {name}; the output breaks off")
    if -signal.SIGPIPE in codes:
        signal.raise_signal(signal.SIGPIPE)
    raise DataError(f"a process at work ended with status {max(codes)}; the output breaks off")


def _work_and_exit(division: Division, work: Work, links: _Links) -> NoReturn:
    status = 1
    try:
        while _take_turn(division, work, links):
            pass
        status = 0
    except EOFError:  # there is nothing left, or another process has ended
        status = 0
    except KeyboardInterrupt:
        status = interrupts.INTERRUPTED
    finally:
        os._exit(status)


def _take_turn(division: Division, work: Work, links: _Links) -> bool:
    """Read, compute and write a part of the input, and say whether there may be more."""
    place, rows = links.read_turn.receive()
    part, left = division.part(place, (links.read_turn.reader, links.alive.reader))
    blocks = division.blocks(part, place)
    pieces: list[Piece] = []
    error: Exception | None = None
    work.notices.take()
    if part:
        if rows is not None:  # they are counted before the next process can begin
            numbered: list[Block] = []
            error = _tried(with_numbers(blocks, rows), numbered.append)
            blocks, rows = iter(numbered), rows + sum(len(block.values) for block in numbered)
        links.next_read_turn.send((left, rows))
        error = _tried(work.pieces(blocks), pieces.append) or error
    else:
        os.close(links.next_read_turn.writer)
    own = work.notices.take()
    work.resume(links.write_turn.receive())
    work.notices.merge(own)
    if os.getppid() != links.parent:
        raise EOFError

    def use(piece: Piece) -> None:
        work.use(piece)
        links.note_reached(work.vectors)

    error = _tried(iter(pieces), use) or error
    if part and error is None:
        links.next_write_turn.send(work.so_far())
        return True
    if not part:
        blocks = division.rest(left, (links.alive.reader,))
        if rows is not None:
            blocks = with_numbers(blocks, rows)
        error = error or _tried(work.pieces(blocks), use)
    links.result.send((work.so_far(), error))
    return False


def _tried(items: Iterator[_Item], use: Callable[[_Item], None]) -> Exception | None:
    """Use each item, up to the error that ends them."""
    try:
        for item in items:
            use(item)
    except (SoftmaxError, MemoryError) as error:
        return error
    return None


def _note_reached(reached: mmap.mmap, vectors: int) -> None:
    reached[:] = _REACHED.pack(stdout.position() or 0, vectors)


def _take_back_begun_row(reached: mmap.mmap) -> None:
    whole, _ = _REACHED.unpack(reached[:])
    stdout.take_back((stdout.position() or 0) - whole)
