"""The command `softmax-cli`, and `python -m softmax_cli`, which is the same."""

import sys

from softmax_cli.cli import main


def run() -> None:
    """Run the command line and exit with its status."""
    sys.exit(main())


if __name__ == "__main__":
    run()
