"""Losses of many classes, estimated from the target and a few classes that are drawn."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core import sampling
from softmax_cli.core.doubledouble import Floats
from softmax_cli.core.elementary import in_base
from softmax_cli.core.losses import Labels
from softmax_cli.core.sampling import Moments, NegativeSampling, Noise, SampledSoftmax
from softmax_cli.core.softmax import Logits
from softmax_cli.input.rows import Block
from softmax_cli.messages import Notices
from softmax_cli.output.layout import Values
from softmax_cli.results.class_counts import read_counts
from softmax_cli.results.class_names import Names, check_length, class_names, ragged
from softmax_cli.results.field_layout import Field, FieldLayout
from softmax_cli.results.loss import Loss, RowLosses, report_keys, style_of, summary_fields
from softmax_cli.results.settings import UNITS, ManySettings, ReportSettings
from softmax_cli.results.targets import RowTargets, TargetReader

Indices = NDArray[np.intp]
# Draws that are held at once
_CHUNK: Final = 1 << 16
_TITLES: Final = {"loss": "estimate", "standard_error": "std error", "touched": "scores read"}


class Sampler(NamedTuple):
    """Negative sampling, or sampled softmax, with so many draws from a noise distribution."""

    is_negative: bool
    draws: int
    noise: Noise

    def expected(self, drawn: Indices) -> Floats:
        """Return how often each of some classes is drawn on average."""
        counts: Floats = self.draws * self.noise.probabilities[drawn]
        return counts

    def estimate(
        self,
        targets: Floats,
        scores: Floats,
        labels: Labels,
        drawn: Indices,
        times: Indices | int = 1,
    ) -> NegativeSampling | SampledSoftmax:
        """Return the estimates of trials, shape (trials,), from draws of shape (draws, trials).

        Accidental hits, draws of the target, count for nothing.
        """
        weights = np.where(drawn == labels, 0.0, 1.0) * times
        if self.is_negative:
            return NegativeSampling(targets, scores, weights)
        return SampledSoftmax(targets, scores, weights / self.expected(drawn))


def sampler_of(many: ManySettings, names: Names) -> Callable[[int], Sampler]:
    """Return a function that gives the sampler for a number of classes.

    Raises `DataError` for counts that can't be used, and later for another number of them.
    """
    noise, counts = many.noise or "uniform", None
    if noise not in ("uniform", "log-uniform"):
        counts = read_counts(noise, "--noise").in_order_of(names, "--noise")

    @cache
    def sampler(classes: int) -> Sampler:
        if counts is not None:
            check_length("--noise", len(counts), classes)
            made = sampling.proportional(counts)
        else:
            made = (sampling.uniform if noise == "uniform" else sampling.log_uniform)(classes)
        return Sampler(many.negative is not None, many.negative or many.sampled or 0, made)

    return sampler


class Trials(NamedTuple):
    """The estimates of some rows: means over all trials, and their standard errors, (rows,) each.

    `normaliser` is the estimated sum of exponentials over the exact one; `drawn` are the classes
    of a single trial, shape (rows, draws).
    """

    loss: Floats
    loss_error: Floats
    normaliser: Floats
    normaliser_error: Floats
    scores_read: Floats
    drawn: Indices


class EstimateResult(RowLosses):
    """Each row's estimated loss beside the exact one.

    What is known of the classes read, or of the quantities estimated, are lists, one a row.
    """

    def __init__(
        self,
        block: Block,
        scores: Floats,
        targets: RowTargets,
        sampler: Sampler,
        trials: Trials,
        exact: tuple[Floats, Floats],
        base: str,
        names: Names,
    ) -> None:
        super().__init__(block, targets, base, names)
        self._scores = scores
        self._sampler = sampler
        self._trials = trials
        self._labels = targets.labels
        self.loss = self._in_unit(trials.loss)
        self.exact, self.cross_entropy = (self._in_unit(values) for values in exact)
        self.standard_error = self._in_unit(trials.loss_error, np.nan)
        self.normaliser = targets.unless_ignored(trials.normaliser, np.nan)
        self.normaliser_standard_error = targets.unless_ignored(trials.normaliser_error, np.nan)
        read = targets.unless_ignored(trials.scores_read)
        self.touched: Values = read.astype(int) if trials.drawn.size else read

    def _in_unit(self, nats: Floats, otherwise: float = 0.0) -> Floats:
        return self._counted(in_base(nats, self._base), otherwise)

    @property
    def difference(self) -> Floats:
        with np.errstate(invalid="ignore"):
            return self.loss - self.exact

    @property
    def classes(self) -> Values:
        return np.full(len(self), self._scores.shape[1])

    @property
    def drawn(self) -> Values:
        return ragged(class_names(row, self.names).tolist() for row in self._trials.drawn)

    @property
    def gradient(self) -> Floats:
        """The derivative by the scores, over the denominator."""
        rows, drawn = np.arange(len(self)), self._trials.drawn.T
        own, scores = self._scores[rows, self._labels], self._scores[rows, drawn]
        estimate = self._sampler.estimate(own, scores, self._labels, drawn)
        if isinstance(estimate, SampledSoftmax):
            of_draws, of_target = estimate.probabilities(), 0.0 - estimate.complement()
        else:
            of_draws, of_target = estimate.score_gradient(), estimate.target_gradient()
        result = sampling.scattered(of_draws, drawn, self._scores.shape[1])
        result[rows, self._labels] = of_target
        return self._in_unit(result) / self.denominator

    @cached_property
    def _read(self) -> list[tuple[Indices, Indices]]:
        """The classes each row reads, the target first, and how often each was drawn."""
        read = []
        for label, drawn in zip(self._labels, self._trials.drawn, strict=True):
            found, times = np.unique(drawn, return_counts=True)
            others = found != label
            hits = int(times[~others].sum())
            read.append((np.append(label, found[others]), np.append(hits, times[others])))
        return read

    @property
    def read(self) -> list[Values]:
        return [class_names(found, self.names) for found, _ in self._read]

    @property
    def read_scores(self) -> list[Floats]:
        return [self._scores[row, found] for row, (found, _) in enumerate(self._read)]

    @property
    def times(self) -> list[Indices]:
        return [times for _, times in self._read]

    @property
    def expected_times(self) -> list[Floats]:
        return [self._sampler.expected(found) for found, _ in self._read]

    @cached_property
    def parts(self) -> list[Floats]:
        """The part of the loss, or of the estimated sum, of each class that is read."""
        parts = []
        for scores, (found, times) in zip(self.read_scores, self._read, strict=True):
            columns = scores[:1], scores[:, None], found[:1], found[:, None], times[:, None]
            estimate = self._sampler.estimate(*columns)
            if isinstance(estimate, SampledSoftmax):
                values, own = estimate.probabilities(), estimate.target_probability()
            else:
                values = in_base(estimate.parts(), self._base)
                own = in_base(estimate.target_part(), self._base)
            parts.append(np.append(own, values[1:, 0]))
        return parts

    def _quantities(self, of_loss: Floats, of_normaliser: Floats) -> Floats:
        both = np.stack([of_loss, of_normaliser], axis=1)
        return both[:, :1] if self._sampler.is_negative else both

    @property
    def quantities(self) -> list[list[str]]:
        return [["loss"] if self._sampler.is_negative else ["loss", "normaliser"]] * len(self)

    @property
    def means(self) -> Floats:
        return self._quantities(self.loss, self.normaliser)

    @cached_property
    def errors(self) -> Floats:
        return self._quantities(self.standard_error, self.normaliser_standard_error)

    @property
    def exacts(self) -> Floats:
        return self._quantities(self.exact, np.ones(len(self)))

    @cached_property
    def differences(self) -> Floats:
        return self._quantities(self.difference, self.normaliser - 1)

    @property
    def distances(self) -> Floats:
        """The differences in standard errors."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.differences / self.errors

    def why_infinite(self, row: int) -> str:
        name = class_names(self._labels[row : row + 1], self.names)[0]
        return f"the estimate is inf, with class {name} as the target"


class Estimates(Loss):
    """Losses estimated from draws that go on from block to block, in one process."""

    parallel = False
    averaged = ("exact", "touched")

    def __init__(self, many: ManySettings, targets: TargetReader, report: ReportSettings) -> None:
        super().__init__(targets, report)
        self._many = many
        self._sampler = sampler_of(many, targets.class_names)
        self._trials = many.repeat or 1
        self._generator = np.random.Generator(np.random.PCG64(many.seed))

    def compute(self, block: Block, notices: Notices) -> EstimateResult:
        """Return the estimates of a block; raise `RowErrors` for rows that have no loss.

        All that can be wrong with a block is found before anything is drawn.
        """
        logits = Logits(block.values)
        targets = self.targets.read(block, notices)
        labels, scores = targets.labels, logits.scores
        sampler = self._sampler(block.values.shape[1])
        exact = cross_entropy = logits.surprisals()[np.arange(len(labels)), labels]
        if sampler.is_negative:
            draws = sampler.draws
            exact = sampling.expected_negative_loss(scores, labels, sampler.noise, draws)
        step = max(1, _CHUNK // (self._trials * sampler.draws))
        parts = [
            self._drawn(sampler, scores[i : i + step], labels[i : i + step], exact[i : i + step])
            for i in range(0, max(1, len(labels)), step)
        ]
        trials = Trials(*(np.concatenate(values) for values in zip(*parts, strict=True)))
        both, base, names = (exact, cross_entropy), self.report.base, self.targets.class_names
        result = EstimateResult(block, scores, targets, sampler, trials, both, base, names)
        result.note_infinite(notices)
        return result

    def layout_of_rows(self) -> FieldLayout:
        return layout(self.report, self._many)

    def _drawn(self, sampler: Sampler, scores: Floats, labels: Labels, exact: Floats) -> Trials:
        """Make all trials of some rows at once, or of one row in parts."""
        rows = len(labels)
        loss, normaliser, read = Moments(), Moments(), Moments()
        step = self._trials if rows > 1 else max(1, _CHUNK // sampler.draws)
        for start in range(0, self._trials, step):
            trials = min(step, self._trials - start)
            each = np.repeat(np.arange(rows), trials)
            drawn = sampler.noise.draw(self._generator, (len(each), sampler.draws)).T
            own = labels[each]
            losses = sampler.estimate(scores[each, own], scores[each, drawn], own, drawn).loss()
            with np.errstate(invalid="ignore", over="ignore", under="ignore"):
                ratios = np.exp(losses - exact[each])
            counts = sampling.scores_read(drawn, own).astype(float)
            for moments, values in ((loss, losses), (normaliser, ratios), (read, counts)):
                moments.add(values.reshape(rows, trials).T)
        errors = loss.standard_error(), normaliser.standard_error()
        kept = drawn.T if self._trials == 1 else drawn.T[:rows, :0]
        return Trials(loss.mean, errors[0], normaliser.mean, errors[1], read.mean, kept)


def layout(report: ReportSettings, many: ManySettings) -> FieldLayout:
    """Return the layout of estimates, their breakdown or their gradient."""
    unit, is_negative, is_repeated = UNITS[report.base], many.negative is not None, many.repeat
    error = ("standard_error",) if is_repeated else ()
    losses = ("loss", *error, "exact", "difference", "touched")
    breakdown = (*losses, "classes")
    if is_negative:
        breakdown = (*breakdown, "cross_entropy")
    elif is_repeated:
        breakdown = (*breakdown, "normaliser", "normaliser_standard_error")
    row = report_keys(report, breakdown)
    shown = (*losses, "target") if row == ("loss",) else row
    fields = (*breakdown, "target", *(() if is_repeated else ("drawn",)))
    cross_entropy = Field("cross_entropy", "softmax cross-entropy", "" if is_repeated else unit)
    classes = (
        Field("read_scores", "score"),
        Field("times", "drawn", "text"),
        Field("expected_times", "expected"),
        Field("parts", "part of loss" if is_negative else "part of sum"),
        Field("parts", "", "bar"),
    )
    quantities = (
        Field("means", "mean"),
        Field("errors", "± std error"),
        Field("exacts", "exact"),
        Field("differences", "difference"),
        Field("distances", "in std errors", "rough"),
    )
    estimate = (
        Field("loss", "estimate", unit),
        Field("exact", "exact", unit),
        Field("difference", "difference"),
    )
    return FieldLayout(
        row,
        (*fields, *(("gradient",) if report.gradient else ())),
        [Field(key, _TITLES.get(key, key), style_of(key)) for key in shown],
        quantities if is_repeated else classes,
        part=Field("quantities", "estimate") if is_repeated else Field("read", "class"),
        footer=(
            *(() if is_repeated else estimate),
            Field("target", "target"),
            Field("touched", "scores read"),
            Field("classes", "classes"),
            *((cross_entropy,) if is_negative else ()),
        ),
        summary=summary_fields(unit),
    )
