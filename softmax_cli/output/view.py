"""What a table page shows, from top to bottom, whatever renders it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

import numpy as np

from softmax_cli.messages import visible
from softmax_cli.output.layout import (
    Column,
    Item,
    Layout,
    Lines,
    R,
    Records,
    Shape,
    Summary,
    Sweep,
    Values,
    VectorTable,
    Writer,
)
from softmax_cli.output.numbers import texts
from softmax_cli.output.settings import SHORTEST, Digits

# For numbers that only give an idea
ROUGH: Final = Digits(significant=3)
# Digits beyond which a float64 says nothing
_ALL_DIGITS: Final = 17
_MORE_DECIMALS: Final = 6
# Powers of ten that are written out, not as an exponent
_PLAIN: Final = range(-6, 12)


class Footer(NamedTuple):
    """Titles, each with its value and unit."""

    items: Sequence[tuple[str, str]]


class Identity(NamedTuple):
    """'A + B = C', and the same with numbers."""

    left: str
    right: str


class Table(NamedTuple):
    """Columns of values, with what stands at the beginning of each line.

    `total` is the number of lines there are, also beyond those given, `unit` what they are, and
    `format` one that shows them all. `of_classes` are the indices of columns that get a table of
    their own where all together are too wide. `largest` is the value of a whole bar.
    """

    title: str
    heads: Sequence[str]
    columns: Sequence[Column]
    total: int
    unit: str = "rows"
    format: str = "csv"
    of_classes: range = range(0)
    hidden_classes: int = 0
    hidden_unit: str = "classes"
    emphasis: Values | None = None
    largest: float = 1.0


# A text is a note
Part = Table | Footer | Identity | str


class Piece(NamedTuple):
    """The lines of a block's vectors; of one that may be alone its table and its copied cells."""

    lines: Lines
    vector: VectorTable | Sweep | None = None
    kept: Sequence[Item] = ()


class ViewWriter(Writer[R]):
    """Collects what a view shows of each block: `most` vectors, or all (None)."""

    summarises = True

    def __init__(
        self, layout: Layout[R], shape: Shape, digits: Digits, most: int | None = None
    ) -> None:
        super().__init__(layout, shape, digits)
        self.pieces: list[Piece] = []
        self.count = 0
        self.summarises_cut = layout.replaces_lines()
        self._most = layout.most if layout.replaces_lines() else most
        self._empty: Records[R] | None = None

    def show(self, parts: Sequence[Part]) -> None:
        """Write the parts of a page."""
        raise NotImplementedError

    def encode(self, records: Records[R]) -> Piece | None:
        room = records.count if self._most is None else self._most - self.count
        if not records.count:
            self._empty = records
        return self._piece(records, room) if records.count and room > 0 else None

    def write(self, piece: Any, vectors: int) -> None:
        if piece is not None:
            self.pieces.append(piece)
        self.count += vectors

    def reduce(self, key: str, value: float, summary: Summary) -> None:
        self.show([footer(self.layout.total(summary), self.digits)])

    def collected(self, summary: Summary | None) -> Piece | None:
        """Return all lines as one piece; None where there is nothing to show."""
        if not self.pieces and self._empty is not None and summary is not None:
            self.pieces.append(self._piece(self._empty, 0))
        if len(self.pieces) < 2:
            return self.pieces[0] if self.pieces else None
        every = [piece.lines for piece in self.pieces]
        columns = [
            parts[0]._replace(values=np.concatenate([part.values for part in parts]))
            for parts in zip(*(lines.columns for lines in every), strict=True)
        ]
        heads = [head for lines in every for head in lines.heads or ()]
        notes = [note for lines in every for note in lines.notes]
        return Piece(Lines(columns, every[0].title, heads or None, notes))

    def page(self, piece: Piece, summary: Summary | None, most: int | None = None) -> list[Part]:
        """Return the parts of a page, with at most so many classes."""
        layout, lines = self.layout, piece.lines
        if isinstance(piece.vector, VectorTable):
            return self._vector(piece.vector, piece.kept, most)
        count = self.count * layout.records
        instead = None if summary is None else layout.summary_lines(summary)
        if instead is not None and self.count > 1:
            count = len(instead.heads or ())
            lines = _first(instead, most and layout.most)
        elif instead is not None:
            summary = None  # of a lone vector it says nothing more
        table = self.table(lines, most=most)._replace(total=count)
        return [table, *self.below(lines.notes, summary, most)]

    def table(self, lines: Lines, start: int = 0, most: int | None = None) -> Table:
        """Return a table of many vectors, of which so many have been shown before."""
        title, heads, shape = lines.title, lines.heads, self.shape
        stop = start + len(lines.columns[0].values)
        if heads is None and shape.transposed and shape.column_names:
            title, heads = "column", shape.column_names[start:stop]
        elif heads is None:
            heads = [str(number) for number in range(start + 1, stop + 1)]
        columns: list[Column] = []
        table = Table(title, list(map(str, heads)), columns, len(heads))
        for column in lines.columns:
            if column.values.ndim == 1:
                columns.append(column)
                continue
            width = column.values.shape[1]
            is_numbered = column.key in self.layout.numbered
            names = list(map(str, range(1, width + 1))) if is_numbered else shape.class_names(width)
            first = len(columns)
            columns += [
                column._replace(title=name, values=values)
                for name, values in zip(names[:most], column.values.T, strict=False)
            ]
            table = table._replace(
                of_classes=range(first, len(columns) if self.layout.records > 1 else first),
                hidden_classes=width - (len(columns) - first),
                hidden_unit="in each row" if self.layout.numbered else "classes",
            )
        return table

    def below(
        self, notes: Sequence[str], summary: Summary | None, most: int | None = None
    ) -> list[Part]:
        """Return what stands below the table of many vectors."""
        parts: list[Part] = list(filter(None, map(str, notes)))
        if summary is None:
            return parts
        total = self.layout.total(summary)
        if total:
            parts.append(footer(total, self.digits))
        groups = self.layout.groups(summary)
        if groups is not None and groups.heads:
            count = len(groups.heads)
            groups = _first(groups, most)
            parts.append(Table(groups.title, groups.heads or (), groups.columns, count, "classes"))
        return parts

    def _piece(self, records: Records[R], room: int) -> Piece:
        layout, names = self.layout, self.shape.kept
        columns, title, heads, notes = layout.lines(records.result)
        columns = [
            column._replace(values=layout.fill(column.key or column.title, column.values, records))
            for column in columns
        ]
        if heads is not None:
            heads = layout.fill(title, np.array(heads, dtype=object), records).tolist()
        items: list[Item] = []
        if records.kept is not None and names:
            cells = records.kept.repeat(layout.records, axis=0).T
            kept = [Column(*pair, "text") for pair in zip(names, cells, strict=True)]
            items = [Item(column.title, str(column.values[0])) for column in kept if records.count]
            if heads is None:
                title, heads = kept[0].title, kept[0].values.tolist()
                del kept[0]
            columns = [*kept, *columns]
        may_be_alone = self.count == 0 and records.count == 1
        is_usable = records.good is None or len(records.good) == 1
        return Piece(
            _first(Lines(columns, title, heads, notes), room * layout.records),
            layout.vector(records.result) if may_be_alone and is_usable else None,
            items,
        )

    def _vector(self, vector: VectorTable, kept: Sequence[Item], most: int | None) -> list[Part]:
        """Return the page of a lone vector."""
        count = len(vector.columns[0].values)
        chosen = (np.arange(count) if vector.order is None else np.argsort(vector.order))[:most]
        heads = self.shape.class_names(count) if vector.heads is None else vector.heads
        bars = [column.values for column in vector.columns if column.style == "bar"]
        parts: list[Part] = [footer(kept, self.digits)] if kept else []
        parts.append(
            Table(
                vector.title,
                [str(heads[i]) for i in chosen.tolist()],
                [column._replace(values=column.values[chosen]) for column in vector.columns],
                count,
                *(("classes", "csv") if vector.heads is None else ("lines", "json")),
                emphasis=None if vector.emphasis is None else vector.emphasis[chosen],
                largest=largest_size(bars[0]) if bars else 1.0,
            )
        )
        if vector.identity:
            parts.append(_identity(vector.identity, self.digits))
        if vector.footer:
            parts.append(footer(vector.footer, self.digits))
        return [*parts, *filter(None, map(str, vector.notes))]


def _first(lines: Lines, count: int | None) -> Lines:
    """Return the first lines."""
    return lines._replace(
        columns=[column._replace(values=column.values[:count]) for column in lines.columns],
        heads=None if lines.heads is None else lines.heads[:count],
        notes=lines.notes[:count],
    )


def footer(items: Sequence[Item], digits: Digits) -> Footer:
    """Return the title of each item, and its value with the unit."""
    return Footer(
        [(title, f"{_value_text(value, digits)} {unit}".strip()) for title, value, unit in items]
    )


def _value_text(value: Any, digits: Digits) -> str:
    if isinstance(value, str | list):
        words = [value] if isinstance(value, str) else map(str, value)
    else:
        words = texts(np.atleast_1d(value), digits)
    return ", ".join(map(visible, words))


def _identity(items: Sequence[Item], digits: Digits) -> Identity:
    """Return a sum, with as many decimals in each number, so that they add up."""
    numbers = [float(item.value) for item in items]
    shown = texts(np.array(numbers), digits)
    exponent = Decimal(f"{max(map(abs, numbers)):e}").adjusted()
    if np.isfinite(numbers).all() and exponent in _PLAIN:
        decimals = digits.decimals or 0
        if digits.significant is not None:
            decimals = max(0, digits.significant - 1 - exponent)
        # Rounded numbers may miss their sum by one in the last decimal; a further one mends it.
        most = max(decimals, min(decimals + _MORE_DECIMALS, _ALL_DIGITS - 1 - exponent))
        for count in range(decimals, most + 1):
            shown = [f"{number:.{count}f}" for number in numbers]
            if sum(map(Decimal, shown[:-1])) == Decimal(shown[-1]):
                break
    left, right = (
        " + ".join(words[:-1]) + " = " + words[-1] for words in ([i.title for i in items], shown)
    )
    return Identity(left, f"{right} {items[-1].unit}".strip())


def word_texts(values: Values) -> list[str]:
    """Return words as they are, control characters spelled out, and nothing for None."""
    words = zip(values.ravel().tolist(), texts(values, SHORTEST), strict=True)
    return ["" if value is None else visible(text) for value, text in words]


def largest_size(values: Values) -> float:
    """Return the largest finite absolute value, or 1 where there is none but 0."""
    sizes = np.abs(values[np.isfinite(values)])
    return float(sizes.max(initial=0.0)) or 1.0
