"""The parameters of a loss, from what was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from softmax_cli.core.losses import Objective, weights_of_counts
from softmax_cli.errors import DataError
from softmax_cli.flow.naming import check_length
from softmax_cli.input.numbers import parse_list

if TYPE_CHECKING:
    from softmax_cli.core.doubledouble import Floats
    from softmax_cli.flow.settings import ObjectiveSettings


def read_objective(settings: ObjectiveSettings) -> Objective:
    """The loss that is asked for.

    Raises
    ------
    DataError
        A weight is negative, a count not positive, or one of them is no number.
    """
    weights = None
    if settings.weights is not None:
        weights = _numbers(settings.weights, "--weights")
        if not (np.isfinite(weights) & (weights >= 0)).all():
            raise DataError("--weights: weights are finite and not negative")
    elif settings.class_counts is not None:
        counts = _numbers(settings.class_counts, "--class-counts")
        if not (np.isfinite(counts) & (counts > 0)).all():
            raise DataError("--class-counts: counts are finite and greater than 0")
        weights = weights_of_counts(counts, beta=settings.beta)
    return Objective(weights, settings.label_smoothing, settings.focal)


def check_classes(objective: Objective, classes: int, settings: ObjectiveSettings) -> None:
    """See that there is a weight for each class.

    Raises
    ------
    DataError
        There are more weights, or fewer.
    """
    if objective.weights is not None:
        option = "--weights" if settings.weights is not None else "--class-counts"
        check_length(option, len(objective.weights), classes)


def _numbers(text: str, option: str) -> Floats:
    return np.array(parse_list(text, option), np.float64)
