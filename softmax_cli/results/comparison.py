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
from softmax_cli.output.layout import Column, Lines, Records, Summary, Sweep, Values
from softmax_cli.results.field_layout import Field, FieldLayout
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


def constants(trials: Sequence[Trial], key: str, rows: int) -> Values:
    """Return what the records of so many rows have from their trials."""
    return np.array([getattr(trial, key) for trial in trials] * rows)


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
        self.method, self.dtype, self.temperature = (
            constants(trials, key, len(scores)) for key in Trial._fields
        )

    def __len__(self) -> int:
        return len(self._scores)

    def _by_row(self, name: str, dtype: type) -> Values:
        lists = [getattr(outcome, name) for outcome in self._outcomes]
        return np.array(list(zip(*lists, strict=True)), dtype).reshape(-1)

    @cached_property
    def status(self) -> Values:
        return self._by_row("statuses", str)

    @cached_property
    def reason(self) -> Values:
        return self._by_row("reasons", str)

    @cached_property
    def ulp_error(self) -> Values:
        return self._by_row("ulp_errors", float)

    @cached_property
    def probabilities(self) -> Floats:
        found = [outcome.probabilities.astype(float) for outcome in self._outcomes]
        return np.stack(found, axis=1).reshape(-1, self._scores.shape[1])

    @cached_property
    def note(self) -> list[str]:
        reasons = zip([*self.trials] * len(self), self.reason.tolist(), strict=True)
        return [trial.note(reason) for trial, reason in reasons]

    def sweep(self) -> Sweep:
        """Return what the picture of a lone vector shows."""
        scores = self._scores
        logits = [Logits(scores, temperature=trial.temperature) for trial in self.trials]
        entropies = [
            float(own.entropy()[0]) if trial.method == "stable" else _entropy(probabilities)
            for trial, own, probabilities in zip(
                self.trials, logits, self.probabilities, strict=True
            )
        ]
        return Sweep(
            methods=self.method,
            temperatures=self.temperature,
            dtypes=self.dtype,
            probabilities=self.probabilities,
            entropies=np.array(entropies),
            extremes=np.array([_extreme(own) for own in logits]),
            notes=np.array(self.note),
            reasons=self.reason,
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


class ComparisonLayout(FieldLayout):
    """A record for each method, float type and temperature; of many vectors one for each trial."""

    most = 100

    def __init__(self, trials: Sequence[Trial]) -> None:
        temperatures = {trial.temperature for trial in trials}
        self._is_sweep = len(temperatures) > 1
        self._trials = trials
        self.records = len(trials)
        self._shown = (
            *((Field("temperature", "T"),) if temperatures != {1.0} else ()),
            Field("dtype", "type", "text"),
        )
        columns = (
            Field("probabilities", ""),
            Field("status", "status", "status"),
            Field("ulp_error", "ulps", "rough"),
        )
        fields = (*_KEYS, "reason", "probabilities")
        summary = (Field("rows", "rows"),)
        row = (*_KEYS, "probabilities")
        super().__init__(row, fields, (*self._shown, *columns), summary=summary)

    def lines(self, result: ComparisonResult) -> Lines:
        columns, methods = super().lines(result).columns, result.method.tolist()
        return Lines(columns, "method", methods, [note for note in result.note if note])

    def vector(self, result: ComparisonResult) -> Sweep | None:  # type: ignore[override]
        return result.sweep() if self._is_sweep else None

    def summary_lines(self, summary: Summary) -> Lines:
        records = summary["methods"]
        fields = (
            *self._shown,
            Field("broken", "rows that broke"),
            Field("first_broken", "first", "text"),
            Field("worst_ulp_error", "worst ulps", "rough"),
        )
        columns = [
            Column(title, np.array([record[key] for record in records]), style or "number")
            for key, title, style in fields
        ]
        methods = [record["method"] for record in records]
        return Lines(columns, "method", methods, [r["note"] for r in records if r["note"]])

    def fill(self, key: str, values: Values, records: Records[Any]) -> Values:
        """Return the values of all vectors: nan for those without, but not for the trial."""
        if records.good is None:
            return values
        if key in Trial._fields:
            return constants(self._trials, key, records.count)
        if key == "row" and records.numbers is not None:
            return records.numbers.repeat(self.records)
        return super().fill(key, values, records)
