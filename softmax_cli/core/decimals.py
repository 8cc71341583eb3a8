"""Ratios of probabilities in decimal, for P and Q too close for double-doubles to tell apart."""

from decimal import Context, Decimal, localcontext

import numpy as np

from softmax_cli.core.doubledouble import Bools, DoubleDouble, where
from softmax_cli.core.elementary import log1p
from softmax_cli.core.probabilities import Distribution, Masses
from softmax_cli.core.softmax import Logits


def refined(p: Distribution, q: Distribution, rows: Bools, ratios: DoubleDouble) -> DoubleDouble:
    """Return log(p / q) of some rows, shape (classes, rows), nearer than the given ratios."""
    sizes = np.abs(ratios.high)
    near = (sizes < 0.5) & ((p.mass.high > 0) & (q.mass.high > 0))[:, rows]
    least = np.where(near & (sizes > 0), sizes, 0.5).min(axis=0)
    changes = DoubleDouble(np.zeros(near.shape), np.zeros(near.shape))
    for i, row in enumerate(np.flatnonzero(rows).tolist()):
        changes[:, i] = _changes(p, q, row, near[:, i], 40 - int(np.log10(least[i])))
    return where(near, log1p(changes), ratios)


def _changes(p: Distribution, q: Distribution, row: int, near: Bools, digits: int) -> DoubleDouble:
    """Return p / q - 1 of a row's near classes, else 0; 0 too if p and q have the same digits."""
    with localcontext(Context(prec=digits + 5)):
        a, b = _masses(p, row), _masses(q, row)
        factor = 1 if isinstance(p, Masses) else sum(b, Decimal()) / sum(a, Decimal())
        numbers = zip(a, b, near, strict=True)
        ratios = [x / y * factor if wanted else Decimal(1) for x, y, wanted in numbers]
    with localcontext(Context(prec=digits)):
        changes = [+ratio - 1 for ratio in ratios]
        high = [float(change) for change in changes]
        low = [float(change - Decimal(x)) for change, x in zip(changes, high, strict=True)]
    return DoubleDouble(np.array(high), np.array(low))


def _masses(distribution: Distribution, row: int) -> list[Decimal]:
    if isinstance(distribution, Logits) and distribution.temperature > 0:
        logits = [Decimal(x) for x in distribution.scores[row].tolist()]
        top, temperature = max(logits), Decimal(distribution.temperature)
        return [((x - top) / temperature).exp() for x in logits]
    mass = distribution.mass[:, row]
    parts = zip(*np.broadcast_arrays(mass.high, mass.low, mass.exponent), strict=True)
    return [(Decimal(high) + Decimal(low)) * 2 ** Decimal(int(power)) for high, low, power in parts]
