"""An ordered map over chunks, in this process or, for a long input, in several.

No other module knows of processes. The parent reads chunks, sends each to a worker, and yields the
outcomes in order. Chunks and their output go through shared memory.
"""

from __future__ import annotations

import mmap
import os
import select
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from softmax_cli.errors import DataError, SoftmaxError
from softmax_cli.input.rows import Rows
from softmax_cli.input.stream import Chunk
from softmax_cli.run.totals import Outcome

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess

# The fewest chunks per process
_LEAST_CHUNKS: Final = 4
_MOST_BY_DEFAULT: Final = 8
# Bytes of a buffer, into which most chunks and their output fit
_BUFFER_BYTES: Final = 1 << 21
# The most chunks per worker that are read and not yet written
_CHUNKS_AHEAD: Final = 2


def ordered_map(
    function: Callable[[Any], Outcome], rows: Rows, jobs: int | None
) -> Iterator[Outcome]:
    """Yield the outcome of each chunk in order; by several processes once that is faster."""
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
    """Return how many processes are worth starting for the rest of an input."""
    source = rows.source
    if source is None:
        return 1
    enough = _LEAST_CHUNKS * source.chunk_bytes
    if source.size is None:  # as much has arrived, and may follow
        return sys.maxsize if done >= 2 * enough else 1
    return source.left() // enough


class _Worker(NamedTuple):
    """A process, and the numbers of its chunks: up to two, so that it need not wait for the next.

    The halves of the memory take turns; each holds a chunk and then its output.
    """

    process: ForkProcess
    connection: Connection
    memory: mmap.mmap
    halves: Iterator[int]  # offset of the next chunk
    numbers: deque[int]

    def send(self, chunk: Chunk, number: int) -> None:
        data = _store(self.memory, next(self.halves), chunk.data)
        previous = signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # the worker may be gone
        try:
            self.connection.send((data, chunk.line))
        except (BrokenPipeError, ConnectionResetError):
            self.explain()
        finally:
            signal.signal(signal.SIGPIPE, previous)
        self.numbers.append(number)

    def receive(self) -> tuple[int, Any]:
        """Return the number of the oldest chunk, and its outcome or error."""
        try:
            outcome, text = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.explain()
        if text is not None:
            outcome = outcome._replace(piece=_load(self.memory, text))
        return self.numbers.popleft(), outcome

    def explain(self) -> NoReturn:
        """Exit, or raise an error that says why the process has ended too early."""
        self.process.join()
        code = self.process.exitcode or 0
        if code >= 0:  # an unexpected exception, which it has printed
            sys.exit(1)
        name = signal.Signals(-code).name
        raise DataError(f"a worker process was ended by {name}; the output is incomplete")


class _Pool:
    """As many workers as can be started."""

    def __init__(self, function: Callable[[Any], Any], count: int) -> None:
        self._function = function
        self._workers: dict[Connection, _Worker] = {}
        for _ in range(count):
            try:
                worker = self._started()
            except OSError:  # too few descriptors, processes or memory: go on with fewer
                break
            self._workers[worker.connection] = worker

    def _started(self) -> _Worker:
        import multiprocessing

        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        memory = mmap.mmap(-1, 2 * _BUFFER_BYTES)
        arguments = self._function, theirs, memory, [*self._workers, ours]
        process = context.Process(target=_run_worker, args=arguments, daemon=True)
        # Only the parent handles Ctrl-C: a worker inherits a mask that blocks it.
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
        return _Worker(process, ours, memory, cycle((0, _BUFFER_BYTES)), deque())

    def outcomes(self, rows: Rows) -> Iterator[Outcome]:
        """Yield the outcome of each chunk in order, then raise the error that ended the input."""
        if not self._workers:
            yield from (self._function(chunk) for chunk in rows.chunks if chunk is not None)
            return
        done: dict[int, Any] = {}
        read = written = 0
        end: SoftmaxError | StopIteration | None = None
        while end is None or written < read:
            worker = min(self._workers.values(), key=lambda worker: len(worker.numbers))
            has_room = len(worker.numbers) < 2 and read - written <= _CHUNKS_AHEAD * len(
                self._workers
            )
            can_read, finished = self._wait(rows, wants=end is None and has_room)
            done.update(self._workers[connection].receive() for connection in finished)
            if can_read:
                try:
                    chunk = next(rows.chunks)
                except (SoftmaxError, StopIteration) as reason:
                    end, chunk = reason, None
                if chunk is not None:
                    # A chunk longer than the buffer goes through the socket, to an idle worker.
                    while worker.numbers and len(chunk.data) > _BUFFER_BYTES:
                        done.update([worker.receive()])
                    worker.send(chunk, read)
                    read += 1
            while written in done:
                outcome = done.pop(written)
                if isinstance(outcome, BaseException):
                    raise outcome
                yield outcome
                written += 1
        if isinstance(end, SoftmaxError):
            raise end

    def _wait(self, rows: Rows, *, wants: bool) -> tuple[bool, list[Connection]]:
        """Wait until the input (if `wants`) or a worker can be read; return which of them can."""
        connections: list[Any] = list(self._workers)
        source = rows.source
        if wants and (source is None or source.descriptor is None):  # a file is always ready
            return True, select.select(connections, [], [], 0)[0]
        pipe = [source.descriptor] if wants and source is not None else []
        ready = select.select([*connections, *pipe], [], [])[0]
        return any(item in pipe for item in ready), [item for item in ready if item not in pipe]

    def close(self) -> None:
        for worker in self._workers.values():
            worker.process.kill()
        for worker in self._workers.values():
            worker.process.join()
            worker.connection.close()
            worker.memory.close()


def _run_worker(
    function: Callable[[Any], Outcome],
    connection: Connection,
    memory: mmap.mmap,
    others: list[Connection],
) -> None:
    """Compute chunks in a worker process until the parent closes its end of the connection."""
    for other in others:  # else the end of the parent goes unnoticed
        other.close()
    with suppress(EOFError, ConnectionError):  # the parent has ended
        for half in cycle((0, _BUFFER_BYTES)):
            data, line = connection.recv()
            try:
                outcome = function(Chunk(_load(memory, data), line))
            except (SoftmaxError, MemoryError) as error:
                connection.send((error, None))
                continue
            text = None
            if isinstance(outcome.piece, bytes | bytearray):
                text = _store(memory, half, outcome.piece)
                outcome = outcome._replace(piece=None)
            connection.send((outcome, text))


def _store(memory: mmap.mmap, start: int, text: bytes | bytearray) -> slice | bytes:
    """Copy a text to the memory and return its slice; return a text that is too long itself."""
    place = slice(start, start + len(text))
    if len(text) > _BUFFER_BYTES:
        return bytes(text)
    memory[place] = text
    return place


def _load(memory: mmap.mmap, text: slice | bytes) -> bytes:
    """Return a text, given the result of `_store`."""
    return memory[text] if isinstance(text, slice) else text
