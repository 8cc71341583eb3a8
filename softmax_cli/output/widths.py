"""How wide a screen is, and the columns of a table on it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

# Standard output, then standard error and input: the first is a pipe to a pager, or a file.
_DESCRIPTORS: Final = (1, 2, 0)
_DEFAULT: Final = 80


def screen_width() -> int:
    """COLUMNS, else the width of the terminal, else 80; what is no width is passed over."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    for descriptor in _DESCRIPTORS:
        try:
            width = os.get_terminal_size(descriptor).columns
        except OSError:
            continue
        if width:
            return width
    return _DEFAULT


def narrowed(widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """The widths, the widest of them made narrower until they fit or all are at their least."""
    fitted = list(widths)
    while sum(fitted) > room:
        loose = [i for i, width in enumerate(fitted) if width > least[i]]
        if not loose:
            break
        fitted[max(loose, key=lambda i: fitted[i])] -= 1
    return fitted
