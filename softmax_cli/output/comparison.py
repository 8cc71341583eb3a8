"""The table of methods: each one's numbers for a lone vector, how often it broke for more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from softmax_cli.output.results import Fields, Summary, Writer


class ComparisonTable:
    """A writer whose table depends on how many vectors there were."""

    summarises = True
    streams = False

    def __init__(self, one: Writer, many: Writer) -> None:
        self._one = one
        self._many = many
        self._number: int | None = None
        self._is_many = False
        self._first: list[Fields] = []
        self.fields = one.fields | {"row"}

    def write(self, fields: Fields) -> None:
        """Keep the first vector's records."""
        if self._number is None:
            self._number = fields["row"][0]
        first = fields["row"] == self._number
        self._is_many = self._is_many or not first.all()
        if first.any():
            self._first.append({key: values[first] for key, values in fields.items()})

    def is_settled(self) -> bool:
        """Whether there are many vectors, of which the summary tells all."""
        return self._is_many

    def texts(self, _: Fields) -> Iterator[bytes]:
        """Nothing, as above."""
        return iter(())

    def count_in(self, vectors: int) -> None:
        """Do nothing: the summary counts them."""

    def close(self, summary: Summary | None) -> None:
        """Print the table for as many vectors as the summary counts."""
        if summary is None or summary["rows"] == 1:
            for fields in self._first:
                self._one.write(fields)
            self._one.close({})
            return
        records = summary["methods"]
        self._many.write({key: np.array([r[key] for r in records]) for key in self._many.fields})
        self._many.close(summary)

    def reduce(self, field: str, value: float, summary: Summary) -> None:
        """Nothing: methods are not reduced to one number."""
        raise NotImplementedError
