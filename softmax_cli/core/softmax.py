"""Softmax, its logarithm and logsumexp for rows of logits.

The shift by the maximum prevents overflow (Blanchard, Higham and Higham, "Accurately computing the
log-sum-exp and softmax functions", 2021). Here the rounding errors of the shift and of the division
by the temperature are kept, exponentials and their sum are double-doubles, and one winner's own 1
is not part of the sum. So no result is the difference of two nearly equal numbers, and each is
rounded once.
"""

import math
from functools import cached_property
from typing import Any, Final

import numpy as np

from softmax_cli.core.doubledouble import (
    Bools,
    DoubleDouble,
    Floats,
    Indices,
    normalised,
    two_sum,
    where,
)
from softmax_cli.core.elementary import (
    CACHED,
    exponentials,
    exponentials_in_place,
    in_base,
    log1p_of_sum,
)
from softmax_cli.core.probabilities import ERROR_TOLERANCE, Distribution, check_sums
from softmax_cli.errors import DataError, RowErrors

# Rows of more classes than this are stored row by row. In numpy short sums over many rows are slow
# in that layout; long sums over few rows are slow in the transposed one.
_NARROW: Final = 32


class Logits(Distribution):
    """Rows of logits, shape (rows, classes), as a distribution over the classes of each row.

    They are finite, or -inf for a masked class, or one in a row is +inf: it has probability 1. The
    temperature divides them; at the limit 0 winners are equally likely. Raises `RowErrors` for
    rows with nan, with only -inf, or with two or more +inf.
    """

    def __init__(self, logits: Floats, /, *, temperature: float = 1.0) -> None:
        columns = np.asarray(logits, np.float64).T
        if len(columns) <= _NARROW:
            columns = np.ascontiguousarray(columns)
        self._maximum = row_maxima(columns)
        if np.isinf(self._maximum).any():
            # Replace inf by 0, and mask the other classes of its row.
            certain = np.where(columns == np.inf, 0.0, -np.inf)
            columns = np.where(self._maximum == np.inf, certain, columns)
        self._shift = np.where(np.isfinite(self._maximum), self._maximum, 0.0)
        self._columns = columns
        self.temperature = temperature

    @property
    def scores(self) -> Floats:
        """The logits, shape (rows, classes); a row with inf has 0 in its place, and else -inf."""
        return self._columns.T

    @cached_property
    def winners(self) -> Bools:
        """The classes that have the maximum, shape (rows, classes)."""
        return np.equal(self._columns, self._shift).T

    @cached_property
    def masked(self) -> Bools:
        return np.isneginf(self._columns).T

    @cached_property
    def shifted(self) -> DoubleDouble:
        """(logit - maximum) / temperature, shape (classes, rows)."""
        return _shifted(self._columns, self._shift, self.temperature)

    @cached_property
    def mass(self) -> DoubleDouble:
        """exp(shifted), with a relative error of 2**-63, shape (classes, rows)."""
        return exponentials(self.shifted)

    @cached_property
    def _rest(self) -> DoubleDouble:
        """The sum of exp(shifted) without one winner's own 1, shape (rows,)."""
        is_top, mass = self.shifted.high == 0, self.mass  # whose low part is 0 there
        others = DoubleDouble(np.where(is_top, 0.0, mass.high), mass.low, mass.exponent)
        ties: Floats = is_top.sum(axis=0) - 1.0
        return others.sum() + ties

    @cached_property
    def total(self) -> DoubleDouble:
        return (self._rest + 1.0).plain()

    @cached_property
    def _log_total(self) -> DoubleDouble:
        return log1p_of_sum(self._rest)

    @cached_property
    def surprisal(self) -> DoubleDouble:
        return self._surprisal_at(...)

    def surprisal_of(self, classes: Indices) -> DoubleDouble:
        return self._surprisal_at((classes, np.arange(len(classes))))

    def _surprisal_at(self, key: Any) -> DoubleDouble:
        shifted, logits = self.shifted[key], self._columns[key]
        usual = _minus(self._log_total, shifted)
        vast = np.isinf(shifted.high) & (logits > -np.inf)
        if self.temperature == 0 or not vast.any():
            return usual
        # Finite logits so far apart that -log p overflows
        fraction, exponent = math.frexp(self.temperature)
        gap = _shifted(logits / 4, self._shift / 4, fraction)
        return where(vast, -gap, usual).scaled(np.where(vast, 2 - exponent, 0))

    def probabilities(self) -> Floats:
        """Return the softmax, shape (rows, classes)."""
        classes, rows = self._columns.shape
        result = np.empty((rows, classes))
        parts = max(1, math.ceil(rows * classes / CACHED))
        step = max(1, math.ceil(rows / parts))
        work = np.empty((3, min(rows, step) * classes))
        for start in range(0, rows, step):
            part = slice(start, start + step)
            columns, shift = self._columns[:, part], self._shift[part]
            _fill_softmax(result[part], columns, shift, self.temperature, work)
        return result

    def logsumexp(self, *, base: str = "e") -> Floats:
        """Return the log of the sum of exp(logit / temperature), shape (rows,)."""
        if self.temperature == 0:
            limit = np.copysign(np.inf, self._maximum)
            return np.where(self._maximum == 0, in_base(self._log_total, base), limit)
        maximum = by_temperature(DoubleDouble(self._maximum), self.temperature)
        return in_base(maximum + self._log_total, base)


def from_log_probabilities(values: Floats, /, *, normalize: bool = False) -> Logits:
    """Return log-probabilities in nats, shape (rows, classes), as a distribution.

    Raises `RowErrors` as `Probabilities` does, for the sum of the exponentials.
    """
    distribution = Logits(values)
    if not normalize:
        check_sums(np.exp(distribution.logsumexp()), ERROR_TOLERANCE)
    return distribution


def row_maxima(columns: Floats, /) -> Floats:
    """Return the largest logit of each row, shape (rows,), of logits, shape (classes, rows).

    Raises `RowErrors` for rows that are not logits of a distribution.
    """
    maximum: Floats = columns.max(axis=0, initial=-np.inf)
    errors = {}
    for row in np.flatnonzero(~np.isfinite(maximum)).tolist():
        infinite = np.count_nonzero(columns[:, row] == np.inf)
        if math.isnan(maximum[row]):
            errors[row] = DataError("a value is nan")
        elif infinite == 0:
            errors[row] = DataError("every value is -inf: there is no class left")
        elif infinite > 1:
            errors[row] = DataError(f"{infinite} values are inf, and at most one may be")
    if errors:
        raise RowErrors(errors)
    return maximum


def _shifted(columns: Floats, shift: Floats, temperature: float) -> DoubleDouble:
    """Return (logit - shift) / temperature."""
    if temperature == 0:
        return DoubleDouble(np.where(columns == shift, 0.0, -np.inf), np.zeros(columns.shape))
    gap = DoubleDouble(*two_sum(columns, -shift))
    if temperature == 1:
        return gap
    beyond = np.isneginf(gap.high) & np.isfinite(columns)
    gap = by_temperature(gap, temperature)
    if beyond.any():  # the division may bring 1e308 - -1e308 back into range
        quarters = DoubleDouble(*two_sum(columns / 4, -shift / 4))
        return where(beyond, by_temperature(quarters, temperature).times_power(2), gap)
    return gap


def by_temperature(x: DoubleDouble, temperature: float) -> DoubleDouble:
    """Return x / temperature; it may overflow or underflow as floats do."""
    if temperature == 1:
        return x
    fraction, exponent = math.frexp(temperature)
    sizes = np.abs(x.high)
    is_ordinary = (sizes == 0) | ((sizes > 2.0**-900) & (sizes < 2.0**900))
    if abs(exponent) < 60 and is_ordinary.all():
        return x.times_power(-exponent) / fraction
    # Intermediate results might overflow or underflow.
    _, power = np.frexp(x.high)
    return (x.times_power(-power) / fraction).times_power(power - exponent)


def _minus(log_total: DoubleDouble, z: DoubleDouble) -> DoubleDouble:
    """Return log_total - z.

    Where log_total is too small to change the low part, change that by its last bit: then a z
    halfway between two floats is rounded in the right direction.
    """
    plain = log_total.plain()
    result = plain - z
    if (plain.high < 2.0**-40).any():
        dropped = (result.low == -z.low) & (z.low != 0) & (log_total.high > 0)
        np.copyto(result.low, np.nextafter(result.low, 1), where=dropped)
        result = where(z.high == 0, log_total, result)  # all digits of a subnormal one
    return result


def _fill_softmax(
    out: Floats, columns: Floats, shift: Floats, temperature: float, work: Floats
) -> None:
    """Write the softmax to `out`, shape (rows, classes), using work arrays that stay in the cache.

    The heads of the exponentials and of the inverse of their sum have 24 bits each, so their
    product is exact, and the rest is added with a single rounding.
    """
    axis = int(len(columns) > _NARROW)
    x, shift = (columns.T, shift[:, None]) if axis else (columns, shift[None])
    head, tail, spare = (array[: x.size].reshape(x.shape) for array in work)
    if temperature == 1:
        np.subtract(x, shift, out=head)  # two_sum in place
        virtual = np.subtract(head, x, out=spare)
        np.subtract(head, virtual, out=tail)
        np.subtract(x, tail, out=tail)
        virtual += shift
        tail -= virtual
    else:
        quotient = _shifted(x, shift, temperature)
        head[...], tail[...] = quotient.high, quotient.low
    exponent = exponentials_in_place(head, tail)
    mass = DoubleDouble(head, tail, exponent)
    inverse_head, inverse_tail = _inverse(_sum(mass.plain(), axis, spare))
    tail *= inverse_head + inverse_tail
    tail += np.multiply(head, inverse_tail, out=spare)
    head *= inverse_head
    probabilities = np.add(head, tail, out=head) if isinstance(exponent, int) else mass.rounded()
    out[...] = probabilities if axis else probabilities.T


def _sum(terms: DoubleDouble, axis: int, work: Floats) -> DoubleDouble:
    """Return the sum over an axis of numbers up to 1, with an error of about 2**-75.

    The upper halves of the heads are multiples of one power of two, so their sum is exact (Rump,
    Ogita and Oishi, "Accurate floating-point summation", 2008) in any order of numpy's.
    """
    splitter = 2.0 ** (terms.high.shape[axis].bit_length() + 1)
    upper = np.add(terms.high, splitter, out=work)
    upper -= splitter
    high = np.add.reduce(upper, axis=axis, keepdims=True)
    lower = np.subtract(terms.high, upper, out=upper)
    lower += terms.low
    if not axis and lower.shape[1] == 1:  # numpy would add a single column in another order
        lower = lower.repeat(2, axis=1)
    low = np.add.reduce(lower, axis=axis, keepdims=True)
    return normalised(high, low if axis else low[:, : high.shape[1]])


def _inverse(total: DoubleDouble) -> tuple[Floats, Floats]:
    """Return 1 / total as a head of 24 bits and a tail, for a total far from overflow."""
    rough = 1 / total.high
    head, total_head = (x.astype(np.float32).astype(np.float64) for x in (rough, total.high))
    error = (1 - head * total_head) - head * (total.high - total_head) - head * total.low
    return head, error * rough
