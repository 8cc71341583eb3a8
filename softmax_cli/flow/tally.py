"""Running sums over all vectors, whose bits do not hang on how the rows were grouped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from softmax_cli.core.exactsum import ExactSum

if TYPE_CHECKING:
    from softmax_cli.output.results import Fields, Summary


class Totals:
    """The number of vectors, and the sum and mean of some of their fields.

    Parameters
    ----------
    *names : str
        Fields with one number for each vector.
    """

    def __init__(self, *names: str) -> None:
        self.fields = frozenset(names)
        self.rows = 0
        self._sums = {name: ExactSum() for name in names}

    def add(self, fields: Fields) -> None:
        """Count some vectors in."""
        for name, total in self._sums.items():
            total.add(fields[name])
        self.rows += len(fields[next(iter(self._sums))])

    def sum(self, name: str) -> float:
        """The sum of a field, rounded once."""
        return self._sums[name].total()

    def summary(self) -> Summary:
        """rows, and for each field its sum and mean."""
        items: dict[str, Any] = {"rows": self.rows}
        for name in self._sums:
            items[f"{name}_sum"] = self.sum(name)
            items[f"{name}_mean"] = self.sum(name) / self.rows
        return items


class TieCount:
    """The number of vectors, of those with more than one winner, and of those with a close one."""

    fields = frozenset({"tied", "close"})

    def __init__(self) -> None:
        self._rows = 0
        self._ties = 0
        self._close = 0

    def add(self, fields: Fields) -> None:
        """Count some vectors in."""
        self._rows += len(fields["tied"])
        self._ties += int(fields["tied"].sum())
        self._close += int(fields["close"].sum())

    def summary(self) -> Summary:
        """The counts: rows, ties and close."""
        return {"rows": self._rows, "ties": self._ties, "close": self._close}
