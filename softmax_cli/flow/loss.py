"""The fields of a loss, and its sums over rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from softmax_cli.core import losses, objective
from softmax_cli.core.arithmetic import ExactSum
from softmax_cli.core.probabilities import Probabilities
from softmax_cli.errors import DataError
from softmax_cli.flow.naming import class_names
from softmax_cli.flow.tally import Totals
from softmax_cli.units import in_base

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from softmax_cli.core.arithmetic import Floats
    from softmax_cli.core.losses import Labels
    from softmax_cli.core.objective import Objective
    from softmax_cli.core.probabilities import Distribution
    from softmax_cli.flow.pipeline import LazyFields
    from softmax_cli.flow.targets import Truth
    from softmax_cli.input.rows import Block
    from softmax_cli.messages import Notices
    from softmax_cli.output.results import Fields, Summary

_NUMBER = re.compile(r"\d+\Z")


def loss_fields(
    block: Block,
    prediction: Distribution,
    truth: Truth,
    loss: Objective,
    base: str,
    names: Sequence[str] | None,
    notices: Notices,
) -> LazyFields:
    """Each row's loss, taken apart; that it is infinite is noted.

    Parameters
    ----------
    block : Block
        The prediction as it was read.
    prediction, truth
        Q and P.
    loss : Objective
    base : str
        'e', '2' or '10', of every logarithm and so of the gradient.
    names : sequence of str or None
    """
    targets = truth.targets
    smoothed = objective.smoothed(targets, block.values.shape[1], loss.smoothing)

    def unit(nats: Floats) -> Floats:
        return in_base(_counted(truth, nats), base)

    def predicted() -> Labels:
        return likeliest(prediction)

    def labels() -> Labels:
        return likeliest(targets) if isinstance(targets, Probabilities) else targets

    def correct() -> Floats:
        return _counted(truth, (predicted() == labels()).astype(float))

    def whole() -> Floats:
        values = unit(objective.loss(prediction, targets, loss))
        _note_infinite(values, parts, block.places, names, notices)
        return values

    def parts() -> Floats:
        return unit(objective.contributions(prediction, targets, loss))

    def gradient() -> Floats:
        if prediction.masked.any() or prediction.beyond.any():
            whole()  # to tell that it is infinite
        return unit(objective.gradient(prediction, targets, loss))

    return {
        "loss": whole,
        "entropy": lambda: unit(losses.target_entropy(smoothed)),
        "kl": lambda: unit(losses.excess_entropy(prediction, smoothed)),
        "cross_entropy": lambda: unit(losses.cross_entropy(prediction, smoothed)),
        "perplexity": lambda: _counted(truth, losses.perplexity(prediction, smoothed), 1.0),
        "probability": lambda: _counted(
            truth, losses.target_probability(prediction, targets), np.nan
        ),
        "predicted": lambda: class_names(predicted(), names),
        "target": lambda: _target_names(truth, labels(), names),
        "line": lambda: _line_numbers(block.places),
        "label": lambda: _label_or_none(truth),
        "correct": correct,
        "counted": lambda: _counted(truth, np.ones(len(block.values))),
        "weight": lambda: _counted(truth, objective.denominators(targets, loss)),
        "given": lambda: block.values,
        "truth": lambda: _counted(truth, losses.target_shares(targets, block.values.shape[1])),
        "targets": lambda: _counted(truth, losses.target_shares(smoothed, block.values.shape[1])),
        "probabilities": prediction.probabilities,
        "surprisals": lambda: in_base(prediction.surprisals(), base),
        "shares": parts,
        "gradient": gradient,
    }


def _note_infinite(
    values: Floats,
    parts: Callable[[], Floats],
    places: Sequence[str],
    names: Sequence[str] | None,
    notices: Notices,
) -> None:
    """Note the rows whose loss is infinite, and the class of the first that makes it so."""
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        row = int(infinite[0])
        name = class_names(np.array([np.argmax(parts()[row])]), names)[0]
        message = f"the loss is inf: -log p of class {name} is"
        notices.add("inf", places[row], message, len(infinite))


def _counted(truth: Truth, values: Floats, otherwise: float = 0.0) -> Floats:
    """Values of rows, or of rows and classes, with another for the rows that are ignored."""
    if truth.ignored is None:
        return values
    ignored = truth.ignored if values.ndim == 1 else truth.ignored[:, None]
    return np.where(ignored, otherwise, values)


def _target_names(
    truth: Truth, labels: Labels, names: Sequence[str] | None
) -> NDArray[np.object_] | Labels:
    found = class_names(labels, names)
    if truth.ignored is None or not truth.ignored.any():
        return found
    return np.where(truth.ignored, "ignored", found.astype(object))


def _label_or_none(truth: Truth) -> Labels:
    """Each row's label; -1 where it is ignored or the target is a distribution."""
    if isinstance(truth.targets, Probabilities):
        return np.full(truth.targets.values.shape[1], -1)
    return truth.targets if truth.ignored is None else np.where(truth.ignored, -1, truth.targets)


def _line_numbers(places: Sequence[str]) -> Labels:
    """The number at the end of each place, 'stdin:3' or 'argument 2'.

    Where there is none, as of columns, it is the vector's own.
    """
    numbers = [_NUMBER.search(place) for place in places]
    return np.array([int(found[0]) if found else n for n, found in enumerate(numbers, 1)])


def likeliest(distribution: Distribution) -> Labels:
    """The first class of the largest probability, shape (rows,)."""
    labels: Labels = np.argmax(distribution.probabilities(), axis=1)
    return labels


class _OfClass(NamedTuple):
    rows: int
    correct: int
    weight: float
    loss: ExactSum


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
