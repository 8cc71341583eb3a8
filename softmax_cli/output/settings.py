"""What the command line says about the output."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from softmax_cli.errors import UsageError

FORMATS: Final = ("auto", "table", "csv", "tsv", "json", "jsonl", "markdown", "npy")
_STDOUT: Final = 1


class Digits(NamedTuple):
    """How many digits of a number are shown; as many as it needs where both are None."""

    significant: int | None = None
    decimals: int | None = None

    def form(self) -> str:
        """Return the format of a number, for the % operator."""
        return f"%.{self.significant}g" if self.significant else f"%.{self.decimals}f"


SHORTEST: Final = Digits()
TABLE_DIGITS: Final = Digits(significant=6)


class OutputSettings(NamedTuple):
    """The format, the digits of numbers, and the file to replace ('-' for standard output)."""

    format: str = "auto"
    precision: int | None = None
    decimals: int | None = None
    file: str = "-"

    def resolved_format(self) -> str:
        """Return the format; 'auto' is a table on a terminal and CSV elsewhere."""
        if self.format != "auto":
            return self.format
        return "table" if self._is_for_a_terminal() else "csv"

    def digits(self) -> Digits:
        """Return how many digits of each number are shown."""
        digits = Digits(self.precision, self.decimals)
        if digits == SHORTEST and self.resolved_format() in ("table", "markdown"):
            return TABLE_DIGITS
        return digits

    def check(self) -> None:
        """Raise `UsageError` for bytes on a terminal, and for digits where there are none."""
        if self.precision is not None and self.decimals is not None:
            raise UsageError("--precision and --decimals exclude one another")
        if self.format != "npy":
            return
        if self._is_for_a_terminal():
            message = "-f npy writes bytes, which are not for a terminal: -o FILE takes them"
            raise UsageError(message)
        if self.precision is not None or self.decimals is not None:
            name = "--precision" if self.precision is not None else "--decimals"
            raise UsageError(f"{name} is about text; -f npy holds every digit")

    def _is_for_a_terminal(self) -> bool:
        return self.file == "-" and os.isatty(_STDOUT)
