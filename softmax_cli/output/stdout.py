"""Standard output, a block at a time and without a buffer that could fail at exit."""

from __future__ import annotations

import fcntl
import os
import stat
from typing import Final

from softmax_cli.errors import WriteError

_STDOUT: Final = 1


def write(data: bytes | bytearray) -> None:
    """Write all of it at once.

    Raises
    ------
    WriteError
        The disk is full, or standard output is closed.
    """
    done = 0
    try:
        while done < len(data):
            done += os.write(_STDOUT, memoryview(data)[done:])
    except OSError as error:
        take_back(done - data.rfind(b"\n", 0, done) - 1)
        raise WriteError(error.strerror) from error


def position() -> int | None:
    """Where the next byte goes in a regular file; None for a pipe and the like."""
    if not stat.S_ISREG(os.fstat(_STDOUT).st_mode):
        return None
    return os.lseek(_STDOUT, 0, os.SEEK_CUR)


def seekable_position() -> int | None:
    """As `position`, but None too where every write goes to the end (`>>`)."""
    if fcntl.fcntl(_STDOUT, fcntl.F_GETFL) & os.O_APPEND:
        return None
    return position()


def write_at(start: int, data: bytes) -> None:
    """Write over what a regular file has there, and go back to its end.

    Raises
    ------
    WriteError
    """
    end = os.lseek(_STDOUT, 0, os.SEEK_CUR)
    os.lseek(_STDOUT, start, os.SEEK_SET)
    write(data)
    os.lseek(_STDOUT, end, os.SEEK_SET)


def take_back(count: int) -> None:
    """Take back the last bytes, a begun line, where standard output is a regular file."""
    end = position() if count > 0 else None
    if end is not None:
        os.ftruncate(_STDOUT, end - count)
        os.lseek(_STDOUT, -count, os.SEEK_CUR)
