"""Reference values by the standard library's decimal, for any float64 input."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from typing import Final

# 60 digits: a float64 has 17, and the exponent of a result above 0 takes 3 more at the most.
_CONTEXT: Final = Context(prec=60, Emax=MAX_EMAX, Emin=MIN_EMIN)
# exp of anything lower is 0 in every float type, by far.
_LOWEST: Final = Decimal(-100_000)


def softmax(logits: Sequence[float], temperature: float = 1.0) -> list[Decimal]:
    """The softmax of the numbers as given, to more than 50 digits; one winner at inf is 1.

    Temperature 0 is the limit: the winners' equal shares.
    """
    maximum = max(logits)
    with localcontext(_CONTEXT):
        if maximum == math.inf or temperature == 0:
            share = Decimal(1) / logits.count(maximum)
            return [share if x == maximum else Decimal() for x in logits]
        top, divisor = Decimal(maximum), Decimal(temperature)
        terms = [_exp((Decimal(x) - top) / divisor) if x > -math.inf else Decimal() for x in logits]
        total = sum(terms, Decimal())
        return [term / total for term in terms]


def linear(scores: Sequence[float]) -> list[Decimal] | None:
    """X / sum(x) of the numbers as given, or None where that is no number."""
    if not all(math.isfinite(x) for x in scores):
        return None
    ratios = [x.as_integer_ratio() for x in scores]
    # A float's denominator is a power of two: the largest is a multiple of all.
    unit = max(denominator for _, denominator in ratios)
    counts = [numerator * (unit // denominator) for numerator, denominator in ratios]
    total = Decimal(sum(counts))
    if total == 0:
        return None
    with localcontext(_CONTEXT):
        return [Decimal(count) / total for count in counts]


def excesses(
    exact: Iterable[Decimal], floats: Iterable[float], units: Iterable[float]
) -> list[float]:
    """How far exact numbers lie above floats, in units of each."""
    with localcontext(_CONTEXT):
        return [
            float((number - Decimal(near)) / Decimal(unit))
            for number, near, unit in zip(exact, floats, units, strict=True)
        ]


def _exp(x: Decimal) -> Decimal:
    return x.exp() if x > _LOWEST else Decimal()
