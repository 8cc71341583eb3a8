"""Powers of numbers of two floats, to about 100 bits, by `logarithm.log_parts`."""

from __future__ import annotations

import numpy as np

from softmax_cli.core.arithmetic import Parts, finite_or_zero, multiply_parts, quiet, two_sum
from softmax_cli.core.logarithm import log_parts


def log_of_parts(values: Parts, /) -> Parts:
    """Logarithm of positive numbers."""
    high, low = log_parts(values[0])
    ratio = values[1] / values[0]
    total, error = two_sum(high, ratio)
    return two_sum(total, error + (low - ratio * ratio / 2))


def power(base: Parts, exponent: Parts, /) -> Parts:
    """base**exponent for bases that are not negative; 0 to any power is 0."""
    if exponent[0] == 1 and exponent[1] == 0:
        return base
    if exponent[0] == 2 and exponent[1] == 0:
        return _normal(multiply_parts(base, base))
    is_zero = base[0] <= 0
    some = np.where(is_zero, 1.0, base[0]), np.where(is_zero, 0.0, base[1])
    with quiet():
        high, low = _exp(_normal(multiply_parts(log_of_parts(some), exponent)))
    return np.where(is_zero, 0.0, high), np.where(is_zero, 0.0, low)


def _exp(values: Parts) -> Parts:
    """Exponential, mended by how far its logarithm is off; subnormal ones have no second part."""
    high = np.exp(values[0])
    ordinary = (high > 0) & np.isfinite(high)
    back = log_parts(np.where(ordinary, high, 1.0))
    missed = (values[0] - back[0]) + (values[1] - back[1])
    low = high * (missed + missed * missed / 2)
    return high, np.where(ordinary, low, 0.0)


def _normal(parts: Parts) -> Parts:
    high, low = two_sum(parts[0], parts[1])
    return high, finite_or_zero(low)
