"""The winner of a row of scores, and whether a class is among the best."""

from typing import Final

import numpy as np

from softmax_cli.core.doubledouble import Bools, Floats, Indices
from softmax_cli.core.softmax import row_maxima

# With a smaller margin the runner-up's softmax probability is more than half of the winner's.
CLOSE: Final = float(np.log(2))  # rounded down


def hardmax(scores: Floats, /) -> tuple[Floats, Bools, Floats]:
    """Return the largest score of each row, the classes that have it, and their margin.

    Scores and winners have the shape (rows, classes). The margin, from the winner to the runner-up,
    is 0 for a tie and inf for a lone class. Raises `RowErrors` as `Logits` does.
    """
    value = row_maxima(scores.T)
    winners = scores == value[:, None]
    runner_up = np.where(winners, -np.inf, scores).max(axis=1, initial=-np.inf)
    margin = np.where(winners.sum(axis=1) > 1, 0.0, value - runner_up)
    return value, winners, margin


def is_among_best(scores: Floats, classes: Indices, count: int, /) -> Bools:
    """Return whether a class of each row is one of its `count` best, shape (rows,).

    Of equal scores the later is the better, as in scikit-learn's `top_k_accuracy_score`.
    """
    own = scores[np.arange(len(classes)), classes][:, None]
    is_later = np.arange(scores.shape[1]) > classes[:, None]
    better = (scores > own) | ((scores == own) & is_later)
    return np.asarray(np.count_nonzero(better, axis=1) < count)
