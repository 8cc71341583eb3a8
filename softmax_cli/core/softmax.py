"""The softmax family of rows of logits.

The shift by the maximum is what makes the exponential safe (Blanchard, Higham and Higham,
"Accurately computing the log-sum-exp and softmax functions", 2021). Here the shift also keeps
what the subtraction and the division by the temperature round away, exponentials and their sum
have two parts, and a winner's own 1 stays out of the sum, so that no result is the difference of
two nearly equal numbers, and each is rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Final

import numpy as np

from softmax_cli.core.distribution import Distribution
from softmax_cli.core.doubledouble import (
    CACHED,
    Bools,
    DoubleDouble,
    Floats,
    Scaled,
    exponentials,
    exponentials_in_place,
    log1p,
    quiet,
    two_sum,
    where,
)
from softmax_cli.errors import DataError, RowErrors

# Rows of more classes than this lie in memory row by row. Short sums over many rows are slow in
# numpy that way round; long ones over few rows are slow the other way.
_NARROW: Final = 32


class Logits(Distribution):
    """Rows of logits, as a distribution over the classes of each row.

    Parameters
    ----------
    logits : array, shape (rows, classes)
        Finite, -inf for a masked class, or one +inf in a row for the limit: that class 1.
    temperature : float
        Divides the logits; 0 is the limit, the winners' equal shares.
    work : array, shape (5, CACHED), optional
        Overwritten again and again.

    Attributes
    ----------
    maximum : array, shape (rows,)

    Raises
    ------
    RowErrors
        Rows with nan, with only -inf, or with two or more +inf.
    """

    def __init__(
        self, logits: Floats, /, *, temperature: float = 1.0, work: Floats | None = None
    ) -> None:
        columns = _by_class(logits)
        maximum = columns.max(axis=0, initial=-np.inf)
        if not np.isfinite(maximum).all():
            check_rows(columns, maximum)
            # One inf is 0 beside masked classes.
            certain = np.where(columns == np.inf, 0.0, -np.inf)
            columns = np.where(maximum == np.inf, certain, columns)
        self.temperature = temperature
        self.maximum = maximum
        self._columns = columns
        self._work = work

    @property
    def scores(self) -> Floats:
        """The logits, shape (rows, classes); beside one inf, which is 0, the others are masked."""
        return self._columns.T

    @cached_property
    def _shift(self) -> Floats:
        return np.where(np.isfinite(self.maximum), self.maximum, 0.0)

    @cached_property
    def winners(self) -> Bools:
        """Classes that have the maximum, shape (rows, classes)."""
        winners: Bools = self._columns == self._shift
        return winners.T

    @cached_property
    def masked(self) -> Bools:  # type: ignore[override]
        """Classes of probability 0, shape (rows, classes)."""
        return np.isneginf(self._columns).T

    @cached_property
    def shifted(self) -> DoubleDouble:
        """(logit - maximum) / temperature, shape (classes, rows)."""
        with quiet():
            return _shifted(self._columns, self._shift, self.temperature)

    @cached_property
    def mass(self) -> Scaled:
        """exp(shifted), right to 2**-63, shape (classes, rows)."""
        with quiet():
            return exponentials(self.shifted)

    @cached_property
    def _rest(self) -> DoubleDouble:
        """The sum of exp(shifted) without one winner's own 1, shape (rows,)."""
        high, low = np.zeros((2, len(self.maximum)))
        with quiet():
            for rows, block in self._blocks():
                rest = block.rest()
                high[rows], low[rows] = rest.high, rest.low
        return DoubleDouble(high, low)

    @cached_property
    def total(self) -> Scaled:
        """1 plus the rest, shape (rows,)."""
        with quiet():
            return Scaled(self._rest + 1.0)

    @cached_property
    def _log_total(self) -> DoubleDouble:
        with quiet():
            return log1p(self._rest)

    @cached_property
    def surprisal(self) -> Scaled:
        """-log p in nats, shape (classes, rows)."""
        with quiet():
            usual = _minus(self._log_total, self.shifted)
            vast = np.isinf(self.shifted.high) & (self._columns > -np.inf)
            if self.temperature == 0 or not vast.any():
                return Scaled(usual)
            # Finite logits so far apart that -log p is no float
            fraction, exponent = math.frexp(self.temperature)
            gap = _shifted(self._columns / 4, self._shift / 4, fraction)
            return Scaled(where(vast, -gap, usual), np.where(vast, 2 - exponent, 0))

    @property
    def has_infinite_surprisal(self) -> bool:
        """Whether -log p of a class is inf, or past the largest float64."""
        return bool(np.isinf(self.shifted.high).any())

    def probabilities(self, *, out: Floats | None = None) -> Floats:
        """Softmax, shape (rows, classes), in `out` if that is given."""
        result = np.empty(self._columns.T.shape) if out is None else out
        with quiet():
            for rows, block in self._blocks():
                block.fill_softmax(result[rows])
        return result

    def log_probabilities(self, *, out: Floats | None = None, base: str = "e") -> Floats:
        """Log-softmax, shape (rows, classes); -inf for a masked class."""
        if base != "e":
            return super().log_probabilities(out=out, base=base)
        result = np.empty(self._columns.T.shape) if out is None else out
        with quiet():
            for rows, block in self._blocks():
                block.fill_log_softmax(result[rows], self._log_total[rows])
        return result

    def _blocks(self) -> Iterator[tuple[slice, _Block]]:
        work = np.empty((5, CACHED)) if self._work is None else self._work
        for rows in _slices(self._columns.shape[1], len(self._columns), CACHED):
            yield rows, _Block(self._columns[:, rows], self._shift[rows], self.temperature, work)

    def logsumexp(self, *, base: str = "e") -> Floats:
        """Log of the sum of exp(logit / temperature), shape (rows,)."""
        if self.temperature == 0:
            limit = np.copysign(np.inf, self.maximum)
            unit = Scaled(self._log_total).in_base(base)
            return np.where(self.maximum == 0, unit, limit)
        with quiet():
            maximum = _by_temperature(DoubleDouble(self.maximum), self.temperature)
            return Scaled(maximum + self._log_total).in_base(base)


def softmax(logits: Floats, /, *, temperature: float = 1.0) -> Floats:
    """Probabilities, shape (rows, classes); see `Logits`."""
    result, work = np.empty(logits.shape), np.empty((5, CACHED))
    for rows in _slices(len(logits), logits.shape[1], CACHED):
        part = Logits(logits[rows], temperature=temperature, work=work)
        part.probabilities(out=result[rows])
    return result


def log_softmax(logits: Floats, /, *, temperature: float = 1.0) -> Floats:
    """Log-probabilities in nats, shape (rows, classes); see `Logits`."""
    result, work = np.empty(logits.shape), np.empty((5, CACHED))
    for rows in _slices(len(logits), logits.shape[1], 4 * CACHED):
        part = Logits(logits[rows], temperature=temperature, work=work)
        part.log_probabilities(out=result[rows])
    return result


def _slices(rows: int, classes: int, numbers: int) -> Iterator[slice]:
    """Slices of rows of so many numbers."""
    step = max(1, numbers // max(1, classes))
    return (slice(start, start + step) for start in range(0, rows, step))


def logsumexp(logits: Floats, /, *, temperature: float = 1.0) -> Floats:
    """Log of the summed exponentials in nats, shape (rows,); see `Logits`."""
    return Logits(logits, temperature=temperature).logsumexp()


def check_rows(columns: Floats, maximum: Floats, /) -> None:
    """Raise `RowErrors` for the columns of logits that stand for no distribution."""
    infinite = (columns == np.inf).sum(axis=0)
    bad = np.isnan(maximum) | (maximum == -np.inf) | (infinite > 1)
    if bad.any():
        raise RowErrors(
            {row: _error(maximum[row], infinite[row]) for row in np.flatnonzero(bad).tolist()}
        )


def _error(maximum: float, infinite: int) -> DataError:
    if math.isnan(maximum):
        return DataError("a value is nan")
    if infinite == 0:
        return DataError("every value is -inf: there is no class left")
    return DataError(f"{infinite} values are inf: only one class can win outright")


def _by_class(logits: Floats) -> Floats:
    """Rows of logits with the classes along the first axis."""
    logits = np.ascontiguousarray(logits, np.float64)
    return logits.T if logits.shape[1] > _NARROW else np.ascontiguousarray(logits.T)


def _shifted(columns: Floats, shift: Floats, temperature: float) -> DoubleDouble:
    """(logit - shift) / temperature."""
    if temperature == 0:
        return DoubleDouble(np.where(columns == shift, 0.0, -np.inf), np.zeros(columns.shape))
    high, low = two_sum(columns, -shift)
    if temperature == 1:
        return DoubleDouble(high, low)
    beyond = np.isneginf(high) & np.isfinite(columns)
    if beyond.any():  # 1e308 - -1e308 may come back into range by the division
        quarters = DoubleDouble(*two_sum(columns / 4, -shift / 4))
        whole = _by_temperature(quarters, temperature).times_power(2)
        return where(beyond, whole, _by_temperature(DoubleDouble(high, low), temperature))
    return _by_temperature(DoubleDouble(high, low), temperature)


# Logarithms of sums below this may be lost beside what a logit misses.
_SMALL: Final = 2.0**-40


def _minus(log_total: DoubleDouble, z: DoubleDouble) -> DoubleDouble:
    """log_total - z."""
    result = log_total - z
    high = log_total.high
    if ((high > 0) & (high < _SMALL)).any():
        _tell_sides(result.low, z.low, high)
    return result


def _tell_sides(low: Floats, error: Floats, log_total: Floats) -> None:
    """Move the low parts of log_total - z off those of -z, in place, however little it is.

    So where z lies halfway between two floats, the right one is rounded to.
    """
    lost = (low == -error) & (error != 0) & (log_total > 0)
    np.copyto(low, np.nextafter(low, 1), where=lost)


def _by_temperature(x: DoubleDouble, temperature: float) -> DoubleDouble:
    if temperature == 1:
        return x
    fraction, exponent = math.frexp(temperature)
    if abs(exponent) < 60 and np.abs(x.high).max(initial=0.0) < 2.0**900:
        return x.times_power(-exponent) / fraction
    # Where parts of quotients may leave the floats
    _, power = np.frexp(x.high)
    return (x.times_power(-power) / fraction).times_power(power - exponent)


class _Block:
    """Some rows as they lie in memory, worked through in arrays that stay in the cache.

    Rows of very many classes are gone through in parts.
    """

    def __init__(self, columns: Floats, shift: Floats, temperature: float, work: Floats) -> None:
        self._axis = int(len(columns) > _NARROW)
        self._x = columns.T if self._axis else columns
        self._shift = shift[:, None] if self._axis else shift[None]
        self._temperature = temperature
        self._work = work
        starts = range(0, len(columns), CACHED)
        self._parts = [
            (slice(None),) * self._axis + (slice(start, start + CACHED),) for start in starts
        ]

    def _shifted(self, part: tuple[slice, ...]) -> list[Floats]:
        """(x - shift) / temperature, its error, and three arrays of their shape."""
        x = self._x[part]
        arrays = [array[: x.size].reshape(x.shape) for array in self._work]
        z, error, virtual = arrays[:3]
        if self._temperature != 1:
            shifted = _shifted(x, self._shift, self._temperature)
            z[...], error[...] = shifted.high, shifted.low
            return arrays
        np.subtract(x, self._shift, out=z)  # two_sum in place
        np.subtract(z, x, out=virtual)
        np.subtract(z, virtual, out=error)
        np.subtract(x, error, out=error)
        virtual += self._shift
        error -= virtual
        return arrays

    def fill_softmax(self, out: Floats) -> None:
        """Fill `out`, shape (rows, classes).

        Heads of exponentials have 24 bits, and so has that of the inverse of their sum: the
        product is exact, and all that they miss goes in with a single rounding.
        """
        total, masses = DoubleDouble(np.zeros(self._shift.shape)), []
        for part in self._parts:
            head, tail, *spare = self._shifted(part)
            if len(self._parts) > 1:
                head, tail = head.copy(), tail.copy()
            exponent = exponentials_in_place(head, tail, spare)
            mass = Scaled(DoubleDouble(head, tail), exponent)
            total = total + self._sum(mass.plain(), 1.0)
            masses.append(mass)
        inverse_head, inverse_tail = _inverse(total)
        target = out if self._axis else out.T
        for part, mass in zip(self._parts, masses, strict=True):
            head, tail = mass.value.high, mass.value.low
            tail *= inverse_head + inverse_tail
            tail += np.multiply(head, inverse_tail, out=self._like(head))
            head *= inverse_head
            if mass.exponent is None:
                np.add(head, tail, out=target[part])
            else:
                target[part] = mass.rounded()

    def rest(self) -> DoubleDouble:
        """The sum of the exponentials without one winner's own 1, shape (rows,)."""
        rest, ties = Scaled(DoubleDouble(np.zeros(self._shift.shape))), -1.0
        for part in self._parts:
            head, tail, *spare = self._shifted(part)
            is_top = head == 0
            ties = ties + is_top.sum(axis=self._axis, keepdims=True)
            exponent = exponentials_in_place(head, tail, spare)
            np.copyto(head, 0.0, where=is_top)
            rest = rest + self._sum_any(Scaled(DoubleDouble(head, tail), exponent))
        total = rest.plain() + ties if np.any(ties) else rest.plain()
        return DoubleDouble(total.high.ravel(), total.low.ravel())

    def fill_log_softmax(self, out: Floats, log_total: DoubleDouble) -> None:
        """Fill `out`, shape (rows, classes), given the logarithms of the sums."""
        target = out if self._axis else out.T
        log_total = log_total[:, None] if self._axis else log_total[None]
        for part in self._parts:
            z, error, *_ = self._shifted(part)
            result = _minus(log_total, DoubleDouble(z, error)).rounded()
            np.subtract(0.0, result, out=target[part])  # no -0.0

    def _like(self, x: Floats) -> Floats:
        """A spare array of some shape."""
        spare: Floats = self._work[2][: x.size].reshape(x.shape)
        return spare

    def _sum(self, terms: DoubleDouble, largest: Floats | float) -> DoubleDouble:
        """Sum over the classes of numbers below twice the largest, right to some 2**-75.

        The heads' upper halves are multiples of one small number and sum without an error (Rump,
        Ogita and Oishi, "Accurate floating-point summation", 2008), in whatever order numpy takes.
        """
        splitter = largest * 2.0 ** (terms.high.shape[self._axis].bit_length() + 1)
        upper = np.add(terms.high, splitter, out=self._like(terms.high))
        upper -= splitter
        high = DoubleDouble(np.add.reduce(upper, axis=self._axis, keepdims=True))
        lower = np.subtract(terms.high, upper, out=upper)
        lower += terms.low
        if self._axis:
            return high + DoubleDouble(np.add.reduce(lower, axis=1, keepdims=True))
        # numpy sums a lone short column in an order of its own.
        length = len(lower)
        while length > 1:
            half = length // 2
            lower[:half] += lower[length - half : length]
            length -= half
        return high + DoubleDouble(lower[:1])

    def _sum_any(self, terms: Scaled) -> Scaled:
        """The same of numbers of any size."""
        head, exponent = terms.value.high, terms.exponent
        if exponent is None:
            _, power = np.frexp(head.max(axis=self._axis, keepdims=True, initial=0.0))
            return Scaled(self._sum(terms.value, np.ldexp(1.0, power)))
        exponent[head == 0] = -(2**20)
        top = exponent.max(axis=self._axis, keepdims=True) + 1
        return Scaled(self._sum(Scaled(terms.value, exponent - top).plain(), 1.0), top)


def _inverse(total: DoubleDouble) -> tuple[Floats, Floats]:
    """1 / total, for a total far from overflow: a head of 24 bits, and a tail."""
    rough = 1 / total.high
    head, total_head = (x.astype(np.float32).astype(np.float64) for x in (rough, total.high))
    missed = (1 - head * total_head) - head * (total.high - total_head) - head * total.low
    return head, missed * rough
