"""The fields of a loss."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from softmax_cli.core import losses
from softmax_cli.core.probabilities import Probabilities
from softmax_cli.flow.naming import class_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from softmax_cli.core.doubledouble import Floats
    from softmax_cli.core.losses import Labels, Objective
    from softmax_cli.core.probabilities import Distribution
    from softmax_cli.flow.computing import LazyFields
    from softmax_cli.flow.targets import Truth
    from softmax_cli.input.rows import Block
    from softmax_cli.messages import Notices

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
    smoothed = losses.smoothed(targets, block.values.shape[1], loss.smoothing)

    @cache  # so that it is noted once
    def whole() -> Floats:
        values = counted(truth, losses.loss(prediction, targets, loss, base=base))
        note_infinite(values, block.places, notices, why_infinite)
        return values

    def why_infinite(row: int) -> str:
        name = class_names(np.array([np.argmax(parts()[row])]), names)[0]
        return f"the loss is inf: -log p of class {name} is"

    def parts() -> Floats:
        return counted(truth, losses.contributions(prediction, targets, loss, base=base))

    def gradient() -> Floats:
        if prediction.has_infinite_surprisal:
            whole()  # to tell that it is infinite
        return counted(truth, losses.gradient(prediction, targets, loss, base=base))

    return {
        "loss": whole,
        "entropy": lambda: counted(truth, losses.target_entropy(smoothed, base=base)),
        "kl": lambda: counted(truth, losses.excess_entropy(prediction, smoothed, base=base)),
        "cross_entropy": lambda: counted(
            truth, losses.cross_entropy(prediction, smoothed, base=base)
        ),
        "perplexity": lambda: counted(truth, losses.perplexity(prediction, smoothed), 1.0),
        "weight": lambda: counted(truth, losses.denominators(targets, loss)),
        "targets": lambda: counted(truth, losses.target_shares(smoothed, block.values.shape[1])),
        "surprisals": lambda: prediction.surprisals(base=base),
        "shares": parts,
        "gradient": gradient,
        **_class_fields(block, prediction, truth, names),
    }


def _class_fields(
    block: Block, prediction: Distribution, truth: Truth, names: Sequence[str] | None
) -> LazyFields:
    """What was predicted and what is true of each row, whatever it costs."""
    targets = truth.targets

    def predicted() -> Labels:
        return likeliest(prediction)

    def labels() -> Labels:
        return likeliest(targets) if isinstance(targets, Probabilities) else targets

    return {
        "probability": lambda: counted(
            truth, losses.target_probability(prediction, targets), np.nan
        ),
        "predicted": lambda: class_names(predicted(), names),
        "target": lambda: target_names(truth, labels(), names),
        "line": lambda: line_numbers(block.places),
        "label": lambda: _label_or_none(truth),
        "correct": lambda: counted(truth, (predicted() == labels()).astype(float)),
        "counted": lambda: counted(truth, np.ones(len(block.values))),
        "given": lambda: block.values,
        "truth": lambda: counted(truth, losses.target_shares(targets, block.values.shape[1])),
        "probabilities": prediction.probabilities,
    }


def note_infinite(
    values: Floats, places: Sequence[str], notices: Notices, message: Callable[[int], str]
) -> None:
    """Note the rows whose loss is infinite, with what is to be said of the first."""
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        row = int(infinite[0])
        notices.add("inf", places[row], message(row), len(infinite))


def counted(truth: Truth, values: Floats, otherwise: float = 0.0) -> Floats:
    """Values of rows, or of rows and classes, with another for the rows that are ignored."""
    if truth.ignored is None:
        return values
    ignored = truth.ignored if values.ndim == 1 else truth.ignored[:, None]
    return np.where(ignored, otherwise, values)


def target_names(
    truth: Truth, labels: Labels, names: Sequence[str] | None
) -> NDArray[np.object_] | Labels:
    """The names of the rows' labels, 'ignored' for those that are."""
    found = class_names(labels, names)
    if truth.ignored is None or not truth.ignored.any():
        return found
    return np.where(truth.ignored, "ignored", found.astype(object))


def _label_or_none(truth: Truth) -> Labels:
    """Each row's label; -1 where it is ignored or the target is a distribution."""
    if isinstance(truth.targets, Probabilities):
        return np.full(truth.targets.values.shape[1], -1)
    return truth.targets if truth.ignored is None else np.where(truth.ignored, -1, truth.targets)


def line_numbers(places: Sequence[str]) -> Labels:
    """The number at the end of each place, 'stdin:3' or 'argument 2'.

    Where there is none, as of columns, it is the vector's own.
    """
    numbers = [_NUMBER.search(place) for place in places]
    return np.array([int(found[0]) if found else n for n, found in enumerate(numbers, 1)])


def likeliest(distribution: Distribution) -> Labels:
    """The first class of the largest probability, shape (rows,)."""
    labels: Labels = np.argmax(distribution.probabilities(), axis=1)
    return labels
