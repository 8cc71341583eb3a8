"""The command `softmax-cli`, and `python -m softmax_cli`, which is the same."""

import gc
import sys
from typing import Final

from softmax_cli import interrupts

# More new objects than a start makes
_MANY: Final = 50_000


def run() -> None:
    """Run the command line and exit with its status."""
    # What is loaded stays to the end. To look through it for garbage, again and again and once
    # more at the exit, takes a sixth of a short run.
    gc.set_threshold(_MANY)
    interrupts.end_at_once()
    from softmax_cli.cli import main

    status = main()
    gc.freeze()
    sys.exit(status)


if __name__ == "__main__":
    run()
