"""The output formats, their options, and the base class of their writers."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from softmax_cli.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from softmax_cli.output.fields import Layout, Records, Summary

# The module of each format in this folder, and the writer in it
_WRITERS: Final = {
    "table": ("tables", "TableWriter"),
    "csv": ("csv", "CsvWriter"),
    "tsv": ("csv", "TsvWriter"),
    "json": ("json", "JsonWriter"),
    "jsonl": ("json", "JsonLinesWriter"),
    "markdown": ("markdown", "MarkdownWriter"),
    "npy": ("npy", "NpyWriter"),
}
FORMATS: Final = ("auto", *_WRITERS)
_SUFFIXES: Final = {"md": "markdown", **{name: name for name in _WRITERS if name != "table"}}
_PACKED: Final = (".gz", ".bz2", ".xz", ".zst", ".zip")
_STDOUT: Final = 1


class Digits(NamedTuple):
    """How many digits of a number are shown; if both are None, the fewest that identify it."""

    significant: int | None = None
    decimals: int | None = None

    def form(self) -> str:
        """Return the format of a number, for the % operator."""
        return f"%.{self.significant}g" if self.significant else f"%.{self.decimals}f"


SHORTEST: Final = Digits()
TABLE_DIGITS: Final = Digits(significant=6)


class OutputSettings(NamedTuple):
    """The format, the digits of numbers, and the file to replace ('-' for standard output).

    `prefix` stands before the names of columns that are not copied.
    """

    format: str = "auto"
    precision: int | None = None
    decimals: int | None = None
    file: str = "-"
    prefix: str = ""

    def resolved_format(self) -> str:
        """Return the format; 'auto' goes by the file's suffix, or is a table on a terminal."""
        if self.format != "auto":
            return self.format
        suffix = os.path.splitext(self.file)[1].removeprefix(".").lower()  # noqa: PTH122
        by_default = "table" if self._is_for_a_terminal() else "csv"
        return _SUFFIXES.get(suffix, by_default)

    def check(self) -> None:
        """Raise `UsageError` for options that do not go together, and for npy on a terminal."""
        if self.precision is not None and self.decimals is not None:
            raise UsageError("give --precision or --decimals, not both")
        if self.file.endswith(_PACKED):
            raise UsageError(f"output is not packed: pipe it to gzip instead of -o {self.file}")
        form = self.resolved_format()
        if self.prefix and form in ("json", "jsonl", "npy"):
            raise UsageError(f"--prefix is for the names of columns, which {form} does not have")
        if form == "npy" and self._is_for_a_terminal():
            message = "-f npy is binary and not for a terminal: write it to a file with -o FILE"
            raise UsageError(message)
        if form == "npy" and (self.precision, self.decimals) != (None, None):
            message = "--precision and --decimals do not go with npy, which keeps all digits"
            raise UsageError(message)

    def _is_for_a_terminal(self) -> bool:
        return self.file == "-" and os.isatty(_STDOUT)


class Shape(NamedTuple):
    """What a writer needs to know of the input."""

    names: tuple[str, ...] | None = None  # of the classes
    header: bool = False
    transposed: bool = False  # vectors were columns
    column_names: tuple[str, ...] | None = None  # names of these vectors
    kept: tuple[str, ...] = ()  # names of the copied columns
    fills: bool = False  # rows of nan may stand for those that can't be used
    beside: tuple[tuple[str, ...], NDArray[np.object_]] | None = None  # columns of text, by class
    prefix: str = ""  # of the names of columns that are not copied

    def class_names(self, count: int) -> list[str]:
        """Return the classes' names, or their indices from 0."""
        return list(self.names) if self.names else [str(i) for i in range(count)]


class Writer:
    """The base class of the output formats."""

    summarises = False  # whether it shows the summary
    streams = True  # whether it writes vectors before all are read
    summarises_cut = False  # whether it shows the summary also after an error

    def __init__(self, layout: Layout, shape: Shape, digits: Digits) -> None:
        self.layout = layout
        self.shape = shape
        self.digits = digits

    def encode(self, records: Records) -> Any:
        """Return a block's output: text, or what `write` turns into text.

        It may run in another process, so it depends on the block alone. Only the first block, which
        is encoded and written before other processes start, may change the writer.
        """
        raise NotImplementedError

    def write(self, piece: Any, vectors: int) -> None:
        """Write an encoded block; they come in order."""
        raise NotImplementedError

    def close(self, summary: Summary | None) -> None:
        """Write the end of the output; the summary is None after an error."""

    def reduce(self, key: str, value: float, summary: Summary) -> None:
        """Write one number for all vectors; no other method is called."""
        raise NotImplementedError


def open_writer(settings: OutputSettings, layout: Layout, shape: Shape) -> Writer:
    """Return a writer of the chosen format, and import only its module."""
    form = settings.resolved_format()
    digits = Digits(settings.precision, settings.decimals)
    if digits == SHORTEST and form in ("table", "markdown"):
        digits = TABLE_DIGITS
    module, name = _WRITERS[form]
    writer: type[Writer] = getattr(import_module(f"softmax_cli.output.{module}"), name)
    return writer(layout, shape._replace(prefix=settings.prefix), digits)
