"""A file in the place of standard output, which is replaced only when all of it is there."""

from __future__ import annotations

import errno
import os
import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from softmax_cli import interrupts
from softmax_cli.errors import DataError, WriteError

_STDOUT: Final = 1
_MODE: Final = 0o666  # less the umask


@contextmanager
def replaced(path: str) -> Iterator[None]:
    """Let standard output be a file, which takes the old one's place when the context has ended.

    Until then the old one stays as it is, and an error in the context leaves it so. What is no
    regular file (a device, a named pipe, standard output by another name) is written directly.

    Parameters
    ----------
    path : str
        A symbolic link stands for the file that it leads to.

    Raises
    ------
    DataError
        The file can't be written, in the context or at its end.
    """
    try:
        draft = _open(path)
    except OSError as error:
        raise _failure(path, error.strerror) from error
    try:
        yield
        if draft is not None:
            draft.publish()
    except WriteError as error:
        raise _failure(path, error.reason) from error
    finally:
        if draft is not None:
            draft.discard()


class _Draft:
    """A new file behind descriptor 1: without a name until it is whole, where the system has that.

    Such a file is gone with its process, however that ends. One with a name beside its target is
    taken away also where the process is told to end.

    Parameters
    ----------
    target : Path
        No symbolic link.
    old : stat_result or None
        Of what is to be replaced.

    Raises
    ------
    OSError
    """

    def __init__(self, target: Path, old: os.stat_result | None) -> None:
        self._target = target
        self._name = target.with_name(f".softmax-cli-{os.urandom(8).hex()}")
        descriptor = _open_nameless(target.parent)
        self._is_nameless = descriptor is not None
        if descriptor is None:
            _end_in_order()
            descriptor = os.open(self._name, os.O_RDWR | os.O_CREAT | os.O_EXCL, _MODE)
        _be_stdout(descriptor)
        if old is not None:
            with suppress(PermissionError):  # another's, or a file system that knows none
                os.fchown(_STDOUT, old.st_uid, old.st_gid)
            with suppress(PermissionError):
                os.fchmod(_STDOUT, stat.S_IMODE(old.st_mode))

    def publish(self) -> None:
        """Put it in its target's place, once it is on the disk.

        Raises
        ------
        WriteError
        """
        try:
            os.fsync(_STDOUT)
            if self._is_nameless:
                # Only with a directory's descriptor, which the path makes no use of, does Python
                # follow the link to the file.
                os.link(f"/proc/self/fd/{_STDOUT}", self._name, src_dir_fd=_STDOUT)
            self._name.replace(self._target)
        except OSError as error:
            raise WriteError(error.strerror) from error

    def discard(self) -> None:
        """Take it away, if it has not got its place."""
        self._name.unlink(missing_ok=True)


def _open(path: str) -> _Draft | None:
    """A draft behind descriptor 1, or the file itself if it is no regular one."""
    if not path:
        raise _os_error(errno.ENOENT)
    try:
        old = Path(path).stat()
    except FileNotFoundError:
        old = None
    if path.endswith("/") or (old is not None and stat.S_ISDIR(old.st_mode)):
        raise _os_error(errno.EISDIR)
    if old is None:
        return _Draft(Path(path).resolve(), None)
    if _is_stdout(old):
        return None
    if not stat.S_ISREG(old.st_mode):
        _be_stdout(os.open(path, os.O_WRONLY))
        return None
    if not os.access(path, os.W_OK):
        raise _os_error(errno.EACCES)
    return _Draft(Path(path).resolve(), old)


def _open_nameless(directory: Path) -> int | None:
    """A descriptor of a file without a name, where there are such, and a way to name them."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not Path("/proc/self/fd").exists():
        return None
    try:
        return os.open(directory, flag | os.O_RDWR, _MODE)
    except OSError:  # with a name it is tried anew, and refused for what is wrong
        return None


def _is_stdout(status: os.stat_result) -> bool:
    try:
        return os.path.samestat(status, os.fstat(_STDOUT))
    except OSError:  # standard output is closed
        return False


def _be_stdout(descriptor: int) -> None:
    if descriptor != _STDOUT:
        os.dup2(descriptor, _STDOUT)
        os.close(descriptor)


def _end_in_order() -> None:
    """Let signals that tell the process to end be exceptions."""
    interrupts.raise_exception()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
            signal.signal(number, lambda number, _: sys.exit(128 + number))


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _failure(path: str, reason: str | None) -> DataError:
    return DataError(f"can't write {path or repr(path)}: {reason}")
