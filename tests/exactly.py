"""References of hundreds of digits, and distances from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import mpmath
import numpy as np

from softmax_cli.core.hierarchical import HuffmanTree
from softmax_cli.core.losses import Objective

# exp(-745) squared must still be seen beside 1.
mpmath.mp.prec = 2600

Exact = Any  # mpmath has no types


def exacts(numbers: Iterable[float]) -> list[Exact]:
    """The floats as they are."""
    return [x if isinstance(x, mpmath.mpf) else mpmath.mpf(float(x)) for x in numbers]


class Reference:
    """The distribution that a vector of logits, or of probabilities, stands for; or masses."""

    def __init__(self, p: list[Exact], log_p: list[Exact] | None = None) -> None:
        self.p = p
        self.log_p = log_p or [mpmath.log(x) if x else mpmath.ninf for x in p]

    @classmethod
    def of_logits(cls, logits: Iterable[float], temperature: float = 1.0) -> Reference:
        """Softmax of the logits over the temperature."""
        scaled = [x / mpmath.mpf(temperature) for x in exacts(logits)]
        maximum = max(scaled)
        shifted = [x - maximum for x in scaled]
        # exp(-100000) is 1e-43430: nothing beside any float64.
        weights = [mpmath.exp(x) if x > -100_000 else mpmath.mpf(0) for x in shifted]
        total = mpmath.fsum(weights)
        log_total = mpmath.log(total)
        return cls([w / total for w in weights], [x - log_total for x in shifted])

    @classmethod
    def of_probabilities(cls, values: Iterable[float]) -> Reference:
        """The values divided by their sum."""
        weights = exacts(values)
        total = mpmath.fsum(weights)
        return cls([w / total for w in weights])

    @classmethod
    def of_tree(cls, scores: Iterable[float], tree: HuffmanTree) -> Reference:
        """The leaves of a tree, from the scores of its inner nodes."""
        powers = [mpmath.exp(-x) for x in exacts(scores)]
        branches = [(1 / (1 + power), power / (1 + power)) for power in powers]
        paths = [tree.path(label).T.tolist() for label in range(tree.classes)]
        return cls([mpmath.fprod(branches[node][turn] for node, turn in path) for path in paths])

    def smoothed(self, smoothing: float) -> Reference:
        """With a fraction spread evenly over all classes."""
        return Reference([x + smoothing * (mpmath.mpf(1) / len(self.p) - x) for x in self.p])

    def complement(self, i: int) -> Exact:
        """1 - p of a class."""
        return 1 - self.p[i] if self.p[i] < 0.5 else mpmath.fsum(self.p[:i] + self.p[i + 1 :])

    def entropy(self) -> Exact:
        """Shannon entropy in nats."""
        return self.cross_entropy(self)

    def cross_entropy(self, q: Reference) -> Exact:
        """H(P, Q) in nats."""
        pairs = zip(self.p, q.log_p, strict=True)
        return -mpmath.fsum(p * log_q for p, log_q in pairs if p)

    def kl(self, q: Reference) -> Exact:
        """KL(P || Q) in nats, of masses too."""
        if self.p == q.p:  # where the terms below may miss 0 by their precision
            return mpmath.mpf(0)
        triples = zip(self.p, self.log_p, q.log_p, strict=True)
        terms = [p * (log_p - log_q) for p, log_p, log_q in triples if p]
        return mpmath.fsum(terms) - mpmath.fsum(self.p) + mpmath.fsum(q.p)

    def js(self, q: Reference) -> Exact:
        """Jensen-Shannon divergence in nats."""
        both = Reference([(a + b) / 2 for a, b in zip(self.p, q.p, strict=True)])
        return (self.kl(both) + q.kl(both)) / 2


class Loss(NamedTuple):
    """Each class's part of a loss, its derivatives by the logits, and the larger term of each."""

    parts: list[Exact]
    gradient: list[Exact]
    scale: list[Exact]

    @property
    def total(self) -> Exact:
        return mpmath.fsum(self.parts)


def weighted_loss(q: Reference, target: Sequence[Exact], objective: Objective) -> Loss:
    """The loss with weights, smoothing and focal factor, as its definition has it."""
    e, gamma, size = mpmath.mpf(objective.smoothing), mpmath.mpf(objective.focal), len(target)
    weights = exacts([1.0] * size if objective.weights is None else objective.weights)
    parts, slopes = ([mpmath.mpf(0)] * size for _ in range(2))
    rest = [q.complement(i) for i in range(size)]
    for i, (weight, y, r, log_p) in enumerate(zip(weights, target, rest, q.log_p, strict=True)):
        if share := weight * ((1 - e) * y + e / size):
            parts[i] = -share * r**gamma * log_p
            focal = gamma * r ** (gamma - 1) * q.p[i] * log_p if gamma and r else 0
            slopes[i] = share * (r**gamma - focal)  # minus the derivative by log p
    total = mpmath.fsum(slopes)
    classes = list(zip(q.p, rest, slopes, strict=True))
    gradient = [p * (total - slope) - r * slope for p, r, slope in classes]
    return Loss(parts, gradient, [max(p * total, slope) for p, _, slope in classes])


def entmax_shares(vector: Iterable[float], alpha: float, temperature: float = 1.0) -> list[Exact]:
    """Entmax for alpha > 1: the threshold is searched for in its interval's halves."""
    c = mpmath.mpf(alpha) - 1
    numbers = exacts(vector)
    scores = [c * (x - max(numbers)) / mpmath.mpf(temperature) for x in numbers]
    low, high = mpmath.mpf(-1), mpmath.mpf(0)

    def shares(threshold: Exact) -> list[Exact]:
        return [(x - threshold) ** (1 / c) if x > threshold else mpmath.mpf(0) for x in scores]

    for _ in range(400):
        middle = (low + high) / 2
        low, high = (middle, high) if mpmath.fsum(shares(middle)) > 1 else (low, middle)
    with mpmath.workprec(380):  # a dyadic threshold, which makes ties of floats, is exact
        threshold = +low
    return shares(threshold)


def nearest(exact: Exact) -> float:
    """The nearest float64; mpmath rounds twice where that is subnormal."""
    if abs(exact) < 2.0**-1020:
        return math.ldexp(int(mpmath.nint(mpmath.ldexp(exact, 1074))), -1074)
    return float(exact)


class Mark:
    """An exact number that others are measured by, in ulps of its own size or a larger one."""

    def __init__(self, exact: Exact, scale: Exact = 0) -> None:
        self.nearest = nearest(exact)
        self._exact = exact
        size = max(abs(self.nearest), nearest(scale))
        self._unit = mpmath.mpf(float(np.spacing(size))) if math.isfinite(size) else 1

    def distance(self, computed: float) -> float:
        """The distance in units in the last place; infinite from a number that is not finite."""
        if computed == self.nearest and math.isinf(computed):
            return 0.0
        if not (math.isfinite(computed) and math.isfinite(self.nearest)):
            return math.inf
        return float(abs(computed - self._exact) / self._unit)


def ulps(computed: float, exact: Exact) -> float:
    """The distance in units in the last place of the exact result."""
    return Mark(exact).distance(float(computed))
