"""A hard choice among scores, and who gets it where several are equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from softmax_cli.core.hard import Choice, hardmax
from softmax_cli.errors import RowError
from softmax_cli.flow.naming import class_names, ragged

if TYPE_CHECKING:
    from softmax_cli.core.arithmetic import Floats
    from softmax_cli.flow.pipeline import LazyFields
    from softmax_cli.messages import Notices
    from softmax_cli.output.results import Values


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
        winners = ", ".join(map(str, _winners(choice, row, names)))
        if ties == "error":
            raise RowError(row, f"a tie between classes {winners}")
        message = f"a tie between classes {winners}; the first is taken (--ties says which)"
        notices.add("tie", places[row], message, len(tied))
    index = choice.last() if ties == "last" else choice.first()

    def picked(of: Sequence[str] | None) -> Values:
        if ties != "all":
            return class_names(index, of)
        return ragged(_winners(choice, row, of) for row in range(len(scores)))

    def tied_classes() -> Values:
        is_tied = set(tied.tolist())
        every = range(len(scores))
        return ragged(_winners(choice, row, None) if row in is_tied else [] for row in every)

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
        "ties": tied_classes,
        "tied": choice.tied,
        "one_hot": one_hot,
        "distance": lambda: distances(choice.value, scores),
    }


def distances(value: Floats, scores: Floats) -> Floats:
    """How far each score lies below its row's largest, shape (rows, classes)."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(scores == value[:, None], 0.0, value[:, None] - scores)


def _winners(choice: Choice, row: int, names: Sequence[str] | None) -> list[object]:
    found = np.flatnonzero(choice.winners[row])
    return list(class_names(found, names).tolist())
