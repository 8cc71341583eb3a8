"""How far the work is, on standard error, for who watches."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from softmax_cli import interrupts

_STDOUT: Final = 1
_STDERR: Final = 2
_FIRST_AFTER: Final = 1.0
_AGAIN_AFTER: Final = 0.1
_BAR: Final = 30


class Progress:
    """A line that is drawn anew, and cleared at the end of the context.

    Nothing is drawn unless standard error is a terminal and more than a second has gone by, nor
    where rows run over the terminal themselves. The line is blanks and returns alone, without
    escape codes: a closed pipe may end the program at any time, and leaves nothing to undo.

    Parameters
    ----------
    done : callable or None
        The part that is done, from 0 to 1, where that is known.
    streams : bool
        Whether results are written to standard output as they come.
    """

    def __init__(self, done: Callable[[], float] | None, *, streams: bool) -> None:
        self.is_on = os.isatty(_STDERR) and not (streams and os.isatty(_STDOUT))
        self._done = done
        self._rows = 0
        self._begun = time.monotonic()
        self._next = self._begun + _FIRST_AFTER
        self._drawn = 0

    def __enter__(self) -> Progress:
        interrupts.raise_exception()  # which `clear` is for
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def add(self, rows: int) -> None:
        """Count rows in, and draw the line if it is time."""
        if not self.is_on:
            return
        self._rows += rows
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _AGAIN_AFTER
            self._draw(now - self._begun)

    def clear(self) -> None:
        """Take the line away."""
        if self._drawn:
            self._write("\r" + " " * self._drawn + "\r")
            self._drawn = 0

    def _draw(self, seconds: float) -> None:
        width = max(1, _columns() - 1)  # a full line would wrap
        if self._done is None:
            line = f"{self._rows:,} rows, {self._rows / seconds:,.0f} a second"
        else:
            done = min(self._done(), 1.0)
            left = f", {seconds / done - seconds:,.0f} s left" if done else ""
            numbers = f" {done:4.0%}{left}"
            size = max(0, min(_BAR, width - len(numbers) - len("[]")))
            full = int(done * size)
            line = f"[{'#' * full}{'-' * (size - full)}]{numbers}"
        line = line[:width]
        self._write("\r" + line.ljust(min(self._drawn, width)))
        self._drawn = len(line)

    def _write(self, text: str) -> None:
        try:
            os.write(_STDERR, text.encode())
        except OSError:  # the terminal is gone; the work is not
            self.is_on = False


def _columns() -> int:
    try:
        return os.get_terminal_size(_STDERR).columns or 80
    except OSError:
        return 80
