"""References of hundreds of digits, and distances from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import mpmath
import numpy as np

# exp(-745) squared must still be seen beside 1.
mpmath.mp.prec = 2600

Exact = Any  # mpmath has no types


def exacts(numbers: Iterable[float]) -> list[Exact]:
    """The floats as they are."""
    return [mpmath.mpf(float(x)) for x in numbers]


class Reference:
    """The distribution that a vector of logits, or of probabilities, stands for."""

    def __init__(self, weights: Sequence[Exact], logs: Sequence[Exact]) -> None:
        total = mpmath.fsum(weights)
        log_total = mpmath.log(total)
        self.p = [w / total for w in weights]
        self.log_p = [x - log_total for x in logs]

    @classmethod
    def of_logits(cls, logits: Iterable[float], temperature: float = 1.0) -> Reference:
        """Softmax of the logits over the temperature."""
        scaled = [x / mpmath.mpf(temperature) for x in exacts(logits)]
        maximum = max(scaled)
        shifted = [x - maximum for x in scaled]
        # exp(-100000) is 1e-43430: nothing beside any float64.
        return cls([mpmath.exp(x) if x > -100_000 else mpmath.mpf(0) for x in shifted], shifted)

    @classmethod
    def of_probabilities(cls, values: Iterable[float]) -> Reference:
        """The values divided by their sum."""
        weights = exacts(values)
        return cls(weights, [mpmath.log(w) if w else mpmath.ninf for w in weights])

    def complement(self, i: int) -> Exact:
        """1 - p of a class."""
        return mpmath.fsum(self.p[:i] + self.p[i + 1 :])

    def entropy(self) -> Exact:
        """Shannon entropy in nats."""
        return self.cross_entropy(self)

    def cross_entropy(self, q: Reference) -> Exact:
        """H(P, Q) in nats."""
        pairs = zip(self.p, q.log_p, strict=True)
        return -mpmath.fsum(p * log_q for p, log_q in pairs if p)

    def kl(self, q: Reference) -> Exact:
        """KL(P || Q) in nats."""
        triples = zip(self.p, self.log_p, q.log_p, strict=True)
        return mpmath.fsum(p * (log_p - log_q) for p, log_p, log_q in triples if p)

    def js(self, q: Reference) -> Exact:
        """Jensen-Shannon divergence in nats."""
        middle = [(a + b) / 2 for a, b in zip(self.p, q.p, strict=True)]
        both = Reference(middle, [mpmath.log(m) if m else mpmath.ninf for m in middle])
        return (self.kl(both) + q.kl(both)) / 2


def entmax_shares(vector: Iterable[float], alpha: float, temperature: float = 1.0) -> list[Exact]:
    """Entmax for alpha > 1: the threshold is searched for in its interval's halves."""
    c = mpmath.mpf(alpha) - 1
    scores = [c * x / mpmath.mpf(temperature) for x in exacts(vector)]
    low, high = max(scores) - 1, max(scores)

    def shares(threshold: Exact) -> list[Exact]:
        return [(x - threshold) ** (1 / c) if x > threshold else mpmath.mpf(0) for x in scores]

    for _ in range(400):
        middle = (low + high) / 2
        low, high = (middle, high) if mpmath.fsum(shares(middle)) > 1 else (low, middle)
    return shares((low + high) / 2)


def ulps(computed: float, exact: Exact, scale: float | None = None) -> float:
    """Distance in units in the last place of the exact result, or of `scale`."""
    nearest = float(exact)
    if math.isinf(nearest):
        return 0.0 if computed == nearest else math.inf
    if not math.isfinite(computed):
        return math.inf
    unit = float(np.spacing(abs(nearest if scale is None else scale)))
    return float(abs(mpmath.mpf(float(computed)) - exact) / mpmath.mpf(unit))
