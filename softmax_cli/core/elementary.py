"""Elementary functions of double-doubles: exp, expm1, log, log1p and powers.

The tables are after Tang, "Table-driven implementation of the exponential function in IEEE
floating-point arithmetic" (1989).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from softmax_cli.core.doubledouble import DoubleDouble, Floats, Integers, normalised, where

# exp and log have tables of 2**(j / 2048).
_STEP_BITS: Final = 11
_STEPS: Final = 1 << _STEP_BITS


def _powers() -> DoubleDouble:
    """2**(j / 2048), from integers in units of 2**-160."""
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
# The same with heads of 24 bits
_HEAD: Final = _POWERS.high.astype(np.float32).astype(np.float64)
_TAIL: Final = (_POWERS.high - _HEAD) + _POWERS.low
_PER_NAT: Final = _STEPS / math.log(2)
# log(2) / 2048 in three parts; products of the first two and integers of 23 bits are exact.
_C1: Final = 0.0003384507713235507
_C2: Final = 4.3423506994609605e-13
_C3: Final = 3.1204245642798044e-22
_C23: Final = _C2 + _C3
# 1.5 * 2**52 has an ulp of 1, so that adding it rounds; the rest is the bias of an exponent's bits.
_ROUND: Final = 1.5 * 2.0**52 + 1023 * _STEPS
_ROUND_BITS: Final = int(np.float64(_ROUND).view(np.int64))
# Exponentials of less are 0; of numbers above `_DEEP` they are far from the subnormal numbers.
_DEEPEST: Final = -1500.0
_DEEP: Final = -600.0

# So many numbers of some arrays stay in the processor's cache.
CACHED: Final = 24576


def exponentials_in_place(z: Floats, error: Floats, work: Sequence[Floats], /) -> Integers | int:
    """Turn z <= 0 and its error in place into exp(z + error): a head of 24 bits, and a tail.

    They are right to 2**-63, and to be multiplied by 2 to the power that is returned.
    Below exp(-1500), which no weight makes a float, they are 0. `work` are three contiguous
    arrays of z's shape that are overwritten.
    """
    deep = not z.min(initial=0.0) >= _DEEP
    if deep:
        zero = ~(z >= _DEEPEST)
        z[zero] = error[zero] = 0.0
    rounded, steps, spare = work
    np.multiply(z, _PER_NAT, out=rounded)
    rounded += _ROUND
    bits, index = rounded.view(np.int64), spare.view(np.int64)
    np.subtract(rounded, _ROUND, out=steps)
    r = z
    r -= np.multiply(steps, _C1, out=spare)
    steps *= _C23
    r -= steps
    r += error
    growth = np.multiply(r, 1 / 24, out=steps)
    growth += 1 / 6
    growth *= r
    growth += 0.5
    growth *= r
    growth *= r
    growth += r
    np.bitwise_and(bits, _STEPS - 1, out=index)
    head = np.take(_HEAD, index, mode="clip", out=z)
    tail = np.take(_TAIL, index, mode="clip", out=error)
    growth *= np.add(head, tail, out=spare)
    tail += growth
    if deep:
        head[zero] = tail[zero] = 0.0
        exponent: Integers = (bits - _ROUND_BITS) >> _STEP_BITS
        return exponent
    bits >>= _STEP_BITS
    bits <<= 52
    head *= rounded
    tail *= rounded
    return 0


def exponentials(z: DoubleDouble, /) -> DoubleDouble:
    """exp(z) for z <= 0, right to 2**-63; 0 below exp(-1500)."""
    head = z.high.copy("K")  # contiguous, so that `ravel` returns views
    tail, exponent = np.full_like(head, z.low), np.zeros_like(head, np.int64)
    flat_head, flat_tail = head.ravel("K"), tail.ravel("K")
    work = np.empty((3, CACHED))
    for start in range(0, head.size, CACHED):
        part = slice(start, start + CACHED)
        spare = [*work[:, : len(flat_head[part])]]
        exponent.ravel("K")[part] = exponentials_in_place(flat_head[part], flat_tail[part], spare)
    return DoubleDouble(head, tail, exponent if exponent.any() else 0)


def exp(x: DoubleDouble, /) -> DoubleDouble:
    """Exponential, right to some 100 bits, of numbers of any size."""
    high = np.clip(x.high, _DEEPEST, -_DEEPEST)
    low = np.where(high == x.high, x.low, 0.0)
    steps = np.rint(high * _PER_NAT)
    r = DoubleDouble(high - steps * _C1) - steps * _C2 + low - steps * _C3
    square = r * r
    rest = r.high / 4 * (1 + r.high / 5 * (1 + r.high / 6 * (1 + r.high / 7)))
    growth = r + square.times_power(-1) + square * r * (_SIXTH + rest / 6)
    number = steps.astype(np.int64)
    tabled = _POWERS[number & (_STEPS - 1)]
    return (tabled + tabled * growth).scaled(number >> _STEP_BITS)


def expm1(x: DoubleDouble, /) -> DoubleDouble:
    """exp(x) - 1, with all digits of a small x."""
    near = x * (1.0 + x.times_power(-1) * (1.0 + x * _THIRD * (1.0 + x.high / 4)))
    return where(np.abs(x.high) < 2.0**-20, near, exp(x).plain() - 1.0)


def power(x: DoubleDouble, exponent: DoubleDouble | float, /) -> DoubleDouble:
    """x**exponent for x >= 0; 0 to any power is 0."""
    zero = x.high <= 0
    return where(zero, 0.0, exp(log(where(zero, 1.0, x)) * exponent))


def log(x: DoubleDouble, /) -> DoubleDouble:
    """Natural logarithm of x > 0, right to some 104 bits; near 1 to as many of 1."""
    fraction, power = _near_one(x.high)
    return _log(normalised(fraction - 1, np.ldexp(x.low, -power)), power + x.exponent)


def log1p(x: DoubleDouble, /) -> DoubleDouble:
    """log(1 + x) for x > -1/2, with all digits of a small x."""
    number = x + 1.0
    fraction, power = _near_one(number.high)
    moved = normalised(fraction - 1, np.ldexp(number.low, -power))
    result = _log(where(power == 0, x, moved), power)
    return where(np.abs(x.high) < 2.0**-200, x, result)


def _near_one(x: Floats) -> tuple[Floats, Integers]:
    fraction, power = np.frexp(x)
    lower = fraction < math.sqrt(0.5)
    return np.where(lower, 2 * fraction, fraction), (power - lower).astype(np.int64)


def _log(rest: DoubleDouble, power: Integers) -> DoubleDouble:
    """log((1 + rest) * 2**power): (1 + rest) / t is near 1 for one of the tabled t.

    The logarithm of the quotient is 2 atanh(s), s = (1 + rest - t) / (1 + rest + t).
    """
    number = np.rint(np.log2(1 + rest.high) * _STEPS).astype(np.int64)
    index = number & (_STEPS - 1)
    half = np.where(number < 0, 0.5, 1.0)
    tabled = DoubleDouble(_POWERS.high[index] * half - 1, _POWERS.low[index] * half)
    s = (rest - tabled) / (rest + tabled + 2.0)
    square = s * s
    tail = s * square * (_TWO_THIRDS + square.high * (0.4 + square.high * (2 / 7)))
    steps = (power * _STEPS + number).astype(np.float64)
    result: DoubleDouble = tail + s.times_power(1) + steps * _C3 + steps * _C2 + steps * _C1
    return result


def in_base(nats: DoubleDouble, base: str, /) -> Floats:
    """The nearest floats of logarithms in nats, in the unit of base 'e', '2' or '10'."""
    return (nats if base == "e" else nats.normal() * _UNITS[base]).rounded()


_SIXTH: Final = DoubleDouble(1.0) / 6.0
_THIRD: Final = DoubleDouble(1.0) / 3.0
_TWO_THIRDS: Final = DoubleDouble(2.0) / 3.0
_UNITS: Final = {base: 1.0 / log(DoubleDouble(float(base))) for base in ("2", "10")}
