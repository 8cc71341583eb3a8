"""Ratios of probabilities in decimal, for P and Q too close for double-doubles to tell apart."""

from decimal import Context, Decimal, localcontext

import numpy as np

from softmax_cli.core.doubledouble import Bools, DoubleDouble
from softmax_cli.core.probabilities import Distribution, Masses
from softmax_cli.core.softmax import Logits


def relative_changes(p: Distribution, q: Distribution, row: int, chosen: Bools, /) -> DoubleDouble:
    """Return p / q - 1 of a row, shape (classes,); 0 of classes that are not chosen.

    The error is 1e-55 times the least probability. A change that small is 0.
    """
    a, b = (x.probability[:, row].rounded() for x in (p, q))
    digits = 55 + max(0, -int(np.log10(min(a[a > 0].min(), b[b > 0].min()))))
    with localcontext(Context(prec=digits + 5)):
        x, y = _masses(p, row), _masses(q, row)
        factor = 1 if isinstance(p, Masses) else sum(y, Decimal()) / sum(x, Decimal())
        numbers = zip(x, y, chosen.tolist(), strict=True)
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
    powers = np.broadcast_to(mass.exponent, mass.high.shape)
    columns = zip(mass.high.tolist(), mass.low.tolist(), powers.tolist(), strict=True)
    return [(Decimal(high) + Decimal(low)) * Decimal(2) ** power for high, low, power in columns]
