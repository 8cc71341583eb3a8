"""The input options."""

from typing import Final, NamedTuple

from softmax_cli.errors import UsageError

INVALID: Final = ("error", "nan", "skip")


class InputSettings(NamedTuple):
    """The input options; a delimiter of ' ' is any run of blanks, None is to be detected."""

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
    decimal: str = "."

    def check(self) -> None:
        """Raise `UsageError` for options that do not go together."""
        if self.decimal == self.delimiter:
            raise UsageError("--decimal , needs another delimiter than the comma")
        if name := self.of_text() if self.input_format not in ("auto", "csv") else "":
            raise UsageError(
                f"{name} is for delimited text, and the input format is {self.input_format}"
            )

    def of_text(self) -> str:
        """Return the first given option that only delimited text has; '' if there is none."""
        given = {
            "--delimiter": self.delimiter is not None,
            "--header": self.header is not None,
            "--decimal": self.decimal != ".",
        }
        return next((name for name, is_given in given.items() if is_given), "")
