"""Shell completion.

The files in completions/ set `_SOFTMAX_CLI_COMPLETE`, as click's do. Unlike click, this follows
bash's word breaks, and returns a value after `--option=` together with the option.
"""

import os
from collections.abc import Callable
from typing import Any

import click

Completer = Callable[[click.Context, click.Parameter, str], list[Any]]


def one_of_or_file(*values: str) -> Completer:
    """Return a completer of fixed values, and of file names by the shell."""
    kinds = click.Choice(values), click.Path()
    return lambda *args: [item for kind in kinds for item in kind.shell_complete(*args)]


def complete(cli: click.Group, program: str, variable: str, instruction: str) -> int:
    """Print the completions that an instruction asks for, and return the exit status."""
    from click.shell_completion import get_completion_class, split_arg_string

    name = instruction.removesuffix("_complete")
    shell_class = get_completion_class(name)
    assert shell_class is not None, name
    shell = shell_class(cli, {}, program, variable)
    line = os.environ.get("COMP_LINE", "") if name == "bash" else ""
    if line:
        # A marker at the end tells an empty last word from a finished one.
        *words, last = split_arg_string(line + "\0")
        args, incomplete = words[1:], last.removesuffix("\0")
    else:
        args, incomplete = shell.get_completion_args()
    items = shell.get_completions(args, incomplete)
    option, equals, _ = incomplete.partition("=")
    has_value = equals and option.startswith("--")
    # Bash replaces only the end of the word, after a word break.
    kept = max(0, len(incomplete) - len(os.environ.get("COMP_WORD", "")))
    for item in items:
        if item.type == "plain":
            value = f"{option}={item.value}" if has_value else item.value
            item.value = value[kept:] if line else value
        click.echo(shell.format_completion(item))
    return 0
