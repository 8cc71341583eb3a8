"""The hard choice of each row: the winner, or the best K, and what becomes of ties."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core.doubledouble import Floats
from softmax_cli.core.ranking import CLOSE, hardmax, ranking
from softmax_cli.errors import DataError, RowErrors
from softmax_cli.input.rows import Block
from softmax_cli.messages import Notices
from softmax_cli.output.layout import Field, Layout, Summary, Values
from softmax_cli.results.class_names import Names, class_names, ragged
from softmax_cli.run.totals import Totals

# How many winners a message names
_MOST: Final = 10


class HardmaxResult:
    """The winners of each row; `ties` is 'first', 'last', 'all' or 'split'.

    Attributes have the shape (rows,), scores, one_hot and distance (rows, classes).
    """

    def __init__(self, scores: Floats, policy: str, names: Names) -> None:
        self.scores = scores
        self.choice = hardmax(scores)
        self.margin = self.choice.margin
        self._policy = policy
        self._names = names
        self.class_names = names or list(map(str, range(scores.shape[1])))

    @cached_property
    def tied(self) -> NDArray[np.bool_]:
        return np.asarray(self.choice.winners.sum(axis=1) > 1)

    @cached_property
    def close(self) -> NDArray[np.bool_]:
        return np.asarray(self.margin <= CLOSE)

    @property
    def closeness(self) -> Values:
        return np.where(self.close, "close", "clear")

    @cached_property
    def picked(self) -> NDArray[np.intp]:
        winners = self.choice.winners
        if self._policy == "last":
            return np.asarray(winners.shape[1] - 1 - np.argmax(winners[:, ::-1], axis=1))
        return np.asarray(np.argmax(winners, axis=1))

    @property
    def index(self) -> Values:
        return self._named(None)

    @property
    def name(self) -> Values:
        return self._named(self.class_names)

    def _named(self, names: Names) -> Values:
        if self._policy == "all":
            return ragged(self.winners(row, names) for row in range(len(self.scores)))
        return class_names(self.picked, names)

    @cached_property
    def value(self) -> Values:
        return np.take_along_axis(self.scores, self.picked[:, None], axis=1)[:, 0]

    @cached_property
    def one_hot(self) -> Values:
        winners: Values = self.choice.winners
        if self._policy == "split":
            winners = winners / winners.sum(axis=1, keepdims=True)
        elif self._policy != "all":
            winners = np.arange(self.scores.shape[1]) == self.picked[:, None]
        return winners if self._policy == "split" else winners.astype(int)

    @property
    def distance(self) -> Floats:
        value = self.choice.value[:, None]
        with np.errstate(over="ignore", invalid="ignore"):
            return np.where(self.scores == value, 0.0, value - self.scores)

    @property
    def ties(self) -> Values:
        """The indices of each row's tied winners, an empty list where there is one."""
        tied = self.tied.tolist()
        return ragged(self.winners(r, None) if tied[r] else [] for r in range(len(tied)))

    def winners(self, row: int, names: Names) -> list[object]:
        return list(class_names(np.flatnonzero(self.choice.winners[row]), names).tolist())

    def ties_that_matter(self) -> NDArray[np.bool_]:
        return self.tied

    def describe_tie(self, row: int) -> str:
        return f"a tie between classes {_listed(self.winners(row, self._names))}"


class BestResult(HardmaxResult):
    """The K best of each row, in order; of equal scores the first, or last, comes first.

    index, name and value have the shape (rows, K).
    """

    def __init__(self, scores: Floats, count: int, policy: str, names: Names) -> None:
        super().__init__(scores, policy, names)
        classes = scores.shape[1]
        if count > classes:
            raise DataError(f"--top {count} asks for more than the {classes} classes there are")
        self._count = count
        self._order = ranking(scores, last=policy == "last")
        self.picked = self._order[:, :count]
        self.value = np.take_along_axis(scores, self.picked, axis=1)

    @cached_property
    def position(self) -> NDArray[np.intp]:
        """The position of each class in the order, from 0, shape (rows, classes)."""
        position: NDArray[np.intp] = np.argsort(self._order, axis=1)
        return position

    @property
    def rank(self) -> Values:
        """The rank of the best from 1, '' for the others, shape (rows, classes)."""
        ranks = np.array(["", *range(1, self._count + 1)], dtype=object)
        shown: Values = ranks[np.where(self.position < self._count, self.position + 1, 0)]
        return shown

    @property
    def one_hot(self) -> Values:
        return (self.position < self._count).astype(int)

    def _edges(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Floats]:
        """Return ties for the first position, ties at the edge of those taken, and the order."""
        count, classes = self._count, self.scores.shape[1]
        ordered = np.take_along_axis(self.scores, self._order[:, : count + 1], axis=1)
        first = (ordered[:, 0] == ordered[:, min(1, classes - 1)]) & (classes > 1)
        return first, (ordered[:, count - 1] == ordered[:, -1]) & (count < classes), ordered

    def ties_that_matter(self) -> NDArray[np.bool_]:
        first, edge, _ = self._edges()
        return first | edge

    def describe_tie(self, row: int) -> str:
        first, _, ordered = self._edges()
        scores, value = self.scores[row], ordered[row, 0 if first[row] else self._count - 1]
        tied = class_names(np.flatnonzero(scores == value), self._names).tolist()
        position = int((scores > value).sum()) + 1
        return f"a tie between classes {_listed(tied)} for place {position}"


def _listed(winners: Sequence[object]) -> str:
    """Return the winners as a message has them, the first of many."""
    rest = len(winners) - _MOST
    return ", ".join(map(str, winners[:_MOST])) + (f" and {rest} more" if rest > 0 else "")


def choose(
    ties: str | None, top: int | None, names: Names, block: Block, notices: Notices
) -> HardmaxResult:
    """Return the winners of a block; None for `ties` is 'first', with a warning.

    Raises `RowErrors` for rows without a largest score, or with two where `ties` is 'error'.
    """
    policy = "first" if ties is None or ties == "error" else ties
    if top is None:
        result, taken = HardmaxResult(block.values, policy, names), "the first is taken"
    else:
        result = BestResult(block.values, top, policy, names)
        taken = "they are taken as they come"
    rows = np.flatnonzero(result.ties_that_matter()).tolist() if ties in (None, "error") else []
    if rows and ties == "error":
        raise RowErrors({row: DataError(result.describe_tie(row)) for row in rows})
    if rows:
        message = f"{result.describe_tie(rows[0])}; {taken} (--ties says which)"
        notices.add("tie", block.locations.at(rows[0]), message, len(rows))
    return result


def add_up(result: HardmaxResult) -> Totals:
    """Return the numbers of rows, ties and close choices."""
    counts = {"ties": int(result.tied.sum()), "close": int(result.close.sum())}
    return Totals(len(result.scores), {}, counts)


def summarise(totals: Totals) -> Summary:
    """Return rows, ties and close."""
    return {"rows": totals.rows, **totals.counts}


def layout(form: str, *, best: bool) -> Layout:
    """Return the layout of the winner, or the best, in a form: index, name, value or one_hot."""
    name, margin = Field("name", "winner", "text"), Field("margin", "margin")
    winner = (Field("index", "index"), name, Field("value", "value"))
    chosen = (Field("name", "winner"), Field("value", "value"))
    return Layout(
        (form,),
        ("index", "name", "value", "margin", "ties"),
        (
            *((Field("name", "", "text"),) if best else winner),
            margin,
            Field("close", "close", "mark"),
        ),
        (
            Field("scores", "value"),
            Field("rank", "pick", "text") if best else Field("one_hot", "pick", "mark"),
            Field("distance", "distance"),
        ),
        footer=(
            *((Field("name", "best"),) if best else chosen),
            Field("margin", "margin to the runner-up"),
            Field("closeness", "choice"),
        ),
        summary=[Field(key, key) for key in ("rows", "ties", "close")],
        emphasis="one_hot",
        order="position" if best else "",
        numbered=("index", "name", "value") if best else (),
    )
