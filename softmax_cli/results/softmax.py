"""Probabilities of rows of scores, truncated, at a temperature, and samples from them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from softmax_cli.core.doubledouble import Bools, Floats, Indices
from softmax_cli.core.probabilities import ERROR_TOLERANCE
from softmax_cli.core.softmax import Logits
from softmax_cli.input.rows import Block
from softmax_cli.messages import Notices
from softmax_cli.option_rules import GIVEN, SoftmaxSettings
from softmax_cli.output.fields import Field, Layout, Names, Values, class_names
from softmax_cli.run.pipeline import Computation

if TYPE_CHECKING:
    from softmax_cli.core.entmax import Entmax
    from softmax_cli.core.hierarchical import TreeDistribution

_REACHED: Final = 1 - 2.0**-50  # of P: 0.5 + 0.3 as read, exactly, is a little less than 0.8
_AT_ONCE: Final = 1 << 18  # about as many samples are drawn

# Rows of logits that sum to 1, as many as would not do so by chance
_FIRST_ROWS: Final = 3


def warn_of_probabilities(block: Block, notices: Notices) -> None:
    """Warn if the first rows of the input, which are read as logits, are all distributions."""
    assert block.numbers is not None
    rows = block.values[block.numbers <= _FIRST_ROWS]
    if rows.size and rows.shape[1] > 1:
        found = (rows > 0).all(axis=1) & (np.abs(rows.sum(axis=1) - 1) < ERROR_TOLERANCE)
        message = "logits that sum to 1: if they are probabilities, give --from probs"
        if found.all():
            where = block.locations.at(0)
            notices.add("probabilities", where, message, len(rows), least=_FIRST_ROWS)


class SoftmaxResult:
    """The probabilities of rows of scores.

    Attributes have the shape (rows,) or (rows, classes), samples (rows, samples).
    """

    def __init__(
        self, logits: Floats, distribution: Logits | Entmax | TreeDistribution, names: Names
    ) -> None:
        self.logits = logits
        self._distribution = distribution
        self._names = names
        self.indices: Indices = np.zeros((len(logits), 0), np.intp)
        self.index: Indices | None = None  # of the chosen classes

    def __len__(self) -> int:
        return len(self.logits)

    @cached_property
    def probabilities(self) -> Floats:
        return self._distribution.probabilities()

    @cached_property
    def log_probabilities(self) -> Floats:
        return self._distribution.log_probabilities()

    @cached_property
    def entropy(self) -> Floats:
        return self._distribution.entropy()

    @property
    def perplexity(self) -> Floats:
        return self._distribution.perplexity()

    @property
    def logsumexp(self) -> Floats:
        assert isinstance(self._distribution, Logits)
        return self._distribution.logsumexp()

    def choose(self, count: int, scores: Floats, block: Block) -> None:
        """Choose the `count` best classes by scores, which differ where probabilities may not."""
        from softmax_cli.results.hardmax import BestResult

        assert block.numbers is not None  # as one process reads all
        self.row = block.numbers.repeat(count)
        best = BestResult(scores, count, "first", self._names)
        self.order, self.index, self.name = best.order, best.picked, best.name
        # A column's name is its attribute's, and this one is a keyword.
        setattr(self, "class", class_names(best.picked, self._names))

    @property
    def winners(self) -> Bools:
        return self._distribution.winners

    @property
    def winner(self) -> Values:
        return class_names(self.winners.argmax(axis=1), self._names)

    @property
    def probability(self) -> Floats:
        """The probability of the winner, or of each chosen class."""
        if self.index is None:
            return np.asarray(self.probabilities.max(axis=1))
        return np.take_along_axis(self.probabilities, self.index, axis=1)

    @property
    def log_probability(self) -> Floats:
        """The log-probability of each chosen class."""
        assert self.index is not None
        return np.take_along_axis(self.log_probabilities, self.index, axis=1)

    @property
    def samples(self) -> Values:
        return class_names(self.indices, self._names)

    @property
    def drawn(self) -> Values:
        """The number of draws of each class."""
        counts = np.zeros(self.logits.shape, dtype=int)
        np.add.at(counts, (np.arange(len(self))[:, None], self.indices), 1)
        return counts

    @property
    def support(self) -> Values:
        """The number of classes whose probability is not 0."""
        return np.asarray(np.count_nonzero(self.probabilities, axis=1))


class Softmax(Computation):
    """Computes probabilities, and samples, which one process draws for all blocks in turn."""

    averaged = ("entropy",)

    def __init__(self, settings: SoftmaxSettings, names: Names, *, lists: bool) -> None:
        self._settings = settings
        self._names = names
        self._lists = lists
        self.parallel = settings.sample is None and settings.top is None

    @cached_property
    def _generator(self) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(self._settings.seed))

    def compute(self, block: Block, notices: Notices) -> SoftmaxResult:
        settings, remaining = self._settings, block.values
        # Imports that a plain softmax does not need wait, for a quick start.
        kind, temperature, top_p = Logits, settings.temperature, settings.top_p
        if settings.kind == "logits":
            warn_of_probabilities(block, notices)
        else:
            from softmax_cli.core.tempered import Tempered
            from softmax_cli.results.pairs import distribution as checked

            checked(block, settings.kind, notices, settings.normalize)
            if settings.kind == "probs":
                kind = Tempered
                top_p = top_p if top_p in (None, 1) else top_p * _REACHED
        if settings.truncates:
            from softmax_cli.core.truncation import truncate

            remaining = truncate(
                remaining,
                top_k=settings.top_k,
                top_p=top_p,
                min_p=settings.min_p,
                temperature=temperature if settings.temperature_first else 1.0,
                kind=kind,
            )
        if settings.alpha == 1:
            distribution: Logits | Entmax = kind(remaining, temperature=temperature)
        else:
            from softmax_cli.core.entmax import Entmax

            distribution = Entmax(remaining, alpha=settings.alpha, temperature=temperature)
        result = SoftmaxResult(block.values, distribution, self._names)
        if settings.sample is not None:
            result.indices = self._samples(result.probabilities, settings.sample)
        if settings.top is not None:
            result.choose(settings.top, remaining, block)
        return result

    def _samples(self, probabilities: Floats, count: int) -> Indices:
        from softmax_cli.core.sampling import draw

        parts = np.array_split(probabilities, len(probabilities) * count // _AT_ONCE + 1)
        return np.concatenate([draw(p, self._generator.random((len(p), count))) for p in parts])

    def layout(self) -> Layout:
        """Return the layout; with --top that of the best classes, a line or in JSON a list each."""
        layout, settings = self._layout(), self._settings
        if settings.top is None:
            return layout
        of_vector = [key for key in layout.fields if key in ("logsumexp", "entropy")]
        log_p = Field("log_probability", "log p")
        shown = log_p if settings.log else Field("probability", "probability", "barred")
        return layout._replace(
            row=("row", "class", shown.key),
            only_many=() if self._lists else ("row",),
            fields=("index", "name", shown.key, *of_vector),
            head=(Field("row", "row", "text"),),
            lines=(Field("class", "class", "text"), shown),
            order="order",
            best=settings.top,
            numbered=("index", "name", "class", shown.key),
            most=max(1, layout.most // settings.top),
            records=1 if self._lists else settings.top,
        )

    def _layout(self) -> Layout:
        settings = self._settings
        log_p = Field("log_probabilities", "log p")
        shown = log_p if settings.log else Field("probabilities", "probability")
        is_softmax, draws = settings.alpha == 1, settings.sample is not None
        logsumexp = [Field("logsumexp", "logsumexp")] if is_softmax else []
        has_zeros = settings.truncates or not is_softmax
        counts = [Field("support", "support")] if has_zeros else []
        samples = ["samples"] if draws else []
        drawn = [Field("drawn", "drawn")] if draws else []
        given = ["logits"] if settings.kind == "logits" else []
        score, bar = Field("logits", GIVEN[settings.kind]), Field("probabilities", "", "bar")
        entropy, winner = Field("entropy", "entropy"), Field("winner", "winner", "text")
        perplexity = Field("perplexity", "perplexity")
        breakdown = (*logsumexp, entropy, perplexity, winner, Field("probability", "probability"))
        nats, first = entropy._replace(style="nats"), Field("samples", "", "text")
        lines = (first if draws else shown, *counts, entropy, winner)
        return Layout(
            [field.key for field in breakdown] if settings.breakdown else samples or [shown.key],
            (*given, shown.key, *(field.key for field in logsumexp), "entropy", *samples),
            breakdown if settings.breakdown else lines,
            (score, shown, *drawn, bar),
            footer=(Field("winner", "winner"), *logsumexp, nats, perplexity, *counts),
            summary=(Field("rows", "rows"), Field("entropy_mean", "mean entropy", "nats")),
            emphasis="winners",
            numbered=samples,
        )
