"""What the command line says about the input."""

from __future__ import annotations

from typing import Final, NamedTuple

from softmax_cli.errors import UsageError

INPUT_FORMATS: Final = ("auto", "csv", "json", "jsonl", "npy")
INVALID: Final = ("error", "nan", "skip")


class InputSettings(NamedTuple):
    """Where vectors come from and how they are to be read.

    Attributes
    ----------
    vectors : tuple of str
        Vectors typed as arguments; without any, `path` is read.
    path : str
        A file, or '-' for standard input.
    delimiter : str or None
        One character, ' ' for runs of blanks, or None to find it.
    header : bool or None
        Whether the first row holds names; None to find out.
    columns : str or None
        The columns that make the vector, as typed; None for all.
    keep : str or None
        The columns that are copied to the front of each row of the output, as typed.
    names : tuple of str or None
        Names for the classes, instead of the header's.
    axis : str or None
        'row' or 'column': what one vector is; None for what the number of columns says.
    jobs : int or None
        How many processes a large file may take; None for the cores there are.
    input_format : str
        One of `INPUT_FORMATS`; 'auto' goes by the first bytes.
    invalid : str
        One of `INVALID`: a row that can't be used ends the work, leaves a row of nan, or nothing.
    verbose : bool
        Whether to say what was found out about the input.
    """

    vectors: tuple[str, ...] = ()
    path: str = "-"
    delimiter: str | None = None
    header: bool | None = None
    columns: str | None = None
    keep: str | None = None
    names: tuple[str, ...] | None = None
    axis: str | None = None
    jobs: int | None = None
    input_format: str = "auto"
    invalid: str = "error"
    verbose: bool = False

    def check(self) -> None:
        """Refuse what goes with delimited text alone where the input is something else.

        Raises
        ------
        UsageError
        """
        if self.keep is not None and self.axis == "column":
            raise UsageError("--keep copies cells of rows, and --axis column has no rows")
        if self.input_format in ("auto", "csv"):
            return
        for name, value in (("--delimiter", self.delimiter), ("--header", self.header)):
            if value is not None:
                raise UsageError(f"{name} is about delimited text, not {self.input_format}")
