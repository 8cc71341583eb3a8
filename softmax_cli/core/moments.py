"""The mean of numbers that come in parts, and its standard error."""

from __future__ import annotations

import numpy as np

from softmax_cli.core.arithmetic import Floats, fold_sum, quiet


class Moments:
    """Means of columns.

    Parts are merged by Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for
    computing sample variances" (1979), so that no two large sums are subtracted.
    """

    def __init__(self) -> None:
        self._count = 0
        self.mean: Floats = np.zeros(())
        self._squares: Floats = np.zeros(())

    def add(self, values: Floats, /) -> None:
        """Count more numbers of each column in, shape (numbers, columns)."""
        count = len(values)
        with quiet():
            mean = fold_sum(values) / count
            squares = fold_sum((values - mean) ** 2)
            if self._count:
                part = count / (self._count + count)
                apart = mean - self.mean
                squares = self._squares + squares + apart**2 * (self._count * part)
                mean = self.mean + apart * part
        self._count += count
        self.mean, self._squares = mean, squares

    def standard_error(self) -> Floats:
        """The sample's standard deviation over the root of the count, shape (columns,).

        nan for a single number.
        """
        if self._count < 2:
            return np.full_like(self.mean, np.nan)
        result: Floats = np.sqrt(self._squares / (self._count - 1) / self._count)
        return result
