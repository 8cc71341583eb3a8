"""Each row through each method, and how the methods fared over all rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np

from softmax_cli.core.doubledouble import Floats
from softmax_cli.core.softmax import Logits
from softmax_cli.core.textbook import Methods
from softmax_cli.input.rows import Block
from softmax_cli.messages import Notices
from softmax_cli.output.formats import TABLE_DIGITS
from softmax_cli.output.layout import Field, Layout, Summary, Sweep, Values
from softmax_cli.output.numbers import texts
from softmax_cli.run.totals import Totals

_HALF_AN_ULP_OF_1: Final = 2.0**-54
_KEYS: Final = ("row", "method", "dtype", "temperature", "status", "ulp_error")


class Trial(NamedTuple):
    """A method, the float type it computes in, and the temperature."""

    method: str
    dtype: str
    temperature: float

    def note(self, reason: str) -> str:
        """Return a reason with the trial in front, '' for none."""
        at = f" at T = {self.temperature:g}" if self.temperature != 1 else ""
        return reason and f"{self.method} {self.dtype}{at}: {reason}"


class ComparisonResult:
    """A record for each row and trial, a row's side by side.

    Attributes have the shape (rows * trials,), probabilities (rows * trials, classes).
    """

    def __init__(self, scores: Floats, numbers: Values, trials: Sequence[Trial]) -> None:
        Logits(scores)  # raises for rows without a softmax
        methods = Methods(scores)
        self._outcomes = [methods.run(*trial) for trial in trials]
        self._scores = scores
        self.trials = trials
        self.numbers = numbers
        self.row = numbers.repeat(len(trials))

    def __len__(self) -> int:
        return len(self._scores)

    def _by_row(self, name: str, dtype: type) -> Values:
        return np.stack([np.array(getattr(outcome, name), dtype) for outcome in self._outcomes], 1)

    @cached_property
    def status(self) -> Values:
        return self._by_row("statuses", str).ravel()

    @cached_property
    def reason(self) -> Values:
        return self._by_row("reasons", str).ravel()

    @cached_property
    def ulp_error(self) -> Values:
        return self._by_row("ulp_errors", float).ravel()

    @cached_property
    def probabilities(self) -> Values:
        return self._by_row("probabilities", float).reshape(-1, self._scores.shape[1])

    @property
    def winner_probability(self) -> Values:
        winners = self._scores.argmax(axis=1).repeat(len(self.trials))
        return np.take_along_axis(self.probabilities, winners[:, None], axis=1)[:, 0]

    @cached_property
    def note(self) -> list[str]:
        reasons = zip([*self.trials] * len(self), self.reason.tolist(), strict=True)
        return [trial.note(reason) for trial, reason in reasons]

    @property
    def sweep(self) -> Sweep:
        """The first row from the hard choice through all temperatures to x / sum x."""
        trials, dtype = self.trials, self.trials[0].dtype
        at = {
            name: [i for i, trial in enumerate(trials) if trial[:2] == (name, dtype)]
            for name in ("hard", "stable", "linear")
        }
        temperatures = [trials[i].temperature for i in at["stable"]]
        labels = texts(np.array(temperatures), TABLE_DIGITS)
        logits = [Logits(self._scores[:1], temperature=t) for t in temperatures]
        shown = self.probabilities[[at["hard"][0], *at["stable"], at["linear"][0]]]
        entropies = [float(each.entropy()[0]) for each in logits]
        reached: dict[str, list[str]] = {}
        for label, each in zip(labels, logits, strict=True):
            reached.setdefault(_extreme(each), []).append(label)
        ends = [
            f"T {', '.join(at)}: {what}, to the last digit" for what, at in reached.items() if what
        ]
        reason = self.reason[at["linear"][0]]
        linear = "linear: x/T over the sum of x/T is the same at every T"
        broken = [
            note
            for trial, note in zip(trials, self.note, strict=True)
            if note and trial.method != "linear"
        ]
        return Sweep(
            ["hard", *labels, "linear"],
            shown,
            np.array([_entropy(shown[0]), *entropies, _entropy(shown[-1])]),
            [*ends, f"{linear}; {reason}" if reason else linear, *broken],
        )


def _entropy(probabilities: Floats) -> float:
    """Return an entropy in nats; nan for what is no distribution."""
    if not (probabilities >= 0).all():
        return math.nan
    some = probabilities[probabilities > 0]
    return float((some * -np.log(some)).sum())


def _extreme(logits: Logits) -> str:
    """Return which limit a softmax has reached, to the last digit of a float64."""
    probabilities, winners = logits.probabilities()[0], logits.winners[0]
    hard, uniform = (chosen / chosen.sum() for chosen in (winners, ~logits.masked[0]))
    reached = []
    if (np.abs(probabilities - hard) <= _HALF_AN_ULP_OF_1).all():
        reached.append("hardmax" if winners.sum() == 1 else "hardmax with shared ties")
    is_uniform = (np.abs(probabilities - uniform) <= np.spacing(uniform)).all()
    if is_uniform and np.count_nonzero(uniform) > 1:
        reached.append("uniform")
    return " and ".join(reached)


class Comparison:
    """Makes results of blocks whose rows are numbered."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._trials = trials

    def __call__(self, block: Block, _notices: Notices) -> ComparisonResult:
        """Return the records of a block; raise `RowErrors` for rows that have no softmax."""
        assert block.numbers is not None  # by one process
        return ComparisonResult(block.values, block.numbers, self._trials)


class ComparisonTotals(Totals):
    """For each trial the rows that broke, the first of them and why, and the worst error."""

    def __init__(self, result: ComparisonResult) -> None:
        super().__init__(len(result), {})
        shape = (-1, len(result.trials))
        broken, errors = (result.status != "ok").reshape(shape), result.ulp_error.reshape(shape)
        self.trials: dict[Trial, dict[str, Any]] = {}
        for at, trial in enumerate(result.trials):
            rows = np.flatnonzero(broken[:, at])
            self.trials[trial] = {
                **trial._asdict(),
                "rows": len(result),
                "broken": len(rows),
                "first_broken": int(result.numbers[rows[0]]) if len(rows) else None,
                "note": result.note[rows[0] * shape[1] + at] if len(rows) else "",
                "worst_ulp_error": float(errors[:, at].max(initial=0.0)),
            }

    def merge(self, later: Totals) -> None:
        super().merge(later)
        assert isinstance(later, ComparisonTotals)
        for trial, record in later.trials.items():
            mine = self.trials[trial]
            if mine["first_broken"] is None:
                mine.update(first_broken=record["first_broken"], note=record["note"])
            for key in ("rows", "broken"):
                mine[key] += record[key]
            mine["worst_ulp_error"] = max(mine["worst_ulp_error"], record["worst_ulp_error"])


def broke(totals: Totals, dtype: str) -> bool:
    """Return whether naive softmax in a float type broke on any row."""
    assert isinstance(totals, ComparisonTotals)
    return any(
        record["broken"]
        for trial, record in totals.trials.items()
        if (trial.method, trial.dtype) == ("naive", dtype)
    )


def summarise(totals: Totals) -> Summary:
    """Return the number of rows, and a record for each trial."""
    assert isinstance(totals, ComparisonTotals)
    return {"rows": totals.rows, "methods": list(totals.trials.values())}


def layout(trials: Sequence[Trial]) -> Layout:
    """Return the layout of a record for each trial of a row; tables of many rows sum them up."""
    temperatures = {trial.temperature for trial in trials}
    shown = (
        *((Field("temperature", "T"),) if temperatures != {1.0} else ()),
        Field("dtype", "type", "text"),
    )
    return Layout(
        row=(*_KEYS, "probabilities"),
        fields=(*_KEYS, "reason", "probabilities"),
        head=Field("method", "method"),
        lines=(
            *shown,
            Field("probabilities", ""),
            Field("status", "status", "status"),
            Field("ulp_error", "ulps", "rough"),
            Field("winner_probability", "p of winner", "instead"),
        ),
        notes="note",
        sweep="sweep" if len(temperatures) > 1 else "",
        summary=(Field("rows", "rows"),),
        groups="methods",
        group_columns=(
            Field("method", "method", "text"),
            *shown,
            Field("broken", "rows that broke"),
            Field("first_broken", "first", "text"),
            Field("worst_ulp_error", "worst ulps", "rough"),
        ),
        only_groups=True,
        most=100,
        records=len(trials),
        constants={
            key: np.array([getattr(trial, key) for trial in trials]) for key in Trial._fields
        },
    )
