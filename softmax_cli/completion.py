"""What a shell asks for when a word is to be completed, and what it is told.

The files in completions/ call the program with `_SOFTMAX_CLI_COMPLETE` set, as click has it. What
differs from click's own: bash's line is read as bash cuts it, and what is told is quoted as the
line needs it; a value behind `--option=` is told with the option, as the word that it is part of.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    shell_complete,
    split_arg_string,
)

if TYPE_CHECKING:
    import click

_WORD_BREAKS: Final = " \t\n\"'@><=;|&(:"
# What needs no backslash in bash
_PLAIN: Final = frozenset("_.,:=@%+/^-")


class _WholeWords(ShellComplete):
    """Tells the whole word, also where only the value behind its '=' is completed."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """As click's, with what stands before the value."""
        items = super().get_completions(args, incomplete)
        option, equals, _ = incomplete.partition("=")
        if equals and option.startswith("--"):
            for item in items:
                if item.type == "plain":
                    item.value = f"{option}={item.value}"
        return items


class Zsh(_WholeWords, ZshComplete):
    """zsh, which quotes by itself."""


class Fish(_WholeWords, FishComplete):
    """fish, which quotes by itself."""


class Bash(_WholeWords, BashComplete):
    """bash, which puts what it is told in the place of the word's end alone.

    That begins behind the last quote that is open, or the last character that breaks words.
    """

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor, and what there is of the one at it."""
        line = os.environ.get("COMP_LINE")
        if not line:
            return super().get_completion_args()
        # A mark at the end tells a word that has not begun from one that has ended.
        *words, last = split_arg_string(line + "\0")
        return words[1:], last.removesuffix("\0")

    def complete(self) -> str:
        """The candidates, as they are to stand in the line."""
        line = os.environ.get("COMP_LINE")
        if not line:
            return super().complete()
        start, quote = _replaced_part(line, os.environ.get("COMP_WORDBREAKS") or _WORD_BREAKS)
        args, incomplete = self.get_completion_args()
        kept = len(incomplete) - len(_text(line[start:], quote))
        told = []
        for item in self.get_completions(args, incomplete):
            if item.type == "plain":
                item.value = _quoted(item.value[kept:], quote)
            told.append(self.format_completion(item))
        return "\n".join(told)


def _replaced_part(line: str, breaks: str) -> tuple[int, str]:
    """Where the part of a line begins that bash replaces, and the quote that is open there."""
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


def _text(raw: str, quote: str) -> str:
    """What a part of a line stands for, inside a quote or outside."""
    words = split_arg_string(quote + raw)
    return words[0] if words else ""


def _quoted(text: str, quote: str) -> str:
    """A text as it stands in bash, inside a quote or outside."""
    if quote == "'":
        return text.replace("'", "'\\''")
    if quote:
        return "".join(f"\\{c}" if c in '"$`\\' else c for c in text)
    return "".join(c if c.isalnum() or c in _PLAIN else f"\\{c}" for c in text)


def complete(cli: click.Group, program: str, variable: str, instruction: str) -> int:
    """Tell what the instruction in an environment variable asks for, and return the exit status."""
    for name, shell in (("bash", Bash), ("zsh", Zsh), ("fish", Fish)):
        add_completion_class(shell, name)
    return shell_complete(cli, {}, program, variable, instruction)
