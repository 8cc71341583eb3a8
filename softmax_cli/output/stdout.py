"""Standard output, a block at a time and without a buffer that could fail at exit."""

from __future__ import annotations

import os
from typing import Final

from softmax_cli.errors import DataError

_STDOUT: Final = 1


def write(data: bytes) -> None:
    """Write all of it at once.

    Raises
    ------
    DataError
        It can't be written: the disk is full, or standard output is closed.
    """
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(_STDOUT, left) :]
    except OSError as error:
        raise DataError(f"can't write to standard output: {error.strerror}") from error
