"""The parts of a page of tables, from top to bottom, for the terminal and Markdown."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

import numpy as np

from softmax_cli.messages import visible
from softmax_cli.output.fields import Column, Field, Layout, Records, Summary, Values
from softmax_cli.output.formats import SHORTEST, Digits, Shape, Writer
from softmax_cli.output.numbers import texts

# Styles with digits of their own, and no text for nan
_DIGITS: Final = {"rough": Digits(significant=3), "digits": Digits(decimals=1)}
# A lone vector of more classes than the first shows as many of the best as the second.
_MOST_LINES: Final = 20
_BEST: Final = 10
# The most rows where there is room for all classes
_MANY_ROWS: Final = 1000
# Keys by which a class is one of the best, and of what is added up over the other classes
_RANKED: Final = ("probabilities", "scores", "p")
_ADDITIVE: Final = ("probabilities", "smoothed_target", "parts", "gradient", "p", "q", "terms")
# The most significant digits that a float64 has
_MOST_DIGITS: Final = 17
_MORE_DECIMALS: Final = 6
# Exponents of numbers that are written without one
_PLAIN_EXPONENTS: Final = range(-6, 12)


class Table(NamedTuple):
    """Columns, of which the first `heads` name the lines, and a note on lines left out (`more`).

    `classes` are the indices of the classes' columns, whose titles have a `prefix`, `hidden` is the
    number of columns left out, and `largest` is the value of a full bar.
    """

    columns: Sequence[Column]
    more: str = ""
    classes: range = range(0)
    hidden: int = 0
    hidden_unit: str = "classes"
    emphasis: Values | None = None
    largest: float = 1.0
    heads: int = 1
    prefix: str = ""


# Titles, each with its value and unit
Footer = list[tuple[str, str]]
# 'A + B = C', and the same with numbers
Identity = tuple[str, str]
# A text is a note
Part = Table | Footer | Identity | str


class ViewWriter(Writer):
    """Collects the columns of the first vectors, and writes a page at the end.

    `most_classes` is how many classes are shown; None for all classes, and for many vectors.
    """

    streams = False
    summarises = True
    most_classes: int | None = None

    def __init__(self, layout: Layout, shape: Shape, digits: Digits) -> None:
        super().__init__(layout, shape, digits)
        self.pieces: list[list[Column]] = []
        self.count = 0
        self._first: Records | None = None  # the first block, if it is one vector with a result
        self.summarises_cut = layout.summary_only
        self._most = layout.most if layout.summary_only or self.most_classes else _MANY_ROWS

    def show(self, parts: Sequence[Part]) -> None:
        raise NotImplementedError

    def encode(self, records: Records) -> list[Column]:
        """Return the columns of a block's vectors; none once there are enough."""
        if self.count == 0 and records.count == 1 and records.good is None:
            self._first = records
        return [] if records.count and self.count >= self._most else self._columns(records)

    def write(self, piece: Any, vectors: int) -> None:
        lines = (self._most - self.count) * self.layout.records  # a worker may send more
        if piece and lines > 0:
            self.pieces.append([c._replace(values=c.values[:lines]) for c in piece])
        self.count += vectors

    def close(self, summary: Summary | None) -> None:
        if parts := self.page(summary):
            self.show(parts)

    def reduce(self, key: str, value: float, summary: Summary) -> None:
        self.show([self._footer(self.layout.summary, summary.get)])

    def page(self, summary: Summary | None) -> list[Part]:
        """Return the parts of a page; none where there is nothing to show."""
        layout, lone = self.layout, self._first if self.count == 1 else None
        if lone is not None and layout.classes:
            return self._vector(lone)
        if not self.pieces:
            return []
        if lone is not None and layout.sweep:
            body: list[Part] = [self.table(getattr(lone.result, layout.sweep))]
        elif layout.summary_only and summary is not None and self.count > 1:
            body = [self._summary_table(summary), *self.below(summary)]
        else:
            columns = [
                parts[0]._replace(values=np.concatenate([part.values for part in parts]))
                for parts in zip(*self.pieces, strict=True)
            ]
            hidden = self.count - len(columns[0].values) // layout.records
            table = self.table(columns)._replace(more=left_out(hidden, "rows"))
            # The summary of a lone vector adds nothing.
            body = [table] if layout.summary_only else [table, *self.below(summary)]
        said = summary or {}
        return [*said.get("verdict", ()), *body, *said.get("advice", ())]

    def table(self, columns: Sequence[Column]) -> Table:
        """Return a table of many vectors."""
        layout, shape, count = self.layout, self.shape, len(columns[0].values)
        shown: list[Column] = []
        if not layout.head and not shape.kept:
            title, heads = "row", [str(number) for number in range(1, count + 1)]
            if shape.transposed and shape.column_names:
                title, heads = "column", list(shape.column_names[:count])
            shown.append(Column(title, np.array(heads, object), "text"))
        table = Table(shown, heads=max(1, len(layout.head)), prefix=shape.prefix)
        for column in columns:
            if column.values.ndim == 1:
                shown.append(column)
                continue
            width = column.values.shape[1]
            numbers = [str(number) for number in range(1, width + 1)]
            names = numbers if layout.numbered else shape.class_names(width)
            table = table._replace(
                classes=range(len(shown), len(shown) + width),
                largest=max(1.0, largest_size(column.values)) if column.style == "barred" else 1.0,
                hidden_unit="in each row" if layout.numbered else "classes",
            )
            names = [shape.prefix + name for name in names]
            shown += map(Column, names, column.values.T, [column.style] * width)
        return table

    def below(self, summary: Summary | None) -> list[Part]:
        """Return the parts below the table of many vectors."""
        if summary is None:
            return []
        footer = self._footer(self.layout.summary, summary.get)
        parts: list[Part] = [footer] if footer else []
        if summary.get(self.layout.summary_records) and not self.layout.summary_only:
            parts.append(self._summary_table(summary))
        return parts

    def _columns(self, records: Records) -> list[Column]:
        """Return the columns of a block's vectors, the copied columns in front."""
        layout, names = self.layout, self.shape.kept
        fields = [*layout.head, *layout.lines]
        columns = [_column(field, layout.values(field.key, records)) for field in fields]
        if records.kept is not None and names:
            cells = records.kept.repeat(layout.records, axis=0).T
            kept = [Column(*pair, "text") for pair in zip(names, cells, strict=True)]
            columns[len(layout.head) : len(layout.head)] = kept
        return columns

    def _vector(self, records: Records) -> list[Part]:
        """Return the page of a lone vector."""
        layout = self.layout
        parts: list[Part] = []

        def first(key: str) -> Any:
            return getattr(records.result, key)[0]

        if self.shape.kept and records.kept is not None:
            cells = texts(records.kept[0], SHORTEST)
            parts.append(list(zip(self.shape.kept, map(visible, cells), strict=True)))
        parts.append(self._classes(first))
        if layout.identity:
            numbers = [float(first(field.key)) for field in layout.identity]
            parts.append(_identity(layout.identity, numbers, self.digits))
        return [*parts, self._footer(layout.footer, first)] if layout.footer else parts

    def _classes(self, first: Callable[[str], Any]) -> Table:
        """Return the table of a lone vector: of many classes the best, and the target."""
        layout = self.layout
        columns = [_column(field, first(field.key)) for field in layout.classes]
        count = len(columns[0].values)
        columns.insert(0, Column("class", np.array(self.shape.class_names(count), object), "text"))
        emphasis = first(layout.emphasis) if layout.emphasis else np.zeros(count)
        chosen = first(layout.order) if layout.order else np.arange(count)
        unit, form = "classes", "" if layout.best else "csv"
        if layout.best or (self.most_classes and count > _MOST_LINES):
            if not layout.order:
                ranked = first(next(f.key for f in layout.classes if f.key in _RANKED))
                chosen = np.argsort(-ranked, kind="stable")
            marked = chosen[np.argsort(-1.0 * emphasis[chosen], kind="stable")][:_MOST_LINES]
            best = layout.best or _BEST
            chosen = np.array([*dict.fromkeys([*chosen[:best], *marked[emphasis[marked] > 0]])])
            chosen = chosen[: layout.best]
            fields = [f for f in reversed(layout.classes) if f.key in _ADDITIVE]
            added = [*{f.key: Field(f.key, f.title or "probability") for f in fields}.values()]
            others = self._footer(added, lambda key: np.delete(first(key), chosen).sum())
            sums = ", ".join(map(" ".join, reversed(others)))
            unit = ", together ".join(filter(None, [unit, sums]))
        bars = [f.key for f in layout.classes if f.style == "bar" and f.key != "probabilities"]
        return Table(
            [column._replace(values=column.values[chosen]) for column in columns],
            left_out(count - len(chosen), unit, form),
            emphasis=emphasis[chosen],
            largest=largest_size(first(bars[0])[chosen]) if bars else 1.0,
        )

    def _summary_table(self, summary: Summary) -> Table:
        """Return the table of the summary's records."""
        layout, records = self.layout, summary[self.layout.summary_records]
        most = self.most_classes and (layout.most if layout.summary_only else self.most_classes)
        columns = [
            _column(field, np.array([record[field.key] for record in records[:most]]))
            for field in layout.summary_columns
        ]
        unit = "rows" if layout.summary_only else "classes"
        more = left_out(len(records) - len(columns[0].values), unit)
        return Table(columns, more, heads=len(layout.head) if layout.summary_only else 1)

    def _footer(self, fields: Sequence[Field], value: Callable[[str], Any]) -> Footer:
        """Return the titles of those fields that have a value, and their values with units."""
        return [
            (field.title, f"{_value_text(found, self.digits)} {field.style}".strip())
            for field in fields
            if (found := value(field.key)) is not None
        ]


def _column(field: Field, values: Values) -> Column:
    return Column(field.title, values, field.style or "number")


def _value_text(value: Any, digits: Digits) -> str:
    is_text = isinstance(value, str | list)
    words = texts(np.atleast_1d(np.array(value, object) if is_text else value), digits)
    return ", ".join(map(visible, words))


def _identity(fields: Sequence[Field], numbers: Sequence[float], digits: Digits) -> Identity:
    """Return 'A + B = C' in titles and in numbers, rounded so that they add up."""
    shown = texts(np.array(numbers), digits)
    exponent = Decimal(f"{max(map(abs, numbers)):e}").adjusted()
    if np.isfinite(numbers).all() and exponent in _PLAIN_EXPONENTS:
        decimals = digits.decimals or 0
        if digits.significant is not None:
            decimals = max(0, digits.significant - 1 - exponent)
        # Rounded numbers may miss their sum by one in the last decimal; try more decimals.
        most = max(decimals, min(decimals + _MORE_DECIMALS, _MOST_DIGITS - 1 - exponent))
        for count in range(decimals, most + 1):
            shown = [f"{number:.{count}f}" for number in numbers]
            if sum(map(Decimal, shown[:-1])) == Decimal(shown[-1]):
                break
    titles = [field.title for field in fields]
    left, right = (" + ".join(words[:-1]) + " = " + words[-1] for words in (titles, shown))
    return left, f"{right} {fields[-1].style}".strip()


def left_out(count: int, unit: str, form: str = "csv") -> str:
    """Return a note on how many are not shown, and the format that shows all; '' for none."""
    singular = {"classes": "class", "rows": "row"}
    what, comma, rest = unit.partition(",")
    what = singular.get(what, what) if count == 1 else what
    how = f"; -f {form} shows all" if form else ""
    return f"… {count} more {what}{comma}{rest}{how}" if count else ""


def cell_texts(column: Column, digits: Digits) -> list[str]:
    """Return a column's cells as text: numbers, marks, or words with control characters escaped."""
    if column.style == "mark":
        return ["●" if value > 0 else "" for value in column.values]  # none for nan
    if column.is_number:
        shown = texts(column.values, _DIGITS.get(column.style, digits))
        return ["" if text == "nan" and column.style in _DIGITS else text for text in shown]
    words = zip(column.values.tolist(), texts(column.values, SHORTEST), strict=True)
    return ["" if value is None else visible(text) for value, text in words]


def largest_size(values: Values) -> float:
    """Return the largest finite absolute value, or 1 where there is none but 0."""
    sizes = np.abs(values[np.isfinite(values)])
    return float(sizes.max(initial=0.0)) or 1.0
