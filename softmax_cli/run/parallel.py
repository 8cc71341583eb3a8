"""An ordered map over chunks: by this process, and by several where the input is long.

No other file knows of processes. The parent reads chunks, hands each to a worker, and yields the
outcomes in order. Chunks, and the texts made of them, go through memory that both share.
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

# Chunks that each process should have at least
_CHUNKS: Final = 4
_MOST_BY_DEFAULT: Final = 8
# Bytes that fit most chunks, and what is made of them
_SHARED: Final = 1 << 21
# Chunks that are not written yet, for each worker
_AHEAD: Final = 2


def ordered_map(
    function: Callable[[Any], Outcome], rows: Rows, jobs: int | None
) -> Iterator[Outcome]:
    """Yield what a function makes of each chunk, in order; by several processes once they pay."""
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
    """A process at work, and the numbers of its chunks; two, so that it need not wait for the next.

    Each half of the memory holds a chunk and then the text made of it, in turns.
    """

    process: ForkProcess
    connection: Connection
    memory: mmap.mmap
    halves: Iterator[int]  # where the next chunk, and the next text, are put
    numbers: deque[int]

    def send(self, chunk: Chunk, number: int) -> None:
        data = _put(self.memory, next(self.halves), chunk.data)
        previous = signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # the worker may be gone
        try:
            self.connection.send((data, chunk.line))
        except (BrokenPipeError, ConnectionResetError):
            self.explain()
        finally:
            signal.signal(signal.SIGPIPE, previous)
        self.numbers.append(number)

    def receive(self) -> tuple[int, Any]:
        """Return the number of the first chunk and its outcome, or the error in its place."""
        try:
            outcome, text = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.explain()
        if text is not None:
            outcome = outcome._replace(piece=_got(self.memory, text))
        return self.numbers.popleft(), outcome

    def explain(self) -> NoReturn:
        """Say why the process has ended before its time."""
        self.process.join()
        code = self.process.exitcode or 0
        if code >= 0:  # an exception that nobody expects, which it has printed
            sys.exit(1)
        name = signal.Signals(-code).name
        raise DataError(f"a worker process was ended by {name}; the output is incomplete")


class _Pool:
    """Workers, as many as can be started, and what each of them is at."""

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
        memory = mmap.mmap(-1, 2 * _SHARED)
        arguments = self._function, theirs, memory, [*self._workers, ours]
        process = context.Process(target=_work, args=arguments, daemon=True)
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
        return _Worker(process, ours, memory, cycle((0, _SHARED)), deque())

    def outcomes(self, rows: Rows) -> Iterator[Outcome]:
        """Yield what comes of each chunk, in order, then raise the error that ended the input."""
        if not self._workers:
            yield from (self._function(chunk) for chunk in rows.chunks if chunk is not None)
            return
        done: dict[int, Any] = {}
        read = written = 0
        end: SoftmaxError | StopIteration | None = None
        while end is None or written < read:
            worker = min(self._workers.values(), key=lambda worker: len(worker.numbers))
            has_room = len(worker.numbers) < 2 and read - written <= _AHEAD * len(self._workers)
            can_read, finished = self._wait(rows, wants=end is None and has_room)
            done.update(self._workers[connection].receive() for connection in finished)
            if can_read:
                try:
                    chunk = next(rows.chunks)
                except (SoftmaxError, StopIteration) as reason:
                    end, chunk = reason, None
                if chunk is not None:
                    # What goes through the socket has to wait for a worker that reads.
                    while worker.numbers and len(chunk.data) > _SHARED:
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
        """Wait until the input can be read, where that is wanted, or a worker has finished."""
        connections: list[Any] = list(self._workers)
        source = rows.source
        if wants and (source is None or source.descriptor is None):  # a file is always ready
            return True, select.select(connections, [], [], 0)[0]
        pipe = [source.descriptor] if wants and source is not None else []
        ready = select.select([*connections, *pipe], [], [])[0]
        return any(item in pipe for item in ready), [item for item in ready if item not in pipe]

    def close(self) -> None:
        """End all workers."""
        for worker in self._workers.values():
            worker.process.kill()
        for worker in self._workers.values():
            worker.process.join()
            worker.connection.close()
            worker.memory.close()


def _work(
    function: Callable[[Any], Outcome],
    connection: Connection,
    memory: mmap.mmap,
    others: list[Connection],
) -> None:
    """Compute chunks in a process of its own, until the parent closes its end."""
    for other in others:  # else the end of the parent would not be seen
        other.close()
    with suppress(EOFError, ConnectionError):  # the parent has ended
        for half in cycle((0, _SHARED)):
            data, line = connection.recv()
            try:
                outcome = function(Chunk(_got(memory, data), line))
            except (SoftmaxError, MemoryError) as error:
                connection.send((error, None))
                continue
            text = None
            if isinstance(outcome.piece, bytes | bytearray):
                text = _put(memory, half, outcome.piece)
                outcome = outcome._replace(piece=None)
            connection.send((outcome, text))


def _put(memory: mmap.mmap, start: int, text: bytes | bytearray) -> slice | bytes:
    """Put a text into half of the memory and return where it is; return a longer one itself."""
    there = slice(start, start + len(text))
    if len(text) > _SHARED:
        return bytes(text)
    memory[there] = text
    return there


def _got(memory: mmap.mmap, text: slice | bytes) -> bytes:
    """Return a text by what `_put` returned."""
    return memory[text] if isinstance(text, slice) else text
