"""The package's exceptions: what is wrong, said for the person who can mend it."""

from __future__ import annotations

from collections.abc import Mapping


class SoftmaxError(Exception):
    """Something the user can mend, told in one line.

    Parameters
    ----------
    message : str
        What is wrong, with the place where it went wrong in front.
    hint : str, optional
        What to do about it.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class DataError(SoftmaxError):
    """Data that can't be used, or a file that can't be read or written."""


class UsageError(SoftmaxError):
    """A command line that asks for nothing that can be done."""

    exit_code = 2


class WriteError(DataError):
    """Standard output, or the file in its place, can't be written.

    Parameters
    ----------
    reason : str or None
        The system's.
    """

    def __init__(self, reason: str | None) -> None:
        super().__init__(f"can't write to standard output: {reason}")
        self.reason = reason


class RowError(DataError):
    """A row of an array that has no answer; whoever read the row knows its place.

    Parameters
    ----------
    row : int
        Index of the row in the array that was given.
    message, hint : str
        As in `SoftmaxError`, but without the place.
    column : int, optional
        The column of the input that is to blame, from 1, where it is known.
    place : str, optional
        What is to blame where that is not the row itself but something that belongs to it.
    """

    def __init__(
        self,
        row: int,
        message: str,
        hint: str = "",
        *,
        column: int | None = None,
        place: str | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.row = row
        self.column = column
        self.place = place


class RowErrors(DataError):  # noqa: N818
    """Rows of an array that have no answer; whoever read the rows knows their locations.

    Parameters
    ----------
    errors : mapping of int to DataError
        For each bad row what is wrong with it, without its location.
    """

    place = None
    column = None

    def __init__(self, errors: Mapping[int, DataError]) -> None:
        self.row = min(errors)
        super().__init__(errors[self.row].message, errors[self.row].hint)
        self.errors = errors
