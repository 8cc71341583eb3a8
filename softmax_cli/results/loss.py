"""The base classes of losses, the losses of tokens, and the reports."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import Any, Final

import numpy as np

from softmax_cli.core.doubledouble import DoubleDouble, Floats
from softmax_cli.core.elementary import exp, in_base, log
from softmax_cli.errors import DataError, RowErrors
from softmax_cli.input.rows import Block
from softmax_cli.messages import Notices
from softmax_cli.option_rules import UNITS, LossSettings
from softmax_cli.output.fields import Field, Layout, Names, Records, Values, class_names
from softmax_cli.output.formats import Writer
from softmax_cli.results.targets import RowTargets, TargetReader
from softmax_cli.run.pipeline import Computation, Run
from softmax_cli.run.totals import ONE, ExactSum, Totals, Worst

# The titles of columns in a table, where these are not the keys; and the keys of text
_TITLES: Final = {
    "entropy": "H(P)",
    "kl": "KL(P||Q)",
    "standard_error": "std error",
    "touched": "scores read",
    "mean": "mean loss",
    "share": "share of loss",
}
_TEXT: Final = ("line", "class", "target", "predicted", "code")


class RowLosses:
    """The base class of losses of a block's rows.

    Attributes have the shape (rows,) or (rows, classes); logarithms are in the unit of the base.
    Ignored rows have loss 0.
    """

    def __init__(self, block: Block, targets: RowTargets, loss: Loss) -> None:
        self.given = block.values
        self.kept = block.kept
        self.names = loss.targets.class_names
        self._locations = block.locations
        self._targets = targets
        self.is_counted = ~targets.ignored
        self._base = loss.settings.base

    def __len__(self) -> int:
        return len(self.given)

    @cached_property
    def loss(self) -> Floats:
        raise NotImplementedError

    @property
    def line(self) -> Values:
        return np.array(self._locations.numbers, dtype=int)

    @property
    def target(self) -> Values:
        """The names of the rows' labels, 'ignored' for ignored rows."""
        found = class_names(self._targets.labels, self.names)
        if self.is_counted.all():
            return found
        return np.where(self.is_counted, found.astype(object), "ignored")

    def _counted(self, values: Floats, otherwise: float = 0.0) -> Floats:
        """Return values, shape (rows,) or (rows, classes), with another value for ignored rows."""
        if self.is_counted.all():
            return values
        counted = self.is_counted if values.ndim == 1 else self.is_counted[:, None]
        return np.where(counted, values, otherwise)

    def why_infinite(self, row: int) -> str:
        """Return the message about a row whose loss is infinite."""
        raise NotImplementedError

    def note_infinite(self, notices: Notices) -> None:
        """Warn of rows whose loss is infinite, with a message about the first."""
        infinite = np.flatnonzero(np.isinf(self.loss))
        if len(infinite):
            row = int(infinite[0])
            notices.add("inf", self._locations.at(row), self.why_infinite(row), len(infinite))


class Loss(Computation):
    """The base class of computations of losses; `averaged` are fields other than the loss.

    `has_perplexity` says whether exp of the mean is one, `weights` are those of the classes.
    """

    has_perplexity = True
    weights: Floats | None = None
    loss_title = "loss"
    breakdown: Sequence[str]  # the columns of --breakdown
    lines: Sequence[str]  # those of a table without it
    others: Sequence[str] = ()  # more keys of JSON
    worst_keys: Sequence[str] = ()  # the columns of the table of the worst rows

    def __init__(self, settings: LossSettings, names: Names) -> None:
        self.settings = settings
        self.targets = TargetReader(settings, names)

    def layout(self) -> Layout:
        """Return the layout of the rows, of the classes, or of the worst rows with their lines."""
        layout = self.layout_of_rows()
        if self.settings.by_class:
            columns, more = layout.summary_columns, ["loss_sum", "correct"]
        elif self.settings.worst is not None:
            columns, more = self.columns(self.worst_keys), []
        else:
            return layout
        keys = [field.key for field in columns]
        layout = layout._replace(row=keys, fields=[*keys, *more], classes=())
        return layout._replace(head=columns[:1], lines=columns[1:])

    def layout_of_rows(self) -> Layout:
        settings, unit = self.settings, UNITS[self.settings.base]
        gradient = ["gradient"] * settings.gradient
        row = gradient or (self.breakdown if settings.breakdown else ["loss"])
        summary = (
            Field("rows", "rows"),
            Field("mean", "mean", unit),
            Field("loss_sum", "sum", unit),
            Field("weight_sum", "denominator"),
            Field("perplexity", "perplexity"),
            Field("exact_mean", "exact mean", unit),
            Field("accuracy", f"top-{settings.top} accuracy" if settings.top else "accuracy"),
            Field("touched_mean", "scores read on average"),
        )
        shown = self.columns(self.lines if row == ["loss"] else row)
        return Layout(row, [*self.breakdown, *self.others, *gradient], shown, summary=summary)

    def columns(self, keys: Sequence[str]) -> list[Field]:
        titles = {**_TITLES, "loss": self.loss_title}
        return [Field(key, titles.get(key, key), "text" * (key in _TEXT)) for key in keys]

    def add_up(self, result: Any) -> Totals:
        """Return the sums, the number of rows that are not ignored, and the worst rows."""
        sums = {key: getattr(result, key) for key in ("loss", *self.averaged)}
        counted, worst = result.is_counted, None
        if self.settings.worst is not None:
            keys = self.worst_keys if result.kept is None else (*self.worst_keys, "kept")
            columns = {key: getattr(result, key)[counted] for key in keys}
            worst = Worst.of(columns, self.settings.worst)
        return Totals(len(result), sums, {"counted": int(counted.sum())}, worst)

    def summarise(self, totals: Totals) -> dict[str, Any]:
        """Return sums, which may be added up over several inputs, and means.

        Raises `DataError` if a mean is asked for and its denominator is 0.
        """
        counted = totals.counts["counted"]
        weight = counted * ONE if self.weights is None else totals.sums["weight"].units
        if self.settings.reduction == "mean" and weight == 0:
            why = "the targets' weights sum to 0" if counted else "every row is ignored"
            raise DataError(f"{why}: there is no mean")
        ignored = {} if self.settings.ignore is None else {"ignored": totals.rows - counted}
        weight_sum = counted if self.weights is None else totals.sums["weight"].total()
        if weight_sum < 2**53 and weight == int(weight_sum) * ONE:
            weight_sum = int(weight_sum)  # is shown with all digits
        sums = {"loss_sum": totals.sums["loss"].total(), "weight_sum": weight_sum}
        sums["mean"] = totals.sums["loss"].total(weight)
        if self.has_perplexity:
            sums["perplexity"] = _perplexity(totals.sums["loss"], weight, self.settings.base)
        means = totals.sums_and_means(self.averaged, counted)
        return {"rows": totals.rows, **ignored, **sums, **means}


class TokenResult(RowLosses):
    """The mean loss of each row of log-probabilities in nats, shape (rows, tokens)."""

    def __init__(self, block: Block, loss: Tokens) -> None:
        rows, tokens = block.values.shape
        super().__init__(block, RowTargets(np.zeros(rows, int), np.zeros(rows, bool)), loss)
        self.tokens = np.full(rows, tokens)
        nats = DoubleDouble(0.0 - block.values.T, np.zeros((tokens, rows)))
        mean = nats.sum() / float(tokens)
        self.of_tokens = in_base(nats, self._base)  # shape (tokens, rows)
        self.loss = in_base(mean, self._base)
        self.perplexity = exp(mean.plain()).rounded()

    def why_infinite(self, row: int) -> str:
        return f"the loss is inf: token {np.argmin(self.given[row]) + 1} has probability 0"


class Tokens(Loss):
    """Computes the losses of sequences; their mean is that of all tokens."""

    breakdown = lines = ("loss", "perplexity", "tokens")
    worst_keys = ("line", *breakdown)
    reads_classes = False

    def compute(self, block: Block, notices: Notices) -> TokenResult:
        """Return the losses; raise `RowErrors` for rows with a number above 0."""
        wrong = {}
        for row, token in reversed(np.argwhere(block.values > 0).tolist()):  # a row's first wins
            number = f"log-probability {block.values[row, token]:.6g} of token {token + 1}"
            wrong[row] = DataError(f"{number} is greater than 0")
        if wrong:
            raise RowErrors(wrong)
        result = TokenResult(block, self)
        result.note_infinite(notices)
        return result

    def add_up(self, result: TokenResult) -> Totals:
        totals = super().add_up(result)
        totals.sums["loss"] = ExactSum(result.of_tokens)
        totals.counts["counted"] = result.of_tokens.size
        return totals


def _perplexity(total: ExactSum, weight: int, base: str) -> float:
    """Return exp of a mean, which is in the unit of the base, to the last digit."""
    mean = total.total(weight)
    if not np.isfinite(mean):
        return mean
    numerator, denominator = mean.as_integer_ratio()
    rest = (total.units * denominator - numerator * weight) / (weight * denominator)
    unit = 1.0 if base == "e" else log(DoubleDouble(float(base)))
    return float(exp(DoubleDouble(mean, rest) * unit).rounded())


def write(run: Run, writer: Writer, settings: LossSettings) -> None:
    """Write each row's loss, or all rows' mean or sum; or the worst rows, or those of classes."""
    if settings.worst is None and not settings.by_class:
        if settings.gradient or settings.reduction == "none":
            run.write(writer)
        else:
            run.reduce(writer, "loss", "mean" if settings.reduction == "mean" else "loss_sum")
        return
    worst, summary = run.count().worst, dict(run.summary())
    if worst is None:
        groups, keys = summary.pop("by_class", ()), writer.layout.fields
        columns = {key: np.array([group[key] for group in groups]) for key in keys}
    else:
        columns = worst.columns
    rows = len(next(iter(columns.values())))
    records = Records(SimpleNamespace(**columns), rows, kept=columns.get("kept"))
    writer.write(writer.encode(records), rows)
    writer.close(summary)
