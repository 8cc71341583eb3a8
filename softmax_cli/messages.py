"""Messages on standard error: errors, and warnings about rows, counted by kind."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, NamedTuple

import click

PROGRAM: Final = "softmax-cli"
# The kind of notice about rows that can't be used
UNUSABLE: Final = "unusable"
# Invisible characters that join letters or emoji
_JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"


def say(kind: str, message: str) -> None:
    """Print a message as one line on standard error, unprintable characters escaped."""
    line = visible(" ".join(f"{PROGRAM}: {kind}: {message}".split()))
    if kind == "error" and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
        line = line.replace("error:", click.style("error:", fg="red"), 1)
    click.echo(line, err=True)  # without colours where that is no terminal


def visible(text: str) -> str:
    """Return a text with unprintable characters escaped."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in _JOINERS else c.encode("unicode_escape").decode() for c in text
    )


class Notice(NamedTuple):
    """A kind of warning: the first row's message, the number of rows, and how many it takes."""

    first: str
    rows: int
    least: int = 1


class Notices:
    """Warnings about rows by kind."""

    def __init__(self) -> None:
        self.kinds: dict[str, Notice] = {}

    def say(self) -> None:
        """Print each kind once."""
        # Sorted, as which kind comes first depends on how rows are divided into chunks.
        for kind, (first, rows, least) in sorted(self.kinds.items()):
            if rows < least:
                continue
            if kind == UNUSABLE:
                count = "1 row" if rows == 1 else f"{rows} rows"
                say("warning", f"{count} can't be used, {'the first ' * (rows > 1)}at {first}")
            else:
                say("warning", first + (f" (and {rows - 1} more)" if rows > 1 else ""))

    def add(self, kind: str, location: str, message: str, rows: int = 1, *, least: int = 1) -> None:
        """Count rows of a kind; the location and the message are those of the first."""
        self.merge({kind: Notice(f"{location}: {message}", rows, least)})

    def merge(self, later: Mapping[str, Notice]) -> None:
        """Count the notices of later rows."""
        for kind, notice in later.items():
            seen = self.kinds.get(kind, notice._replace(rows=0))
            self.kinds[kind] = seen._replace(rows=seen.rows + notice.rows)
