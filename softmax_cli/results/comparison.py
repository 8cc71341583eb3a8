"""Each row's softmax by each method, and a summary of the methods over all rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np

from softmax_cli.core.softmax import Logits
from softmax_cli.core.textbook import Methods
from softmax_cli.input.rows import Block
from softmax_cli.notices import Notices
from softmax_cli.output.fields import Column, Field, Layout, Values
from softmax_cli.output.formats import TABLE_DIGITS
from softmax_cli.output.numbers import texts
from softmax_cli.run.pipeline import Computation
from softmax_cli.run.totals import Totals

_HALF_AN_ULP_OF_1: Final = 2.0**-54
_KEYS: Final = ("row", "method", "dtype", "temperature", "status", "ulp_error")


class Trial(NamedTuple):
    """A method, the float type it computes in, and the temperature."""

    method: str
    dtype: str
    temperature: float


class ComparisonResult:
    """A record for each row and trial, row by row.

    Attributes have the shape (rows * trials,), probabilities (rows * trials, classes).
    """

    def __init__(self, trials: Sequence[Trial], block: Block) -> None:
        """Compute all records; raise `RowErrors` for rows that have no softmax."""
        assert block.numbers is not None  # as one process reads all
        Logits(block.values)
        methods = Methods(block.values)
        outcomes = [methods.run(*trial) for trial in trials]
        self.trials = trials
        self.row = block.numbers.repeat(len(trials))
        self._scores = block.values

        def by_row(name: str, dtype: type) -> Values:
            parts: list[Values] = [np.array(getattr(outcome, name), dtype) for outcome in outcomes]
            return np.stack(parts, axis=1).reshape(len(self.row), *parts[0].shape[1:])

        self.status = by_row("statuses", str)
        self.reason = by_row("reasons", str)
        self.ulp_error = by_row("ulp_errors", float)
        self.probabilities = by_row("probabilities", float)

    @property
    def winner_probability(self) -> Values:
        winners = self._scores.argmax(axis=1).repeat(len(self.trials))
        return np.take_along_axis(self.probabilities, winners[:, None], axis=1)[:, 0]

    @cached_property
    def note(self) -> list[str]:
        """What broke, and in which trial; '' where nothing did."""
        trials = [
            f"{method} {dtype}" + (f" at T = {temperature:g}" if temperature != 1 else "")
            for method, dtype, temperature in self.trials
        ]
        reasons = zip(trials * len(self._scores), self.reason.tolist(), strict=True)
        return [reason and f"{trial}: {reason}" for trial, reason in reasons]

    @property
    def sweep(self) -> tuple[Sequence[Column], Sequence[str]]:
        """Table columns and notes for the first row: hard, every temperature, linear."""
        dtype = self.trials[0].dtype
        hard, stable, linear = (
            [i for i, trial in enumerate(self.trials) if trial[:2] == (method, dtype)]
            for method in ("hard", "stable", "linear")
        )
        shown = self.probabilities[[hard[0], *stable, linear[0]]]
        temperatures = [self.trials[i].temperature for i in stable]
        labels = texts(np.array(temperatures), TABLE_DIGITS)
        logits = [Logits(self._scores[:1], temperature=t) for t in temperatures]
        reached: dict[str, list[str]] = {}
        for label, each in zip(labels, logits, strict=True):
            reached.setdefault(_limit_reached(each), []).append(label)
        ends = [
            f"T {', '.join(at)}: {end}, to the last digit" for end, at in reached.items() if end
        ]
        some = shown[-1][shown[-1] != 0]
        entropies = [0.0, *(each.entropy()[0] for each in logits), (some * -np.log(some)).sum()]
        reason = self.reason[linear[0]]
        why = "linear: x/T over the sum of x/T is the same at every T" + (reason and f"; {reason}")
        notes = zip(self.trials, self.note, strict=True)
        broke = [note for trial, note in notes if trial.method != "linear"]
        columns = [
            Column("T", np.array(["hard", *labels, "linear"]), "text"),
            Column("", shown, "barred"),
            Column("entropy", np.array(entropies)),
        ]
        return columns, [*ends, why, *filter(None, broke)]


def _limit_reached(logits: Logits) -> str:
    """Return which limit a softmax equals in float64, '' for none."""
    probabilities, winners = logits.probabilities()[0], logits.winners[0]
    hard, uniform = (chosen / chosen.sum() for chosen in (winners, ~logits.masked[0]))
    reached = []
    if (np.abs(probabilities - hard) <= _HALF_AN_ULP_OF_1).all():
        reached.append("hardmax" if winners.sum() == 1 else "hardmax with shared ties")
    is_uniform = (np.abs(probabilities - uniform) <= np.spacing(uniform)).all()
    if is_uniform and np.count_nonzero(uniform) > 1:
        reached.append("uniform")
    return " and ".join(reached)


class ComparisonTotals(Totals):
    """For each trial the number of rows that broke, the first of them, and the worst error."""

    def __init__(self, result: ComparisonResult) -> None:
        count = len(result.trials)
        super().__init__(len(result.row) // count, {})
        self.trials: list[dict[str, Any]] = []
        for i, trial in enumerate(result.trials):
            broken = np.flatnonzero(result.status[i::count] != "ok") * count + i
            worst = result.ulp_error[i::count].max(initial=0.0)
            self.trials.append(
                {
                    **trial._asdict(),
                    "rows": self.rows,
                    "broken": len(broken),
                    "first_broken": int(result.row[broken[0]]) if len(broken) else None,
                    "note": result.note[broken[0]] if len(broken) else "",
                    "worst_ulp_error": float(worst),
                }
            )

    def merge(self, later: Totals) -> None:
        super().merge(later)
        assert isinstance(later, ComparisonTotals)
        for mine, record in zip(self.trials, later.trials, strict=True):
            if mine["first_broken"] is None:
                mine.update(first_broken=record["first_broken"], note=record["note"])
            for key in ("rows", "broken"):
                mine[key] += record[key]
            errors = mine["worst_ulp_error"], record["worst_ulp_error"]
            mine["worst_ulp_error"] = float(np.maximum(*errors))  # keeps nan


class Comparison(Computation):
    """Computes all trials of each row, in one process, so that rows have numbers."""

    parallel = False

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._trials = trials

    def compute(self, block: Block, _notices: Notices) -> ComparisonResult:
        return ComparisonResult(self._trials, block)

    def layout(self) -> Layout:
        return _layout(self._trials)

    def add_up(self, result: ComparisonResult) -> Totals:
        return ComparisonTotals(result)

    def summarise(self, totals: Totals) -> dict[str, Any]:
        assert isinstance(totals, ComparisonTotals)
        return {"rows": totals.rows, "methods": totals.trials}


def _layout(trials: Sequence[Trial]) -> Layout:
    """Return the layout of records of trials; a table of many rows shows the summary."""
    temperatures = {trial.temperature for trial in trials}
    shown = (
        *((Field("temperature", "T"),) if temperatures != {1.0} else ()),
        Field("dtype", "type", "text"),
    )
    return Layout(
        row=(*_KEYS, "probabilities"),
        fields=(*_KEYS, "reason", "probabilities"),
        head=(Field("method", "method", "text"),),
        lines=(
            *shown,
            Field("probabilities", ""),
            Field("status", "status", "status"),
            Field("ulp_error", "ulps", "rough"),
            Field("winner_probability", "p of winner", "instead"),
        ),
        sweep="sweep" if len(temperatures) > 1 else "",
        summary=(Field("rows", "rows"),),
        summary_records="methods",
        summary_columns=(
            Field("method", "method", "text"),
            *shown,
            Field("broken", "rows that broke"),
            Field("first_broken", "first", "text"),
            Field("worst_ulp_error", "worst ulps", "rough"),
        ),
        summary_only=True,
        most=100,
        records=len(trials),
        constants={
            key: np.array([getattr(trial, key) for trial in trials]) for key in Trial._fields
        },
    )
