"""Ratios of probabilities in decimal, for P and Q too close for double-doubles to tell apart."""

from decimal import Context, Decimal, localcontext

import numpy as np

from softmax_cli.core.doubledouble import Bools, DoubleDouble, where
from softmax_cli.core.probabilities import Distribution, Masses, Smoothed
from softmax_cli.core.softmax import Logits


def refined(p: Distribution, q: Distribution, rows: Bools, ratios: DoubleDouble) -> DoubleDouble:
    """Return log(p / q) of some rows, shape (classes, rows), nearer than the given ratios."""
    sizes = np.abs(ratios.high)
    near = (sizes < 0.5) & ((p.mass.high > 0) & (q.mass.high > 0))[:, rows]
    least = np.where(near & (sizes > 0), sizes, 0.5).min(axis=0)
    exact = DoubleDouble(np.zeros(near.shape), np.zeros(near.shape))
    for i, row in enumerate(np.flatnonzero(rows).tolist()):
        # Where all ratios are 0, enough to see every difference that makes KL more than 0
        digits = 40 - int(np.log10(least[i])) if sizes[:, i].any() else 200
        with localcontext(Context(prec=digits + 5)):  # so that a log is 0 if all digits agree
            a, b = _masses(p, row), _masses(q, row)
            factor = 1 if isinstance(p, Masses) else sum(b, Decimal()) / sum(a, Decimal())
            triples = zip(a, b, near[:, i].tolist(), strict=True)
            logs = [round(x / y * factor, digits).ln() if n else Decimal() for x, y, n in triples]
            high = [float(x) for x in logs]
            low = [float(x - Decimal(y)) for x, y in zip(logs, high, strict=True)]
        exact[:, i] = DoubleDouble(np.array(high), np.array(low))
    return where(near, exact, ratios)


def _masses(distribution: Distribution, row: int) -> list[Decimal]:
    row = min(row, len(distribution.masked) - 1)  # one row may stand for all
    if isinstance(distribution, Smoothed):
        masses, smoothing = _masses(distribution.target, row), Decimal(distribution.smoothing)
        kept, spread = (1 - smoothing) * len(masses), smoothing * sum(masses, Decimal())
        return [kept * x + spread for x in masses]
    if isinstance(distribution, Logits) and distribution.temperature > 0:
        logits = [Decimal(x) for x in distribution.scores[row].tolist()]
        top, temperature = max(logits), Decimal(distribution.temperature)
        return [((x - top) / temperature).exp() for x in logits]
    mass = distribution.mass[:, row]
    parts = zip(*np.broadcast_arrays(mass.high, mass.low, mass.exponent), strict=True)
    return [(Decimal(high) + Decimal(low)) * 2 ** Decimal(int(power)) for high, low, power in parts]
