"""The package's exceptions. Each is one line for the person who can do something about it."""

from __future__ import annotations

from collections.abc import Mapping


class SoftmaxError(Exception):
    """What is wrong, where (`location`, put in front of the text), and what to do about it."""

    exit_code = 1

    def __init__(self, text: str, hint: str = "", location: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint
        self.location = location

    @property
    def message(self) -> str:
        """The text with its location in front."""
        return f"{self.location}: {self.text}" if self.location else self.text


class DataError(SoftmaxError):
    """Data that can't be used, or a file that can't be read or written."""


class UsageError(SoftmaxError):
    """A command line that can't be carried out."""

    exit_code = 2


class WriteError(DataError):
    """Standard output, or the file in its place, can't be written."""

    def __init__(self, reason: str | None) -> None:
        super().__init__(f"can't write to standard output: {reason}")
        self.reason = reason


class RowErrors(DataError):  # noqa: N818 - of several rows
    """Rows of an array that have no result, by their index.

    An error without a location gets that of its row from whoever knows it.
    """

    def __init__(self, errors: Mapping[int, DataError]) -> None:
        first = errors[min(errors)]
        super().__init__(first.text, first.hint, first.location)
        self.errors = errors
