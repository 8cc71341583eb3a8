"""Losses of many classes, estimated from a few that are drawn, beside the exact ones."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from softmax_cli.core.losses import at_labels
from softmax_cli.core.sampling import Moments, scores_read
from softmax_cli.core.softmax import Logits
from softmax_cli.flow.drawn import DRAWN, drawn_fields, repeated_fields
from softmax_cli.flow.estimate_layout import estimate_layout
from softmax_cli.flow.loss import counted, note_infinite, target_names
from softmax_cli.flow.loss_totals import LossSums
from softmax_cli.flow.naming import class_names
from softmax_cli.flow.pipeline import shape_of
from softmax_cli.flow.reports import write_report
from softmax_cli.flow.schemes import SchemeReader
from softmax_cli.flow.targets import LabelReader
from softmax_cli.messages import Notices
from softmax_cli.output.writers import open_writer
from softmax_cli.units import in_base

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softmax_cli.core.doubledouble import Floats
    from softmax_cli.core.losses import Labels
    from softmax_cli.core.sampling import Indices
    from softmax_cli.flow.computing import LazyFields
    from softmax_cli.flow.schemes import Scheme
    from softmax_cli.flow.settings import ManySettings, ReportSettings, TargetSettings
    from softmax_cli.input.rows import Block, Rows
    from softmax_cli.output.settings import OutputSettings

# Draws that are held at once.
_CHUNK: Final = 1 << 16


def write_estimates(
    rows: Rows,
    output: OutputSettings,
    truth: TargetSettings,
    report: ReportSettings,
    many: ManySettings,
) -> None:
    """Write an estimate of each row's loss, from its target and classes that are drawn.

    See `softmax_cli.flow.many.write_many`.
    """
    with Notices() as notices:
        labels = LabelReader(truth, rows.names, notices, many.method or "")
        writer = open_writer(output, estimate_layout(report, many), shape_of(rows))
        keeps = bool(writer.fields & DRAWN)
        estimator = Estimator(many, labels, rows.names, report.base, notices, keeps=keeps)
        tally = LossSums(
            "exact",
            "touched",
            counts_ignored=truth.ignore is not None,
            needs_mean=report.reduction == "mean",
        )
        # One generator goes through all rows in their order, and so does one process.
        rows = labels.beside(rows)
        write_report(rows, estimator.compute, writer, tally, report, notices, divides=False)


class Estimates(NamedTuple):
    """What came of the draws for some rows.

    Attributes
    ----------
    loss, loss_error : array, shape (rows,)
        The mean loss in nats and its standard error, nan where there is but one trial.
    normaliser, normaliser_error : array, shape (rows,)
        The same of the estimated sum of exponentials over the exact one.
    touched : array, shape (rows,)
        The mean number of scores read.
    drawn : array of int, shape (rows, draws)
        The classes drawn in a single trial, where they are kept.
    """

    loss: Floats
    loss_error: Floats
    normaliser: Floats
    normaliser_error: Floats
    touched: Floats
    drawn: Indices


class Estimator:
    """The fields of blocks of rows, with draws that go on from block to block.

    Parameters
    ----------
    many : ManySettings
    labels : LabelReader
    names : sequence of str or None
        The classes' names.
    base : str
        'e', '2' or '10', of every logarithm.
    notices : Notices
    keeps : bool
        Whether the classes drawn are wanted.
    """

    def __init__(
        self,
        many: ManySettings,
        labels: LabelReader,
        names: Sequence[str] | None,
        base: str,
        notices: Notices,
        *,
        keeps: bool,
    ) -> None:
        self._scheme = SchemeReader(many, names)
        self._trials = many.repeat or 1
        self._generator = np.random.Generator(np.random.PCG64(many.seed))
        self._labels = labels
        self._names = names
        self._base = base
        self._notices = notices
        self._keeps = keeps

    def compute(self, block: Block) -> LazyFields:
        """A block's fields. All that can be wrong with it is found before anything is drawn.

        Raises
        ------
        RowError
            A row has no loss, or its label is no class.
        DataError
            The noise has another number of classes.
        """
        logits = Logits(block.values)
        classes = block.values.shape[1]
        truth, labels = self._labels.read(block, classes)
        scheme = self._scheme.of(classes)
        scores = logits.scores
        cross_entropy = at_labels(logits.surprisals(), labels)
        exact = scheme.exact(scores, labels, cross_entropy)
        found = self._estimates(scheme, scores, labels, exact)
        unit = partial(in_base, base=self._base)
        loss = counted(truth, unit(found.loss))
        note_infinite(loss, block.places, self._notices, partial(self._why_infinite, labels))
        with np.errstate(invalid="ignore"):
            difference = loss - counted(truth, unit(exact))
        fields: LazyFields = {
            "loss": lambda: loss,
            "exact": lambda: counted(truth, unit(exact)),
            "difference": lambda: difference,
            "cross_entropy": lambda: counted(truth, unit(cross_entropy)),
            "touched": lambda: counted(truth, found.touched),
            "classes": lambda: np.full(len(labels), classes),
            "counted": lambda: counted(truth, np.ones(len(labels))),
            "target": lambda: target_names(truth, labels, self._names),
        }
        if self._trials == 1:
            names = self._names
            return {
                **fields,
                "touched": lambda: counted(truth, found.touched).astype(int),
                **drawn_fields(scheme, scores, labels, found.drawn, truth, unit, names),
            }
        errors = (unit(found.loss_error), found.normaliser, found.normaliser_error)
        of_counted = [counted(truth, values, np.nan) for values in errors]
        is_negative = scheme.is_negative
        return {**fields, **repeated_fields(fields, *of_counted, is_negative=is_negative)}

    def _estimates(
        self, scheme: Scheme, scores: Floats, labels: Labels, exact: Floats
    ) -> Estimates:
        """Draw for each row, in their order."""
        most = max(1, _CHUNK // (self._trials * scheme.draws))
        parts = [
            self._of_rows(scheme, scores[i : i + most], labels[i : i + most], exact[i : i + most])
            for i in range(0, len(labels), most)
        ]
        return Estimates(*(np.concatenate(values) for values in zip(*parts, strict=True)))

    def _of_rows(self, scheme: Scheme, scores: Floats, labels: Labels, exact: Floats) -> Estimates:
        """All trials of some rows at once, or of one row in parts."""
        rows = len(labels)
        loss, normaliser, read = Moments(), Moments(), Moments()
        step = self._trials if rows > 1 else max(1, _CHUNK // scheme.draws)
        for start in range(0, self._trials, step):
            trials = min(step, self._trials - start)
            each = np.repeat(np.arange(rows), trials)
            drawn = scheme.noise.draw(self._generator, (len(each), scheme.draws)).T
            losses = scheme.estimate(scores, labels, drawn, each).loss()
            with np.errstate(invalid="ignore", over="ignore", under="ignore"):
                ratios = np.exp(losses - exact[each])
            counts = scores_read(drawn, labels[each]).astype(float)
            for moments, values in ((loss, losses), (normaliser, ratios), (read, counts)):
                moments.add(values.reshape(rows, trials).T)
        return Estimates(
            loss.mean,
            loss.standard_error(),
            normaliser.mean,
            normaliser.standard_error(),
            read.mean,
            drawn.T if self._keeps else drawn.T[:rows, :0],
        )

    def _why_infinite(self, labels: Labels, row: int) -> str:
        name = class_names(labels[row : row + 1], self._names)[0]
        return f"the estimate is inf, with class {name} as the target"
