"""The winner of each row, or its K best classes, and how ties are broken."""

from functools import cached_property

import numpy as np

from softmax_cli.core.doubledouble import Bools, Floats, Indices
from softmax_cli.core.hardmax import CLOSE, hardmax
from softmax_cli.core.probabilities import WARNING_TOLERANCE
from softmax_cli.errors import DataError, RowErrors
from softmax_cli.input.rows import Block
from softmax_cli.messages import Notices
from softmax_cli.output.fields import Field, Layout, Names, Values, class_names, ragged
from softmax_cli.run.pipeline import Computation
from softmax_cli.run.totals import Totals


class HardmaxResult:
    """The winners of each row; the `policy` for ties is 'first', 'last', 'all' or 'split'.

    Attributes have the shape (rows,), scores, one_hot and distance (rows, classes).
    """

    def __init__(self, scores: Floats, policy: str, names: Names) -> None:
        self.scores = scores
        self._highest, self._winners, self.margin = hardmax(scores)
        self.tied: Bools = self._winners.sum(axis=1) > 1
        self.at_edge = np.zeros(len(scores), bool)  # a tie for the last of several places
        self._policy = policy
        self._names = names

    def __len__(self) -> int:
        return len(self.scores)

    @cached_property
    def close(self) -> Bools:
        """Whether the runner-up has over half the winner's probability.

        Rows that are probabilities already have these themselves, the others by softmax.
        """
        scores = self.scores
        is_sum_one = np.abs(scores.sum(axis=1) - 1) <= WARNING_TOLERANCE
        is_given = is_sum_one & (scores >= 0).all(axis=1)
        return np.where(is_given, self.margin < self._highest / 2, self.margin <= CLOSE)

    @property
    def closeness(self) -> Values:
        return np.where(self.close, "close", "clear")

    @cached_property
    def picked(self) -> Indices:
        """The winner's index."""
        if self._policy == "last":
            last = self.scores.shape[1] - 1
            return np.asarray(last - np.argmax(self._winners[:, ::-1], axis=1))
        return np.asarray(np.argmax(self._winners, axis=1))

    @property
    def index(self) -> Values:
        return self._named(None)

    @property
    def name(self) -> Values:
        return self._named(self._names or list(map(str, range(self.scores.shape[1]))))

    def _named(self, names: Names) -> Values:
        if self._policy == "all":
            return ragged(self.winners(row, names) for row in range(len(self)))
        return class_names(self.picked, names)

    @cached_property
    def value(self) -> Values:
        return np.take_along_axis(self.scores, self.picked[:, None], axis=1)[:, 0]

    @cached_property
    def one_hot(self) -> Values:
        winners = self._winners
        if self._policy == "split":
            return np.asarray(winners / winners.sum(axis=1, keepdims=True))
        if self._policy != "all":
            winners = np.arange(self.scores.shape[1]) == self.picked[:, None]
        return winners.astype(int)

    @property
    def distance(self) -> Floats:
        return np.where(self._winners, 0.0, self._highest[:, None] - self.scores)

    @property
    def ties(self) -> Values:
        """The indices of each row's tied winners; an empty list without a tie."""
        return ragged(self.winners(i, None) if tied else [] for i, tied in enumerate(self.tied))

    def winners(self, row: int, names: Names) -> list[object]:
        return list(class_names(np.flatnonzero(self._winners[row]), names).tolist())

    def describe_tie(self, row: int) -> str:
        """Return a text that names the classes with the same score, at most 10 of them."""
        score = self._highest[row] if self.tied[row] else self.value[row, -1]
        tied = class_names(np.flatnonzero(self.scores[row] == score), self._names).tolist()
        more = f" and {len(tied) - 10} more" if len(tied) > 10 else ""
        return f"a tie between classes {', '.join(map(str, tied[:10]))}{more}"


class BestResult(HardmaxResult):
    """The K best of each row, in order; of equal scores the first, or last, comes first.

    picked, index, name and value have the shape (rows, K).
    """

    def __init__(self, scores: Floats, count: int, policy: str, names: Names) -> None:
        super().__init__(scores, policy, names)
        classes = scores.shape[1]
        if count > classes:
            raise DataError(f"--top {count}: there are only {classes} classes")
        step = -1 if policy == "last" else 1  # through the classes, the worst or the best first
        self.order = np.argsort(-step * scores, axis=1, kind="stable")[:, ::step]
        self.picked = self.order[:, :count]
        self.value = np.take_along_axis(scores, self.picked, axis=1)
        following = np.take_along_axis(scores, self.order[:, count : count + 1], axis=1)
        self.at_edge = (self.value[:, -1:] == following).any(axis=1)

    @property
    def one_hot(self) -> Values:
        chosen = np.zeros(self.scores.shape, int)
        np.put_along_axis(chosen, self.picked, 1, axis=1)
        return chosen


class Hardmax(Computation):
    """Finds the winners of rows, or their K best (`top`).

    `form` is index, name, value or one_hot; None for `ties` is 'first', with a warning.
    """

    def __init__(self, form: str, ties: str | None, top: int | None, names: Names) -> None:
        self.form = form
        self.ties = ties
        self.top = top
        self.names = names

    def compute(self, block: Block, notices: Notices) -> HardmaxResult:
        """Return the winners; raise `RowErrors` for rows without one, or ties that are errors."""
        policy = "first" if self.ties is None or self.ties == "error" else self.ties
        if self.top is None:
            result, taken = HardmaxResult(block.values, policy, self.names), "the first is taken"
        else:
            result = BestResult(block.values, self.top, policy, self.names)
            taken = "they are taken as they come"
        rows = np.flatnonzero(result.tied | result.at_edge).tolist()
        if rows and self.ties == "error":
            raise RowErrors({row: DataError(result.describe_tie(row)) for row in rows})
        if rows and self.ties is None:
            message = f"{result.describe_tie(rows[0])}; {taken} (--ties chooses)"
            notices.add("tie", block.locations.at(rows[0]), message, len(rows))
        return result

    def add_up(self, result: HardmaxResult) -> Totals:
        counts = {"ties": int(result.tied.sum()), "close": int(result.close.sum())}
        return Totals(len(result), {}, counts)

    def layout(self) -> Layout:
        best, one_hot = self.top is not None, ["one_hot"] * (self.form == "one_hot")
        winner = Field("name", "" if best else "winner", "text")
        value = [] if best else [Field("value", "value")]
        scores, pick = Field("scores", "value"), Field("one_hot", "pick", "mark")
        return Layout(
            (self.form,),
            ("index", "name", "value", "margin", "ties", *one_hot),
            (winner, *value, Field("margin", "margin"), Field("close", "close", "mark")),
            (scores, pick, Field("distance", "distance")),
            footer=(
                Field("name", "best" if best else "winner"),
                *value,
                Field("margin", "margin to the runner-up"),
                Field("closeness", "choice"),
            ),
            summary=[Field(key, key) for key in ("rows", "ties", "close")],
            emphasis="one_hot",
            order="order" if best else "",
            numbered=("index", "name", "value") if best else (),
        )
