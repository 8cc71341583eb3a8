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
from softmax_cli.core.probabilities import Distribution, Masses, Probabilities
from softmax_cli.core.softmax import Logits, from_log_probabilities
from tests import corpus
from tests.corpus import Case, Family, Vector
from tests.exactly import Exact, Loss, Mark, Reference, exacts, weighted_loss

# What is promised, in units in the last place
NEAREST = 0.51
BOUND = 1.0
ALIKE = 2.0

Values = float | Vector


@dataclass(frozen=True)
class Pair:
    """P and Q of a block of cases, as the program has them, or of one case, exact."""

    p: Any
    q: Any
    cases: Sequence[Case]

    @property
    def case(self) -> Case:
        return self.cases[0]

    @property
    def labels(self) -> losses.Labels:
        """Each row's label."""
        return np.array([case.label for case in self.cases])

    @cached_property
    def loss_of_label(self) -> Loss:
        one_hot = [mpmath.mpf(i == self.case.label) for i in range(len(self.case.p))]
        return weighted_loss(self.q, one_hot, self.case.objective)

    @cached_property
    def loss_of_target(self) -> Loss:
        return weighted_loss(self.q, self.p.p, self.case.objective)


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
    """A number of a case, or one for each class."""

    ours: Callable[[Pair], Vector]
    exact: Callable[[Pair], Exact | list[Exact]]
    # Where the error is counted in ulps of something larger than the exact value.
    scale: Callable[[Pair], Exact | list[Exact]] = lambda _truth: 0
    bound: float = BOUND

    def bound_of(self, family: str) -> float:
        """The promise, also for P and Q that agree to 15 digits."""
        return ALIKE if family == "1e-15 apart" else self.bound


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
_MASSES = Kind(lambda rows, _: Masses(rows), lambda x, _: Reference(exacts(x)))
TREE = Kind(
    lambda rows, case: TreeDistribution(rows, HuffmanTree(case.q)),
    lambda x, case: Reference.of_tree(x, HuffmanTree(case.q)),
)

GIVEN = {
    "logits": Given(corpus.LOGITS, _LOGITS),
    "probabilities": Given(corpus.PROBABILITIES, _PROBABILITIES, _PROBABILITIES),
    "log-probabilities": Given(corpus.LOG_PROBABILITIES, _LOG_PROBABILITIES, _LOG_PROBABILITIES),
    "two of logits": Given(corpus.LOGIT_PAIRS, _LOGITS, _LOGITS),
    "masses": Given(corpus.MASSES, _MASSES, _MASSES),
    "a target": Given(corpus.TARGETS, _PROBABILITIES, _LOGITS),
    "a target of probabilities": Given(corpus.PROBABILITIES, _PROBABILITIES, _PROBABILITIES),
    "a target of log-probabilities": Given(
        corpus.TARGETS_OF_LOGS, _PROBABILITIES, _LOG_PROBABILITIES
    ),
    "a label with parameters": Given(corpus.LABEL_LOSSES, _LOGITS),
    "a target with parameters": Given(corpus.TARGET_LOSSES, _PROBABILITIES, _LOGITS),
    "a Huffman tree": Given(corpus.TREES, TREE),
}


def _largest(truth: Pair) -> Exact:
    return mpmath.mpf(float(truth.case.p.max())) / mpmath.mpf(truth.case.temperature)


def _gradient_at_label(truth: Pair) -> list[Exact]:
    gradient = list(truth.p.p)
    gradient[truth.case.label] = -truth.p.complement(truth.case.label)
    return gradient


_LABEL_LOSS = Quantity(
    lambda o: losses.cross_entropy(o.p, o.labels), lambda t: -t.p.log_p[t.case.label], bound=NEAREST
)
_ENTROPY = Quantity(lambda o: o.p.entropy(), lambda t: t.p.entropy())
_OF_ONE = {
    "entropy": _ENTROPY,
    "perplexity": Quantity(lambda o: o.p.perplexity(), lambda t: mpmath.exp(t.p.entropy())),
    "cross-entropy": _LABEL_LOSS,
    "its perplexity": Quantity(
        lambda o: losses.perplexity(o.p, o.labels), lambda t: mpmath.exp(-t.p.log_p[t.case.label])
    ),
    "gradient": Quantity(
        lambda o: losses.gradient(o.p, o.labels, losses.Objective()),
        _gradient_at_label,
        bound=NEAREST,
    ),
}
_DIVERGENCES = {
    "KL": Quantity(lambda o: divergences.kl_divergence(o.p, o.q), lambda t: t.p.kl(t.q)),
    "Jeffreys": Quantity(
        lambda o: divergences.jeffreys(o.p, o.q), lambda t: t.p.kl(t.q) + t.q.kl(t.p)
    ),
    "Jensen-Shannon": Quantity(
        lambda o: divergences.jensen_shannon(o.p, o.q), lambda t: t.p.js(t.q)
    ),
}
_SOFTMAX = {
    "softmax": Quantity(lambda o: o.p.probabilities(), lambda t: t.p.p, bound=NEAREST),
    "log-softmax": Quantity(lambda o: o.p.log_probabilities(), lambda t: t.p.log_p, bound=NEAREST),
}
_OF_TARGET = {
    "cross-entropy": Quantity(
        lambda o: losses.cross_entropy(o.q, o.p), lambda t: t.p.cross_entropy(t.q)
    ),
    "KL": Quantity(lambda o: losses.excess_entropy(o.q, o.p), lambda t: t.p.kl(t.q)),
    "gradient": Quantity(
        lambda o: losses.gradient(o.q, o.p, losses.Objective()),
        lambda t: [q - p for p, q in zip(t.p.p, t.q.p, strict=True)],
        scale=lambda t: [max(p, q) for p, q in zip(t.p.p, t.q.p, strict=True)],
    ),
    "perplexity": Quantity(
        lambda o: losses.perplexity(o.q, o.p), lambda t: mpmath.exp(t.p.cross_entropy(t.q))
    ),
}


QUANTITIES: dict[str, dict[str, Quantity]] = {
    "logits": {
        **_SOFTMAX,
        "logsumexp": Quantity(
            lambda o: o.p.logsumexp(),
            lambda t: _largest(t) - max(t.p.log_p),
            scale=_largest,
            bound=NEAREST,
        ),
        **_OF_ONE,
    },
    "probabilities": _OF_ONE | _DIVERGENCES,
    "log-probabilities": _OF_ONE | _DIVERGENCES,
    "two of logits": _DIVERGENCES,
    "masses": _DIVERGENCES,
    "a target": _OF_TARGET,
    "a target of probabilities": _OF_TARGET,
    "a target of log-probabilities": _OF_TARGET,
    "a label with parameters": {
        "loss": Quantity(
            lambda o: losses.loss(o.p, o.labels, o.case.objective), lambda t: t.loss_of_label.loss
        ),
        "gradient": Quantity(
            lambda o: losses.gradient(o.p, o.labels, o.case.objective),
            lambda t: t.loss_of_label.gradient,
            scale=lambda t: t.loss_of_label.scale,
        ),
    },
    "a target with parameters": {
        "loss": Quantity(
            lambda o: losses.loss(o.q, o.p, o.case.objective), lambda t: t.loss_of_target.loss
        ),
        "gradient": Quantity(
            lambda o: losses.gradient(o.q, o.p, o.case.objective),
            lambda t: t.loss_of_target.gradient,
            scale=lambda t: t.loss_of_target.scale,
        ),
    },
    "a Huffman tree": {**_SOFTMAX, "entropy": _ENTROPY, "cross-entropy": _LABEL_LOSS},
}


class Judge:
    """The exact values of one case, and how far others are from them."""

    def __init__(self, given: str, case: Case) -> None:
        self._quantities = QUANTITIES[given]
        self._known: dict[str, list[Mark]] = {}
        with mpmath.workprec(100):
            rough = GIVEN[given].truth(case)
            least = min(p for reference in (rough.p, rough.q) for p in reference.p if p)
            depth = min(730.0, -float(mpmath.log(least, 2)))
        # The least squared must still be seen beside 1; wide rows have no such gaps, and are long.
        self._bits = 400 + int(3 * depth) if len(case.p) < 30 else 400
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
