"""Double-double arithmetic: a number as the sum of two floats, some 106 bits.

Two-sum is Knuth's (TAOCP 2, 4.2.2), two-product Dekker's ("A floating-point technique for
extending the available precision", 1971). Every operation is elementwise over the columns, so that
a column's result has the same bits whatever stands beside it, which `numpy.sum` does not promise.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]

# Overflow, underflow and inf - inf are expected in core.
quiet = partial(np.errstate, all="ignore")

_SPLITTER: Final = 134217729.0  # 2**27 + 1: halves a 53-bit significand
_SMALL: Final = 2.0**-400
_LARGE: Final = 2.0**900  # products of larger numbers may overflow
_MOST: Final = 4400  # more powers of two than there are between any two floats
_LEAST: Final = -(2**40)  # the exponent of 0


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
    __array_ufunc__ = None  # an array's operators leave the operation to this class

    def __init__(self, high: Floats | float, low: Floats | float = 0.0) -> None:
        self.high: Floats = np.asarray(high)
        self.low: Floats = np.asarray(low)

    def __add__(self, other: Number) -> DoubleDouble:
        b = _double_double(other)
        high, error = two_sum(self.high, b.high)
        error += self.low + b.low
        return normalised(high, error)

    def __mul__(self, other: Number) -> DoubleDouble:
        b = _double_double(other)
        high, error = two_product(self.high, b.high)
        error += self.high * b.low + self.low * b.high
        return normalised(high, error)

    def __truediv__(self, other: Number) -> DoubleDouble:
        b = _double_double(other)
        quotient = np.asarray(self.high / b.high)
        product, error = two_product(quotient, b.high)
        remainder = (self.high - product) - error + (self.low - quotient * b.low)
        return normalised(quotient, np.asarray(remainder / b.high))

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> DoubleDouble:
        return DoubleDouble(-self.high, -self.low)

    def __sub__(self, other: Number) -> DoubleDouble:
        return self + -_double_double(other)

    def __rsub__(self, other: Number) -> DoubleDouble:
        return -self + other

    def __rtruediv__(self, other: Number) -> DoubleDouble:
        return _double_double(other) / self

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


def _double_double(number: Number) -> DoubleDouble:
    return number if isinstance(number, DoubleDouble) else DoubleDouble(number)


def where(mask: Bools, a: Number, b: Number, /) -> DoubleDouble:
    """As numpy's, for double-doubles."""
    a, b = _double_double(a), _double_double(b)
    return DoubleDouble(np.where(mask, a.high, b.high), np.where(mask, a.low, b.low))


def normalised(high: Floats, low: Floats, /) -> DoubleDouble:
    """High + low as a double-double, for |high| >= |low|."""
    total = np.asarray(high + low)
    error = np.asarray(high - total)
    error += low
    if (undefined := np.isnan(total)).any():  # beside inf
        return DoubleDouble(np.where(undefined, high, total), np.where(undefined, 0.0, error))
    return DoubleDouble(total, error)


def fold_sum(terms: Number, /) -> DoubleDouble:
    """Sum over the first axis, right to some 100 bits where no term is negative.

    The array is folded in half until one row is left (the compensated sum of Ogita, Rump and
    Oishi, "Accurate sum and dot product", 2005, as a tree).
    """
    terms = _double_double(terms)
    high, low = terms.high, np.broadcast_to(terms.low, terms.high.shape)
    if len(high) == 0:
        return DoubleDouble(np.zeros(high.shape[1:]), np.zeros(high.shape[1:]))
    while len(high) > 1:
        half = len(high) // 2
        end = 2 * half
        total, error = two_sum(high[:half], high[half:end])
        error += low[:half]
        error += low[half:end]
        if end < len(high):  # the last row goes to the next round
            total, error = np.concatenate([total, high[end:]]), np.concatenate([error, low[end:]])
        high, low = total, error
    return normalised(high[0], low[0])


def running_sum(terms: DoubleDouble, /) -> DoubleDouble:
    """Sums of the first one, two, ... along the first axis.

    Each round adds the number 1, 2, 4, ... before (Hillis and Steele, "Data parallel algorithms",
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

    The exponent is an array, or 0 for all.
    """

    __slots__ = ("exponent", "value")

    def __init__(self, value: DoubleDouble, exponent: Integers | int = 0) -> None:
        self.value = value
        self.exponent = exponent

    @classmethod
    def of(cls, numbers: Floats) -> Scaled:
        """Floats that may be multiplied without overflow or underflow."""
        sizes = np.abs(numbers)
        if ((sizes == 0) | ((sizes > 1e-150) & (sizes < 1e150))).all():
            return cls(DoubleDouble(numbers))
        fraction, exponent = np.frexp(numbers)
        return cls(DoubleDouble(fraction), exponent.astype(np.int64))

    def __mul__(self, other: Scaled | Number) -> Scaled:
        if not isinstance(other, Scaled):
            return Scaled(self.value * other, self.exponent)
        return Scaled(self.value * other.value, self.exponent + other.exponent)

    def __truediv__(self, other: Scaled | Number) -> Scaled:
        if not isinstance(other, Scaled):
            return Scaled(self.value / other, self.exponent)
        return Scaled(self.value / other.value, self.exponent - other.exponent)

    def __add__(self, other: Scaled) -> Scaled:
        a, b, exponent = self.aligned(other)
        return Scaled(a + b, exponent)

    def __neg__(self) -> Scaled:
        return Scaled(-self.value, self.exponent)

    def __getitem__(self, key: Any) -> Scaled:
        if isinstance(self.exponent, int):
            return Scaled(self.value[key])
        return Scaled(self.value[key], np.broadcast_to(self.exponent, self.value.high.shape)[key])

    def filled(self, mask: Bools, value: float) -> Scaled:
        """0 or inf where the mask is true, and these numbers elsewhere."""
        return Scaled(where(mask, value, self.value), self.exponent)

    def aligned(self, other: Scaled) -> tuple[DoubleDouble, DoubleDouble, Integers | int]:
        """Both numbers with the exponent of the larger, if either has an exponent."""
        if isinstance(self.exponent, int) and isinstance(other.exponent, int):
            return self.value, other.value, 0
        top = np.maximum(self._own_exponents(), other._own_exponents())
        return self._relative_to(top), other._relative_to(top), top

    def sum(self) -> Scaled:
        """Sum over the first axis; no term is negative."""
        if isinstance(self.exponent, int):
            largest = np.abs(self.value.high).max(axis=0, initial=0.0)
            if ((largest == 0) | ((largest > _SMALL) & (largest < _LARGE))).all():
                return Scaled(fold_sum(self.value))
        top = self._own_exponents().max(axis=0, initial=_LEAST)
        return Scaled(fold_sum(self._relative_to(top)), top)

    def normal(self) -> Scaled:
        """The same numbers, with exponents if a product might overflow."""
        if np.abs(self.value.high).max(initial=0.0) < _LARGE:
            return self
        top = self._own_exponents()
        return Scaled(self._relative_to(top), top)

    def plain(self) -> DoubleDouble:
        """The numbers as double-doubles, which may overflow or underflow."""
        if isinstance(self.exponent, int):
            return self.value
        return self.value.times_power(np.clip(self.exponent, -_MOST, _MOST))

    def rounded(self) -> Floats:
        """The nearest floats, also where they are subnormal or overflow."""
        value = self.value.rounded()
        if isinstance(self.exponent, int):
            return value
        power = np.clip(self.exponent, -_MOST, _MOST)
        result = np.asarray(np.ldexp(value, power))
        subnormal = (np.abs(result) < np.finfo(float).tiny) & (value != 0)
        if subnormal.any():  # rounded once, in units of the smallest float
            step = 1074 + np.broadcast_to(power, value.shape)[subnormal]
            units = self.value[subnormal].times_power(step)
            whole = np.rint(units.high)
            whole += np.rint((units.high - whole) + units.low)
            result[subnormal] = np.ldexp(whole, -1074)
        return result

    def _own_exponents(self) -> Integers:
        """The exponents of numbers whose values lie from 1/2 to 1."""
        exponent = np.frexp(self.value.high)[1].astype(np.int64) + self.exponent
        return np.where(self.value.high == 0, _LEAST, exponent)

    def _relative_to(self, exponent: Integers) -> DoubleDouble:
        return self.value.times_power(np.clip(self.exponent - exponent, -_MOST, _MOST))


def choose(mask: Bools, a: Scaled, b: Scaled, /) -> Scaled:
    """As numpy's `where`, for scaled numbers."""
    value = where(mask, a.value, b.value)
    if isinstance(a.exponent, int) and isinstance(b.exponent, int):
        return Scaled(value)
    return Scaled(value, np.where(mask, a.exponent, b.exponent))
