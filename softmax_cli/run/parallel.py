"""An ordered map over chunks: by this process, and by several where the input is long.

This is the only file that knows of processes. This one reads chunks, hands each to the next free
worker, and yields the outcomes in order. A chunk goes to its worker, and the text made of it comes
back, through memory that both share; what is longer, and all else, goes pickled through a socket.
"""

from __future__ import annotations

import mmap
import os
import select
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, Protocol, TypeVar

from softmax_cli.errors import DataError, SoftmaxError
from softmax_cli.input.rows import Rows
from softmax_cli.input.stream import Chunk

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess

# Chunks that each process should have at least
_CHUNKS: Final = 4
_MOST_BY_DEFAULT: Final = 8
# Bytes that fit most chunks, and what is made of them
_SHARED: Final = 1 << 21
# Chunks that are not written yet, for each worker
_AHEAD: Final = 2


class Outcome(Protocol):
    """What comes of a chunk: the encoded piece, and whatever else can be pickled."""

    @property
    def piece(self) -> Any:
        """Bytes, or anything else that can be pickled."""

    @property
    def vectors(self) -> int:
        """How many vectors it holds."""

    def _replace(self, *, piece: Any) -> Any: ...


OutcomeT = TypeVar("OutcomeT", bound=Outcome)


def ordered_map(
    function: Callable[[Any], OutcomeT], rows: Rows, jobs: int | None
) -> Iterator[OutcomeT]:
    """Yield what a function makes of each chunk, in order.

    The next chunk is read only after the outcome before it has been dealt with, until there is
    so much left that several processes pay.
    """
    jobs = default_jobs() if jobs is None else jobs
    done, has_begun = 0, False
    for chunk in rows.chunks:
        if chunk is None:
            continue
        outcome = function(chunk)
        yield outcome
        has_begun = has_begun or outcome.vectors > 0
        if jobs > 1 and rows.is_parallel and has_begun:
            done += len(chunk.data)
            count = min(jobs, _useful_jobs(rows, done))
            if count > 1:
                with closing(_Pool(function, count)) as pool:
                    yield from pool.outcomes(rows)
                return


def default_jobs() -> int:
    """Return the number of cores that this process may use, and its cgroup allows; at most 8."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        allowed = max(1, int(quota) // int(period))
    except (OSError, ValueError):  # no cgroup, or 'max'
        allowed = _MOST_BY_DEFAULT
    return min(cores or 1, allowed, _MOST_BY_DEFAULT)


def _useful_jobs(rows: Rows, done: int) -> int:
    """Return how many processes pay for what is left of an input."""
    source = rows.source
    if source is None:
        return 1
    enough = _CHUNKS * source.chunk_bytes
    if source.size is None:  # as much has come, and as much may follow
        return sys.maxsize if done >= 2 * enough else 1
    return source.left() // enough


class _Worker(NamedTuple):
    """A process at work, the numbers of its chunks, and which parts of its memory are free.

    It has two chunks at a time, so that it need not wait for the next.
    """

    process: ForkProcess
    connection: Connection
    memory: mmap.mmap
    numbers: deque[int]
    free: list[int]

    def send(self, chunk: Chunk, number: int) -> None:
        part = self.free.pop()
        previous = signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # the worker may be gone
        try:
            self.connection.send((part, _put(self.memory, part, chunk.data), chunk.line))
        except (BrokenPipeError, ConnectionResetError):
            self.explain()
        finally:
            signal.signal(signal.SIGPIPE, previous)
        self.numbers.append(number)

    def receive(self) -> tuple[int, Any]:
        """Return the number of the first chunk and its outcome, or the error in its place."""
        try:
            outcome, part, text = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.explain()
        if text is not None:
            outcome = outcome._replace(piece=_got(self.memory, part, text))
        self.free.append(part)
        return self.numbers.popleft(), outcome

    def explain(self) -> NoReturn:
        """Say why the process has ended before its time."""
        self.process.join()
        code = self.process.exitcode or 0
        if code >= 0:  # an exception that nobody expects, which it has printed
            sys.exit(1)
        reason = f"was ended by {signal.Signals(-code).name}"
        raise DataError(f"a process at work {reason}; the output breaks off")


class _Pool:
    """Workers, as many as can be started, and what each of them is at."""

    def __init__(self, function: Callable[[Any], Any], count: int) -> None:
        self._function = function
        self._workers: list[_Worker] = []
        for _ in range(count):
            try:
                self._workers.append(self._started())
            except OSError:  # too few descriptors, processes or memory: go on with fewer
                break
        self._by_connection = {worker.connection: worker for worker in self._workers}

    def _started(self) -> _Worker:
        import multiprocessing

        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        memory = mmap.mmap(-1, 2 * _SHARED)
        earlier = [worker.connection for worker in self._workers]
        process = context.Process(
            target=_work, args=(self._function, theirs, memory, [*earlier, ours]), daemon=True
        )
        # Ctrl-C is the parent's: a worker is born, and stays, deaf to it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        except OSError:
            ours.close()
            memory.close()
            raise
        finally:
            theirs.close()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return _Worker(process, ours, memory, deque(), [_SHARED, 0])

    def outcomes(self, rows: Rows) -> Iterator[Any]:
        """Yield what comes of each chunk, in order, then raise the error that ended the input."""
        if not self._workers:
            yield from (self._function(chunk) for chunk in rows.chunks if chunk is not None)
            return
        done: dict[int, Any] = {}
        read = written = 0
        waiting: Chunk | None = None
        end: SoftmaxError | StopIteration | None = None
        while True:
            if waiting is not None and self._is_handed_out(waiting, read):
                read, waiting = read + 1, None
            while written in done:
                outcome = done.pop(written)
                if isinstance(outcome, BaseException):
                    raise outcome
                yield outcome
                written += 1
            if end is not None and waiting is None and read == written:
                break
            has_room = read - written <= _AHEAD * len(self._workers)
            can_read, finished = self._wait(
                rows, wants=waiting is None and end is None and has_room
            )
            if can_read:
                try:
                    waiting = next(rows.chunks)
                except (SoftmaxError, StopIteration) as reason:
                    end = reason
            done.update(self._by_connection[connection].receive() for connection in finished)
        if isinstance(end, SoftmaxError):
            raise end

    def _is_handed_out(self, chunk: Chunk, number: int) -> bool:
        """Give a chunk to the worker with most room, if one has room for it."""
        worker = max(self._workers, key=lambda worker: len(worker.free))
        # What goes through the socket has to wait for a worker that reads.
        if len(worker.free) < (1 if len(chunk.data) <= _SHARED else 2):
            return False
        worker.send(chunk, number)
        return True

    def _wait(self, rows: Rows, *, wants: bool) -> tuple[bool, list[Connection]]:
        """Wait until the input can be read, where that is wanted, or a worker has finished."""
        waiting: list[Any] = list(self._by_connection)
        descriptor = rows.source.descriptor if rows.source is not None else None
        if not wants:
            return False, select.select(waiting, [], [])[0]
        if descriptor is None:  # a file never has to be waited for
            return True, select.select(waiting, [], [], 0)[0]
        ready = select.select([*waiting, descriptor], [], [])[0]
        return descriptor in ready, [item for item in ready if item != descriptor]

    def close(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()
            worker.memory.close()


def _work(
    function: Callable[[Any], Any],
    connection: Connection,
    memory: mmap.mmap,
    others: list[Connection],
) -> None:
    """Compute chunks in a process of its own, until the parent closes its end."""
    for other in others:  # else the end of the parent would not be seen
        other.close()
    while True:
        try:
            part, text, line = connection.recv()
        except EOFError:
            return
        try:
            outcome = function(Chunk(_got(memory, part, text), line))
        except (SoftmaxError, MemoryError) as error:
            connection.send((error, part, None))
            continue
        if isinstance(outcome.piece, bytes | bytearray):
            text = _put(memory, part, outcome.piece)
            connection.send((outcome._replace(piece=None), part, text))
        else:
            connection.send((outcome, part, None))


def _put(memory: mmap.mmap, part: int, text: bytes | bytearray) -> int | bytes:
    """Put a text into a part of memory and return its length; return a longer one itself."""
    if len(text) > _SHARED:
        return bytes(text)
    memory[part : part + len(text)] = text
    return len(text)


def _got(memory: mmap.mmap, part: int, text: int | bytes) -> bytes:
    """Return a text by what `_put` returned."""
    return memory[part : part + text] if isinstance(text, int) else text
