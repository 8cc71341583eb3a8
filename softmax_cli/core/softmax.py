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
from typing import Final, Protocol

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
        self.fill(_fill_probabilities, result, _work())
        return result

    def log_probabilities(self, *, out: Floats | None = None, base: str = "e") -> Floats:
        """Log-softmax, shape (rows, classes); -inf for a masked class."""
        if base != "e":
            return super().log_probabilities(out=out, base=base)
        result = np.empty(self._columns.T.shape) if out is None else out
        work = _work()
        with quiet():
            rest = np.empty((2, len(result)))
            self.fill(_fill_others, rest.T, work)
            log_total = log1p(DoubleDouble(*rest))
            logs = np.stack([log_total.high, log_total.low], axis=1)
            self.fill(_fill_log_probabilities, result, work, logs)
        return result

    def fill(
        self, function: _Fill, out: Floats, work: Floats, of_rows: Floats | None = None
    ) -> None:
        """Call a function with a few rows at a time, as they lie in memory."""
        rows, classes = self._columns.T.shape
        with quiet():
            for part in _blocks(rows, classes, CACHED):
                x, target, axis = self._columns[:, part], out[part].T, 0
                shift = self._shift[None, part]
                given = None if of_rows is None else of_rows[part].T[:, None]
                if classes > _NARROW:
                    x, target, shift, axis = x.T, target.T, shift.T, 1
                    given = None if given is None else given.swapaxes(1, 2)
                function(target, x, shift, self.temperature, axis, work, given)

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
    result, work = np.empty(logits.shape), _work()
    for rows in _blocks(len(logits), logits.shape[1], CACHED):
        part = Logits(logits[rows], temperature=temperature)
        part.fill(_fill_probabilities, result[rows], work)
    return result


def log_softmax(logits: Floats, /, *, temperature: float = 1.0) -> Floats:
    """Log-probabilities in nats, shape (rows, classes); see `Logits`."""
    result = np.empty(logits.shape)
    for rows in _blocks(len(logits), logits.shape[1], 4 * CACHED):
        Logits(logits[rows], temperature=temperature).log_probabilities(out=result[rows])
    return result


def _blocks(rows: int, classes: int, numbers: int) -> Iterator[slice]:
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
    fraction, exponent = math.frexp(temperature)
    # The power of two is exact and goes first, so that 1e-300 and 1e300 split without overflow.
    return x if temperature == 1 else x.times_power(-exponent) / fraction


# The functions below take some rows as they lie in memory, with the classes along an axis, and are
# given arrays that stay in the cache. Rows of very many classes are gone through in parts.


class _Fill(Protocol):
    def __call__(
        self,
        out: Floats,
        x: Floats,
        shift: Floats,
        temperature: float,
        axis: int,
        work: Floats,
        given: Floats | None,
        /,
    ) -> None:
        """Fill `out`, with what is given of each row."""


def _work() -> Floats:
    return np.empty((5, CACHED))


def _parts(x: Floats, axis: int) -> list[tuple[slice, ...]]:
    starts = range(0, x.shape[axis], CACHED)
    return [(slice(None),) * axis + (slice(start, start + CACHED),) for start in starts]


def _fill_probabilities(
    out: Floats,
    x: Floats,
    shift: Floats,
    temperature: float,
    axis: int,
    work: Floats,
    _given: Floats | None,
    /,
) -> None:
    """Softmax; a head of 24 bits times one of the sum's inverse is exact, and all else small."""
    parts = _parts(x, axis)
    total, found = DoubleDouble(np.zeros(shift.shape)), []
    for part in parts:
        head, tail, *rest = (array[: x[part].size].reshape(x[part].shape) for array in work)
        if len(parts) > 1:
            head, tail = np.empty(head.shape), np.empty(tail.shape)
        _shift(head, tail, x[part], shift, temperature, rest[0])
        exponent = _exponentials(head, tail, rest)
        found.append((head, tail, exponent))
        if exponent is not None:
            head, tail = np.ldexp(head, exponent), np.ldexp(tail, exponent)
        total = total + _sum_heads(head, tail, 1.0, axis, rest[0])
    inverse_head, inverse_tail = _inverse(total)
    for part, mass in zip(parts, found, strict=True):
        _divide(out[part], *mass, inverse_head, inverse_tail, work[2])


def _divide(
    out: Floats,
    head: Floats,
    tail: Floats,
    exponent: Integers | None,
    inverse_head: Floats,
    inverse_tail: Floats,
    work: Floats,
) -> None:
    tail *= inverse_head + inverse_tail
    tail += np.multiply(head, inverse_tail, out=work[: head.size].reshape(head.shape))
    head *= inverse_head
    if exponent is None:
        np.add(head, tail, out=out)
    else:
        out[...] = Scaled(DoubleDouble(head, tail), exponent).rounded()


def _fill_others(
    out: Floats,
    x: Floats,
    shift: Floats,
    temperature: float,
    axis: int,
    work: Floats,
    _given: Floats | None,
    /,
) -> None:
    """The sum of exponentials without one winner's own 1, in two parts."""
    rest: Scaled | None = None
    ties: Floats | float = -1.0
    for part in _parts(x, axis):
        head, tail, *spare = (array[: x[part].size].reshape(x[part].shape) for array in work)
        _shift(head, tail, x[part], shift, temperature, spare[0])
        is_top = head == 0
        if np.count_nonzero(is_top) == is_top.shape[1 - axis]:
            ties = ties + is_top.any(axis=axis, keepdims=True)
        else:
            ties = ties + is_top.sum(axis=axis, keepdims=True)
        exponent = _exponentials(head, tail, spare)
        np.copyto(head, 0.0, where=is_top)
        found = _sum_others(head, tail, exponent, axis, spare[0])
        rest = found if rest is None else rest + found
    assert rest is not None
    total = rest.plain() + ties if np.any(ties) else rest.plain()
    np.concatenate([total.high, np.broadcast_to(total.low, shift.shape)], axis=axis, out=out)


def _fill_log_probabilities(
    out: Floats,
    x: Floats,
    shift: Floats,
    temperature: float,
    axis: int,
    work: Floats,
    log_total: Floats | None,
    /,
) -> None:
    """Log-softmax: z minus the logarithm of the sum of exponentials."""
    assert log_total is not None
    high, low = log_total
    is_small = ((high > 0) & (high < _SMALL)).any()
    for part in _parts(x, axis):
        z, error, total, virtual, lost = (
            array[: x[part].size].reshape(x[part].shape) for array in work
        )
        _shift(z, error, x[part], shift, temperature, total)
        np.subtract(high, z, out=total)  # two_sum in place
        np.subtract(total, high, out=virtual)
        np.subtract(total, virtual, out=lost)
        np.subtract(high, lost, out=lost)
        virtual += z
        lost -= virtual
        rest = np.subtract(low, error, out=virtual)
        rest += lost
        if is_small:
            _tell_sides(rest, error, high)
        rest += total
        if np.isinf(total).any():
            np.copyto(rest, total, where=np.isinf(total))
        np.subtract(0.0, rest, out=out[part])  # no -0.0


def _shift(
    z: Floats, error: Floats, x: Floats, shift: Floats, temperature: float, work: Floats
) -> None:
    """Fill z and its error with (x - shift) / temperature."""
    if temperature != 1:
        shifted = _shifted(x, shift, temperature)
        z[...], error[...] = shifted.high, shifted.low
        return
    np.subtract(x, shift, out=z)  # two_sum in place
    virtual = np.subtract(z, x, out=work)
    np.subtract(z, virtual, out=error)
    np.subtract(x, error, out=error)
    virtual += shift
    error -= virtual


def _exponentials(z: Floats, error: Floats, work: list[Floats]) -> Integers | None:
    """As `exp_head`, with 0 for what is below `DEEPEST`."""
    first, second, third = work
    if z.min(initial=0.0) >= DEEP:
        return exp_head(z, error, (first, second, third), deep=False)
    nothing = ~(z >= DEEPEST)
    z[nothing] = error[nothing] = 0.0
    exponent = exp_head(z, error, (first, second, third), deep=True)
    z[nothing] = error[nothing] = 0.0
    return exponent


def _sum_heads(
    head: Floats, tail: Floats, largest: Floats | float, axis: int, work: Floats
) -> DoubleDouble:
    """Sum over the classes of numbers from 0 to nearly twice the largest, right to some 2**-75.

    The heads' upper halves are multiples of one small number and sum without an error (Rump,
    Ogita and Oishi, "Accurate floating-point summation", 2008), in whatever order numpy takes.
    """
    splitter = largest * 2.0 ** (head.shape[axis].bit_length() + 1)
    upper = np.add(head, splitter, out=work)
    upper -= splitter
    high = np.add.reduce(upper, axis=axis, keepdims=True)
    lower = np.subtract(head, upper, out=work)
    lower += tail
    low = np.add.reduce(lower, axis=1, keepdims=True) if axis else _sum_in_order(lower)
    return DoubleDouble(high) + low


def _sum_others(
    head: Floats, tail: Floats, exponent: Integers | None, axis: int, work: Floats
) -> Scaled:
    """The same of numbers of any size."""
    largest = head.max(axis=axis, keepdims=True)
    if exponent is None:
        _, power = np.frexp(largest)
        return Scaled(_sum_heads(head, tail, np.ldexp(1.0, power), axis, work))
    exponent[head == 0] = -(2**20)
    top = exponent.max(axis=axis, keepdims=True) + 1
    below = np.maximum(exponent - top, -2000)
    head, tail = np.ldexp(head, below), np.ldexp(tail, below)
    return Scaled(_sum_heads(head, tail, 1.0, axis, work), top)


def _sum_in_order(terms: Floats) -> Floats:
    """Sum over the first axis, in place: numpy sums a lone short column in an order of its own."""
    length = len(terms)
    while length > 1:
        half = length // 2
        terms[:half] += terms[length - half : length]
        length -= half
    return terms[:1]


def _inverse(total: DoubleDouble) -> tuple[Floats, Floats]:
    """1 / total, for a total far from overflow: a head of 24 bits, and a tail."""
    rough = 1 / total.high
    head, total_head = (x.astype(np.float32).astype(np.float64) for x in (rough, total.high))
    missed = (1 - head * total_head) - head * (total.high - total_head) - head * total.low
    return head, missed * rough
