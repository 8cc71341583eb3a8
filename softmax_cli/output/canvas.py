"""A console on standard output, and what is drawn on it: tables, footers, notes."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from softmax_cli.output import stdout
from softmax_cli.output.cells import (
    bar_cells,
    mark_cells,
    number_cells,
    status_cells,
    text_cells,
    visible,
)
from softmax_cli.output.numbers import texts
from softmax_cli.output.results import Column, Item
from softmax_cli.output.settings import Digits

if TYPE_CHECKING:
    from softmax_cli.output.results import Fields, Summary, Values

_LONG_LINES: Final = 120
_MARGIN: Final = 1
_GAP: Final = 2
_BAR: Final = range(8, 41)
_NAME: Final = 24
_MORE_PLACES: Final = 6
# Powers of ten that are written out, not as an exponent.
_PLAIN: Final = range(-6, 12)
_STDOUT: Final = 1
_ROUGH: Final = Digits(significant=3)
_NUMERIC: Final = ("number", "rough")


class _Grid(NamedTuple):
    """What a table is made of: the lines' heads, then for each column its cells and its width."""

    heads: list[Text]
    titles: list[Text]
    cells: list[list[Text]]
    widths: list[int]
    used: int


class Canvas:
    """A console that prints to standard output, and what can be drawn on it."""

    def __init__(self, digits: Digits) -> None:
        self._digits = digits
        self._bytes = io.BytesIO()
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        text = io.TextIOWrapper(self._bytes, encoding, errors="replace", write_through=True)
        is_terminal = True if os.isatty(_STDOUT) else None
        self._console = Console(
            file=text, force_terminal=is_terminal, highlight=False, markup=False, emoji=False
        )
        self._ascii = self._console.options.ascii_only

    def print(self, parts: Sequence[RenderableType]) -> None:
        """Print the parts under one another."""
        self._console.print(Group(*parts))
        lines = self._bytes.getvalue().split(b"\n")
        stdout.write(b"\n".join(line.rstrip() for line in lines))

    def table(
        self,
        label: str,
        labels: Sequence[str],
        columns: Sequence[Column],
        fields: Fields,
        emphasis: Values | None = None,
        largest: float = 1.0,
    ) -> tuple[RenderableType, int]:
        """A line for each label if they fit the width, else a line for each cell.

        And how many labels there was room for. `largest` is the number of a whole bar.
        """
        plain = [column for column in columns if column.style != "bar"]
        heads, titles, cells, widths, used = self._grid(label, labels, plain, fields)
        if used > self._console.width and len(plain) > 1:
            return self._long(label, heads, titles, cells)
        self._widen(used)
        table = _frame()
        table.add_column(label, no_wrap=True, min_width=_width([Text(label), *heads]))
        for column, title, width, column_cells in zip(plain, titles, widths, cells, strict=True):
            if column.style in _NUMERIC:
                title.justify = "right"
                for cell in column_cells:
                    cell.pad_left(width - cell.cell_len)
            table.add_column(title, no_wrap=True, min_width=width)
        room = min(_BAR.stop - 1, self._console.width - used - _GAP)
        for column in columns:
            if column.style == "bar" and room in _BAR:
                values = fields[column.field]
                cells.append(bar_cells(values, largest, room, ascii_only=self._ascii))
                table.add_column(column.title, no_wrap=True, min_width=room)
        for i, line in enumerate(zip(heads, *cells, strict=True)):
            style = "bold" if emphasis is not None and emphasis[i] else None
            table.add_row(*line, style=style)
        return _indented(table), len(heads)

    def fits(
        self, label: str, labels: Sequence[str], columns: Sequence[Column], fields: Fields
    ) -> bool:
        """Whether a line for each label fits the width."""
        return self._grid(label, labels, columns, fields).used <= self._console.width

    def _grid(
        self, label: str, labels: Sequence[str], columns: Sequence[Column], fields: Fields
    ) -> _Grid:
        heads = [Text(visible(name)) for name in labels]
        titles = [Text(visible(column.title)) for column in columns]
        cells = [self._cells(column, fields[column.field]) for column in columns]
        widths = [_width([title, *column]) for title, column in zip(titles, cells, strict=True)]
        used = _MARGIN + _width([Text(label), *heads]) + sum(_GAP + width for width in widths)
        return _Grid(heads, titles, cells, widths, used)

    def left_out(self, count: int, what: str, where: str = "csv") -> list[RenderableType]:
        """A line that says how many there are beside those shown, if there are any."""
        return [self.note(f"… {count} more {what}; -f {where} shows all")] if count > 0 else []

    def _widen(self, needed: int) -> None:
        """Rather wider than the screen than cut."""
        self._console.width = max(self._console.width, needed)

    def footer(self, items: Sequence[Item], values: Fields | Summary) -> RenderableType:
        """'name value unit' for each item, as many to a line as fit."""
        words = []
        for item in items:
            if item.field not in values:
                continue
            value = self._value(values[item.field])
            words.append(Text.assemble((f"{item.title} ", "dim"), f"{value} {item.unit}".strip()))
        lines: list[Text] = []
        for word in words:
            if lines and lines[-1].cell_len + 3 + word.cell_len <= self._console.width - 2:
                lines[-1] = lines[-1] + Text("   ") + word
            else:
                lines.append(word)
        return _indented(Group(*lines))

    def identity(self, items: Sequence[Item], values: Fields) -> RenderableType:
        """'A + B = C: a + b = c', with as many decimals in each, so that they add up."""
        numbers = [float(values[item.field]) for item in items]
        significant, decimals = self._digits
        exponent = _exponent(max(map(abs, numbers)))
        shown = texts(np.array(numbers), self._digits)
        if np.isfinite(numbers).all() and exponent in _PLAIN:
            if significant is not None:
                decimals = max(0, significant - 1 - exponent)
            assert decimals is not None  # one of both there always is
            # Rounded numbers may miss their sum by one in the last place; a place more mends it.
            for places in range(decimals, decimals + _MORE_PLACES):
                shown = [f"{number:.{places}f}" for number in numbers]
                if sum(map(Decimal, shown[:-1])) == Decimal(shown[-1]):
                    break
        titles = [item.title for item in items]
        left = " + ".join(titles[:-1]) + " = " + titles[-1]
        right = " + ".join(shown[:-1]) + " = " + shown[-1]
        text = Text.assemble((f"{left}  ", "dim"), f"{right} {items[-1].unit}".strip())
        return _indented(text)

    def notes(self, words: Values | None) -> list[RenderableType]:
        """Words about vectors, a line each."""
        if words is None:
            return []
        return [self.note(str(word)) for word in np.ravel(words).tolist() if word]

    def note(self, words: str) -> RenderableType:
        """A line of words."""
        return _indented(Text(visible(words)))

    def _value(self, value: Any) -> str:
        if isinstance(value, str):
            return visible(value)
        if isinstance(value, list):
            return ", ".join(visible(str(item)) for item in value)
        return texts(np.asarray(value).reshape(1), self._digits)[0]

    def _cells(self, column: Column, values: Values) -> list[Text]:
        if column.style == "text":
            return text_cells(values)
        if column.style == "status":
            return status_cells(values)
        if column.style == "mark":
            return mark_cells(values, ascii_only=self._ascii)
        return number_cells(values, _ROUGH if column.style == "rough" else self._digits)

    def _long(
        self, label: str, heads: list[Text], titles: list[Text], cells: list[list[Text]]
    ) -> tuple[RenderableType, int]:
        table = _frame()
        shown = max(1, _LONG_LINES // len(titles))
        values = [cell for column in cells for cell in column]
        widths = [
            min(_NAME, _width([Text(label), *heads])),
            min(_NAME, _width(titles)),
            _width(values),
        ]
        self._widen(_MARGIN + sum(widths) + 2 * _GAP)
        table.add_column(label, min_width=widths[0], overflow="fold")
        table.add_column("", min_width=widths[1], overflow="fold")
        table.add_column("value", min_width=widths[2], no_wrap=True, justify="right")
        for i, head in enumerate(heads[:shown]):
            for j, (title, column) in enumerate(zip(titles, cells, strict=True)):
                last = j == len(titles) - 1
                table.add_row(head if j == 0 else Text(), title, column[i], end_section=last)
        return _indented(table), min(shown, len(heads))


def _frame() -> Table:
    return Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, _GAP - 1, 0, 0),
        header_style="bold",
    )


def _indented(part: RenderableType) -> RenderableType:
    return Padding(part, (0, 0, 0, _MARGIN))


def _width(cells: Sequence[Text]) -> int:
    return max((cell.cell_len for cell in cells), default=0)


def _exponent(number: float) -> int:
    """The power of ten of a number's first digit; 0 for 0 and inf."""
    return int(f"{number:e}".split("e")[1]) if number and np.isfinite(number) else 0
