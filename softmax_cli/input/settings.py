"""The input options."""

from typing import Final, NamedTuple

from softmax_cli.errors import UsageError

INVALID: Final = ("error", "nan", "skip")


class InputSettings(NamedTuple):
    """The input options; a delimiter of ' ' is any run of blanks, None is to be detected.

    A command may add the column of the labels, and the `kind` of the numbers, which chooses a list
    of a JSON object: 'logits', 'probs', 'logprobs', or 'scores' for any of these. With 'counts'
    lines of a name and a number are one vector with names.
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
    decimal: str | None = None
    target_column: str | None = None
    kind: str = "logits"

    def check(self) -> None:
        """Raise `UsageError` for options that do not go together."""
        if self.decimal == self.delimiter == ",":
            raise UsageError("--decimal , needs another delimiter than the comma")
        if self.is_delimited() and self.input_format not in ("auto", "csv"):
            raise UsageError("--delimiter, --header and --decimal are for delimited text")

    def is_delimited(self) -> bool:
        """Return whether an option is given that only delimited text has."""
        return (self.delimiter, self.header, self.decimal) != (None, None, None)
