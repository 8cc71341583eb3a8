"""Losses of many classes, estimated from the target and a few sampled classes."""

from __future__ import annotations

import numpy as np

from softmax_cli.core.doubledouble import DoubleDouble, Floats
from softmax_cli.core.elementary import in_base
from softmax_cli.core.hierarchical import scattered
from softmax_cli.core.sampling import Sampler, log_uniform, proportional
from softmax_cli.core.softmax import Logits
from softmax_cli.input.rows import Block
from softmax_cli.messages import Notices
from softmax_cli.option_rules import LossSettings
from softmax_cli.output.fields import Names, Values, class_names, ragged
from softmax_cli.results.hierarchical import read_counts
from softmax_cli.results.loss import Loss, RowLosses
from softmax_cli.results.pairs import check_length, order_by_names
from softmax_cli.results.targets import RowTargets


class EstimateResult(RowLosses):
    """Each row's estimated loss and the exact one; the constructor draws the samples.

    `read` are the classes read in a single trial, the target first, shape (1 + draws, rows).
    """

    def __init__(self, block: Block, targets: RowTargets, logits: Logits, loss: Estimates) -> None:
        super().__init__(block, targets, loss)
        self._sampler = sampler = loss.sampler(block.values.shape[1])
        self._scores = logits.scores
        labels = targets.labels
        exact = cross_entropy = logits.surprisals()[np.arange(len(labels)), labels]
        if sampler.is_negative:
            exact = sampler.expected_negative_loss(self._scores, labels)
        means, errors, self.read = sampler.trials(self._scores, labels, loss.settings.repeat or 1)
        self.loss, self.standard_error = self._in_unit(means[0]), self._in_unit(errors[0], np.nan)
        self.exact, self.cross_entropy = self._in_unit(exact), self._in_unit(cross_entropy)
        touched = self._counted(means[1])
        self.touched: Values = touched.astype(int) if self.read.size else touched

    def _in_unit(self, nats: Floats, otherwise: float = 0.0) -> Floats:
        return self._counted(in_base(DoubleDouble(nats), self._base), otherwise)

    @property
    def drawn(self) -> Values:
        return ragged(class_names(self.read[1:].T, self.names).tolist())

    @property
    def gradient(self) -> Floats:
        """The derivative of the loss by the scores."""
        scores = self._scores[np.arange(len(self)), self.read]
        found = self._sampler.estimate(scores, self.read).gradient()
        return self._in_unit(scattered(found, self.read, self._scores.shape[1]))

    def why_infinite(self, row: int) -> str:
        return f"the estimate is inf, with class {self.target[row]} as the target"


class Estimates(Loss):
    """Estimates losses from samples; one process draws them for all blocks in turn."""

    parallel = False
    has_perplexity = False
    averaged = ("exact", "touched")
    loss_title = "estimate"

    def __init__(self, settings: LossSettings, names: Names) -> None:
        super().__init__(settings, names)
        is_repeated = settings.repeat is not None
        losses = ["loss", *["standard_error"] * is_repeated, "exact", "touched"]
        self.breakdown = [*losses, *["cross_entropy"] * (settings.negative is not None)]
        self.lines = [*losses, "target"]
        self.others = ["target", *["drawn"] * (not is_repeated)]
        self._generator = np.random.Generator(np.random.PCG64(settings.seed))
        self._noise, self._counts = settings.noise or "uniform", None
        if self._noise not in ("uniform", "log-uniform"):
            counts, own = read_counts(self._noise, "--noise")
            self._counts = counts[order_by_names(names, own, "--noise")]

    def compute(self, block: Block, notices: Notices) -> EstimateResult:
        """Return the estimates; raise `RowErrors` before drawing if rows have no loss."""
        logits, targets = Logits(block.values), self.targets.read(block, notices)
        result = EstimateResult(block, targets, logits, self)
        result.note_infinite(notices)
        return result

    def sampler(self, classes: int) -> Sampler:
        if self._counts is not None:
            check_length("--noise", len(self._counts), classes)
            probabilities = proportional(self._counts)
        elif self._noise == "log-uniform":
            probabilities = log_uniform(classes)
        else:
            probabilities = np.full(classes, 1 / classes)
        negative, sampled = self.settings.negative, self.settings.sampled
        draws = negative or sampled or 0
        return Sampler(probabilities, draws, negative is not None, self._generator)
