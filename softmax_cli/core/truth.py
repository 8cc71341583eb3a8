"""Exact shares of rows, and how far from them computed ones are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core import exact
from softmax_cli.core.arithmetic import Floats

# float64, float32 or float16
Computed = NDArray[np.floating[Any]]

_LARGEST: Final = float(np.finfo(np.float64).max)
# A distance in floats is right but for a few roundings, or steps of subnormal numbers.
_NEARLY: Final = 1 - 2.0**-40
_STEPS: Final = 1e-300


class Truth:
    """Exact shares of rows, each worked out once.

    Parameters
    ----------
    shares : sequence of (sequence of Decimal, or None where they are no numbers)
        For each row those of its classes.
    classes : int

    Attributes
    ----------
    nearest : array, shape (rows, classes)
        The floats nearest to the shares; nan where these are no numbers.
    """

    def __init__(self, shares: Sequence[Sequence[Decimal] | None], classes: int) -> None:
        self._shares = shares
        self._none = [math.nan] * classes
        nearest = [self._none if row is None else list(map(float, row)) for row in shares]
        self.nearest: Floats = np.array(nearest).clip(-_LARGEST, _LARGEST)

    @cached_property
    def _excesses(self) -> Floats:
        """How far the shares lie above the nearest floats, in units in the last place."""
        rows = zip(
            self._shares, self.nearest.tolist(), _spacings(self.nearest).tolist(), strict=True
        )
        return np.array(
            [self._none if row is None else exact.excesses(row, *floats) for row, *floats in rows]
        )

    def worst_errors(self, computed: Computed) -> list[float]:
        """For each row the worst class's distance, in units in the last place of the type.

        Parameters
        ----------
        computed : array, shape (rows, classes), of any float type

        Returns
        -------
        list of float
            Inf where a number is not finite, or a share no number.
        """
        with np.errstate(all="ignore"):
            ulps = _spacings(self.nearest.astype(computed.dtype))
            floats = computed.astype(float)
            excesses = self._excesses * (_spacings(self.nearest) / ulps)
            distances = np.abs((floats - self.nearest) / ulps - excesses)
            usable = ~np.isnan(distances).any(axis=1) & np.isfinite(floats).all(axis=1)
            # Floats tell which classes may be the worst, and decimals how far off these are.
            worst = np.minimum(distances.max(axis=1, keepdims=True), _LARGEST)
            may_be_worst = (distances > 0) & (distances >= worst * _NEARLY - _STEPS)
        return [
            self._worst_error(row, np.flatnonzero(may_be_worst[row]), floats[row], ulps[row])
            if usable[row]
            else math.inf
            for row in range(len(floats))
        ]

    def _worst_error(self, row: int, at: NDArray[np.intp], floats: Floats, ulps: Floats) -> float:
        """The same of some classes of a row."""
        shares = self._shares[row]
        assert shares is not None
        some = [shares[i] for i in at.tolist()]
        errors = exact.excesses(some, floats[at].tolist(), ulps[at].tolist())
        return max(map(abs, errors), default=0.0)


def _spacings(numbers: Computed) -> Floats:
    """The unit in the last place of each; beyond the type's largest number the largest unit."""
    zero = numbers.dtype.type(0)
    # The largest number's own is inf to numpy.
    below = np.nextafter(np.finfo(numbers.dtype).max, zero)
    return np.spacing(np.minimum(np.abs(numbers), below)).astype(float)
