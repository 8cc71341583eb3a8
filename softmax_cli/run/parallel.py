"""An ordered map over chunks, in this process or, for a long input, in several.

No other module knows of processes. Chunks and their output go through shared memory.
"""

from __future__ import annotations

import mmap
import os
import pickle
import select
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final, NoReturn

from softmax_cli.errors import DataError, SoftmaxError
from softmax_cli.input.rows import Block, Rows
from softmax_cli.input.stream import Chunk
from softmax_cli.run.totals import Outcome

if TYPE_CHECKING:
    from socket import socket

_MOST_JOBS: Final = 8  # by default
_LEAST_CHUNKS: Final = 2  # per process
# Bytes of a buffer, into which most chunks and their output fit
_BUFFER_BYTES: Final = 1 << 22
_MOST_CHUNKS: Final = 4  # that a worker has, so that it need not wait while the parent writes
# Where a worker's buffers begin: for its chunks, and two outputs to be written
_BUFFERS: Final = range(0, (_MOST_CHUNKS + 2) * _BUFFER_BYTES, _BUFFER_BYTES)


def default_jobs() -> int:
    """Return the number of cores that this process may use, and its cgroup allows; at most 8."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    most = _MOST_JOBS
    with suppress(OSError, ValueError):  # no cgroup, or 'max'
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:  # noqa: PTH123 - pathlib
            quota, period = map(int, file.read().split())
        most = min(most, max(1, quota // period))
    return min(cores or 1, most)


def ordered_map(function: Callable[[Any], Outcome], rows: Rows, jobs: int) -> Iterator[Outcome]:
    """Yield the outcome of each chunk in order; by several processes once that is faster."""
    done = 0  # bytes since the first vectors
    for chunk in rows.chunks:
        outcome = function(chunk)
        yield outcome
        if jobs > 1 and isinstance(chunk, Chunk | Block) and (done or outcome.vectors):
            done += len(chunk.data) if isinstance(chunk, Chunk) else chunk.values.nbytes
            count = min(jobs, _useful_jobs(rows, chunk, done))
            if count > 1:
                with closing(_Pool(function)) as pool:
                    pool.start(count)  # after which Ctrl-C may be raised
                    yield from pool.outcomes(rows)
                return


def _useful_jobs(rows: Rows, chunk: Chunk | Block, done: int) -> int:
    """Return how many processes are worth starting for the rest; 1 for pairs with a pipe's rows."""
    source = rows.source
    if source is None or (source.is_packed and not source.file.seekable()):
        return 1  # nothing tells whether there is more to unpack
    enough = _LEAST_CHUNKS * source.chunk_bytes
    if source.size is None:  # as much has arrived, and may follow
        return sys.maxsize if isinstance(chunk, Chunk) and done >= 2 * enough else 1
    return source.left() // enough


class _Worker:
    """A process, and the numbers of its chunks.

    The buffers in the memory take turns; each holds a chunk, and then its output until that is
    written. `unwritten` counts those in use.
    """

    def __init__(self, pid: int, connection: socket, memory: mmap.mmap) -> None:
        self.connection = connection
        self.numbers: deque[int] = deque()
        self.unwritten = 0
        self._pid = pid
        self._memory = memory
        self._buffers = cycle(_BUFFERS)

    def send(self, data: bytes, line: int | None, number: int) -> None:
        part = _store(self._memory, next(self._buffers), data)
        previous = signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # the worker may be gone
        try:
            _send(self.connection, (part, line))
        except ConnectionError:
            self.explain()
        finally:
            signal.signal(signal.SIGPIPE, previous)
        self.numbers.append(number)
        self.unwritten += 1

    def receive(self) -> tuple[int, tuple[_Worker, Any]]:
        """Return the number of the oldest chunk, this worker, and the outcome or error."""
        try:
            outcome = _receive(self.connection)
        except (EOFError, ConnectionError):
            self.explain()
        if isinstance(outcome, Outcome) and isinstance(outcome.piece, slice):
            outcome = outcome._replace(piece=memoryview(self._memory)[outcome.piece])
        return self.numbers.popleft(), (self, outcome)

    def explain(self) -> NoReturn:
        """Exit, or raise an error that says why the process has ended too early."""
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        self._pid = 0
        if code >= 0:  # an unexpected exception, which it has printed
            sys.exit(1)
        name = signal.Signals(-code).name
        raise DataError(f"a worker process was ended by {name}; the output is incomplete")

    def end(self) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        self.connection.close()


class _Pool:
    """As many workers as can be started."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._workers: dict[socket, _Worker] = {}

    def start(self, count: int) -> None:
        # Only the parent handles Ctrl-C, and with all workers: they inherit a mask that blocks it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        with suppress(OSError):  # too few descriptors, processes or memory: go on with fewer
            for _ in range(count):
                worker = self._started()
                self._workers[worker.connection] = worker
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def _started(self) -> _Worker:
        from socket import socketpair

        memory = mmap.mmap(-1, _BUFFERS.stop)
        ours, theirs = socketpair()
        with theirs:
            try:
                pid = os.fork()
            except OSError:
                ours.close()
                raise
            if not pid:
                for other in (ours, *self._workers):  # else the end of the parent goes unnoticed
                    other.close()
                _run_worker(self._function, theirs, memory)
        return _Worker(pid, ours, memory)

    def outcomes(self, rows: Rows) -> Iterator[Outcome]:
        """Yield the outcome of each chunk in order, then raise the error that ended the input."""
        if not self._workers:
            yield from map(self._function, rows.chunks)
            return
        assert rows.source is not None
        file = rows.source.file  # can always be read if it is no pipe
        done: dict[int, tuple[_Worker, Any]] = {}
        read = written = 0
        end: SoftmaxError | StopIteration | None = None
        while end is None or written < read:
            workers = [w for w in self._workers.values() if w.unwritten < len(_BUFFERS)]
            worker = min(workers, key=lambda worker: len(worker.numbers))
            inputs = [file] if end is None and len(worker.numbers) < _MOST_CHUNKS else []
            waited: list[Any] = [*inputs, *self._workers]
            ready, _, _ = select.select(waited, [], [])
            done.update(self._workers[item].receive() for item in ready if item is not file)
            if file in ready:
                try:
                    chunk = next(rows.chunks)
                except (SoftmaxError, StopIteration) as reason:
                    end = reason
                else:
                    data, line = chunk if isinstance(chunk, Chunk) else (pickle.dumps(chunk), None)
                    # Data longer than the buffer goes through the socket, to an idle worker.
                    while worker.numbers and len(data) > _BUFFER_BYTES:
                        done.update([worker.receive()])
                    worker.send(data, line, read)
                    read += 1
            while written in done:
                worker, outcome = done.pop(written)
                if isinstance(outcome, BaseException):
                    raise outcome
                yield outcome
                worker.unwritten -= 1
                written += 1
        if isinstance(end, SoftmaxError):
            raise end

    def close(self) -> None:
        for worker in self._workers.values():
            worker.end()


def _run_worker(function: Callable[[Any], Any], connection: socket, memory: mmap.mmap) -> NoReturn:
    """Compute chunks in a worker process until the parent has ended, or closes the connection."""
    status = 1
    try:
        with suppress(EOFError, ConnectionError):
            for start in cycle(_BUFFERS):
                data, line = _receive(connection)
                data = memory[data] if isinstance(data, slice) else data
                chunk = pickle.loads(data) if line is None else Chunk(data, line)  # noqa: S301
                try:
                    outcome = function(chunk)
                    if isinstance(outcome.piece, bytes | bytearray):
                        outcome = outcome._replace(piece=_store(memory, start, outcome.piece))
                except (SoftmaxError, MemoryError) as error:
                    outcome = error
                _send(connection, outcome)
        status = 0
    except BaseException:  # noqa: BLE001 - a forked process never returns
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _send(connection: socket, message: object) -> None:
    data = pickle.dumps(message)
    connection.sendall(len(data).to_bytes(8, "big") + data)


def _receive(connection: socket) -> Any:
    """Return the next message; raise `EOFError` at the end, or where a message is cut."""
    from socket import MSG_WAITALL

    size = int.from_bytes(connection.recv(8, MSG_WAITALL), "big")
    data = connection.recv(size, MSG_WAITALL)
    if not size or len(data) < size:
        raise EOFError
    return pickle.loads(data)  # noqa: S301 - from a process of this program


def _store(memory: mmap.mmap, start: int, text: bytes | bytearray) -> slice | bytes:
    """Copy a text to the memory and return its slice; return a text that is too long itself."""
    if len(text) > _BUFFER_BYTES:
        return bytes(text)
    part = slice(start, start + len(text))
    memory[part] = text
    return part
