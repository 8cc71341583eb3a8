"""Ctrl-C: exit at once during startup, raise `KeyboardInterrupt` once there is work to undo.

During imports an exception is not safe: libraries turn it into another one, or crash.
"""

import os
import signal
from typing import Final

INTERRUPTED: Final = 130


def end_at_once() -> None:
    """Make Ctrl-C exit at once, without a traceback."""
    if _is_enabled():
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))


def raise_exception() -> None:
    """Make Ctrl-C raise `KeyboardInterrupt` from now on."""
    if _is_enabled():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_enabled() -> bool:
    """Return False if SIGINT is ignored, as in a shell's background job."""
    return signal.getsignal(signal.SIGINT) != signal.SIG_IGN
