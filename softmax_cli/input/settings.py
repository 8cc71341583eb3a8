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
    decimal: str | None = None

    def check(self) -> None:
        """Raise `UsageError` for options that do not go together."""
        if self.decimal == self.delimiter == ",":
            raise UsageError("--decimal , needs another delimiter than the comma")
        if self.input_format not in ("auto", "csv"):
            for name in self.of_text():
                raise UsageError(
                    f"{name} is for delimited text, and the input format is {self.input_format}"
                )

    def of_text(self) -> list[str]:
        """Return the given options that only delimited text has."""
        options = {
            "--delimiter": self.delimiter,
            "--header": self.header,
            "--decimal": self.decimal,
        }
        return [name for name, value in options.items() if value is not None]
