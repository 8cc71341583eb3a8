"""The table of methods: each method's numbers for a lone vector, how often it broke for more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from softmax_cli.output.results import Layout, Shape, Writer
from softmax_cli.output.settings import Digits
from softmax_cli.output.sweep import SweepTable
from softmax_cli.output.tables import TableWriter

if TYPE_CHECKING:
    from softmax_cli.output.results import Fields, Summary


class ComparisonTable:
    """A writer whose table depends on how many vectors there were."""

    summarises = True
    streams = False

    def __init__(
        self, one: Layout, many: Layout, shape: Shape, digits: Digits, *, swept: bool
    ) -> None:
        self._one: Writer = TableWriter(one, shape, digits)
        if swept:
            self._one = SweepTable(shape, digits)
        self._many = TableWriter(many, shape, digits)
        self.fields = self._one.fields | {"row"}

    def write(self, fields: Fields) -> None:
        """Keep the first vector's records."""
        first = fields["row"] == 1
        if first.any():
            self._one.write({key: values[first] for key, values in fields.items()})

    def close(self, summary: Summary | None) -> None:
        """Print the table for as many vectors as the summary counts."""
        if summary is None or summary["rows"] == 1:
            self._one.close({})
            return
        records = summary["methods"]
        self._many.write({key: np.array([r[key] for r in records]) for key in self._many.fields})
        self._many.close(summary)

    def reduce(self, field: str, value: float, summary: Summary) -> None:
        """Nothing: methods are not reduced to one number."""
        raise NotImplementedError
