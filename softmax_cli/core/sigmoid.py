"""The logistic sigmoid 1 / (1 + exp(-x)), its logarithm, and 1 + exp(-|x|) in two floats.

No formula here subtracts: for x < 0 the sigmoid is exp(x) / (1 + exp(x)), and minus its logarithm
is -x + log1p(exp(x)), a sum of two numbers that are not negative (Maechler, "Accurately computing
log(1 - exp(-|a|))", 2012, section 3).
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import cache
from typing import Final

import numpy as np

from softmax_cli.core.arithmetic import Floats, two_product, two_sum

# exp(-n / 64) is tabled up to exp(-48), 1e-21 beside 1.
_STEPS: Final = 64
_LAST: Final = 48


def softplus(x: Floats, /) -> Floats:
    """log(1 + exp(x)) in nats, of x's shape: what a sigmoid costs. 0 at -inf, inf at inf."""
    with np.errstate(under="ignore"):
        result: Floats = np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))
    return result


def log_sigmoid(x: Floats, /) -> Floats:
    """log(1 / (1 + exp(-x))) in nats, of x's shape, never positive; -inf at -inf."""
    return 0.0 - softplus(-x)  # no -0.0


def sigmoid(x: Floats, /) -> Floats:
    """1 / (1 + exp(-x)), of x's shape."""
    with np.errstate(under="ignore"):
        small = np.exp(-np.abs(x))
        result: Floats = np.where(x < 0, small, 1.0) / (1 + small)
    return result


def one_plus_exponential(x: Floats, /) -> tuple[Floats, Floats]:
    """1 + exp(-|x|) as the sum of two floats, right to 2e-21.

    x is a multiple of 1/64 and a small rest, both exact. The exponential of the first is tabled in
    two floats; that of the rest is its Taylor series, whose first two terms are kept in two.
    """
    high, low = _table()
    size = np.minimum(np.abs(x), _LAST)
    steps = np.rint(size * _STEPS)
    rest = steps / _STEPS - size
    square, square_error = two_product(rest, rest)
    tail = 1 / 24 + rest * (1 / 120 + rest * (1 / 720 + rest / 5040))
    tail = rest * square * (1 / 6 + rest * tail)
    growth, error = two_sum(rest, square / 2)
    error = error + square_error / 2 + tail
    base, base_error = high[steps.astype(np.intp)], low[steps.astype(np.intp)]
    product, product_error = two_product(base, growth)
    total, lost = two_sum(np.ones_like(base), base)
    total, more = two_sum(total, product)
    lost = lost + more + product_error + base * error + base_error * (1 + growth)
    return two_sum(total, lost)


@cache
def _table() -> tuple[Floats, Floats]:
    """exp(-n / 64) as two floats for n from 0 to 64 * 48."""
    powers = [Decimal(1)]
    with localcontext() as context:
        context.prec = 50
        factor = (Decimal(-1) / _STEPS).exp()
        for _ in range(_STEPS * _LAST):
            powers.append(powers[-1] * factor)
        high = [float(power) for power in powers]
        low = [float(power - Decimal(h)) for power, h in zip(powers, high, strict=True)]
    return np.array(high), np.array(low)
