"""Probabilities at a temperature: p**(1 / T), divided by the sum, which is softmax(log p / T)."""

from functools import cached_property

import numpy as np

from softmax_cli.core.doubledouble import Bools, DoubleDouble, Floats, where
from softmax_cli.core.elementary import in_base, log, log1p
from softmax_cli.core.probabilities import Distribution
from softmax_cli.core.softmax import Logits, by_temperature


class Tempered(Logits):
    """Rows of probabilities of any sum, shape (rows, classes), as the logits log p.

    0, or -inf where truncation puts it, is a masked class.
    """

    def __init__(self, p: Floats, /, *, temperature: float = 1.0) -> None:
        super().__init__(np.maximum(p, 0.0), temperature=temperature)
        self._p = DoubleDouble(self._columns).normal()
        self._largest = DoubleDouble(self._shift).normal()

    @cached_property
    def masked(self) -> Bools:
        return np.equal(self._columns, 0).T

    @cached_property
    def shifted(self) -> DoubleDouble:
        """(log p - log max p) / temperature, shape (classes, rows)."""
        if self.temperature == 0:
            return super().shifted
        gap = ((self._p - self._largest) / self._largest).plain()
        is_near = gap.high > -0.5
        far = log(where(self.masked.T, 1.0, self._p / self._largest))
        logs = where(is_near, log1p(where(is_near, gap, 0.0)), far)
        return where(self.masked.T, -np.inf, by_temperature(logs, self.temperature))

    @cached_property
    def surprisal(self) -> DoubleDouble:
        return self._log_total - self.shifted

    def probabilities(self) -> Floats:
        return Distribution.probabilities(self)

    def logsumexp(self, *, base: str = "e") -> Floats:
        """Return the log of the sum of p**(1 / temperature), shape (rows,)."""
        if self.temperature == 1:
            return in_base(log(self._p.sum()), base)  # 0 where the sum is 1
        if self.temperature == 0:
            limit = np.where(self._shift < 1, -np.inf, np.inf)
            return np.where(self._shift == 1, in_base(self._log_total, base), limit)
        largest = by_temperature(log(self._largest), self.temperature)
        return in_base(largest + self._log_total, base)
