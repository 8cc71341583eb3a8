"""The natural logarithm with more digits than `numpy.log` has."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from softmax_cli.core.arithmetic import Floats, Parts, divide, multiply_parts, two_product, two_sum


def log_parts(values: Floats, /) -> Parts:
    """Logarithm of positive numbers to 100 bits.

    With values = m * 2**e it is e log 2 + 2 atanh(s), where s = (m - 1) / (m + 1).
    """
    fraction, exponent = np.frexp(values)
    lower = fraction < math.sqrt(0.5)
    fraction, exponent = np.where(lower, 2 * fraction, fraction), exponent - lower
    s = divide(fraction - 1, 0.0, *two_sum(fraction, np.ones_like(fraction)))
    high, low = multiply_parts(_tail(multiply_parts(s, s)), s)
    high, error = two_sum(2 * s[0], high)
    low = error + (2 * s[1] + low)
    whole, missed = two_product(exponent.astype(np.float64), _LOG2[0])
    total, error = two_sum(whole, high)
    return two_sum(total, error + (missed + exponent * _LOG2[1] + low))


def _tail(square: Parts) -> Parts:
    """2 atanh(s) / s - 2 by its series in the square of s, below 0.03."""
    plain = np.zeros_like(square[0])
    for high, _ in reversed(_ATANH[_PLAIN:]):
        plain = (plain + high) * square[0]
    result = plain, np.zeros_like(plain)
    for high, low in reversed(_ATANH[1:_PLAIN]):
        total, error = two_sum(result[0], np.full_like(plain, high))
        result = multiply_parts((total, error + (result[1] + low)), square)
    return result


def _quotient(dividend: int, divisor: int) -> tuple[float, float]:
    """A quotient of integers as two floats."""
    high = dividend / divisor
    numerator, denominator = high.as_integer_ratio()
    return high, (dividend * denominator - numerator * divisor) / (divisor * denominator)


# The series of 2 atanh(s) / s, and from where on plain numbers suffice
_ATANH: Final = tuple(_quotient(2, 2 * n + 1) for n in range(21))
_PLAIN: Final = 10
# log 2 to 107 bits, and a first part so short that its product with an exponent is exact
_LOG2: Final = (float.fromhex("0x1.62e42fefa39efp-1"), float.fromhex("0x1.abc9e3b39803fp-56"))
