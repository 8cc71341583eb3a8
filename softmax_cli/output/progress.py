"""A progress line on a terminal, and the width of terminals."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_STDOUT, _STDERR = 1, 2
_FIRST_AFTER: Final = 1.0  # seconds
_AGAIN_AFTER: Final = 0.1
_BAR: Final = 30
_WIDTH: Final = 80


class Progress:
    """A progress line on a terminal, redrawn regularly after the first second.

    `done` returns the fraction that is done, if that is known. Nothing is drawn where results
    stream to the same terminal. The line has no escape codes, so that a signal that ends the
    program leaves nothing to undo.
    """

    def __init__(self, done: Callable[[], float] | None, *, streams: bool) -> None:
        self._is_on = os.isatty(_STDERR) and not (streams and os.isatty(_STDOUT))
        self._done = done
        self._rows = 0
        self._begun = time.monotonic()
        self._next = self._begun + _FIRST_AFTER
        self._drawn = 0

    def add(self, rows: int) -> None:
        """Count rows, and draw the line if it is time."""
        self._rows += rows
        now = time.monotonic()
        if self._is_on and now >= self._next:
            self._next = now + _AGAIN_AFTER
            width = max(1, terminal_width(_STDERR) - 1)  # a full line would wrap
            line = self._line(now - self._begun, width)[:width]
            _write("\r" + line.ljust(min(self._drawn, width)))
            self._drawn = len(line)

    def close(self) -> None:
        if self._drawn:
            _write("\r" + " " * self._drawn + "\r")

    def _line(self, seconds: float, width: int) -> str:
        if self._done is None:
            return f"{self._rows:,} rows, {self._rows / seconds:,.0f} a second"
        done = min(self._done(), 1.0)
        left = f", {seconds / done - seconds:,.0f} s left" if done else ""
        numbers = f" {done:4.0%}{left}"
        size = max(0, min(_BAR, width - len(numbers) - len("[]")))
        full = int(done * size)
        return f"[{'#' * full}{'-' * (size - full)}]{numbers}"


def terminal_width(*descriptors: int) -> int:
    """Return the width of the first descriptor that is a terminal, else 80."""
    for descriptor in descriptors:
        with suppress(OSError):
            if width := os.get_terminal_size(descriptor).columns:
                return width
    return _WIDTH


def _write(text: str) -> None:
    with suppress(OSError):  # the terminal is gone; the work goes on
        os.write(_STDERR, text.encode())
