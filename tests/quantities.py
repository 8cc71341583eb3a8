"""What the program computes of a case, the exact value, and how far one is from the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import mpmath
import numpy as np

from softmax_cli.core import divergences, losses
from softmax_cli.core.hierarchical import HuffmanTree, TreeDistribution
from softmax_cli.core.probabilities import Distribution, Masses, Probabilities, Smoothed
from softmax_cli.core.softmax import Logits, from_log_probabilities
from tests import corpus
from tests.corpus import Case, Family, Vector
from tests.exactly import Exact, Loss, Mark, Reference, exacts, weighted_loss

# What is promised, in units in the last place
NEAREST = 0.51
BOUND = 1.0

Values = float | Vector


@dataclass(frozen=True)
class Pair:
    """P and Q of a block of cases, as the program has them, or of one case, exact.

    Q is the prediction. Without a Q of its own it is P, and the targets are labels.
    """

    p: Any
    q: Any
    cases: Sequence[Case]

    @property
    def case(self) -> Case:
        return self.cases[0]

    @property
    def targets(self) -> losses.Targets:
        return np.array([case.label for case in self.cases]) if self.p is self.q else self.p

    @cached_property
    def loss(self) -> Loss:
        p = self.p.p
        if self.p is self.q:
            p = [mpmath.mpf(i == self.case.label) for i in range(len(p))]
        return weighted_loss(self.q, p, self.case.objective)


class Kind(NamedTuple):
    """What makes rows of a case's vectors distributions: the program, and exact arithmetic."""

    ours: Callable[[Vector, Case], Distribution]
    exact: Callable[[Vector, Case], Reference]


class Given(NamedTuple):
    """Families of cases, and what their vectors are; without `q`, Q is P."""

    families: dict[str, Family]
    p: Kind
    q: Kind | None = None

    def ours(self, block: Sequence[Case]) -> Pair:
        p = self.p.ours(np.array([case.p for case in block]), block[0])
        if self.q is None:
            return Pair(p, p, block)
        return Pair(p, self.q.ours(np.array([case.q for case in block]), block[0]), block)

    def truth(self, case: Case) -> Pair:
        p = self.p.exact(case.p, case)
        return Pair(p, p if self.q is None else self.q.exact(case.q, case), [case])


class Quantity(NamedTuple):
    """A number of each case, or one for each class."""

    ours: Callable[[Pair], Vector]
    exact: Callable[[Pair], Exact | list[Exact]]
    bound: float = BOUND
    # Where the error is counted in ulps of something larger than the exact value.
    scale: Callable[[Pair], Exact | list[Exact]] = lambda _truth: 0


class Judgement(NamedTuple):
    """The largest error in ulps, and how many of so many numbers are the nearest floats."""

    error: float
    nearest: int
    numbers: int

    def __add__(self, other: tuple[object, ...]) -> Judgement:
        assert isinstance(other, Judgement)
        error = max(self.error, other.error)
        return Judgement(error, self.nearest + other.nearest, self.numbers + other.numbers)


_LOGITS = Kind(
    lambda rows, case: Logits(rows, temperature=case.temperature),
    lambda x, case: Reference.of_logits(x, case.temperature),
)
_PROBABILITIES = Kind(
    lambda rows, _: Probabilities(rows, normalize=True), lambda x, _: Reference.of_probabilities(x)
)
_LOG_PROBABILITIES = Kind(
    lambda rows, _: from_log_probabilities(rows, normalize=True),
    lambda x, _: Reference.of_logits(x),
)
_SMOOTHED = Kind(
    lambda rows, case: Smoothed(Probabilities(rows, normalize=True), case.objective.smoothing),
    lambda x, case: Reference.of_probabilities(x).smoothed(case.objective.smoothing),
)
_MASSES = Kind(lambda rows, _: Masses(rows), lambda x, _: Reference(exacts(x)))
_TREE = Kind(
    lambda rows, case: TreeDistribution(rows, HuffmanTree(case.q)),
    lambda x, case: Reference.of_tree(x, HuffmanTree(case.q)),
)

GIVEN = {
    "logits": Given(corpus.LOGITS, _LOGITS),
    "probabilities": Given(corpus.PROBABILITIES, _PROBABILITIES),
    "log-probabilities": Given(corpus.LOG_PROBABILITIES, _LOG_PROBABILITIES),
    "two of logits": Given(corpus.LOGIT_PAIRS, _LOGITS, _LOGITS),
    "two of probabilities": Given(corpus.PROBABILITIES, _PROBABILITIES, _PROBABILITIES),
    "two of log-probs": Given(corpus.LOG_PROBABILITIES, _LOG_PROBABILITIES, _LOG_PROBABILITIES),
    "masses": Given(corpus.MASSES, _MASSES, _MASSES),
    "a target": Given(corpus.TARGETS, _PROBABILITIES, _LOGITS),
    "a target of log-probs": Given(corpus.TARGETS_OF_LOGS, _PROBABILITIES, _LOG_PROBABILITIES),
    "a smoothed target": Given(corpus.SMOOTHED, _SMOOTHED, _LOGITS),
    "parameters, label": Given(corpus.LABEL_LOSSES, _LOGITS),
    "parameters, target": Given(corpus.TARGET_LOSSES, _PROBABILITIES, _LOGITS),
    "a Huffman tree": Given(corpus.TREES, _TREE),
}


def _largest(truth: Pair) -> Exact:
    return mpmath.mpf(float(truth.case.p.max())) / mpmath.mpf(truth.case.temperature)


def _tempered(truth: Pair, by_quotients: list[Exact]) -> list[Exact]:
    """Derivatives by the logits, of those by the logits over the temperature."""
    return [x / mpmath.mpf(truth.case.temperature) for x in by_quotients]


_SOFTMAX = {
    "softmax": Quantity(lambda o: o.p.probabilities(), lambda t: t.p.p, NEAREST),
    "log-softmax": Quantity(lambda o: o.p.log_probabilities(), lambda t: t.p.log_p, NEAREST),
}
_LOGSUMEXP = Quantity(
    lambda o: o.p.logsumexp(), lambda t: _largest(t) - max(t.p.log_p), NEAREST, _largest
)
_ENTROPY = {
    "entropy": Quantity(lambda o: o.p.entropy(), lambda t: t.p.entropy()),
    "perplexity": Quantity(lambda o: o.p.perplexity(), lambda t: mpmath.exp(t.p.entropy())),
}
_LOSS = {
    "cross-entropy": Quantity(
        lambda o: losses.loss(o.q, o.targets, o.case.objective), lambda t: t.loss.total
    ),
    "its parts": Quantity(
        lambda o: losses.contributions(o.q, o.targets, o.case.objective), lambda t: t.loss.parts
    ),
    "gradient": Quantity(
        lambda o: losses.gradient(o.q, o.targets, o.case.objective),
        lambda t: _tempered(t, t.loss.gradient),
        scale=lambda t: (
            0 if t.p is t.q and not t.case.objective.smoothing else _tempered(t, t.loss.scale)
        ),
    ),
}
_PERPLEXITY = Quantity(
    lambda o: losses.perplexity(o.q, o.targets), lambda t: mpmath.exp(t.loss.total)
)
_OF_LABEL = {name: quantity._replace(bound=NEAREST) for name, quantity in _LOSS.items()}
_KL = Quantity(lambda o: divergences.kl_divergence(o.p, o.q), lambda t: t.p.kl(t.q))
_DIVERGENCES = {
    "KL": _KL,
    "Jeffreys": Quantity(
        lambda o: divergences.jeffreys(o.p, o.q), lambda t: t.p.kl(t.q) + t.q.kl(t.p)
    ),
    "Jensen-Shannon": Quantity(
        lambda o: divergences.jensen_shannon(o.p, o.q), lambda t: t.p.js(t.q)
    ),
}
_OF_ONE = {**_ENTROPY, **_OF_LABEL, "perplexity of a label": _PERPLEXITY}
_OF_TARGET = {**_LOSS, "perplexity": _PERPLEXITY, "KL": _KL}

QUANTITIES: dict[str, dict[str, Quantity]] = {
    "logits": {**_SOFTMAX, "logsumexp": _LOGSUMEXP, **_OF_ONE},
    "probabilities": _OF_ONE,
    "log-probabilities": _OF_ONE,
    "two of logits": _DIVERGENCES,
    "two of probabilities": {**_OF_TARGET, **_DIVERGENCES},
    "two of log-probs": _DIVERGENCES,
    "masses": _DIVERGENCES,
    "a target": _OF_TARGET,
    "a target of log-probs": _OF_TARGET,
    "a smoothed target": {"KL": _KL},
    "parameters, label": _LOSS,
    "parameters, target": _LOSS,
    "a Huffman tree": {**_SOFTMAX, **_ENTROPY, "cross-entropy": _OF_LABEL["cross-entropy"]},
}


class Judge:
    """The exact values of one case, and how far others are from them."""

    def __init__(self, given: str, case: Case) -> None:
        self._quantities = QUANTITIES[given]
        self._known: dict[str, list[Mark]] = {}
        with mpmath.workprec(100):
            rough = GIVEN[given].truth(case)
            both = [sorted(reference.p) for reference in (rough.p, rough.q)]
            # The least squared must still be seen beside 1; in long rows the runner-up will do.
            sizes = [p for ps in both for p in (ps if len(ps) < 30 else ps[-2:]) if p]
            depth = min(730.0, max(abs(float(mpmath.log(f(sizes), 2))) for f in (min, max)))
        self._bits = 400 + int(3 * depth)
        with mpmath.workprec(self._bits):
            self._truth = GIVEN[given].truth(case)

    def judge(self, quantity: str, computed: Values) -> Judgement:
        """How far numbers are from the exact values."""
        with mpmath.workprec(self._bits):
            if quantity not in self._known:
                self._known[quantity] = self._marks(self._quantities[quantity])
            found = list(zip(np.ravel(computed).tolist(), self._known[quantity], strict=True))
            error = max(mark.distance(value) for value, mark in found)
        return Judgement(error, sum(value == mark.nearest for value, mark in found), len(found))

    def _marks(self, quantity: Quantity) -> list[Mark]:
        exact, scale = quantity.exact(self._truth), quantity.scale(self._truth)
        exacts = exact if isinstance(exact, list) else [exact]
        scales = scale if isinstance(scale, list) else [scale] * len(exacts)
        return [Mark(*pair) for pair in zip(exacts, scales, strict=True)]
