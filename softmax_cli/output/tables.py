"""Results as tables for people: which fields, of how many vectors and classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.text import Text

from softmax_cli.output.canvas import Canvas
from softmax_cli.output.cells import largest_size
from softmax_cli.output.lines import class_lines, heads, kept_items, shown_fields, spread
from softmax_cli.output.results import Layout, Shape
from softmax_cli.output.settings import Digits

if TYPE_CHECKING:
    from rich.console import RenderableType

    from softmax_cli.output.results import Fields, Summary

# What a screen or two can show; a footer tells how many were left out.
_CLASSES: Final = 50


class TableWriter:
    """One table at the end, of the first vectors, with a footer for all of them."""

    summarises = True
    streams = False

    def __init__(self, layout: Layout, shape: Shape, digits: Digits) -> None:
        self.fields = shown_fields(layout, shape)
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

    def is_settled(self) -> bool:
        """Whether it has all that it shows."""
        return self._count > self._layout.most

    def texts(self, _: Fields) -> Iterator[bytes]:
        """Nothing: what it does not show is only counted."""
        return iter(())

    def count_in(self, vectors: int) -> None:
        """Know of vectors that it does not show."""
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
        title, every_name, order = class_lines(layout, self._shape, vector, classes)
        chosen = order[:shown]
        names = [every_name[i] for i in chosen.tolist()]
        emphasis = vector[layout.emphasis][chosen] if layout.emphasis else None
        bars = next((column.field for column in columns if column.style == "bar"), None)
        largest = largest_size(vector[bars]) if bars else 1.0
        cut = {column.field: vector[column.field][chosen] for column in columns}
        table, lines = canvas.table(title, names, columns, cut, emphasis, largest)
        left = ("lines", "json") if layout.part else ("classes", "csv")
        parts = [table, *canvas.left_out(classes - lines, *left), Text()]
        kept, cells = kept_items(self._shape, vector)
        if kept:
            parts = [canvas.footer(kept, cells), Text(), *parts]
        if layout.identity:
            parts.append(canvas.identity(layout.identity, vector))
        parts.append(canvas.footer(layout.footer, vector))
        return parts + canvas.notes(vector.get(layout.notes or ""))

    def _many(
        self, canvas: Canvas, fields: Fields, summary: Summary | None
    ) -> list[RenderableType]:
        columns, classes, values, hidden = spread(self._layout, self._shape, fields, _CLASSES)
        kept = min(self._count, self._layout.most)
        title, names = heads(self._layout, self._shape, fields, 0, kept)
        if classes and self._layout.label and not canvas.fits(title, names, columns, values):
            # What came of each on a line, and only then each class on a line of its own.
            others = [column for column in columns if column not in classes]
            before = [values[column.field] for column in columns[: columns.index(classes[0])]]
            trials = [" ".join(map(str, trial)) for trial in zip(names, *before, strict=True)]
            first, lines = canvas.table(title, names, others, values)
            second, whole = canvas.table(title, trials, classes, values)
            parts = [first, Text(), second, *canvas.left_out(len(trials) - whole, "of them")]
        else:
            table, lines = canvas.table(title, names, columns, values)
            parts = [table]
        parts += canvas.left_out(self._count - lines, "rows")
        parts += canvas.left_out(hidden, "in each row" if self._layout.numbered else "classes")
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
