"""Elementary functions of double-doubles: exp, expm1, log, log1p and powers.

They use tables as Tang does, "Table-driven implementation of the exponential function in IEEE
floating-point arithmetic" (1989).
"""

import math
from typing import Final

import numpy as np

from softmax_cli.core.doubledouble import DoubleDouble, Floats, Integers, normalised, two_sum, where

# exp and log have tables of 2**(j / 2048).
_STEP_BITS: Final = 11
_STEPS: Final = 1 << _STEP_BITS
_TO_EXPONENT: Final = 52 - _STEP_BITS  # moves a multiple of 2048 to the exponent of a float


def _powers() -> DoubleDouble:
    """Return 2**(j / 2048), computed with integers in units of 2**-160."""
    factor = 2 << 160
    for _ in range(_STEP_BITS):
        factor = math.isqrt(factor << 160)
    powers = [1 << 160]
    while len(powers) < _STEPS:
        powers.append(powers[-1] * factor >> 160)
    high = np.array([power >> 108 for power in powers], np.float64)
    low = np.array([power & (1 << 108) - 1 for power in powers], np.float64)
    return normalised(np.ldexp(high, -52), np.ldexp(low, -160))


_POWERS: Final = _powers()
# The same rounded to 24 bits, as the bits of floats minus those of j / 2048, and the logarithms of
# what the rounding multiplies them by
_ROUNDED: Final = _POWERS.high.astype(np.float32).astype(np.float64)
_HEAD_BITS: Final = _ROUNDED.view(np.int64) - (np.arange(_STEPS) << _TO_EXPONENT)
_CHANGE: Final = np.log1p(((_ROUNDED - _POWERS.high) - _POWERS.low) / _POWERS.high)
_STEPS_PER_NAT: Final = _STEPS / math.log(2)
# log(2) / 2048 in three parts; products of the first two and integers of 23 bits are exact.
_C1: Final = 0.0003384507713235507
_C2: Final = 4.3423506994609605e-13
_C3: Final = 3.1204245642798044e-22
_C23: Final = _C2 + _C3
# The bits of a float without those after the first 24 of its significand
_HEAD_MASK: Final = ~((1 << 29) - 1)
# Adding 1.5 * 2**52, whose ulp is 1, rounds to an integer, and puts it into the low bits.
_ROUND: Final = 1.5 * 2.0**52
_ROUND_BITS: Final = int(np.float64(_ROUND).view(np.int64))
# exp(x) counts as 0 below `_DEEPEST`; above `_DEEP` it is far from being subnormal.
_DEEPEST: Final = -1500.0
_DEEP: Final = -600.0

# Numbers per array for which several arrays fit into the processor's cache
CACHED: Final = 30000


def exponentials_in_place(z: Floats, error: Floats, /) -> Integers | int:
    """Replace z <= 0 by the 24-bit head of exp(z + error), and `error` by the tail.

    Return the exponent of the power of two that multiplies both. The relative error is 2**-63.
    Below exp(-1500), which no weight brings into the range of floats, they are 0. The arrays are
    contiguous.
    """
    exponent = None if z.min(initial=0.0) >= _DEEP else np.empty_like(z, np.int64)
    work = np.empty((3, min(z.size, CACHED)))
    for start in range(0, z.size, CACHED):
        part = slice(start, start + CACHED)
        of_part = None if exponent is None else exponent.ravel("K")[part]
        _replace(z.ravel("K")[part], error.ravel("K")[part], of_part, work)
    return 0 if exponent is None else exponent


def _replace(z: Floats, error: Floats, exponent: Integers | None, work: Floats) -> None:
    """Replace numbers that fit into the cache, as `exponentials_in_place` does."""
    rounded, steps, spare = work[:, : len(z)]
    if exponent is not None:
        zero = ~(z >= _DEEPEST)
        z[zero] = error[zero] = 0.0
    np.multiply(z, _STEPS_PER_NAT, out=rounded)
    rounded += _ROUND
    np.subtract(rounded, _ROUND, out=steps)
    r = z
    r -= np.multiply(steps, _C1, out=spare)
    steps *= _C23
    r -= steps
    r += error
    bits, index = rounded.view(np.int64), spare.view(np.int64)
    np.bitwise_and(bits, _STEPS - 1, out=index)
    r -= np.take(_CHANGE, index, mode="clip", out=error)
    growth = np.multiply(r, 1 / 24, out=steps)
    growth += 1 / 6
    growth *= r
    growth += 0.5
    growth *= r
    growth *= r
    growth += r
    head_bits = np.take(_HEAD_BITS, index, mode="clip", out=z.view(np.int64))
    if exponent is None:
        head_bits += np.left_shift(bits, _TO_EXPONENT, out=bits)
    else:
        head_bits += np.left_shift(index, _TO_EXPONENT, out=index)
        z[zero] = 0.0
        np.right_shift(np.subtract(bits, _ROUND_BITS, out=bits), _STEP_BITS, out=exponent)
    np.multiply(z, growth, out=error)


def exponentials(z: DoubleDouble, /) -> DoubleDouble:
    """Return exp(z) for z <= 0, with a relative error of 2**-63; 0 below exp(-1500)."""
    head, tail = z.high.copy("K"), np.empty_like(z.high)
    tail[...] = z.low
    return DoubleDouble(head, tail, exponentials_in_place(head, tail))


def exp(x: DoubleDouble, /) -> DoubleDouble:
    """Return exp(x) to about 100 bits, for numbers of any size."""
    high = np.clip(x.high, _DEEPEST, -_DEEPEST)
    low = np.where(high == x.high, x.low, 0.0)
    steps = np.rint(high * _STEPS_PER_NAT)
    r = DoubleDouble(high - steps * _C1) - steps * _C2 + low - steps * _C3
    square = r * r
    rest = r.high / 4 * (1 + r.high / 5 * (1 + r.high / 6 * (1 + r.high / 7)))
    growth = r + square.times_power(-1) + square * r * (_SIXTH + rest / 6)
    number = steps.astype(np.int64)
    tabled = _POWERS[number & (_STEPS - 1)]
    return (tabled + tabled * growth).scaled(number >> _STEP_BITS)


def expm1(x: DoubleDouble, /) -> DoubleDouble:
    """Return exp(x) - 1, accurate for small x."""
    near = x * (1.0 + x.times_power(-1) * (1.0 + x * _THIRD * (1.0 + x.high / 4)))
    return where(np.abs(x.high) < 2.0**-20, near, exp(x).plain() - 1.0)


def power(x: DoubleDouble, exponent: DoubleDouble | float, /) -> DoubleDouble:
    """Return x**exponent for x >= 0; 0 to any power is 0."""
    zero = x.high <= 0
    return where(zero, 0.0, exp(log(where(zero, 1.0, x)) * exponent))


def log(x: DoubleDouble, /) -> DoubleDouble:
    """Return log(x) for x > 0 to about 104 bits; near x = 1 the absolute error is 2**-104."""
    fraction, power = _near_one(x.high)
    return _log(normalised(fraction - 1, np.ldexp(x.low, -power)), power + x.exponent)


def log1p(x: DoubleDouble, /) -> DoubleDouble:
    """Return log(1 + x) for x > -1/2, accurate for small x."""
    plain = x.plain()
    number = plain + 1.0
    fraction, power = _near_one(number.high)
    moved = normalised(fraction - 1, np.ldexp(number.low, -power))
    result = _log(where(power == 0, plain, moved), power)
    return where(np.abs(plain.high) < 2.0**-200, x, result)


def log1p_of_sum(x: DoubleDouble, /) -> DoubleDouble:
    """Return log(1 + x) for sums of exponentials, 0 <= x < 2**28, with a relative error of 2**-63.

    It is minus the logarithm of the 24-bit number c nearest to 1 / (1 + x) in the table of exp, and
    log1p of r = c (1 + x) - 1 = (c - 1) + c x, where the product of c and the head of x is exact.
    """
    plain = x.plain()
    steps = np.rint(np.log2(1.0 + plain.high) * _STEPS)
    number = -steps.astype(np.int64)
    index = number & (_STEPS - 1)
    c = (_HEAD_BITS[index] + (number << _TO_EXPONENT)).view(np.float64)
    head = (plain.high.view(np.int64) & _HEAD_MASK).view(np.float64)
    exact = (c - 1.0) + c * head
    rest = c * ((plain.high - head) + plain.low)
    r = exact + rest
    rest += r * r * (r * (1 / 3 - r * (1 / 4 - r * (1 / 5 - r / 6))) - 0.5)
    rest += steps * _C23 - _CHANGE[index]
    high, low = two_sum(steps * _C1, exact)
    return where(plain.high < 2.0**-200, x, normalised(high, low + rest))


def _near_one(x: Floats) -> tuple[Floats, Integers]:
    fraction, power = np.frexp(x)
    lower = fraction < math.sqrt(0.5)
    return np.where(lower, 2 * fraction, fraction), (power - lower).astype(np.int64)


def _log(rest: DoubleDouble, power: Integers) -> DoubleDouble:
    """Return log((1 + rest) * 2**power), by the number t in the table nearest to 1 + rest.

    log((1 + rest) / t) is 2 atanh(s / 2), where s = d / (t + d / 2) and d = 1 + rest - t.
    """
    number = np.rint(np.log2(1 + rest.high) * _STEPS).astype(np.int64)
    index = number & (_STEPS - 1)
    half = np.where(number < 0, 0.5, 1.0)
    tabled = DoubleDouble(_POWERS.high[index] * half, _POWERS.low[index] * half)
    difference = rest - DoubleDouble(tabled.high - 1, tabled.low)
    s = difference / (tabled + difference.times_power(-1))
    square = s * s
    tail = s * square * (_TWELFTH + square.high * (1 / 80 + square.high / 448))
    steps: Floats = (power * _STEPS + number).astype(np.float64)
    return tail + s + DoubleDouble(steps * _C2, steps * _C3) + steps * _C1


def in_base(nats: DoubleDouble, base: str, /) -> Floats:
    """Return logarithms in nats as floats in the unit of base 'e', '2' or '10'."""
    return (nats if base == "e" else nats.normal() * _UNITS[base]).rounded()


_SIXTH: Final = DoubleDouble(1.0) / 6.0
_THIRD: Final = DoubleDouble(1.0) / 3.0
_TWELFTH: Final = DoubleDouble(1.0) / 12.0
_UNITS: Final = {base: 1.0 / log(DoubleDouble(float(base))) for base in ("2", "10")}
