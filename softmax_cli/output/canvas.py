"""A console on standard output, and what is drawn on it: tables, footers, notes."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text, TextType

from softmax_cli.messages import visible
from softmax_cli.output import stdout
from softmax_cli.output.cells import (
    bar_cells,
    mark_cells,
    number_cells,
    status_cells,
    text_cells,
)
from softmax_cli.output.readable import footer_words, identity_words
from softmax_cli.output.results import Column, Item
from softmax_cli.output.settings import Digits
from softmax_cli.output.widths import narrowed, screen_width

if TYPE_CHECKING:
    from softmax_cli.output.results import Fields, Summary, Values

_LONG_LINES: Final = 120
_MARGIN: Final = 1
_GAP: Final = 2
_BAR: Final = range(8, 41)
# The longest name that is shown whole, the narrowest column of names, and about how many lines a
# title is folded to
_LONGEST: Final = 60
_NAME: Final = 12
_FOLDS: Final = 3
# The shortest bar where several stand beside one another
LEAST_OF_MANY: Final = 4
# Nothing hangs on it, but rich takes a width from us only together with a height.
_HEIGHT: Final = 25
_STDOUT: Final = 1
_ROUGH: Final = Digits(significant=3)
_NUMERIC: Final = ("number", "rough")


class _Grid(NamedTuple):
    """What a table is made of: the lines' heads, then for each column its title and its cells.

    `widths` are those of the heads and then of each column; folded where that makes them fit.
    """

    heads: list[Text]
    titles: list[Text]
    cells: list[list[Text]]
    widths: list[int]

    def used(self) -> int:
        """How wide the table is."""
        return _MARGIN + sum(self.widths) + _GAP * len(self.cells)


class Canvas:
    """A console that prints to standard output, and what can be drawn on it."""

    def __init__(self, digits: Digits) -> None:
        self._digits = digits
        self._bytes = io.BytesIO()
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        text = io.TextIOWrapper(self._bytes, encoding, errors="replace", write_through=True)
        is_terminal = True if os.isatty(_STDOUT) else None
        self._console = Console(
            file=text,
            width=screen_width(),
            height=_HEIGHT,
            force_terminal=is_terminal,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self.ascii_only = self._console.options.ascii_only

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
        heads, titles, cells, widths = grid = self._grid(label, labels, plain, fields)
        used = grid.used()
        if used > self._console.width and len(plain) > 1:
            return self._long(label, heads, titles, plain, cells)
        self._widen(used)
        table = _frame()
        _add_column(table, label, widths[0])
        bars = len(columns) - len(plain)
        room = min(_BAR.stop - 1, (self._console.width - used) // max(1, bars) - _GAP)
        drawn: list[list[Text]] = []
        plain_columns = zip(titles, widths[1:], cells, strict=True)
        for column in columns:
            if column.style == "bar":
                if room >= (_BAR.start if bars == 1 else LEAST_OF_MANY):
                    values = fields[column.field]
                    drawn.append(bar_cells(values, largest, room, ascii_only=self.ascii_only))
                    table.add_column(column.title, no_wrap=True, min_width=room)
                continue
            title, width, column_cells = next(plain_columns)
            if column.style in _NUMERIC:
                title.justify = "right"
                for cell in column_cells:
                    cell.pad_left(width - cell.cell_len)
            _add_column(table, title, width)
            drawn.append(column_cells)
        for i, line in enumerate(zip(heads, *drawn, strict=True)):
            style = "bold" if emphasis is not None and emphasis[i] else None
            table.add_row(*line, style=style)
        return _indented(table), len(heads)

    def fits(
        self, label: str, labels: Sequence[str], columns: Sequence[Column], fields: Fields
    ) -> bool:
        """Whether a line for each label fits the width."""
        return self.room(label, labels, columns, fields) >= 0

    def room(
        self, label: str, labels: Sequence[str], columns: Sequence[Column], fields: Fields
    ) -> int:
        """The width that is left beside the columns, below 0 where they do not fit."""
        return self._console.width - self._grid(label, labels, columns, fields).used()

    def _grid(
        self, label: str, labels: Sequence[str], columns: Sequence[Column], fields: Fields
    ) -> _Grid:
        heads = [_name(name) for name in labels]
        titles = [_name(column.title) for column in columns]
        cells = [self._cells(column, fields[column.field]) for column in columns]
        widths = [_width([Text(label), *heads])]
        least = [min(widths[0], _NAME)]
        for column, title, column_cells in zip(columns, titles, cells, strict=True):
            widths.append(_width([title, *column_cells]))
            least.append(_least(column, title, column_cells))
        room = self._console.width - _MARGIN - _GAP * len(columns)
        return _Grid(heads, titles, cells, narrowed(widths, least, room))

    def left_out(self, count: int, what: str, where: str = "csv") -> list[RenderableType]:
        """A line that says how many there are beside those shown, if there are any."""
        return [self.note(f"… {count} more {what}; -f {where} shows all")] if count > 0 else []

    def _widen(self, needed: int) -> None:
        """Rather wider than the screen than cut."""
        self._console.width = max(self._console.width, needed)

    def footer(self, items: Sequence[Item], values: Fields | Summary) -> RenderableType:
        """'name value unit' for each item, as many to a line as fit."""
        words = [
            Text.assemble((f"{title} ", "dim"), value)
            for title, value in footer_words(items, values, self._digits)
        ]
        lines: list[Text] = []
        for word in words:
            if lines and lines[-1].cell_len + 3 + word.cell_len <= self._console.width - 2:
                lines[-1] = lines[-1] + Text("   ") + word
            else:
                lines.append(word)
        return _indented(Group(*lines))

    def identity(self, items: Sequence[Item], values: Fields) -> RenderableType:
        """'A + B = C: a + b = c', with as many decimals in each, so that they add up."""
        left, right = identity_words(items, values, self._digits)
        is_wide = len(left) + len(right) + 2 > self._console.width - _MARGIN
        text = Text.assemble((left, "dim"), "\n" if is_wide else "  ", right)
        return _indented(text)

    def notes(self, words: Values | None) -> list[RenderableType]:
        """Words about vectors, a line each."""
        if words is None:
            return []
        return [self.note(str(word)) for word in np.ravel(words).tolist() if word]

    def note(self, words: str) -> RenderableType:
        """A line of words."""
        return _indented(Text(visible(words)))

    def _cells(self, column: Column, values: Values) -> list[Text]:
        if column.style == "text":
            return text_cells(values)
        if column.style == "status":
            return status_cells(values)
        if column.style == "mark":
            return mark_cells(values, ascii_only=self.ascii_only)
        return number_cells(values, _ROUGH if column.style == "rough" else self._digits)

    def _long(
        self,
        label: str,
        heads: list[Text],
        titles: list[Text],
        columns: Sequence[Column],
        cells: list[list[Text]],
    ) -> tuple[RenderableType, int]:
        table = _frame()
        shown = max(1, _LONG_LINES // len(titles))
        values = [cell for column in cells for cell in column]
        natural = [_width([Text(label), *heads]), _width(titles), _width([Text("value"), *values])]
        fixed = [_least(column, Text(), part) for column, part in zip(columns, cells, strict=True)]
        least = [min(natural[0], _NAME), min(natural[1], _NAME), max(*fixed, len("value"))]
        widths = narrowed(natural, least, self._console.width - _MARGIN - 2 * _GAP)
        self._widen(_MARGIN + sum(widths) + 2 * _GAP)
        for name, width in zip((label, "", "value"), widths, strict=True):
            _add_column(table, name, width)
        table.columns[-1].justify = "right"
        for i, head in enumerate(heads[:shown]):
            for j, (title, column) in enumerate(zip(titles, cells, strict=True)):
                last = j == len(titles) - 1
                table.add_row(head if j == 0 else Text(), title, column[i], end_section=last)
        return _indented(table), min(shown, len(heads))


def _add_column(table: Table, title: TextType, width: int) -> None:
    table.add_column(title, min_width=width, max_width=width, overflow="fold")


def _name(text: str) -> Text:
    """A name as it is, or the beginning of one that is longer than any needs to be."""
    name = Text(visible(text))
    name.truncate(_LONGEST, overflow="ellipsis")
    return name


def _least(column: Column, title: Text, cells: Sequence[Text]) -> int:
    """How narrow a column may get: titles and words can be folded, numbers can't."""
    width = _width(cells)
    if column.style == "text":
        width = min(width, _NAME)
    word = _width(list(title.split(" ")))
    return max(width, min(word, _NAME), -(-title.cell_len // _FOLDS))


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
