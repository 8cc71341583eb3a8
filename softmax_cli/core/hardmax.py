"""The hard choice: the class with the largest score."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from softmax_cli.core.doubledouble import Bools, Floats, Indices
from softmax_cli.core.softmax import row_maxima

# Nearer than this the runner-up's softmax probability is more than half of the winner's.
_CLOSE: Final = float(np.log(2))  # rounded down


class Choice(NamedTuple):
    """The largest score of each row, the classes that have it, and their margin.

    `winners` has the shape (rows, classes). The margin, from the winner to the runner-up, is 0 for
    a tie and inf for a lone class.
    """

    value: Floats
    winners: Bools
    margin: Floats

    def first(self) -> Indices:
        """Index of the first winner, shape (rows,)."""
        return np.asarray(np.argmax(self.winners, axis=1))

    def last(self) -> Indices:
        """Index of the last winner, shape (rows,)."""
        return np.asarray(self.winners.shape[1] - 1 - np.argmax(self.winners[:, ::-1], axis=1))

    def tied(self) -> Bools:
        """Rows with more than one winner, shape (rows,)."""
        return np.asarray(self.winners.sum(axis=1) > 1)

    def close(self) -> Bools:
        """Rows whose runner-up has more than half of the winner's softmax probability."""
        return np.asarray(self.margin <= _CLOSE)


def hardmax(scores: Floats, /) -> Choice:
    """The winners of each row, shape (rows, classes); raises `RowErrors` as `Logits` does."""
    value = row_maxima(scores.T)
    winners = scores == value[:, None]
    runner_up = np.where(winners, -np.inf, scores).max(axis=1, initial=-np.inf)
    margin = np.where(winners.sum(axis=1) > 1, 0.0, value - runner_up)
    return Choice(value, winners, margin)


def ranking(scores: Floats, /, *, last: bool = False) -> Indices:
    """Classes from the largest score to the smallest, shape (rows, classes).

    Of equal ones the first comes first, or the last.
    """
    if last:
        return np.argsort(scores, axis=1, kind="stable")[:, ::-1]
    return np.argsort(-scores, axis=1, kind="stable")
