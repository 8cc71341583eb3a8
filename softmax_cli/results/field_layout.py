"""Layouts declared by the names of a result's attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from softmax_cli.output.layout import Column, Item, Layout, Lines, Summary, Values, VectorTable


class Field(NamedTuple):
    """An attribute of a result with a value for each vector, and how it is shown in a table.

    `style` is that of a column; of an item below a table it is the unit.
    """

    key: str
    title: str
    style: str = ""


class FieldLayout(Layout[Any]):
    """What is shown where, by the names of attributes.

    `row` are those of delimited text, `fields` those of a JSON object, `lines` the columns of the
    table of many vectors, `classes` those of a lone vector, with `footer` and `identity` below
    it; `part` heads its lines where that is not a class. `summary` are items of the summary.
    """

    def __init__(
        self,
        row: Sequence[str],
        fields: Sequence[str],
        lines: Sequence[Field],
        classes: Sequence[Field] = (),
        *,
        footer: Sequence[Field] = (),
        identity: Sequence[Field] = (),
        summary: Sequence[Field] = (),
        part: Field | None = None,
        emphasis: str = "",
        order: str = "",
        numbered: Sequence[str] = (),
    ) -> None:
        self._row = row
        self._fields = fields
        self._lines = lines
        self._classes = classes
        self._footer = footer
        self._identity = identity
        self._summary = summary
        self._part = part
        self._emphasis = emphasis
        self._order = order
        self.numbered = frozenset(numbered)
        self.named = len(row) > 1

    def row(self, result: Any) -> dict[str, Values]:
        return {key: getattr(result, key) for key in self._row}

    def object(self, result: Any) -> dict[str, Values]:
        return {key: getattr(result, key) for key in self._fields}

    def lines(self, result: Any) -> Lines:
        return Lines([_column(field, getattr(result, field.key)) for field in self._lines])

    def vector(self, result: Any) -> VectorTable | None:
        if not self._classes:
            return None

        def first(key: str) -> Any:
            return getattr(result, key)[0]

        def items(fields: Sequence[Field]) -> list[Item]:
            return [Item(field.title, first(field.key), field.style) for field in fields]

        part = self._part
        return VectorTable(
            [_column(field, first(field.key)) for field in self._classes],
            items(self._footer),
            items(self._identity),
            title=part.title if part else "class",
            heads=list(map(str, first(part.key))) if part else None,
            emphasis=first(self._emphasis) if self._emphasis else None,
            order=first(self._order) if self._order else None,
        )

    def total(self, summary: Summary) -> list[Item]:
        return [Item(f.title, summary[f.key], f.style) for f in self._summary if f.key in summary]


def _column(field: Field, values: Any) -> Column:
    return Column(field.title, values, field.style or "number", key=field.key)
