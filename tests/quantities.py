"""What the program computes of a case, the exact value, and how far one is from the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import mpmath
import numpy as np

from softmax_cli.core import divergences, losses
from softmax_cli.core.losses import Objective
from softmax_cli.core.probabilities import Distribution, Probabilities
from softmax_cli.core.softmax import Logits, from_log_probabilities
from tests import corpus
from tests.corpus import Case, Family, Vector
from tests.exactly import Exact, Reference, ulps

# What is promised, in units in the last place
NEAREST = 0.51
BOUND = 1.0
ALIKE = 2.0

Values = float | Vector


class Pair(NamedTuple):
    """P and Q of a case as the program has them."""

    p: Distribution
    q: Distribution
    case: Case


class Truth(NamedTuple):
    """P and Q of a case as they are."""

    p: Reference
    q: Reference
    case: Case


class Given(NamedTuple):
    """What the numbers of a case are taken for."""

    families: dict[str, Family]
    ours: Callable[[Case], Pair]
    truth: Callable[[Case], Truth]


class Quantity(NamedTuple):
    """A number of a case, or one for each class."""

    ours: Callable[[Pair], Values]
    exact: Callable[[Truth], Exact | list[Exact]]
    # Where the error is counted in ulps of something larger than the exact value.
    scale: Callable[[Truth], Exact | list[Exact]] = lambda _truth: 0
    bound: float = BOUND

    def bound_of(self, family: str) -> float:
        """The promise, also for P and Q that agree to 15 digits."""
        return ALIKE if family in ("1e-15 apart", "nearly fitted") else self.bound


class Judgement(NamedTuple):
    """The largest error in ulps, and how many of so many numbers are the nearest floats."""

    error: float
    nearest: int
    numbers: int


def _logits(vector: Vector, temperature: float = 1.0) -> Logits:
    return Logits(vector[None], temperature=temperature)


def _probabilities(vector: Vector) -> Probabilities:
    return Probabilities(vector[None])


def _one_of_logits(case: Case) -> Truth:
    p = Reference.of_logits(case.p, case.temperature)
    return Truth(p, p, case)


def _two_of_logits(case: Case) -> Truth:
    p, q = (Reference.of_logits(x, case.temperature) for x in (case.p, case.q))
    return Truth(p, q, case)


GIVEN: dict[str, Given] = {
    "logits": Given(
        corpus.LOGITS,
        lambda c: Pair(_logits(c.p, c.temperature), _logits(c.p, c.temperature), c),
        _one_of_logits,
    ),
    "probabilities": Given(
        corpus.PROBABILITIES,
        lambda c: Pair(_probabilities(c.p), _probabilities(c.q), c),
        lambda c: Truth(Reference.of_probabilities(c.p), Reference.of_probabilities(c.q), c),
    ),
    "log-probabilities": Given(
        corpus.LOG_PROBABILITIES,
        lambda c: Pair(from_log_probabilities(c.p[None]), from_log_probabilities(c.q[None]), c),
        _two_of_logits,
    ),
    "two of logits": Given(
        corpus.LOGIT_PAIRS, lambda c: Pair(_logits(c.p), _logits(c.q), c), _two_of_logits
    ),
    "a target": Given(
        corpus.TARGETS,
        lambda c: Pair(_probabilities(c.p), _logits(c.q), c),
        lambda c: Truth(Reference.of_probabilities(c.p), Reference.of_logits(c.q), c),
    ),
}


def _label(pair: Pair) -> losses.Labels:
    return np.array([pair.case.label])


def _soft_target(pair: Pair) -> Probabilities:
    assert isinstance(pair.p, Probabilities)
    return pair.p


def _logsumexp(truth: Truth) -> Exact:
    return _largest(truth) - max(truth.p.log_p)


def _largest(truth: Truth) -> Exact:
    return mpmath.mpf(float(truth.case.p.max())) / mpmath.mpf(truth.case.temperature)


def _gradient_at_label(truth: Truth) -> list[Exact]:
    gradient = list(truth.p.p)
    gradient[truth.case.label] = -truth.p.complement(truth.case.label)
    return gradient


def _our_logsumexp(pair: Pair) -> Values:
    assert isinstance(pair.p, Logits)
    return pair.p.logsumexp()


def _our_log_softmax(pair: Pair) -> Values:
    assert isinstance(pair.p, Logits)
    values: Vector = pair.p.log_probabilities()[0]
    return values


_LABEL_LOSS = Quantity(
    lambda o: losses.cross_entropy(o.p, _label(o)),
    lambda t: -t.p.log_p[t.case.label],
    bound=NEAREST,
)
_GRADIENT = Quantity(
    lambda o: losses.gradient(o.p, _label(o), Objective())[0], _gradient_at_label, bound=NEAREST
)
_ENTROPY = Quantity(lambda o: o.p.entropy(), lambda t: t.p.entropy())
_DIVERGENCES = {
    "KL": Quantity(lambda o: divergences.kl_divergence(o.p, o.q), lambda t: t.p.kl(t.q)),
    "Jeffreys": Quantity(
        lambda o: divergences.jeffreys(o.p, o.q), lambda t: t.p.kl(t.q) + t.q.kl(t.p)
    ),
    "Jensen-Shannon": Quantity(
        lambda o: divergences.jensen_shannon(o.p, o.q), lambda t: t.p.js(t.q)
    ),
}

QUANTITIES: dict[str, dict[str, Quantity]] = {
    "logits": {
        "softmax": Quantity(lambda o: o.p.probabilities()[0], lambda t: t.p.p, bound=NEAREST),
        "log-softmax": Quantity(_our_log_softmax, lambda t: t.p.log_p, bound=NEAREST),
        "logsumexp": Quantity(_our_logsumexp, _logsumexp, scale=_largest, bound=NEAREST),
        "entropy": _ENTROPY,
        "perplexity": Quantity(lambda o: o.p.perplexity(), lambda t: mpmath.exp(t.p.entropy())),
        "cross-entropy": _LABEL_LOSS,
        "gradient": _GRADIENT,
    },
    "probabilities": {
        "entropy": _ENTROPY,
        "cross-entropy": _LABEL_LOSS,
        "gradient": _GRADIENT,
        **_DIVERGENCES,
    },
    "log-probabilities": {
        "entropy": _ENTROPY,
        "cross-entropy": _LABEL_LOSS,
        "gradient": _GRADIENT,
        **_DIVERGENCES,
    },
    "two of logits": _DIVERGENCES,
    "a target": {
        "cross-entropy": Quantity(
            lambda o: losses.cross_entropy(o.q, _soft_target(o)), lambda t: t.p.cross_entropy(t.q)
        ),
        "KL": Quantity(
            lambda o: losses.excess_entropy(o.q, _soft_target(o)), lambda t: t.p.kl(t.q)
        ),
        "gradient": Quantity(
            lambda o: losses.gradient(o.q, _soft_target(o), Objective())[0],
            lambda t: [q - p for p, q in zip(t.p.p, t.q.p, strict=True)],
            scale=lambda t: [max(p, q) for p, q in zip(t.p.p, t.q.p, strict=True)],
        ),
        "perplexity": Quantity(
            lambda o: losses.perplexity(o.q, _soft_target(o)),
            lambda t: mpmath.exp(t.p.cross_entropy(t.q)),
        ),
    },
}


class Judge:
    """The exact values of one case, and how far others are from them."""

    def __init__(self, given: str, case: Case) -> None:
        self._quantities = QUANTITIES[given]
        # exp(-745) squared must still be seen beside 1; wide rows have no such gaps, and are long.
        self._bits = 2600 if len(case.p) < 30 else 400
        self._known: dict[str, tuple[list[Exact], list[Exact]]] = {}
        with mpmath.workprec(self._bits):
            self._truth = GIVEN[given].truth(case)

    def judge(self, quantity: str, computed: Values) -> Judgement:
        """How far numbers are from the exact values."""
        if quantity not in self._known:
            self._known[quantity] = self._exact(self._quantities[quantity])
        exacts, scales = self._known[quantity]
        values = np.atleast_1d(computed).tolist()
        with mpmath.workprec(self._bits):
            found = zip(values, exacts, scales, strict=True)
            error = max(ulps(value, true, float(scale)) for value, true, scale in found)
            nearest = sum(value == float(true) for value, true in zip(values, exacts, strict=True))
        return Judgement(error, nearest, len(values))

    def error(self, quantity: str, computed: Values) -> float:
        """The largest distance from the exact values, in ulps."""
        return self.judge(quantity, computed).error

    def _exact(self, quantity: Quantity) -> tuple[list[Exact], list[Exact]]:
        with mpmath.workprec(self._bits):
            exact, scale = quantity.exact(self._truth), quantity.scale(self._truth)
            exacts = exact if isinstance(exact, list) else [exact]
            scales = scale if isinstance(scale, list) else [scale] * len(exacts)
            return exacts, [max(abs(a), abs(b)) for a, b in zip(exacts, scales, strict=True)]
