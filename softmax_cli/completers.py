"""What options offer as their values when a shell completes; they name these functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    Completer = Callable[[click.Context, click.Parameter, str], list[str]]

# In a list such names stand in quotes.
_QUOTED: Final = (",", '"')


def files(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Leave it to the shell to complete a file's name."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def one_of(*values: str) -> Completer:
    """Offer some values."""

    def complete(
        _context: click.Context, _parameter: click.Parameter, incomplete: str
    ) -> list[str]:
        return [value for value in values if value.startswith(incomplete)]

    return complete


def one_of_or_file(*values: str) -> Callable[..., list[CompletionItem[str]]]:
    """Offer some values, and leave it to the shell to complete a file's name."""

    def complete(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        fitting = [CompletionItem(value) for value in values if value.startswith(incomplete)]
        return fitting + files(context, parameter, incomplete)

    return complete


def list_of(*values: str) -> Completer:
    """Offer some values as the next item of a list."""

    def complete(
        _context: click.Context, _parameter: click.Parameter, incomplete: str
    ) -> list[str]:
        return _next_items(values, incomplete)

    return complete


def columns(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the columns of the input as the next item of a list."""
    return _next_items(_columns_of(context), incomplete)


def column(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the columns of the input."""
    return _items(_columns_of(context), incomplete)


def _columns_of(context: click.Context) -> list[str]:
    """The names in the file that -i names; those that stand for one column and fit on a line."""
    import os

    from softmax_cli.input.names import column_names
    from softmax_cli.input.settings import InputSettings

    given = {key: context.params.get(key) for key in ("path", "delimiter", "header")}
    settings = InputSettings(**{key: value for key, value in given.items() if value is not None})
    # The shell hands over the words as they were typed.
    path = os.path.expandvars(os.path.expanduser(settings.path))  # noqa: PTH111 - leaves ~nobody
    counts = Counter(column_names(settings._replace(path=path)))
    return [name for name, count in counts.items() if count == 1 and name and name.isprintable()]


def _next_items(names: Iterable[str], incomplete: str) -> list[str]:
    """The list as far as it is there, with each name that is not yet in it."""
    from softmax_cli.input.columns import split_names

    is_open, cut = False, 0
    for at, character in enumerate(incomplete):
        if character == '"':
            is_open = not is_open
        elif character == "," and not is_open:
            cut = at + 1
    done, rest = incomplete[:cut], incomplete[cut:]
    chosen = set(split_names(done))
    return [done + item for item in _items((n for n in names if n not in chosen), rest)]


def _items(names: Iterable[str], incomplete: str) -> list[str]:
    """The names that begin so, in quotes where a list needs them or they have been opened."""
    items = []
    for name in names:
        needs = any(mark in name for mark in _QUOTED)
        in_quotes = '"' + name.replace('"', '""') + '"'
        item = in_quotes if needs or incomplete.startswith('"') else name
        if item.startswith(incomplete) or name.startswith(incomplete):
            items.append(item)
    return items
