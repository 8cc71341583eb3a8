"""Sums of losses over rows, and over the rows of each true class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from softmax_cli.core.exactsum import ExactSum
from softmax_cli.errors import DataError
from softmax_cli.flow.naming import class_names
from softmax_cli.flow.tally import Totals

if TYPE_CHECKING:
    from softmax_cli.output.results import Fields, Summary


class _OfClass(NamedTuple):
    rows: int
    correct: int
    weight: float
    loss: ExactSum


class LossSums(Totals):
    """rows, loss_sum, weight_sum and mean, as of `LossTotals`, and sum and mean of other fields.

    Parameters
    ----------
    *others : str
        Fields with one number for each row, 0 for an ignored one.
    counts_ignored : bool
        Whether to tell how many rows were ignored.
    needs_mean : bool
        Whether a mean that is none is an error.
    """

    def __init__(
        self, *others: str, counts_ignored: bool = False, needs_mean: bool = False
    ) -> None:
        super().__init__("loss", "counted", *others)
        self._others = others
        self._counts_ignored = counts_ignored
        self._needs_mean = needs_mean

    def summary(self) -> Summary:
        """The sums, and the means that follow from them.

        Raises
        ------
        DataError
            There is no mean, and one is needed.
        """
        count = self.sum("counted")
        if self._needs_mean and not count:
            raise DataError("every row is ignored: there is no mean")
        sums = {name: self.sum(name) for name in self._others}
        return {
            "rows": self.rows,
            **({"ignored": self.rows - int(count)} if self._counts_ignored else {}),
            "loss_sum": self.sum("loss"),
            "weight_sum": count,
            "mean": self.sum("loss") / count if count else np.nan,
            **{f"{name}_sum": value for name, value in sums.items()},
            **{f"{name}_mean": value / count if count else np.nan for name, value in sums.items()},
        }


class LossTotals(Totals):
    """rows, loss_sum, weight_sum, mean and correct: of shards of an input they add up.

    Parameters
    ----------
    names : sequence of str or None
        The classes' names.
    counts_ignored : bool
        Whether to tell how many rows were ignored.
    needs_mean : bool
        Whether a mean that is none is an error.
    by_class : bool
        Whether the losses of each label are summed too.
    """

    def __init__(
        self,
        names: Sequence[str] | None = None,
        *,
        counts_ignored: bool = False,
        needs_mean: bool = False,
        by_class: bool = True,
    ) -> None:
        super().__init__("loss", "weight", "correct", "counted")
        if by_class:
            self.fields = self.fields | {"label"}
        self._names = names
        self._counts_ignored = counts_ignored
        self._needs_mean = needs_mean
        self._classes: dict[int, _OfClass] = {}

    def add(self, fields: Fields) -> None:
        """Count some rows in, also by their labels."""
        super().add(fields)
        if "label" not in self.fields:
            return
        labels = fields["label"]
        for label in np.unique(labels[labels >= 0]).tolist():
            own = labels == label
            rows, correct, weight, loss = self._classes.get(label, _OfClass(0, 0, 0.0, ExactSum()))
            loss.add(fields["loss"][own])
            correct += int(fields["correct"][own].sum())
            weight = float(fields["weight"][own][0])
            self._classes[label] = _OfClass(rows + int(own.sum()), correct, weight, loss)

    def summary(self) -> Summary:
        """The sums, and the mean and the accuracy that follow from them.

        Raises
        ------
        DataError
            There is no mean, and one is needed.
        """
        loss, weight, correct = self.sum("loss"), self.sum("weight"), self.sum("correct")
        counted = self.sum("counted")
        if self._needs_mean and weight == 0:
            why = "every row is ignored" if not counted else "the targets' weights sum to 0"
            raise DataError(f"{why}: there is no mean")
        ignored = {"ignored": self.rows - int(counted)} if self._counts_ignored else {}
        return {
            "rows": self.rows,
            **ignored,
            "loss_sum": loss,
            "weight_sum": weight,
            "mean": loss / weight if weight else np.nan,
            "correct": int(correct),
            "accuracy": correct / counted if counted else np.nan,
            **({"by_class": self._by_class(loss)} if self._classes else {}),
        }

    def _by_class(self, whole: float) -> list[Summary]:
        labels = sorted(self._classes)
        names = class_names(np.array(labels), self._names).tolist()
        return [
            {
                "class": name,
                "rows": of.rows,
                "loss_sum": of.loss.total(),
                "mean": of.loss.total() / (of.rows * of.weight) if of.weight else np.nan,
                "share": of.loss.total() / whole if whole else np.nan,
                "correct": of.correct,
                "accuracy": of.correct / of.rows,
            }
            for name, of in zip(names, map(self._classes.__getitem__, labels), strict=True)
        ]
