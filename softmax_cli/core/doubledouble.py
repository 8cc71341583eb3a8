"""Double-double arithmetic: a number as the sum of two floats, some 106 bits.

Two-sum is Knuth's (TAOCP 2, 4.2.2), two-product Dekker's ("A floating-point technique for
extending the available precision", 1971), the tables of exp and log are after Tang ("Table-driven
implementation of the exponential function in IEEE floating-point arithmetic", 1989).

Every operation is elementwise over the columns, so that a column's result has the same bits
whatever stands beside it. `numpy.sum` does not promise that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Overflow, underflow and inf - inf are meant where they happen in core.
quiet = partial(np.errstate, all="ignore")

_SPLITTER: Final = 134217729.0  # 2**27 + 1: halves a 53-bit significand


def two_sum(a: Floats, b: Floats | float, /) -> tuple[Floats, Floats]:
    """Sum and rounding error: a + b == total + error exactly; nan where the sum is infinite."""
    total = np.asarray(a + b)
    virtual = np.asarray(total - a)
    error = np.asarray(total - virtual)
    np.subtract(a, error, out=error)
    np.subtract(b, virtual, out=virtual)
    error += virtual
    return total, error


def two_product(a: Floats, b: Floats | float, /) -> tuple[Floats, Floats]:
    """Product and rounding error: a * b == product + error, between 1e-250 and 1e300."""
    product = np.asarray(a * b)
    a_high, a_low = _split(np.asarray(a))
    b_high, b_low = _split(np.asarray(b))
    error = np.asarray(a_high * b_high)
    error -= product
    error += a_high * b_low
    error += a_low * b_high
    error += a_low * b_low
    return product, error


def _split(a: Floats) -> tuple[Floats, Floats]:
    high = np.asarray(a * _SPLITTER)
    high = high - (high - a)
    return high, a - high


class DoubleDouble:
    """Numbers, each the sum of a float and a smaller one.

    Operators work elementwise and broadcast, also beside arrays and floats. Where `high` is
    infinite `low` may be nan: it has no meaning there.
    """

    __slots__ = ("high", "low")
    __array_ufunc__ = None  # an array beside it leaves the operation to it

    def __init__(self, high: Floats | float, low: Floats | float = 0.0) -> None:
        self.high: Floats = np.asarray(high)
        self.low: Floats = np.asarray(low)

    def __add__(self, other: Number) -> DoubleDouble:
        b = as_double_double(other)
        high, error = two_sum(self.high, b.high)
        error += self.low + b.low
        return _normal(high, error)

    def __mul__(self, other: Number) -> DoubleDouble:
        b = as_double_double(other)
        high, error = two_product(self.high, b.high)
        error += self.high * b.low + self.low * b.high
        return _normal(high, error)

    def __truediv__(self, other: Number) -> DoubleDouble:
        b = as_double_double(other)
        quotient = np.asarray(self.high / b.high)
        product, error = two_product(quotient, b.high)
        remainder = (self.high - product) - error + (self.low - quotient * b.low)
        return _normal(quotient, np.asarray(remainder / b.high))

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> DoubleDouble:
        return DoubleDouble(-self.high, -self.low)

    def __sub__(self, other: Number) -> DoubleDouble:
        return self + -as_double_double(other)

    def __rsub__(self, other: Number) -> DoubleDouble:
        return -self + other

    def __rtruediv__(self, other: Number) -> DoubleDouble:
        return as_double_double(other) / self

    def __getitem__(self, key: Any) -> DoubleDouble:
        return DoubleDouble(self.high[key], np.broadcast_to(self.low, self.high.shape)[key])

    def times_power(self, exponent: Integers | int) -> DoubleDouble:
        """Multiply by 2**exponent."""
        return DoubleDouble(np.ldexp(self.high, exponent), np.ldexp(self.low, exponent))

    def rounded(self) -> Floats:
        """The nearest floats."""
        total: Floats = np.asarray(self.high + self.low)
        return total if np.isfinite(total).all() else np.where(np.isnan(total), self.high, total)


Number = DoubleDouble | Floats | float


def as_double_double(number: Number, /) -> DoubleDouble:
    """A double-double of any number."""
    return number if isinstance(number, DoubleDouble) else DoubleDouble(number)


def where(mask: Bools, a: Number, b: Number, /) -> DoubleDouble:
    """As numpy's, for double-doubles."""
    a, b = as_double_double(a), as_double_double(b)
    return DoubleDouble(np.where(mask, a.high, b.high), np.where(mask, a.low, b.low))


def _normal(high: Floats, low: Floats) -> DoubleDouble:
    total = np.asarray(high + low)
    error = np.asarray(high - total)
    error += low
    if (odd := np.isnan(total)).any():  # beside inf
        return DoubleDouble(np.where(odd, high, total), np.where(odd, 0.0, error))
    return DoubleDouble(total, error)


def fold_sum(terms: Number, /) -> DoubleDouble:
    """Sum over the first axis, right to some 100 bits where no term is negative.

    The array is folded in half until one row is left (the compensated sum of Ogita, Rump and
    Oishi, "Accurate sum and dot product", 2005, as a tree).
    """
    terms = as_double_double(terms)
    high, low = terms.high, np.broadcast_to(terms.low, terms.high.shape)
    if len(high) == 0:
        return DoubleDouble(np.zeros(high.shape[1:]), np.zeros(high.shape[1:]))
    while len(high) > 1:
        half = len(high) // 2
        end = 2 * half
        total, error = two_sum(high[:half], high[half:end])
        error += low[:half]
        error += low[half:end]
        if end < len(high):  # the last row waits for the next round
            total, error = np.concatenate([total, high[end:]]), np.concatenate([error, low[end:]])
        high, low = total, error
    return _normal(high[0], low[0])


def running_sum(terms: DoubleDouble, /) -> DoubleDouble:
    """Sums of the first one, two, ... along the first axis.

    Each round adds what lies 1, 2, 4, ... before (Hillis and Steele, "Data parallel algorithms",
    1986).
    """
    total, step = terms, 1
    while step < len(terms.high):
        added = total[step:] + total[:-step]
        total = DoubleDouble(
            np.concatenate([total.high[:step], added.high]),
            np.concatenate([np.broadcast_to(total.low, total.high.shape)[:step], added.low]),
        )
        step *= 2
    return total


class Scaled:
    """Double-doubles times powers of two, for numbers that no float holds.

    An exponent of None is 0 for all.
    """

    __slots__ = ("exponent", "value")

    def __init__(self, value: DoubleDouble, exponent: Integers | None = None) -> None:
        self.value = value
        self.exponent = exponent

    def __mul__(self, other: Scaled | Number) -> Scaled:
        if not isinstance(other, Scaled):
            return Scaled(self.value * other, self.exponent)
        exponent = _exponent_sum(self.exponent, other.exponent, 1)
        return Scaled(self.value * other.value, exponent)

    def __truediv__(self, other: Scaled | Number) -> Scaled:
        if not isinstance(other, Scaled):
            return Scaled(self.value / other, self.exponent)
        exponent = _exponent_sum(self.exponent, other.exponent, -1)
        return Scaled(self.value / other.value, exponent)

    def __add__(self, other: Scaled) -> Scaled:
        a, b, exponent = self.aligned(other)
        return Scaled(a + b, exponent)

    def aligned(self, other: Scaled) -> tuple[DoubleDouble, DoubleDouble, Integers | None]:
        """Both numbers with one exponent, that of the larger, where any has one."""
        if self.exponent is None and other.exponent is None:
            return self.value, other.value, None
        top = np.maximum(self._normal_exponents(), other._normal_exponents())
        return self._relative_to(top), other._relative_to(top), top

    def __neg__(self) -> Scaled:
        return Scaled(-self.value, self.exponent)

    def __getitem__(self, key: Any) -> Scaled:
        if self.exponent is None:
            return Scaled(self.value[key])
        return Scaled(self.value[key], np.broadcast_to(self.exponent, self.value.high.shape)[key])

    def sum(self) -> Scaled:
        """Sum over the first axis; no term is negative."""
        if self.exponent is None:
            largest = np.abs(self.value.high).max(axis=0, initial=0.0)
            if ((largest == 0) | ((largest > _FAINT) & (largest < _VAST))).all():
                return Scaled(fold_sum(self.value))
        top = self._normal_exponents().max(axis=0, initial=_NO_EXPONENT)
        return Scaled(fold_sum(self._relative_to(top)), top)

    def normal(self) -> Scaled:
        """The same numbers, with exponents where a product might overflow."""
        if np.abs(self.value.high).max(initial=0.0) < _VAST:
            return self
        top = self._normal_exponents()
        return Scaled(self._relative_to(top), top)

    def plain(self) -> DoubleDouble:
        """The numbers as double-doubles, as far as floats hold them."""
        if self.exponent is None:
            return self.value
        return self.value.times_power(np.clip(self.exponent, -_LOWEST, _LOWEST))

    def rounded(self) -> Floats:
        """The nearest floats, also where they are subnormal or overflow."""
        value = self.value.rounded()
        if self.exponent is None:
            return value
        power = np.clip(self.exponent, -_LOWEST, _LOWEST)
        result = np.asarray(np.ldexp(value, power))
        subnormal = (np.abs(result) < np.finfo(float).tiny) & (value != 0)
        if subnormal.any():  # rounded once, in units of the smallest float
            step = 1074 + np.broadcast_to(power, value.shape)[subnormal]
            units = self.value[subnormal].times_power(step)
            whole = np.rint(units.high)
            whole += np.rint((units.high - whole) + units.low)
            result[subnormal] = np.ldexp(whole, -1074)
        return result

    def in_base(self, base: str) -> Floats:
        """The nearest floats of logarithms in nats, in the unit of base 'e', '2' or '10'."""
        return self.rounded() if base == "e" else (self.normal() * _UNIT[base]).rounded()

    def _normal_exponents(self) -> Integers:
        """Exponents that leave numbers from 1/2 to 1; a zero's is very low."""
        exponent: Integers = np.frexp(self.value.high)[1].astype(np.int64)
        if self.exponent is not None:
            exponent = exponent + self.exponent
        return np.where(self.value.high == 0, _NO_EXPONENT, exponent)

    def _relative_to(self, exponent: Integers) -> DoubleDouble:
        own = 0 if self.exponent is None else self.exponent
        return self.value.times_power(np.clip(own - exponent, -_LOWEST, _LOWEST))


_FAINT: Final = 2.0**-400
_VAST: Final = 2.0**900
_LOWEST: Final = 4400  # more powers of two than there are between any two floats
_NO_EXPONENT: Final = -(2**40)


def choose(mask: Bools, a: Scaled, b: Scaled, /) -> Scaled:
    """As numpy's `where`, for scaled numbers."""
    value = where(mask, a.value, b.value)
    if a.exponent is None and b.exponent is None:
        return Scaled(value)
    exponents = (0 if x.exponent is None else x.exponent for x in (a, b))
    return Scaled(value, np.where(mask, *exponents))


def polynomial(x: Floats, coefficients: tuple[float, ...], /) -> Floats:
    """Sum of coefficient * x**n by Horner's rule."""
    result = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        result *= x
        result += coefficient
    return result


def _exponent_sum(a: Integers | None, b: Integers | None, sign: int) -> Integers | None:
    if b is None:
        return a
    return sign * b if a is None else a + sign * b


def scaled(numbers: Floats, /) -> Scaled:
    """Floats as double-doubles that may be multiplied without over- or underflow."""
    sizes = np.abs(numbers)
    if ((sizes == 0) | ((sizes > 1e-150) & (sizes < 1e150))).all():
        return Scaled(DoubleDouble(numbers))
    fraction, exponent = np.frexp(numbers)
    return Scaled(DoubleDouble(fraction), exponent.astype(np.int64))


# exp and log have tables of 2**(j / 2048).
_BITS: Final = 160
_STEP_BITS: Final = 11
_STEPS: Final = 1 << _STEP_BITS
_LN2: Final = 0xB17217F7D1CF79ABC9E3B39803F2F6AF40F343267298B62D8A0D175B8BAAFA2BE7B876206DEBAC98
_LN2_BITS: Final = 320


def _powers() -> DoubleDouble:
    """2**(j / 2048): products of 32 coarse and 64 fine powers, which are exact."""
    factor = 2 << _BITS
    for step in range(_STEP_BITS):
        factor = math.isqrt(factor << _BITS)
        if step == 4:
            coarse = _power_list(factor, 32)
    fine = _power_list(factor, _STEPS // 32)
    product = coarse[:, None] * fine
    return DoubleDouble(product.high.ravel(), product.low.ravel())


def _power_list(factor: int, count: int) -> DoubleDouble:
    powers = [1 << _BITS]
    while len(powers) < count:
        powers.append(powers[-1] * factor >> _BITS)
    high = [power >> _BITS - 52 for power in powers]
    low = [power - (part << _BITS - 52) for power, part in zip(powers, high, strict=True)]
    return _normal(np.ldexp(np.array(high, float), -52), np.ldexp(np.array(low, float), -_BITS))


_POWERS: Final = _powers()
# The same with heads of 26 bits
_HEAD: Final = _POWERS.high.astype(np.float32).astype(np.float64)
_TAIL: Final = (_POWERS.high - _HEAD) + _POWERS.low
_PER_NAT: Final = _STEPS / math.log(2)


def _ln2_parts() -> tuple[float, float, float]:
    """log(2) / 2048 in three, whose first two times integers of 23 bits are exact."""
    parts, rest = [], _LN2
    for _ in range(2):
        shift = rest.bit_length() - 30
        parts.append(math.ldexp(rest >> shift, shift - _LN2_BITS - _STEP_BITS))
        rest -= rest >> shift << shift
    return parts[0], parts[1], math.ldexp(rest, -_LN2_BITS - _STEP_BITS)


_C1, _C2, _C3 = _ln2_parts()
_C23: Final = _C2 + _C3
_LN2_HIGH: Final = _LN2 >> _LN2_BITS - 53
LOG2: Final = DoubleDouble(
    math.ldexp(_LN2_HIGH, -53),
    math.ldexp(_LN2 - (_LN2_HIGH << _LN2_BITS - 53), -_LN2_BITS),
)
# 1.5 * 2**52 has an ulp of 1, so that adding it rounds; the rest is the bias of an exponent's bits.
_ROUND: Final = 1.5 * 2.0**52 + 1023 * _STEPS
_ROUND_BITS: Final = int(np.float64(_ROUND).view(np.int64))
DEEPEST: Final = -1500.0
# From here exponentials, and quotients of them, are far from the subnormal numbers.
DEEP: Final = -600.0


# So many numbers of some arrays stay in the processor's cache.
CACHED: Final = 24576


def exp_head(
    z: Floats, error: Floats, work: tuple[Floats, Floats, Floats], /, *, deep: bool
) -> Integers | None:
    """Turn z <= 0 and its error in place into exp(z + error): a head of 24 bits, and a tail.

    They are right to 2**-63. Without `deep` z is above `DEEP`; with it, above `DEEPEST`, and the
    parts are to be multiplied by 2 to the power that is returned. `work` are contiguous arrays of
    z's shape that are overwritten.
    """
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
        exponent: Integers = (bits - _ROUND_BITS) >> _STEP_BITS
        return exponent
    bits >>= _STEP_BITS
    bits <<= 52
    head *= rounded
    tail *= rounded
    return None


def exponentials_in_place(z: Floats, error: Floats, work: Iterable[Floats], /) -> Integers | None:
    """As `exp_head`, for any z <= 0; 0 below exp(-1500), which no weight makes a number."""
    first, second, third = work
    if z.min(initial=0.0) >= DEEP:
        return exp_head(z, error, (first, second, third), deep=False)
    nothing = ~(z >= DEEPEST)
    z[nothing] = error[nothing] = 0.0
    exponent = exp_head(z, error, (first, second, third), deep=True)
    z[nothing] = error[nothing] = 0.0
    return exponent


def exponentials(z: DoubleDouble, /) -> Scaled:
    """exp(z) for z <= 0, right to 2**-63; 0 below exp(-1500), which no weight makes a number."""
    order: Any = "F" if z.high.flags.f_contiguous else "C"
    head, tail = z.high.flatten(order), z.low.flatten(order)
    exponent = np.zeros(head.shape, np.int64)
    work = np.empty((3, CACHED))
    for start in range(0, len(head), CACHED):
        part = slice(start, start + CACHED)
        found = exponentials_in_place(head[part], tail[part], work[:, : len(head[part])])
        exponent[part] = 0 if found is None else found
    shape = z.high.shape
    value = DoubleDouble(head.reshape(shape, order=order), tail.reshape(shape, order=order))
    return Scaled(value, exponent.reshape(shape, order=order) if exponent.any() else None)


def exp(x: DoubleDouble, /) -> Scaled:
    """Exponential, right to some 100 bits, of numbers of any size."""
    high = np.clip(x.high, DEEPEST, -DEEPEST)
    low = np.where(high == x.high, x.low, 0.0)
    steps = np.rint(high * _PER_NAT)
    r = DoubleDouble(high - steps * _C1) - steps * _C2 + low - steps * _C3
    square = r * r
    rest = r.high / 4 * (1 + r.high / 5 * (1 + r.high / 6 * (1 + r.high / 7)))
    growth = r + square.times_power(-1) + square * r * (_SIXTH + rest / 6)
    number = steps.astype(np.int64)
    index = number & (_STEPS - 1)
    power = _POWERS[index]
    return Scaled(power + power * growth, number >> _STEP_BITS)


def expm1(x: DoubleDouble, /) -> DoubleDouble:
    """exp(x) - 1, with all digits of a small x."""
    near = x * (1.0 + x.times_power(-1) * (1.0 + x * _THIRD * (1.0 + x.high / 4)))
    return where(np.abs(x.high) < 2.0**-20, near, exp(x).plain() - 1.0)


def power(x: Scaled, exponent: Number, /) -> Scaled:
    """x**exponent for x >= 0; 0 to any power is 0."""
    zero = x.value.high <= 0
    logarithm = log(where(zero, 1.0, x.value), 0 if x.exponent is None else x.exponent)
    result = exp(logarithm * exponent)
    return Scaled(where(zero, 0.0, result.value), result.exponent)


def log(x: DoubleDouble, exponent: Integers | int = 0, /) -> DoubleDouble:
    """Natural logarithm of x * 2**exponent > 0, right to some 104 bits, at 1 relative to it."""
    fraction, power = _near_one(x.high)
    fraction_low = np.ldexp(x.low, -power)
    return _log(_normal(fraction - 1, np.asarray(fraction_low)), power + exponent)


def log1p(x: DoubleDouble, /) -> DoubleDouble:
    """log(1 + x) for x > -1/2, with all digits of a small x."""
    number = x + 1.0
    fraction, power = _near_one(number.high)
    moved = _normal(fraction - 1, np.ldexp(number.low, -power))
    result = _log(where(power == 0, x, moved), power)
    return where(np.abs(x.high) < 2.0**-200, x, result)


def _near_one(x: Floats) -> tuple[Floats, Integers]:
    fraction, power = np.frexp(x)
    lower = fraction < math.sqrt(0.5)
    return np.where(lower, 2 * fraction, fraction), (power - lower).astype(np.int64)


def _log(rest: DoubleDouble, power: Integers | int) -> DoubleDouble:
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


_SIXTH: Final = DoubleDouble(1.0) / 6.0
_THIRD: Final = DoubleDouble(1.0) / 3.0
_TWO_THIRDS: Final = DoubleDouble(2.0) / 3.0
_UNIT: Final = {"2": 1.0 / LOG2, "10": 1.0 / log(DoubleDouble(10.0))}
