"""A hard choice among scores, and who gets it where several are equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from softmax_cli.core.hardmax import Choice, hardmax
from softmax_cli.errors import RowError
from softmax_cli.flow.naming import class_names, ragged

if TYPE_CHECKING:
    from softmax_cli.core.doubledouble import Floats
    from softmax_cli.flow.computing import LazyFields
    from softmax_cli.messages import Notices
    from softmax_cli.output.results import Values

# How many winners a message names
_MOST: Final = 10


def choose(
    scores: Floats,
    ties: str | None,
    names: Sequence[str] | None,
    places: Sequence[str],
    notices: Notices,
) -> LazyFields:
    """The winners' fields.

    Parameters
    ----------
    scores : array, shape (rows, classes)
    ties : str or None
        'first', 'last', 'all', 'split' or 'error'; None is 'first' with a notice.
    names, places, notices
        The classes' names, the rows' places, and where ties are noted.

    Raises
    ------
    RowError
        A row without a largest score, or with two under 'error'.
    """
    choice = hardmax(scores)
    tied = np.flatnonzero(choice.tied())
    if len(tied) and ties in (None, "error"):
        row = int(tied[0])
        winners = listed(_winners(choice, row, names))
        if ties == "error":
            raise RowError(row, f"a tie between classes {winners}")
        message = f"a tie between classes {winners}; the first is taken (--ties says which)"
        notices.add("tie", places[row], message, len(tied))
    index = choice.last() if ties == "last" else choice.first()

    def picked(of: Sequence[str] | None) -> Values:
        if ties != "all":
            return class_names(index, of)
        return ragged(_winners(choice, row, of) for row in range(len(scores)))

    def one_hot() -> Values:
        if ties == "all":
            return choice.winners.astype(int)
        if ties == "split":
            shares: Values = choice.winners / choice.winners.sum(axis=1, keepdims=True)
            return shares
        chosen: Values = np.arange(scores.shape[1]) == index[:, None]
        return chosen.astype(int)

    return {
        "scores": lambda: scores,
        "index": lambda: picked(None),
        "name": lambda: picked(names or list(map(str, range(scores.shape[1])))),
        "value": lambda: np.take_along_axis(scores, index[:, None], axis=1)[:, 0],
        "margin": lambda: choice.margin,
        "ties": lambda: tied_classes(choice),
        "tied": choice.tied,
        "close": choice.close,
        "closeness": lambda: closeness(choice),
        "one_hot": one_hot,
        "distance": lambda: distances(choice.value, scores),
    }


def distances(value: Floats, scores: Floats) -> Floats:
    """How far each score lies below its row's largest, shape (rows, classes)."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(scores == value[:, None], 0.0, value[:, None] - scores)


def closeness(choice: Choice) -> Values:
    """In words how near the runner-up is, shape (rows,)."""
    words: Values = np.where(choice.close(), "close", "clear")
    return words


def tied_classes(choice: Choice) -> Values:
    """The indices of each row's equal winners, an empty list where there is one."""
    tied = choice.tied().tolist()
    return ragged(_winners(choice, row, None) if tied[row] else [] for row in range(len(tied)))


def _winners(choice: Choice, row: int, names: Sequence[str] | None) -> list[object]:
    found = np.flatnonzero(choice.winners[row])
    return list(class_names(found, names).tolist())


def listed(winners: Sequence[object]) -> str:
    """The winners as a message has them, where there are many the first."""
    rest = len(winners) - _MOST
    return ", ".join(map(str, winners[:_MOST])) + (f" and {rest} more" if rest > 0 else "")
