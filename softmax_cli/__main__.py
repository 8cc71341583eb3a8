"""The command `softmax-cli`, and `python -m softmax_cli`, which is the same."""

import sys


def run() -> None:
    """Run the command line and exit with its status."""
    try:
        from softmax_cli.cli import main

        status = main()
    except KeyboardInterrupt:  # before there is anything that could take it
        status = 130
    sys.exit(status)


if __name__ == "__main__":
    run()
