"""What the command line says about the output."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from softmax_cli.errors import UsageError

FORMATS: Final = ("auto", "table", "csv", "tsv", "json", "jsonl", "markdown", "npy")
# What shows all in columns, to be looked at
TABLES: Final = ("table", "markdown")
_STDOUT: Final = 1


class Digits(NamedTuple):
    """How many digits of each number are shown; all that matter where neither is given.

    Attributes
    ----------
    significant : int or None
    decimals : int or None
        Behind the point.
    """

    significant: int | None = None
    decimals: int | None = None

    def form(self) -> str:
        """The format of a number, for the % operator."""
        return f"%.{self.significant}g" if self.significant else f"%.{self.decimals}f"


SHORTEST: Final = Digits()
TABLE_DIGITS: Final = Digits(significant=6)


class OutputSettings(NamedTuple):
    """How results are to be shown.

    Attributes
    ----------
    format : str
        One of `FORMATS`.
    precision : int or None
        Significant digits; None for the format's own: 6 in tables, else the shortest text that
        reads back as the same float64.
    decimals : int or None
        Digits behind the point, instead.
    file : str
        What is replaced by the output, or '-' for standard output.
    """

    format: str = "auto"
    precision: int | None = None
    decimals: int | None = None
    file: str = "-"

    def resolved_format(self) -> str:
        """The format, where 'auto' is a table on a terminal and CSV elsewhere."""
        if self.format != "auto":
            return self.format
        return "table" if self._is_for_a_terminal() else "csv"

    def digits(self) -> Digits:
        """How many are shown of each number."""
        if self.precision is None and self.decimals is None:
            return TABLE_DIGITS if self.resolved_format() in TABLES else SHORTEST
        return Digits(self.precision, self.decimals)

    def check(self) -> None:
        """Refuse bytes on a terminal, and digits where there are none.

        Raises
        ------
        UsageError
        """
        if self.precision is not None and self.decimals is not None:
            raise UsageError("--precision and --decimals exclude one another")
        if self.format != "npy":
            return
        if self._is_for_a_terminal():
            raise UsageError(
                "-f npy writes bytes, which are not for a terminal: -o FILE takes them"
            )
        for name, value in (("--precision", self.precision), ("--decimals", self.decimals)):
            if value is not None:
                raise UsageError(f"{name} is about text; -f npy holds every digit")

    def _is_for_a_terminal(self) -> bool:
        return self.file == "-" and os.isatty(_STDOUT)
