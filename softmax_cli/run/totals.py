"""The outcomes of chunks, and totals that are the same to the bit for any grouping of rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_cli.errors import DataError
from softmax_cli.messages import Notice

# 1 in the units of exact sums
ONE: Final = 1 << 1074


class ExactSum:
    """A sum of floats without any rounding.

    It is kept as one integer in `units` of 2**-1074, the smallest float64.
    """

    def __init__(self, values: NDArray[Any], /) -> None:
        """Sum the elements of an array of any shape; infinities and nan follow IEEE 754."""
        self.units = 0
        self._special = 0.0
        finite = np.isfinite(values)
        if not finite.all():
            self._special += float(np.sum(values[~finite]))
            values = values[finite]
        fraction, exponent = np.frexp(values)
        significand = np.ldexp(fraction, 53).astype(np.int64)
        power = exponent.astype(np.intp) + 1073  # from 0
        # Halves of 26 and 27 bits, so that int64 holds the sum of 2**35 of them.
        high, low = np.zeros((2, 2098), np.int64)
        np.add.at(high, power, significand >> 26)
        np.add.at(low, power, significand & 0x3FFFFFF)
        for shift in (high | low).nonzero()[0].tolist():
            part = (int(high[shift]) << 26) + int(low[shift])
            # A subnormal's significand has its missing bits as zeros at the end.
            self.units += part << shift - 52 if shift >= 52 else part >> 52 - shift

    def merge(self, other: ExactSum, /) -> None:
        self.units += other.units
        self._special += other._special

    def total(self, weight: int = ONE) -> float:
        """Return the sum over a weight in the same units, rounded once; nan for the weight 0."""
        if self._special != 0.0:  # true for nan, too
            return self._special
        try:
            return self.units / weight if weight else math.nan  # int / int is correctly rounded
        except OverflowError:
            return math.inf if self.units > 0 else -math.inf


class Totals:
    """Totals of some rows: their number, exact sums and counts, and the worst rows.

    A key is the name of a field or, for the rows of one class, (name, label).
    """

    def __init__(
        self,
        rows: int,
        sums: Mapping[Any, NDArray[Any]],
        counts: Mapping[Any, int] | None = None,
        worst: Worst | None = None,
    ) -> None:
        self.rows = rows
        self.counts = Counter(counts)
        self.worst = worst
        self.sums = {key: ExactSum(values) for key, values in sums.items()}

    def merge(self, later: Totals) -> None:
        """Add the totals of later rows."""
        self.rows += later.rows
        self.counts.update(later.counts)
        for key, total in later.sums.items():
            if key in self.sums:
                self.sums[key].merge(total)
            else:
                self.sums[key] = total
        if self.worst is not None and later.worst is not None:
            self.worst = self.worst.merged(later.worst)

    def sums_and_means(self, keys: Sequence[str], rows: int) -> dict[str, float]:
        """Return the sums of fields, and their means over `rows` rows."""
        sums = {f"{key}_sum": self.sums[key].total() for key in keys}
        return sums | {f"{key}_mean": self.sums[key].total(rows * ONE) for key in keys}


def ratio(part: float, whole: float) -> float:
    """Return a quotient, nan where the divisor is 0."""
    return part / whole if whole else math.nan


class Worst(NamedTuple):
    """The rows with the largest losses, the largest first; of equal ones the earlier first."""

    columns: dict[str, NDArray[Any]]
    most: int

    @classmethod
    def of(cls, columns: Mapping[str, NDArray[Any]], most: int) -> Worst:
        """Return the `most` rows with the largest 'loss'."""
        rows = np.argsort(-columns["loss"], kind="stable")[:most]
        return cls({key: values[rows] for key, values in columns.items()}, most)

    def merged(self, later: Worst) -> Worst:
        both = {key: np.concatenate([v, later.columns[key]]) for key, v in self.columns.items()}
        return Worst.of(both, self.most)


class Outcome(NamedTuple):
    """The output of a chunk (`piece`), its totals and its notices.

    `vectors` counts those in the piece, `usable` those that have a result. `error` is that of the
    first row that can't be used; with --invalid error it ends the output after the piece.
    """

    piece: Any
    vectors: int
    usable: int
    totals: Totals | None
    notices: Mapping[str, Notice]
    error: DataError | None = None
