"""Each row's softmax by each method, and a summary of the methods over all rows."""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np

from softmax_cli.core.softmax import Logits
from softmax_cli.core.textbook import Methods, right_digits
from softmax_cli.input.rows import Block
from softmax_cli.messages import Notices
from softmax_cli.output.fields import Column, Field, Layout, Values
from softmax_cli.output.formats import TABLE_DIGITS
from softmax_cli.output.numbers import texts
from softmax_cli.run.pipeline import Computation
from softmax_cli.run.totals import Totals

_KEYS: Final = ("row", "method", "dtype", "temperature", "status", "digits", "ulp_error")
_NOT_SOFTMAX: Final = ("hard", "linear")
# The largest x whose exp(x) is finite
_LARGEST: Final = "709 in float64, 88 in float32 and bfloat16, 11 in float16"
_SHIFT: Final = "subtract the maximum first, as torch's F.softmax and F.log_softmax do."
# Why a status comes about, and what to use instead; the first two that apply are shown
_ADVICE: Final = {
    "overflow": f"exp(x) is inf above x = {_LARGEST}: {_SHIFT}",
    "underflow": f"exp(x) has no digits left far below x = 0: {_SHIFT}",
    "invalid": "inf - inf is nan: stable gives an infinite logit probability 1, as a limit.",
    "inaccurate": "Rounding a large x loses digits: subtract the maximum first, in float64.",
}
_VERBS: Final = {"inaccurate": "is inaccurate", "no distribution": "gives no distribution"}
_GOOD: Final = f"naive works up to x = {_LARGEST}; for any x, {_SHIFT}"


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
        self.digits = by_row("digits", float)
        self.ulp_error = by_row("ulp_errors", float)
        self.probabilities = by_row("probabilities", float)

    @cached_property
    def shown_status(self) -> Values:
        """The status; for hard and linear only whether it is a distribution."""
        is_softmax = [trial.method not in _NOT_SOFTMAX for trial in self.trials]
        others = np.where(self.status == "ok", "not softmax", "no distribution")
        return np.where(is_softmax * len(self._scores), self.status, others)

    @property
    def winner_probability(self) -> Values:
        winners = self._scores.argmax(axis=1).repeat(len(self.trials))
        return np.take_along_axis(self.probabilities, winners[:, None], axis=1)[:, 0]

    @property
    def sweep(self) -> Sequence[Column]:
        """Table columns for the first row: hard, every temperature, linear."""
        dtype = self.trials[0].dtype
        hard, stable, linear = (
            [i for i, trial in enumerate(self.trials) if trial[:2] == (method, dtype)]
            for method in ("hard", "stable", "linear")
        )
        shown = self.probabilities[[hard[0], *stable, linear[0]]]
        temperatures = [self.trials[i].temperature for i in stable]
        labels = texts(np.array(temperatures), TABLE_DIGITS)
        logits = [Logits(self._scores[:1], temperature=t) for t in temperatures]
        some = shown[-1][shown[-1] != 0]
        entropies = [0.0, *(each.entropy()[0] for each in logits), (some * -np.log(some)).sum()]
        return [
            Column("T", np.array(["hard", *labels, "linear"]), "text"),
            Column("", shown, "barred"),
            Column("entropy", np.array(entropies)),
        ]


class ComparisonTotals(Totals):
    """The counts of rows that are not 'ok', by the trial's index; the first, and worst errors."""

    def __init__(self, result: ComparisonResult) -> None:
        count = len(result.trials)
        broken = np.flatnonzero(result.status != "ok")
        super().__init__(len(result.row) // count, {}, Counter((broken % count).tolist()))
        self.first = {
            i % count: {
                "first_broken": int(result.row[i]),
                "status": str(result.shown_status[i]),
                "reason": str(result.reason[i]),
            }
            for i in reversed(broken.tolist())
        }
        self.worst_errors = result.ulp_error.reshape(-1, count).max(axis=0, initial=0.0)

    def merge(self, later: Totals) -> None:
        super().merge(later)
        assert isinstance(later, ComparisonTotals)
        self.first = later.first | self.first
        self.worst_errors = np.maximum(self.worst_errors, later.worst_errors)


class Comparison(Computation):
    """Computes all trials of each row, in one process, so that rows have numbers."""

    parallel = False

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._trials = trials

    def compute(self, block: Block, _notices: Notices) -> ComparisonResult:
        return ComparisonResult(self._trials, block)

    def layout(self) -> Layout:
        """Return the layout of records of trials; a table of many rows shows the summary."""
        trials = self._trials
        temperatures = {trial.temperature for trial in trials}
        temperature = [Field("temperature", "T")] if temperatures != {1.0} else []
        head = Field("method", "method", "text"), *temperature, Field("dtype", "type", "text")
        return Layout(
            row=(*_KEYS, "probabilities"),
            fields=(*_KEYS, "reason", "probabilities"),
            head=head,
            lines=(
                Field("probabilities", ""),
                Field("shown_status", "status", "status"),
                Field("digits", "digits right", "digits"),
                Field("ulp_error", "ulps", "rough"),
                Field("winner_probability", "p of winner", "instead"),
            ),
            sweep="sweep" if len(temperatures) > 1 else "",
            summary=(Field("rows", "rows"),),
            summary_records="methods",
            summary_columns=(
                *head,
                Field("status", "status", "status"),
                Field("broken", "broke"),
                Field("worst_digits", "digits right", "digits"),
                Field("worst_ulp_error", "ulps", "rough"),
            ),
            summary_only=True,
            most=100,
            records=len(trials),
            constants={key: np.array([getattr(t, key) for t in trials]) for key in Trial._fields},
        )

    def add_up(self, result: ComparisonResult) -> Totals:
        return ComparisonTotals(result)

    def summarise(self, totals: Totals) -> dict[str, Any]:
        """Return the records of all trials, and sentences about them."""
        assert isinstance(totals, ComparisonTotals)
        records = []
        for i, trial in enumerate(self._trials):
            status = "not softmax" if trial.method in _NOT_SOFTMAX else "ok"
            all_good = {"first_broken": None, "status": status, "reason": ""}
            counts = {"rows": totals.rows, "broken": totals.counts[i]}
            error = float(totals.worst_errors[i])
            digits = float(right_digits(error, trial.dtype))
            worst = {"worst_ulp_error": error, "worst_digits": digits}
            records.append({**trial._asdict(), **counts, **totals.first.get(i, all_good), **worst})
        found, statuses = _findings(records), {record["status"] for record in records}
        of_linear = [sentence for sentence in found if sentence.startswith("linear")]
        where = "here" if totals.rows == 1 else f"on all {totals.rows:,} rows"
        verdict = [sentence for sentence in found if sentence not in of_linear]
        advice = [text for status, text in _ADVICE.items() if status in statuses]
        return {
            "rows": totals.rows,
            "methods": records,
            "verdict": verdict or [f"every softmax method works {where}"],
            "advice": [*of_linear, *(advice[:2] or [_GOOD])],
        }


def _findings(records: Sequence[dict[str, Any]]) -> list[str]:
    """Return a sentence about each method that fails, with all float types that it covers."""
    types: dict[tuple[str, str], dict[str, None]] = {}
    for record in records:
        method, rows, temperature = record["method"], record["rows"], record["temperature"]
        verb = _VERBS.get(record["status"], "breaks")
        at = "" if temperature == 1 or method == "linear" else f" at T = {temperature:g}"
        on = f" on {record['broken']:,} of {rows:,} rows" if rows > 1 else ""
        first = f", first row {record['first_broken']}" if rows > 1 else ""
        if record["broken"]:
            sentence = f"{method} {verb}{on} in ", f"{at}{first}: {record['reason']}"
            types.setdefault(sentence, {})[record["dtype"]] = None
    lists = [" and ".join(", ".join(names).rsplit(", ", 1)) for names in types.values()]
    return [f"{start}{names}{end}" for (start, end), names in zip(types, lists, strict=True)]
