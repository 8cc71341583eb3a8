"""Double-double arithmetic: a number as the sum of two floats, about 106 bits.

Two-sum is Knuth's (TAOCP 2, 4.2.2), two-product Dekker's ("A floating-point technique for
extending the available precision", 1971). Every operation is elementwise over the columns, so that
a column's bits do not depend on the other columns, which `numpy.sum` does not guarantee.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]

_SPLITTER: Final = 134217729.0  # 2**27 + 1: splits 53 bits into halves
_SMALL: Final = 2.0**-400
_LARGE: Final = 2.0**900  # products of larger numbers may overflow
_TINY: Final = 2.0**-1016  # the low part of smaller numbers has hardly a bit
_MOST_POWER: Final = 4400  # more than the range of float exponents
_EXPONENT_OF_ZERO: Final = -(2**40)  # the exponent of 0


def two_sum(a: Floats, b: Floats | float, /) -> tuple[Floats, Floats]:
    """Return total and error, where a + b == total + error exactly; nan if the sum is infinite."""
    total = np.asarray(a + b)
    virtual = np.asarray(total - a)
    error = np.asarray(total - virtual)
    np.subtract(a, error, out=error)
    np.subtract(b, virtual, out=virtual)
    error += virtual
    return total, error


def two_product(a: Floats, b: Floats | float, /) -> tuple[Floats, Floats]:
    """Return product and error, where a * b == product + error, between 1e-250 and 1e300."""
    product = np.asarray(a * b)
    a_high, a_low = _split(np.asarray(a))
    b_high, b_low = _split(np.asarray(b))
    return product, a_high * b_high - product + a_high * b_low + a_low * b_high + a_low * b_low


def _split(a: Floats) -> tuple[Floats, Floats]:
    multiple = a * _SPLITTER
    high = multiple - (multiple - a)
    return high, a - high


class DoubleDouble:
    """Numbers (high + low) * 2**exponent, where low is much smaller than high.

    The exponent is an array if numbers may be out of the range of floats, otherwise 0. Operators
    are elementwise, broadcast, and accept arrays and floats. Where `high` is infinite, `low` has no
    meaning and may be nan.
    """

    __slots__ = ("exponent", "high", "low")
    __array_ufunc__ = None  # an array's operators defer to this class

    def __init__(
        self, high: Floats | float, low: Floats | float = 0.0, exponent: Integers | int = 0
    ) -> None:
        self.high: Floats = np.asarray(high)
        self.low: Floats = np.asarray(low)
        self.exponent = exponent

    def __add__(self, other: Number) -> DoubleDouble:
        a, b, exponent = self.aligned(_double_double(other))
        high, error = two_sum(a.high, b.high)
        error += a.low + b.low
        return normalised(high, error, exponent)

    def __mul__(self, other: Number) -> DoubleDouble:
        b = _double_double(other)
        high, error = two_product(self.high, b.high)
        error += self.high * b.low + self.low * b.high
        return normalised(high, error, self.exponent + b.exponent)

    def __truediv__(self, other: Number) -> DoubleDouble:
        b = _double_double(other)
        quotient = np.asarray(self.high / b.high)
        product, error = two_product(quotient, b.high)
        remainder = (self.high - product) - error + (self.low - quotient * b.low)
        return normalised(quotient, remainder / b.high, self.exponent - b.exponent)

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> DoubleDouble:
        return DoubleDouble(-self.high, -self.low, self.exponent)

    def __sub__(self, other: Number) -> DoubleDouble:
        return self + -_double_double(other)

    def __rsub__(self, other: Number) -> DoubleDouble:
        return -self + other

    def __rtruediv__(self, other: Number) -> DoubleDouble:
        return _double_double(other) / self

    def __getitem__(self, key: Any) -> DoubleDouble:
        if isinstance(self.exponent, int):
            return DoubleDouble(self.high[key], np.broadcast_to(self.low, self.high.shape)[key])
        high, low, exponent = np.broadcast_arrays(self.high, self.low, self.exponent)
        return DoubleDouble(high[key], low[key], exponent[key])

    def __setitem__(self, key: Any, value: DoubleDouble) -> None:
        self.high[key], self.low[key] = value.high, value.low
        if not isinstance(self.exponent, int):
            self.exponent[key] = value.exponent

    def scaled(self, exponent: Integers | int) -> DoubleDouble:
        """Return the product with 2**exponent, by a change of the exponent."""
        return DoubleDouble(self.high, self.low, self.exponent + exponent)

    def times_power(self, exponent: Integers | int) -> DoubleDouble:
        """Return the product with 2**exponent; it may overflow or underflow as floats do."""
        high, low = np.ldexp(self.high, exponent), np.ldexp(self.low, exponent)
        return DoubleDouble(high, low, self.exponent)

    def aligned(self, other: DoubleDouble) -> tuple[DoubleDouble, DoubleDouble, Integers | int]:
        """Return both numbers divided by 2**e, and e, the larger exponent; 0 if neither has one."""
        if isinstance(self.exponent, int) and isinstance(other.exponent, int):
            return self, other, 0
        top = np.maximum(self._own_exponents(), other._own_exponents())
        return self.scaled(-top).plain(), other.scaled(-top).plain(), top

    def sum(self) -> DoubleDouble:
        """Return the sum over the first axis, for terms >= 0."""
        if isinstance(self.exponent, int):
            largest = self.high.max(axis=0, initial=0.0)
            if ((largest == 0) | ((largest > _SMALL) & (largest < _LARGE))).all():
                return fold_sum(self)
        top = self._own_exponents().max(axis=0, initial=_EXPONENT_OF_ZERO)
        return fold_sum(self.scaled(-top).plain()).scaled(top)

    def normal(self) -> DoubleDouble:
        """Return the same numbers, with exponents if a product might overflow or underflow."""
        sizes = np.abs(self.high)
        if ((sizes == 0) | ((sizes > 1e-150) & (sizes < 1e150))).all():
            return self
        top = self._own_exponents()
        return self.scaled(-top).plain().scaled(top)

    def plain(self) -> DoubleDouble:
        """Return the numbers without exponents; they may overflow, and tiny ones are rounded."""
        if isinstance(self.exponent, int):
            return self
        power = np.clip(self.exponent, -_MOST_POWER, _MOST_POWER)
        high, low = np.ldexp(self.high, power), np.ldexp(self.low, power)
        if power.min(initial=0) < -1012:  # the bits of low parts get lost
            tiny = (np.abs(high) < _TINY) & (high != 0)
            high[tiny], low[tiny] = self[tiny].rounded(), 0.0
        return DoubleDouble(high, low)

    def rounded(self) -> Floats:
        """Return the nearest floats, correct also if they are subnormal or overflow."""
        total: Floats = np.asarray(self.high + self.low)
        if not np.isfinite(total).all():
            total = np.where(np.isnan(total), self.high, total)
        if isinstance(self.exponent, int):
            return total
        power = np.clip(self.exponent, -_MOST_POWER, _MOST_POWER)
        result: Floats = np.asarray(np.ldexp(total, power))
        subnormal = (np.abs(result) < np.finfo(float).tiny) & (total != 0)
        if subnormal.any():  # round once, in units of the smallest float
            units = self.scaled(1074)[subnormal].plain()
            whole = np.rint(units.high)
            whole += np.rint((units.high - whole) + units.low)
            result[subnormal] = np.ldexp(whole, -1074)
        return result

    def _own_exponents(self) -> Integers:
        """Return the exponents that scale the high parts to [1/2, 1)."""
        exponent = np.frexp(self.high)[1].astype(np.int64) + self.exponent
        return np.where(self.high == 0, _EXPONENT_OF_ZERO, exponent)


Number = DoubleDouble | Floats | float


def _double_double(number: Number) -> DoubleDouble:
    return number if isinstance(number, DoubleDouble) else DoubleDouble(number)


def where(mask: Bools, a: Number, b: Number, /) -> DoubleDouble:
    """Return `numpy.where` for double-doubles."""
    a, b = _double_double(a), _double_double(b)
    result = DoubleDouble(np.where(mask, a.high, b.high), np.where(mask, a.low, b.low))
    if isinstance(a.exponent, int) and isinstance(b.exponent, int):
        return result
    return result.scaled(np.where(mask, a.exponent, b.exponent))


def normalised(high: Floats, low: Floats, exponent: Integers | int = 0, /) -> DoubleDouble:
    """Return high + low as a double-double, for |high| >= |low|."""
    total = np.asarray(high + low)
    error = np.asarray(high - total)
    error += low
    if (undefined := np.isnan(total)).any():  # nan from inf - inf
        total, error = np.where(undefined, high, total), np.where(undefined, 0.0, error)
    return DoubleDouble(total, error, exponent)


def fold_sum(terms: Number, /) -> DoubleDouble:
    """Return the sum over the first axis, to about 100 bits if no term is negative.

    The array is folded in half until one row is left (the compensated sum of Ogita, Rump and
    Oishi, "Accurate sum and dot product", 2005, as a tree).
    """
    terms = _double_double(terms)
    high, low = terms.high, np.broadcast_to(terms.low, terms.high.shape)
    if len(high) == 0:
        return DoubleDouble(np.zeros(high.shape[1:]))
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
    """Return the cumulative sums along the first axis.

    Round k adds the number 2**k before (Hillis and Steele, "Data parallel algorithms", 1986).
    """
    total = DoubleDouble(terms.high.copy(), np.full_like(terms.high, terms.low))
    step = 1
    while step < len(terms.high):
        total[step:] = total[step:] + total[:-step]
        step *= 2
    return total
