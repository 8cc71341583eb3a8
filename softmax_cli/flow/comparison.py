"""Rows put through each method, and what became of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from softmax_cli.core import textbook
from softmax_cli.core.softmax import Logits

if TYPE_CHECKING:
    from softmax_cli.core.doubledouble import Floats
    from softmax_cli.flow.computing import LazyFields
    from softmax_cli.input.rows import Block
    from softmax_cli.output.results import Fields, Summary

_HALF_AN_ULP_OF_1: Final = 2.0**-54


class Trial(NamedTuple):
    """A method, the float type it computes in, and the temperature."""

    method: str
    dtype: str
    temperature: float


class Comparison:
    """A record for each row and trial.

    Parameters
    ----------
    trials : sequence of Trial
    """

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._trials = list(trials)

    def compute(self, block: Block) -> LazyFields:
        """A block's records, by the rows' numbers.

        Raises
        ------
        RowError
            A row that has no softmax.
        """
        Logits(block.values)  # refuses rows without an answer
        assert block.numbers is not None
        numbers, kept, count = block.numbers, block.kept, len(self._trials)
        methods = textbook.Methods(block.values)
        outcomes = [methods.run(*trial) for trial in self._trials]
        trials = self._trials * len(block.values)
        statuses, reasons, ulp_errors = (
            _by_row([getattr(outcome, name) for outcome in outcomes])
            for name in ("statuses", "reasons", "ulp_errors")
        )

        def probabilities() -> Floats:
            shares = [outcome.probabilities.astype(float) for outcome in outcomes]
            return np.stack(shares, axis=1).reshape(len(trials), -1)

        def note(trial: Trial, reason: str) -> str:
            at = f" at T = {trial.temperature:g}" if trial.temperature != 1 else ""
            return reason and f"{trial.method} {trial.dtype}{at}: {reason}"

        vectors = block.values.repeat(count, axis=0)
        return {
            **({} if kept is None else {"kept": lambda: kept.repeat(count, axis=0)}),
            "row": lambda: numbers.repeat(count),
            "method": lambda: np.array([trial.method for trial in trials]),
            "dtype": lambda: np.array([trial.dtype for trial in trials]),
            "temperature": lambda: np.array([trial.temperature for trial in trials]),
            "status": lambda: np.array(statuses),
            "reason": lambda: np.array(reasons),
            "note": lambda: np.array(list(map(note, trials, reasons))),
            "ulp_error": lambda: np.array(ulp_errors),
            "probabilities": probabilities,
            "entropy": lambda: np.array(list(map(_entropy, trials, probabilities(), vectors))),
            "extreme": lambda: np.array(list(map(_extreme, trials, vectors))),
        }


def _by_row(of_trials: Iterable[Sequence[Any]]) -> list[Any]:
    """What each trial has for each row, a row's side by side."""
    return [item for of_row in zip(*of_trials, strict=True) for item in of_row]


def _entropy(trial: Trial, shares: Floats, scores: Floats) -> float:
    """Of the shares in nats; nan where one is negative or no number."""
    if trial.method == "stable":
        return float(Logits(scores[None], temperature=trial.temperature).entropy()[0])
    if not (shares >= 0).all():
        return math.nan
    some = shares[shares > 0]
    return float((some * -np.log(some)).sum())


def _extreme(trial: Trial, scores: Floats) -> str:
    """Which end of all temperatures the softmax has reached, to the last digit of a float64."""
    logits = Logits(scores[None], temperature=trial.temperature)
    probabilities, winners = logits.probabilities()[0], logits.winners[0]
    hard, uniform = (chosen / chosen.sum() for chosen in (winners, ~logits.masked[0]))
    reached = []
    if (np.abs(probabilities - hard) <= _HALF_AN_ULP_OF_1).all():
        reached.append("hardmax" if winners.sum() == 1 else "hardmax with shared ties")
    is_uniform = (np.abs(probabilities - uniform) <= np.spacing(uniform)).all()
    if is_uniform and np.count_nonzero(uniform) > 1:
        reached.append("uniform")
    return " and ".join(reached)


class ComparisonTally:
    """For each trial the rows that broke, the first of them, and the worst error."""

    fields = frozenset({"row", "method", "dtype", "temperature", "status", "note", "ulp_error"})

    def __init__(self) -> None:
        self._rows = 0
        self._methods: dict[Trial, dict[str, Any]] = {}

    def add(self, fields: Fields) -> None:
        """Count some records in."""
        self._rows += len(np.unique(fields["row"]))
        keys = ("row", "status", "note", "ulp_error", *Trial._fields)
        for row, status, note, error, *names in zip(
            *(fields[key].tolist() for key in keys), strict=True
        ):
            trial = Trial(*names)
            record = self._methods.setdefault(trial, {**trial._asdict(), **_UNTRIED})
            record["rows"] += 1
            record["worst_ulp_error"] = max(record["worst_ulp_error"], error)
            if status != "ok":
                record["broken"] += 1
                if record["first_broken"] is None:
                    record.update(first_broken=row, note=note)

    def broke(self, method: str, dtype: str) -> bool:
        """Whether a method in a float type broke on any row."""
        return any(
            record["broken"]
            for trial, record in self._methods.items()
            if (trial.method, trial.dtype) == (method, dtype)
        )

    def summary(self) -> Summary:
        """The number of rows, and a record for each trial."""
        return {"rows": self._rows, "methods": list(self._methods.values())}


_UNTRIED: dict[str, Any] = {
    "rows": 0,
    "broken": 0,
    "first_broken": None,
    "note": "",
    "worst_ulp_error": 0.0,
}
