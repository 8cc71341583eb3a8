"""Unbuffered writes to standard output, and its redirection to a file, replaced atomically."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from softmax_cli import interrupts
from softmax_cli.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

_STDOUT: Final = 1
_MODE: Final = 0o666  # less the umask


class WriteError(DataError):
    """Standard output, or the file that replaces it, can't be written."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"can't write to standard output: {error.strerror}")
        self.strerror = error.strerror


def write(data: bytes | bytearray | memoryview) -> None:
    """Write data to standard output; if that fails, cut a regular file after a whole line."""
    done = 0
    try:
        while done < len(data):
            done += os.write(_STDOUT, memoryview(data)[done:])
    except OSError as error:
        end = position()
        if end is not None and done:
            cut(end - done + bytes(data[:done]).rfind(b"\n") + 1)
        raise WriteError(error) from error


def write_at(start: int, data: bytes) -> None:
    """Overwrite a regular file at a position."""
    os.lseek(_STDOUT, start, os.SEEK_SET)
    write(data)


def cut(end: int) -> None:
    """Truncate a regular file at a position, where the next byte goes."""
    os.ftruncate(_STDOUT, end)
    os.lseek(_STDOUT, end, os.SEEK_SET)


def position() -> int | None:
    """Return the position in a regular file; None for a pipe or a device."""
    if not stat.S_ISREG(os.fstat(_STDOUT).st_mode):
        return None
    return os.lseek(_STDOUT, 0, os.SEEK_CUR)


def seekable_position() -> int | None:
    """Return the position; None also where every write is appended (`>>`)."""
    return None if fcntl.fcntl(_STDOUT, fcntl.F_GETFL) & os.O_APPEND else position()


@contextmanager
def replaced(path: str) -> Iterator[None]:
    """Redirect standard output to a draft, which replaces the file at the end of the context.

    An error in the context leaves the old file as it is. A path that is not a regular file (a
    device, a named pipe, standard output by another name) is written directly.
    """
    from pathlib import Path  # 4 ms, which only -o needs

    target = Path(path).resolve()
    draft = target.with_name(f".softmax-cli-{os.urandom(8).hex()}")
    try:
        with _write_errors():
            is_draft = _redirect(path, draft)
        yield
        if is_draft:
            with _write_errors():
                os.fsync(_STDOUT)
                draft.replace(target)
    except WriteError as error:
        raise DataError(f"can't write {path or repr(path)}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _redirect(path: str, draft: Path) -> bool:
    """Redirect standard output to the draft; return False if the path is written directly."""
    is_new = path and not path.endswith("/") and not os.path.exists(path)  # noqa: PTH110
    old = None if is_new else os.stat(path)  # noqa: PTH116
    with suppress(OSError):  # standard output is closed
        if old and os.path.samestat(old, os.fstat(_STDOUT)):
            return False
    if old and not stat.S_ISREG(old.st_mode):
        os.dup2(os.open(path, os.O_WRONLY), _STDOUT)
        return False
    if old and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    # Signals that end the process raise exceptions, so that the draft is removed.
    interrupts.raise_exception()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # by nohup
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    os.dup2(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, _MODE), _STDOUT)
    if old:
        with suppress(PermissionError):  # another user's file, or no owners
            os.fchmod(_STDOUT, stat.S_IMODE(old.st_mode))
            os.fchown(_STDOUT, old.st_uid, old.st_gid)
    return True


@contextmanager
def _write_errors() -> Iterator[None]:
    """Turn an `OSError` in the context into a `WriteError`."""
    try:
        yield
    except OSError as error:
        raise WriteError(error) from error
