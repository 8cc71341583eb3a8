"""Results as tables for people: which fields, of how many vectors and classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.text import Text

from softmax_cli.output.canvas import Canvas
from softmax_cli.output.cells import largest_size
from softmax_cli.output.results import Column, Layout, Shape
from softmax_cli.output.settings import Digits

if TYPE_CHECKING:
    from rich.console import RenderableType

    from softmax_cli.output.results import Fields, Summary, Values

# What a screen or two can show; a footer tells how many were left out.
_CLASSES: Final = 50


class TableWriter:
    """One table at the end, of the first vectors, with a footer for all of them."""

    summarises = True
    streams = False

    def __init__(self, layout: Layout, shape: Shape, digits: Digits) -> None:
        columns = {column.field for column in (*layout.classes, *layout.lines)}
        items = {item.field for item in (*layout.footer, *layout.identity)}
        extra = {field for field in (layout.notes, layout.emphasis) if field}
        extra |= {column.field for column in (layout.label, layout.part) if column}
        self.fields = frozenset(columns | items | extra)
        self._layout = layout
        self._shape = shape
        self._digits = digits
        self._kept: list[Fields] = []
        self._count = 0

    def write(self, fields: Fields) -> None:
        """Keep what the table will show."""
        room = self._layout.most - self._count
        vectors = len(next(iter(fields.values())))
        if room > 0:
            self._kept.append({key: fields[key][:room] for key in self.fields})
        self._count += vectors

    def close(self, summary: Summary | None) -> None:
        """Print the table."""
        if not self._kept:
            return
        fields = {
            key: np.concatenate([kept[key] for kept in self._kept]) for key in sorted(self.fields)
        }
        canvas = Canvas(self._digits)
        if self._count == 1 and self._layout.classes:
            canvas.print(self._lone(canvas, fields))
        else:
            canvas.print(self._many(canvas, fields, summary))

    def reduce(self, field: str, value: float, summary: Summary) -> None:
        """Print the summary alone."""
        canvas = Canvas(self._digits)
        canvas.print([canvas.footer(self._layout.total, summary)])

    def _lone(self, canvas: Canvas, fields: Fields) -> list[RenderableType]:
        layout = self._layout
        vector = {key: values[0] for key, values in fields.items()}
        columns = [column for column in layout.classes if column.field in vector]
        classes = len(vector[columns[0].field])
        shown = min(classes, _CLASSES)
        if layout.part is None:
            title, names = "class", self._shape.class_names(classes)[:shown]
        else:
            title, names = layout.part.title, list(map(str, vector[layout.part.field]))[:shown]
        cut = {key: value[:shown] if np.ndim(value) else value for key, value in vector.items()}
        emphasis = cut.get(layout.emphasis or "")
        bars = next((column.field for column in columns if column.style == "bar"), None)
        largest = largest_size(vector[bars]) if bars else 1.0
        table, lines = canvas.table(title, names, columns, cut, emphasis, largest)
        left = ("lines", "json") if layout.part else ("classes", "csv")
        parts = [table, *canvas.left_out(classes - lines, *left), Text()]
        if layout.identity:
            parts.append(canvas.identity(layout.identity, vector))
        parts.append(canvas.footer(layout.footer, vector))
        return parts + canvas.notes(vector.get(layout.notes or ""))

    def _many(
        self, canvas: Canvas, fields: Fields, summary: Summary | None
    ) -> list[RenderableType]:
        columns, classes, spread, hidden = self._spread(fields)
        title, heads = self._heads(fields)
        if classes and self._layout.label and not canvas.fits(title, heads, columns, spread):
            # What came of each on a line, and only then each class on a line of its own.
            others = [column for column in columns if column not in classes]
            before = [spread[column.field] for column in columns[: columns.index(classes[0])]]
            trials = [" ".join(map(str, trial)) for trial in zip(heads, *before, strict=True)]
            first, lines = canvas.table(title, heads, others, spread)
            second, whole = canvas.table(title, trials, classes, spread)
            parts = [first, Text(), second, *canvas.left_out(len(trials) - whole, "of them")]
        else:
            table, lines = canvas.table(title, heads, columns, spread)
            parts = [table]
        parts += canvas.left_out(self._count - lines, "rows")
        parts += canvas.left_out(hidden, "classes")
        below = canvas.notes(fields.get(self._layout.notes or ""))
        if summary is not None and self._layout.total:
            below.append(canvas.footer(self._layout.total, summary))
        parts = [*parts, Text(), *below] if below else parts
        return parts + self._groups(canvas, (summary or {}).get("by_class", []))

    def _groups(self, canvas: Canvas, groups: Sequence[Summary]) -> list[RenderableType]:
        """What is known of each class."""
        columns = self._layout.groups
        if not groups or not columns:
            return []
        shown = groups[:_CLASSES]
        fields = {c.field: np.array([group[c.field] for group in shown]) for c in columns}
        table, lines = canvas.table("class", [str(g["class"]) for g in shown], columns, fields)
        return [Text(), table, *canvas.left_out(len(groups) - lines, "classes")]

    def _spread(self, fields: Fields) -> tuple[list[Column], list[Column], dict[str, Values], int]:
        """All columns, those of classes among them, their values, and the classes left out."""
        columns: list[Column] = []
        classes: list[Column] = []
        spread: dict[str, Values] = {}
        hidden = 0
        for column in self._layout.lines:
            values = fields[column.field]
            if values.ndim == 1:
                columns.append(column)
                spread[column.field] = values
                continue
            names = self._shape.class_names(values.shape[1])
            hidden = max(0, len(names) - _CLASSES)
            for i, name in enumerate(names[:_CLASSES]):
                classes.append(Column(f"{column.field} {i}", name, column.style))
                spread[classes[-1].field] = values[:, i]
            columns += classes
        return columns, classes, spread, hidden

    def _heads(self, fields: Fields) -> tuple[str, list[str]]:
        """What heads the lines of many vectors, and its title."""
        label = self._layout.label
        if label:
            return label.title, list(map(str, fields[label.field].tolist()))
        kept = min(self._count, self._layout.most)
        if self._shape.downwards and self._shape.column_names:
            return "column", list(self._shape.column_names[:kept])
        return "row", [str(n) for n in range(1, kept + 1)]
