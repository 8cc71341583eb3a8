"""The K best of each row, in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from softmax_cli.core.hardmax import hardmax, ranking
from softmax_cli.errors import DataError, RowError
from softmax_cli.flow.choice import closeness, distances, listed, tied_classes
from softmax_cli.flow.naming import class_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from softmax_cli.core.doubledouble import Floats
    from softmax_cli.flow.computing import LazyFields
    from softmax_cli.messages import Notices
    from softmax_cli.output.results import Values


def choose_best(
    scores: Floats,
    count: int,
    ties: str | None,
    names: Sequence[str] | None,
    places: Sequence[str],
    notices: Notices,
) -> LazyFields:
    """The fields of the `count` best, in order; of equals the first comes first, or the last.

    Parameters
    ----------
    scores : array, shape (rows, classes)
    count : int
    ties : str or None
        'first', 'last' or 'error'; None is 'first' with a notice where a tie matters: for the
        first place, or between the last that is taken and the next.
    names, places, notices
        The classes' names, the rows' places, and where ties are noted.

    Raises
    ------
    DataError
        There are fewer classes.
    RowError
        A row without a largest score, or with a tie that matters under 'error'.
    """
    classes = scores.shape[1]
    if count > classes:
        raise DataError(f"--top {count} asks for more than the {classes} classes there are")
    choice = hardmax(scores)
    order = ranking(scores, last=ties == "last")
    best = order[:, :count]
    value = np.take_along_axis(scores, best, axis=1)
    if ties in (None, "error"):
        _note_ties(scores, order, count, names, places, notices, is_error=ties == "error")

    def place() -> NDArray[np.intp]:
        places: NDArray[np.intp] = np.argsort(order, axis=1)
        return places

    def rank() -> Values:
        shown = np.array(["", *range(1, count + 1)], dtype=object)
        ranks: Values = shown[np.where(place() < count, place() + 1, 0)]
        return ranks

    return {
        "scores": lambda: scores,
        "index": lambda: best,
        "name": lambda: class_names(best, names or list(map(str, range(classes)))),
        "value": lambda: value,
        "margin": lambda: choice.margin,
        "ties": lambda: tied_classes(choice),
        "tied": choice.tied,
        "close": choice.close,
        "closeness": lambda: closeness(choice),
        "one_hot": lambda: (place() < count).astype(int),
        "distance": lambda: distances(choice.value, scores),
        "place": place,
        "rank": rank,
    }


def _note_ties(
    scores: Floats,
    order: NDArray[np.intp],
    count: int,
    names: Sequence[str] | None,
    places: Sequence[str],
    notices: Notices,
    *,
    is_error: bool,
) -> None:
    """Note, or refuse, ties for the first place and at the edge of those that are taken."""
    ordered = np.take_along_axis(scores, order[:, : count + 1], axis=1)
    first = ordered[:, 0] == ordered[:, min(1, scores.shape[1] - 1)]
    first &= scores.shape[1] > 1
    edge = ordered[:, count - 1] == ordered[:, -1]
    edge &= count < scores.shape[1]
    found = np.flatnonzero(first | edge)
    if not len(found):
        return
    row = int(found[0])
    at = 0 if first[row] else count - 1
    equals = np.flatnonzero(scores[row] == ordered[row, at])
    beaten = int((scores[row] > ordered[row, at]).sum())
    classes = listed(class_names(equals, names).tolist())
    message = f"a tie between classes {classes} for place {beaten + 1}"
    if is_error:
        raise RowError(row, message)
    message += "; they are taken as they come (--ties says which)"
    notices.add("tie", places[row], message, len(found))
