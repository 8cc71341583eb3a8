"""The hard choice: the class with the largest score."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core.doubledouble import Floats
from softmax_cli.core.softmax import check_rows

# Nearer than this the runner-up's softmax probability is more than half of the winner's.
_CLOSE: Final = float(np.log(2))  # rounded down


class Choice(NamedTuple):
    """What a hard choice keeps and what it throws away.

    Attributes
    ----------
    value : array, shape (rows,)
        The largest score.
    winners : bool array, shape (rows, classes)
        The classes that have it: more than one where there is a tie.
    margin : array, shape (rows,)
        Distance from the winner to the runner-up; 0 for a tie, inf for a lone class.
    """

    value: Floats
    winners: NDArray[np.bool_]
    margin: Floats

    def first(self) -> NDArray[np.intp]:
        """Index of the first winner, shape (rows,)."""
        first: NDArray[np.intp] = np.argmax(self.winners, axis=1)
        return first

    def last(self) -> NDArray[np.intp]:
        """Index of the last winner, shape (rows,)."""
        last: NDArray[np.intp] = (
            self.winners.shape[1] - 1 - np.argmax(self.winners[:, ::-1], axis=1)
        )
        return last

    def tied(self) -> NDArray[np.bool_]:
        """Rows with more than one winner, shape (rows,)."""
        tied: NDArray[np.bool_] = self.winners.sum(axis=1) > 1
        return tied

    def close(self) -> NDArray[np.bool_]:
        """Rows where softmax would give the runner-up more than half of the winner's share."""
        close: NDArray[np.bool_] = self.margin <= _CLOSE
        return close


def hardmax(scores: Floats, /) -> Choice:
    """Return the winners of each row.

    Parameters
    ----------
    scores : array, shape (rows, classes)

    Raises
    ------
    RowErrors
        Rows with nan, with only -inf, or with two or more inf.
    """
    value = scores.max(axis=1, initial=-np.inf)
    if not np.isfinite(value).all():
        check_rows(scores.T, value)
    winners = scores == value[:, None]
    runner_up = np.where(winners, -np.inf, scores).max(axis=1, initial=-np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        margin = np.where(winners.sum(axis=1) > 1, 0.0, value - runner_up)
    return Choice(value, winners, margin)


def ranking(scores: Floats, /, *, last: bool = False) -> NDArray[np.intp]:
    """Classes from the largest score to the smallest, shape (rows, classes).

    Of equal ones the first comes first, or the last.
    """
    if last:
        return np.argsort(scores, axis=1, kind="stable")[:, ::-1]
    return np.argsort(-scores, axis=1, kind="stable")
