"""What the command line says about the output."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from softmax_cli.errors import UsageError

FORMATS: Final = ("auto", "table", "csv", "tsv", "json", "jsonl", "npy")
_STDOUT: Final = 1


class OutputSettings(NamedTuple):
    """How results are to be shown.

    Attributes
    ----------
    format : str
        One of `FORMATS`.
    precision : int or None
        Significant digits; None for the format's own: 6 in tables, else the shortest text that
        reads back as the same float64.
    """

    format: str = "auto"
    precision: int | None = None

    def resolved_format(self) -> str:
        """The format, where 'auto' is a table on a terminal and CSV elsewhere."""
        if self.format != "auto":
            return self.format
        return "table" if os.isatty(_STDOUT) else "csv"

    def check(self) -> None:
        """Refuse bytes on a terminal, and digits where there are none.

        Raises
        ------
        UsageError
        """
        if self.format != "npy":
            return
        if os.isatty(_STDOUT):
            raise UsageError("-f npy writes bytes, which are not for a terminal: redirect them")
        if self.precision is not None:
            raise UsageError("--precision is about text; -f npy holds every digit")
