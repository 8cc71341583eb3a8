"""What a shell asks for when a word is to be completed, and what it is told.

The files in completions/ set `_SOFTMAX_CLI_COMPLETE`, as click has it. Other than click, bash's
line is read and quoted as bash cuts it, and a value behind `--option=` is told with the option.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

import click

Completer = Callable[[click.Context, click.Parameter, str], list[Any]]

_WORD_BREAKS: Final = " \t\n\"'@><=;|&(:"
_PLAIN: Final = "_.,:=@%+/^-"  # needs no backslash in bash


def files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Leave it to the shell to complete a file's name."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def one_of(*values: str) -> Completer:
    """Return what offers some values."""
    return lambda _context, _parameter, incomplete: [v for v in values if v.startswith(incomplete)]


def one_of_or_file(*values: str) -> Completer:
    """Return what offers some values, and leaves it to the shell to complete a file's name."""
    return lambda *args: one_of(*values)(*args) + files(*args)


def list_of(*values: str) -> Completer:
    """Return what offers some values as the next item of a list."""
    return lambda _context, _parameter, incomplete: _next_items(values, incomplete)


def columns(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the columns of the input as the next item of a list."""
    return _next_items(_columns_of(context), incomplete)


def column(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the columns of the input."""
    return _items(_columns_of(context), incomplete)


def _columns_of(context: click.Context) -> list[str]:
    """Return the names in the file of -i, of those that stand for one column and fit on a line."""
    from softmax_cli.input.formats import column_names
    from softmax_cli.input.settings import InputSettings

    keys = ("path", "delimiter", "header")
    given = {key: value for key in keys if (value := context.params.get(key)) is not None}
    settings = InputSettings(**given)
    # The shell hands over the words as they were typed.
    path = os.path.expandvars(os.path.expanduser(settings.path))  # noqa: PTH111 - leaves ~nobody
    counts = Counter(column_names(settings._replace(path=path)))
    return [name for name, count in counts.items() if count == 1 and name and name.isprintable()]


def _next_items(names: Iterable[str], incomplete: str) -> list[str]:
    """Return the list as far as it is there, with each name that is not yet in it."""
    from softmax_cli.input.columns import split_names

    # A comma in quotes has an odd number of them on its left.
    ends = (at + 1 for at, character in enumerate(incomplete) if character == ",")
    cut = max((end for end in ends if incomplete.count('"', 0, end) % 2 == 0), default=0)
    chosen = set(split_names(incomplete[:cut]))
    rest = (name for name in names if name not in chosen)
    return [incomplete[:cut] + item for item in _items(rest, incomplete[cut:])]


def _items(names: Iterable[str], incomplete: str) -> list[str]:
    """Return the names that begin so, in quotes where a list needs them or they are opened."""

    def item(name: str) -> str:
        is_quoted = "," in name or '"' in name or incomplete.startswith('"')
        return '"' + name.replace('"', '""') + '"' if is_quoted else name

    return [
        shown
        for name in names
        if (shown := item(name)).startswith(incomplete) or name.startswith(incomplete)
    ]


class Bash:
    """What a shell is told, by default bash: it puts that in the place of the word's end alone."""

    def __init__(self, *args: Any, name: str = "bash") -> None:
        from click.shell_completion import get_completion_class, split_arg_string

        shell = get_completion_class(name)
        assert shell is not None, name
        self._shell = shell(*args)
        self._split = split_arg_string
        self._line = os.environ.get("COMP_LINE", "") if name == "bash" else ""

    def get_completions(self, args: list[str], incomplete: str) -> list[Any]:
        """Return click's, with what stands before a value behind its '='."""
        items = self._shell.get_completions(args, incomplete)
        option, equals, _ = incomplete.partition("=")
        if equals and option.startswith("--"):
            for item in items:
                if item.type == "plain":
                    item.value = f"{option}={item.value}"
        return items

    def complete(self) -> str:
        """Return what the shell is told."""
        if not self._line:
            items = self.get_completions(*self._shell.get_completion_args())
            return "\n".join(map(self._shell.format_completion, items))
        start, quote = _replaced_part(self._line)
        # A mark at the end tells a word that has not begun from one that has ended.
        *words, last = self._split(self._line + "\0")
        incomplete = last.removesuffix("\0")
        kept = len(incomplete) - len("".join(self._split(quote + self._line[start:])[:1]))
        items = self.get_completions(words[1:], incomplete)
        for item in items:
            if item.type == "plain":
                item.value = _quoted(item.value[kept:], quote)
        return "\n".join(map(self._shell.format_completion, items))


def _replaced_part(line: str) -> tuple[int, str]:
    """Return where the part of a line that bash replaces begins, and the quote that is open."""
    breaks = os.environ.get("COMP_WORDBREAKS") or _WORD_BREAKS
    start, before, quote, is_escaped = 0, 0, "", False
    for at, character in enumerate(line):
        if is_escaped:
            is_escaped = False
        elif character == "\\" and quote != "'":
            is_escaped = True
        elif quote:
            if character == quote:
                quote, start = "", before
        elif character in "\"'":
            before, quote, start = start, character, at + 1
        elif character in breaks:
            start = at + 1
    return start, quote


def _quoted(text: str, quote: str) -> str:
    """Return a text as it stands in bash, inside a quote or outside."""
    if quote == "'":
        return text.replace("'", "'\\''")
    if quote:
        return "".join(f"\\{c}" if c in '"$`\\' else c for c in text)
    return "".join(c if c.isalnum() or c in _PLAIN else f"\\{c}" for c in text)


def complete(cli: click.Group, program: str, variable: str, instruction: str) -> int:
    """Tell what the instruction in an environment variable asks for, and return the exit status."""
    name = instruction.removesuffix("_complete")
    click.echo(Bash(cli, {}, program, variable, name=name).complete())
    return 0
