"""What the program computes of a case, the exact value, and how far one is from the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

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
    """P and Q of a case, as the program has them or exact."""

    p: Any
    q: Any
    case: Case

    @property
    def labels(self) -> losses.Labels:
        """The case's label, of the only row."""
        return np.array([self.case.label])


class Kind(NamedTuple):
    """What makes a vector and a temperature a distribution: the program, and exact arithmetic."""

    ours: Callable[[Vector, float], Distribution]
    exact: Callable[[Vector, float], Reference]


class Given(NamedTuple):
    """Families of cases, and what their vectors are."""

    families: dict[str, Family]
    p: Kind
    q: Kind

    def ours(self, case: Case) -> Pair:
        return _pair(case, self.p.ours, self.q.ours)

    def truth(self, case: Case) -> Pair:
        return _pair(case, self.p.exact, self.q.exact)


def _pair(
    case: Case, of_p: Callable[[Vector, float], object], of_q: Callable[[Vector, float], object]
) -> Pair:
    p = of_p(case.p, case.temperature)
    return Pair(p, p if case.q is case.p else of_q(case.q, case.temperature), case)


class Quantity(NamedTuple):
    """A number of a case, or one for each class."""

    ours: Callable[[Pair], Values]
    exact: Callable[[Pair], Exact | list[Exact]]
    # Where the error is counted in ulps of something larger than the exact value.
    scale: Callable[[Pair], Exact | list[Exact]] = lambda _truth: 0
    bound: float = BOUND

    def bound_of(self, family: str) -> float:
        """The promise, also for P and Q that agree to 15 digits."""
        return ALIKE if family in ("1e-15 apart", "nearly fitted") else self.bound


class Judgement(NamedTuple):
    """The largest error in ulps, and how many of so many numbers are the nearest floats."""

    error: float
    nearest: int
    numbers: int

    def __add__(self, other: tuple[object, ...]) -> Judgement:
        assert isinstance(other, Judgement)
        error = max(self.error, other.error)
        return Judgement(error, self.nearest + other.nearest, self.numbers + other.numbers)


_LOGITS = Kind(lambda x, t: Logits(x[None], temperature=t), Reference.of_logits)
_PROBABILITIES = Kind(
    lambda x, _: Probabilities(x[None]), lambda x, _: Reference.of_probabilities(x)
)
_LOG_PROBABILITIES = Kind(lambda x, _: from_log_probabilities(x[None]), Reference.of_logits)

GIVEN = {
    "logits": Given(corpus.LOGITS, _LOGITS, _LOGITS),
    "probabilities": Given(corpus.PROBABILITIES, _PROBABILITIES, _PROBABILITIES),
    "log-probabilities": Given(corpus.LOG_PROBABILITIES, _LOG_PROBABILITIES, _LOG_PROBABILITIES),
    "two of logits": Given(corpus.LOGIT_PAIRS, _LOGITS, _LOGITS),
    "a target": Given(corpus.TARGETS, _PROBABILITIES, _LOGITS),
}


def _largest(truth: Pair) -> Exact:
    return mpmath.mpf(float(truth.case.p.max())) / mpmath.mpf(truth.case.temperature)


def _gradient_at_label(truth: Pair) -> list[Exact]:
    gradient = list(truth.p.p)
    gradient[truth.case.label] = -truth.p.complement(truth.case.label)
    return gradient


_OF_ONE = {
    "entropy": Quantity(lambda o: o.p.entropy(), lambda t: t.p.entropy()),
    "cross-entropy": Quantity(
        lambda o: losses.cross_entropy(o.p, o.labels),
        lambda t: -t.p.log_p[t.case.label],
        bound=NEAREST,
    ),
    "gradient": Quantity(
        lambda o: losses.gradient(o.p, o.labels, Objective())[0], _gradient_at_label, bound=NEAREST
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

QUANTITIES: dict[str, dict[str, Quantity]] = {
    "logits": {
        "softmax": Quantity(lambda o: o.p.probabilities()[0], lambda t: t.p.p, bound=NEAREST),
        "log-softmax": Quantity(
            lambda o: o.p.log_probabilities()[0], lambda t: t.p.log_p, bound=NEAREST
        ),
        "logsumexp": Quantity(
            lambda o: o.p.logsumexp(),
            lambda t: _largest(t) - max(t.p.log_p),
            scale=_largest,
            bound=NEAREST,
        ),
        "perplexity": Quantity(lambda o: o.p.perplexity(), lambda t: mpmath.exp(t.p.entropy())),
        **_OF_ONE,
    },
    "probabilities": _OF_ONE | _DIVERGENCES,
    "log-probabilities": _OF_ONE | _DIVERGENCES,
    "two of logits": _DIVERGENCES,
    "a target": {
        "cross-entropy": Quantity(
            lambda o: losses.cross_entropy(o.q, o.p), lambda t: t.p.cross_entropy(t.q)
        ),
        "KL": Quantity(lambda o: losses.excess_entropy(o.q, o.p), lambda t: t.p.kl(t.q)),
        "gradient": Quantity(
            lambda o: losses.gradient(o.q, o.p, Objective())[0],
            lambda t: [q - p for p, q in zip(t.p.p, t.q.p, strict=True)],
            scale=lambda t: [max(p, q) for p, q in zip(t.p.p, t.q.p, strict=True)],
        ),
        "perplexity": Quantity(
            lambda o: losses.perplexity(o.q, o.p), lambda t: mpmath.exp(t.p.cross_entropy(t.q))
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

    def _exact(self, quantity: Quantity) -> tuple[list[Exact], list[Exact]]:
        with mpmath.workprec(self._bits):
            exact, scale = quantity.exact(self._truth), quantity.scale(self._truth)
            exacts = exact if isinstance(exact, list) else [exact]
            scales = scale if isinstance(scale, list) else [scale] * len(exacts)
            return exacts, [max(abs(a), abs(b)) for a, b in zip(exacts, scales, strict=True)]
