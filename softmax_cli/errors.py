"""The package's exceptions; each message is one line for the user."""

from collections.abc import Iterable, Mapping, Sequence


class SoftmaxError(Exception):
    """An error with a text, a hint (what to do) and a location (where in the input)."""

    exit_code = 1

    def __init__(self, text: str, hint: str = "", location: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint
        self.location = location

    @property
    def message(self) -> str:
        return f"{self.location}: {self.text}" if self.location else self.text


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return a hint at the known name nearest to an unknown one; '' if none is as similar."""
    import difflib

    names = {item.casefold(): item for item in known}
    near = difflib.get_close_matches(name.casefold(), names, n=1, cutoff=cutoff)
    return f"did you mean {names[near[0]]!r}?" if near else ""


def listed(names: Sequence[object]) -> str:
    """Return the first ten names, with commas, and '...' where there are more."""
    return ", ".join([*map(str, names[:10]), *["..."] * (len(names) > 10)])


class DataError(SoftmaxError):
    """Data that can't be used, or a file that can't be read or written."""


class SumError(DataError):
    """Probabilities whose sum is too far from 1."""


class UsageError(SoftmaxError):
    """A command line that can't be carried out."""

    exit_code = 2


class RowErrors(DataError):  # noqa: N818 - of several rows
    """The errors of rows of an array that have no result, by row index.

    Callers that know a row's location add it to an error that has none.
    """

    def __init__(self, errors: Mapping[int, DataError]) -> None:
        first = errors[min(errors)]
        super().__init__(first.text, first.hint, first.location)
        self.errors = errors
