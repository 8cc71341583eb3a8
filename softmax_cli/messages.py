"""Lines on standard error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import click

PROGRAM: Final = "softmax-cli"
# The kind of notice about rows that are not used
UNUSABLE: Final = "unusable"
# Invisible, but parts of words and of emoji
_JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"


def say(kind: str, message: str) -> None:
    """One line on standard error, whatever the message holds."""
    line = " ".join(f"{PROGRAM}: {kind}: {message}".split())
    click.echo(visible(line), err=True)


def visible(text: str) -> str:
    """A text with its control characters, escape codes and turns of direction spelt out."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in _JOINERS else c.encode("unicode_escape").decode() for c in text
    )


class Notice(NamedTuple):
    """A kind of warning.

    Attributes
    ----------
    first : str
        The first row's place and message.
    rows : int
        How many rows it is about.
    """

    first: str
    rows: int


class Notices:
    """Warnings about rows: each kind once, with its first place.

    A context whose end tells them, also where an error ends it.
    """

    def __init__(self) -> None:
        self._notices: dict[str, Notice] = {}

    def __enter__(self) -> Notices:
        return self

    def __exit__(self, *_: object) -> None:
        for kind, (first, rows) in self._notices.items():
            if kind == UNUSABLE:
                each = (
                    "1 row can't be used, at"
                    if rows == 1
                    else f"{rows} rows can't be used, the first at"
                )
                say("warning", f"{each} {first}")
            else:
                say("warning", first + (f" (and {rows - 1} more)" if rows > 1 else ""))

    def add(self, kind: str, place: str, message: str, rows: int = 1) -> None:
        """Note some rows of a kind; the place and the message are the first row's."""
        self.merge({kind: Notice(f"{place}: {message}", rows)})

    def add_unusable(self, first: str) -> None:
        """Note a row that is not used, by the whole of its error's message."""
        self.merge({UNUSABLE: Notice(first, 1)})

    def forget_unusable(self) -> None:
        """Leave it to an error to tell of rows that are not used."""
        self._notices.pop(UNUSABLE, None)

    def merge(self, later: Mapping[str, Notice]) -> None:
        """Note what was taken from the notices of later rows."""
        for kind, notice in later.items():
            seen = self._notices.get(kind, Notice(notice.first, 0))
            self._notices[kind] = Notice(seen.first, seen.rows + notice.rows)

    def take(self) -> dict[str, Notice]:
        """All that has been noted, which is then forgotten here."""
        taken, self._notices = self._notices, {}
        return taken
