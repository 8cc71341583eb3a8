"""The command `softmax-cli`, and `python -m softmax_cli`, which is the same."""

import gc
import sys
from typing import Final

from softmax_cli import interrupts

# More objects than startup allocates
_GC_THRESHOLD: Final = 50_000


def run() -> None:
    """Run the command line and exit with its status."""
    # Searching the loaded modules for garbage takes a sixth of a short run, and finds none.
    gc.set_threshold(_GC_THRESHOLD)
    interrupts.end_at_once()
    from softmax_cli.cli import main

    status = main()
    gc.freeze()
    sys.exit(status)


if __name__ == "__main__":
    run()
