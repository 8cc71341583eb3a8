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
    DEEP,
    DEEPEST,
    Bools,
    DoubleDouble,
    Floats,
    Integers,
    Scaled,
    exp_head,
    exponentials,
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

    Attributes
    ----------
    maximum : array, shape (rows,)

    Raises
    ------
    RowErrors
        Rows with nan, with only -inf, or with two or more +inf.
    """

    def __init__(self, logits: Floats, /, *, temperature: float = 1.0) -> None:
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
    def _rest(self) -> Scaled:
        """The sum of exp(shifted) without one winner's own 1, shape (rows,)."""
        with quiet():
            is_winner = self.winners.T
            others = Scaled(where(is_winner, 0.0, self.mass.value), self.mass.exponent).sum()
            ties = is_winner.sum(axis=0) - 1.0
            return others + Scaled(DoubleDouble(ties)) if ties.any() else others

    @cached_property
    def total(self) -> Scaled:
        """1 plus the rest, shape (rows,)."""
        with quiet():
            return Scaled(self._rest.plain() + 1.0)

    @cached_property
    def _log_total(self) -> DoubleDouble:
        with quiet():
            return log1p(self._rest.plain())

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
        self.fill_probabilities(result, np.empty((5, CACHED)))
        return result

    def fill_probabilities(self, out: Floats, work: Floats, /) -> None:
        """Fill `out` with the softmax; `work` is an array of shape (5, CACHED)."""
        with quiet():
            for rows in _row_blocks(*out.shape):
                columns, shift = self._columns[:, rows], self._shift[rows]
                if len(columns) > _NARROW:
                    _fill_wide(out[rows], columns.T, shift[:, None], self.temperature, work)
                else:
                    _fill_narrow(out[rows], columns, shift, self.temperature, work)

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
    for rows in _row_blocks(*logits.shape):
        Logits(logits[rows], temperature=temperature).fill_probabilities(result[rows], work)
    return result


def log_softmax(logits: Floats, /, *, temperature: float = 1.0) -> Floats:
    """Log-probabilities in nats, shape (rows, classes); see `Logits`."""
    result = np.empty(logits.shape)
    for rows in _row_blocks(*logits.shape):
        Logits(logits[rows], temperature=temperature).log_probabilities(out=result[rows])
    return result


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


def _row_blocks(rows: int, classes: int) -> Iterator[slice]:
    """Slices of rows that stay in the processor's cache."""
    step = max(1, CACHED // max(1, classes))
    return (slice(start, start + step) for start in range(0, rows, step))


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


def _minus(log_total: DoubleDouble, z: DoubleDouble) -> DoubleDouble:
    """log_total - z, whose low part tells on which side of z it lies, however little it is.

    So z halfway between two floats is rounded to the right one.
    """
    result = log_total - z
    if ((log_total.high > 0) & (log_total.high < 2.0**-40)).any():
        lost = (result.low == -z.low) & (z.low != 0) & (log_total.high > 0)
        return DoubleDouble(result.high, np.where(lost, np.nextafter(result.low, 1), result.low))
    return result


def _by_temperature(x: DoubleDouble, temperature: float) -> DoubleDouble:
    fraction, exponent = math.frexp(temperature)
    # The power of two is exact and goes first, so that 1e-300 and 1e300 split without overflow.
    return x if temperature == 1 else x.times_power(-exponent) / fraction


# The part of each value's exponential in the sum of its row has 24 bits, and so has the inverse of
# the sum: their product is exact, and all that they miss goes in with a single rounding.


def _fill_narrow(
    out: Floats, columns: Floats, shift: Floats, temperature: float, work: Floats
) -> None:
    """Softmax of a few rows of few classes; out has the shape (rows, classes)."""
    head, tail, *rest = (part[: columns.size].reshape(columns.shape) for part in work)
    exponent = _exponentials_in(head, tail, columns, shift, temperature, rest)
    total = _sum_heads(head, tail, exponent, rest[0], axis=0)
    _divide(head, tail, exponent, 1.0 / total, rest[0])
    out[...] = head.T


def _fill_wide(out: Floats, rows: Floats, shift: Floats, temperature: float, work: Floats) -> None:
    """Softmax of a few rows of many classes, part by part of the classes."""
    classes = rows.shape[1]
    total = DoubleDouble(np.zeros(len(rows)))
    parts = []
    for start in range(0, classes, CACHED):
        x = rows[:, start : start + CACHED]
        head, tail, *rest = (part[: x.size].reshape(x.shape) for part in work)
        if classes > CACHED:
            head, tail = np.empty(x.shape), np.empty(x.shape)
        exponent = _exponentials_in(head, tail, x, shift, temperature, rest)
        total = total + _sum_heads(head, tail, exponent, rest[0], axis=1)
        parts.append((head, tail, exponent))
    inverse = (1.0 / total)[:, None]
    for start, (head, tail, exponent) in zip(range(0, classes, CACHED), parts, strict=True):
        _divide(head, tail, exponent, inverse, work[2][: head.size].reshape(head.shape))
        out[:, start : start + CACHED] = head


def _exponentials_in(
    head: Floats,
    tail: Floats,
    x: Floats,
    shift: Floats,
    temperature: float,
    work: list[Floats],
) -> Integers | None:
    """exp((x - shift) / temperature) in two parts, and an exponent of 2 where it is needed."""
    if temperature == 1:
        np.subtract(x, shift, out=head)
        virtual = np.subtract(head, x, out=work[0])
        np.subtract(head, virtual, out=tail)
        np.subtract(x, tail, out=tail)
        virtual += shift
        tail -= virtual
    else:
        z = _shifted(x, shift, temperature)
        head[...], tail[...] = z.high, z.low
    if head.min(initial=0.0) >= DEEP:
        return exp_head(head, tail, (work[0], work[1], work[2]), deep=False)
    nothing = ~(head >= DEEPEST)
    head[nothing] = tail[nothing] = 0.0
    exponent = exp_head(head, tail, (work[0], work[1], work[2]), deep=True)
    head[nothing] = tail[nothing] = 0.0
    return exponent


def _sum_heads(
    head: Floats, tail: Floats, exponent: Integers | None, work: Floats, *, axis: int
) -> DoubleDouble:
    """Sum over the classes of numbers from 0 to 1, right to some 2**-75.

    The heads' upper halves are multiples of one small number and sum without an error (Rump,
    Ogita and Oishi, "Accurate floating-point summation", 2008), in whatever order numpy takes.
    """
    if exponent is not None:
        head, tail = np.ldexp(head, exponent), np.ldexp(tail, exponent)
    splitter = 2.0 ** (head.shape[axis].bit_length() + 1)
    upper = np.add(head, splitter, out=work)
    upper -= splitter
    high = np.add.reduce(upper, axis=axis)
    lower = np.subtract(head, upper, out=work)
    lower += tail
    return DoubleDouble(high) + (np.add.reduce(lower, axis=1) if axis else _sum_in_order(lower))


def _sum_in_order(terms: Floats) -> Floats:
    """Sum over the first axis, in place: numpy sums a lone short column in an order of its own."""
    length = len(terms)
    while length > 1:
        half = length // 2
        terms[:half] += terms[length - half : length]
        length -= half
    result: Floats = terms[0]
    return result


def _divide(
    head: Floats, tail: Floats, exponent: Integers | None, inverse: DoubleDouble, work: Floats
) -> None:
    """Multiply by the inverse of a sum, in place of the head."""
    inverse_head = inverse.high.astype(np.float32).astype(np.float64)
    tail *= inverse.high
    tail += np.multiply(head, (inverse.high - inverse_head) + inverse.low, out=work)
    head *= inverse_head
    head += tail
    if exponent is not None:
        np.ldexp(head, exponent, out=head)
