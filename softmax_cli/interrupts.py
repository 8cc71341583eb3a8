"""What Ctrl-C does: it ends the program at once, or is an exception where there is work to undo.

While modules are loaded an exception is no good end: libraries turn it into others, or crash.
"""

from __future__ import annotations

import os
import signal
from typing import Final

INTERRUPTED: Final = 130


def end_at_once() -> None:
    """Let Ctrl-C end the program in silence."""
    if _is_heard():
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))


def raise_exception() -> None:
    """Let it be a `KeyboardInterrupt` from now on."""
    if _is_heard():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_heard() -> bool:
    """Not where a shell has started the program in the background."""
    return signal.getsignal(signal.SIGINT) != signal.SIG_IGN
