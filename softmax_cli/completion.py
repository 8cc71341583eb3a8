"""Shell completion.

The files in completions/ set `_SOFTMAX_CLI_COMPLETE`, as click's do. Unlike click, this follows
bash's word breaks and quotes, and returns a value after `--option=` together with the option.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

import click

Completer = Callable[[click.Context, click.Parameter, str], list[Any]]

_UNESCAPED: Final = "_.,:=@%+/^-"  # needs no backslash in bash


def one_of(*values: str) -> Completer:
    """Return a completer of fixed values."""
    return click.Choice(values).shell_complete


def one_of_or_file(*values: str) -> Completer:
    """Return a completer of fixed values, and of file names by the shell."""
    return lambda *args: one_of(*values)(*args) + click.Path().shell_complete(*args)


def list_of(*values: str) -> Completer:
    """Return a completer of lists of fixed values, item by item."""
    return lambda _context, _parameter, incomplete: _next_items(values, incomplete)


def columns(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the last item of a list of the input's columns."""
    return _next_items(_columns_of(context), incomplete)


def column(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of one of the input's columns."""
    return _items(_columns_of(context), incomplete)


def _columns_of(context: click.Context) -> list[str]:
    """Return the unique, printable column names in the file of -i."""
    from softmax_cli.input.formats import column_names
    from softmax_cli.input.settings import InputSettings

    keys = ("path", "delimiter", "header")
    given = {key: value for key in keys if (value := context.params.get(key)) is not None}
    settings = InputSettings(**given)
    # The shell passes the words as typed, not expanded.
    path = os.path.expandvars(os.path.expanduser(settings.path))  # noqa: PTH111 - leaves ~nobody
    counts = Counter(column_names(settings._replace(path=path)))
    return [name for name, count in counts.items() if count == 1 and name and name.isprintable()]


def _next_items(names: Iterable[str], incomplete: str) -> list[str]:
    """Return the unfinished list, completed by each name that it does not have yet."""
    from softmax_cli.input.columns import split_names

    # A comma inside quotes has an odd number of quotes on its left.
    ends = (at + 1 for at, character in enumerate(incomplete) if character == ",")
    cut = max((end for end in ends if incomplete.count('"', 0, end) % 2 == 0), default=0)
    chosen = set(split_names(incomplete[:cut]))
    rest = [name for name in names if name not in chosen]
    if not (found := _items(rest, incomplete[cut:])):  # '!label', or the end of 'cat:owl'
        cut += max(incomplete[cut:].rfind(":") + 1, incomplete.startswith("!", cut))
        found = _items(rest, incomplete[cut:])
    return [incomplete[:cut] + item for item in found]


def _items(names: Iterable[str], incomplete: str) -> list[str]:
    """Return the names with this prefix, quoted where a list needs it or a quote is open."""

    def item(name: str) -> str:
        is_quoted = "," in name or '"' in name or incomplete.startswith('"')
        return '"' + name.replace('"', '""') + '"' if is_quoted else name

    return [
        shown
        for name in names
        if (shown := item(name)).startswith(incomplete) or name.startswith(incomplete)
    ]


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
    # Bash replaces only the end of the word, after a word break or an open quote.
    replaced = os.environ.get("COMP_WORD", "")
    before = line.removesuffix(replaced)
    quote = before[-1] if before.endswith(('"', "'")) else ""
    kept = len(incomplete) - len("".join(split_arg_string(quote + replaced)))
    for item in items:
        if item.type == "plain":
            value = f"{option}={item.value}" if has_value else item.value
            item.value = _quoted(value[kept:], quote) if line else value
        click.echo(shell.format_completion(item))
    return 0


def _quoted(text: str, quote: str) -> str:
    """Return a text escaped for bash, inside an open quote or outside."""
    if quote == "'":
        return text.replace("'", "'\\''")
    if quote:
        return "".join(f"\\{c}" if c in '"$`\\' else c for c in text)
    return "".join(c if c.isalnum() or c in _UNESCAPED else f"\\{c}" for c in text)
