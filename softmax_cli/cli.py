"""The command group, and the conversion of errors to messages and exit statuses."""

import errno
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import click

from softmax_cli.errors import SoftmaxError, did_you_mean
from softmax_cli.interrupts import INTERRUPTED
from softmax_cli.messages import PROGRAM, say

# The commands in learning order, with their short help, so that listing them imports none.
COMMANDS: Final = {
    "hardmax": "The class with the largest score.",
    "softmax": "Probabilities from scores.",
    "xent": "Cross-entropy against a target.",
    "kl": "Divergence of two distributions.",
    "compare": "Ways to compute a softmax, side by side.",
}
# What gives a quantity that is no command or option of that name
_INSTEAD: Final = {
    "argmax": "softmax-cli hardmax",
    "cross-entropy": "softmax-cli xent",
    "js": "softmax-cli kl --divergence js",
    "entropy": "softmax-cli softmax --breakdown",
    "logsumexp": "softmax-cli softmax --breakdown",
    "perplexity": "softmax-cli softmax --breakdown",
    "--accuracy": "--reduction mean -f json",
    "--label": "--target",
    "--mean": "--reduction mean",
    "--sum": "--reduction sum",
    "--entropy": "--breakdown",
}
# How similar a name must be to be suggested, from 0 to 1
_NEAR: Final = 0.75
_COMPLETE: Final = "_SOFTMAX_CLI_COMPLETE"
_OUTPUT_ERRORS: Final = (errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EBADF, errno.EDQUOT)


class Commands(click.Group):
    """A group that imports each command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"softmax_cli.commands.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        command.short_help = COMMANDS[cmd_name]
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve as click does, but suggest the nearest command in the error."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            hint = _hint(name, list(COMMANDS)) or f" (one of {', '.join(COMMANDS)})"
            raise click.UsageError(f"no such command {name!r}{hint}", ctx)
        return super().resolve_command(ctx, args)


def _hint(name: str, known: Sequence[str]) -> str:
    """Return what to type for an unknown name, in parentheses; '' where nothing is near."""
    if name in _INSTEAD:
        return f" (use {_INSTEAD[name]})"
    begun = [word for word in known if word.startswith(name)][:1]
    hint = did_you_mean(name, begun, 0.0) or did_you_mean(name, known, _NEAR)
    return f" ({hint})" if hint else ""


def _usage_message(error: click.ClickException) -> str:
    """Return the message of an error of click in the style of the other messages."""
    message = error.format_message()
    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        params = error.ctx.command.get_params(error.ctx)
        known = [name for param in params for name in param.opts if name.startswith("--")]
        message = f"no such option {error.option_name!r}{_hint(error.option_name, known)}"
    return message[:1].lower() + message[1:].removesuffix(".")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "-V", "--version", package_name="softmax-calc", prog_name=PROGRAM)
def cli() -> None:
    """A calculator for logits and probabilities.

    It turns scores into a hard choice, into probabilities and into a loss, with every digit
    right, and shows where the textbook formula breaks. Vectors are typed as arguments or read as
    rows of delimited text.
    """


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    if hasattr(signal, "SIGPIPE"):
        # A closed pipe ends the program silently, as it does cut and head.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # No matrix is multiplied here, and idle BLAS threads cost time and memory.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        return _run(list(sys.argv[1:] if args is None else args))
    except SoftmaxError as error:
        hint = f" ({error.hint})" if error.hint else ""
        say("error", error.message + hint)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        say("error", _usage_message(error))
        return error.exit_code
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # ignore a second Ctrl-C during exit
        return INTERRUPTED
    except MemoryError:
        say("error", "not enough memory for a vector of this length")
    except OSError as error:
        # Only help and completions, which click prints, can raise this from standard output.
        output = "can't write to standard output: " if error.errno in _OUTPUT_ERRORS else ""
        say("error", f"{output}{error.strerror}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the final flush must not fail
    return 1


def _run(args: list[str]) -> int:
    instruction = os.environ.get(_COMPLETE)
    if instruction:
        from softmax_cli.completion import complete

        return complete(cli, PROGRAM, _COMPLETE, instruction)
    if args[:1] == ["help"]:
        args = [*args[1:2], "--help"]
    try:
        with cli.make_context(PROGRAM, args) as context:
            status: int | None = cli.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    return status or 0
