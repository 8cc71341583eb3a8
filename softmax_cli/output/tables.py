"""Results as tables on a terminal."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from softmax_cli.messages import visible
from softmax_cli.output import file
from softmax_cli.output.fields import Column, Values
from softmax_cli.output.formats import TABLE_DIGITS, Digits
from softmax_cli.output.progress import terminal_width
from softmax_cli.output.view import Footer, Part, Table, ViewWriter, cell_texts, left_out

_STDIN, _STDOUT, _STDERR = range(3)
_MARGIN: Final = 1
# Digits of the classes' columns if six significant digits make the table too wide
_FEWER_DIGITS: Final = (Digits(decimals=4), Digits(decimals=3))
_MOST_CLASSES: Final = 50  # what a screen or two can show
_GAP: Final = 2
_BAR: Final = range(4, 41)
# The longest name shown whole, the narrowest column of names, and about the most lines of a title
_LONGEST_NAME: Final = 60
_NAME_WIDTH: Final = 12
_TITLE_LINES: Final = 3
_NOT_FINITE: Final = ("nan", "inf", "-inf")
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"


class TableWriter(ViewWriter):
    """A table of the first vectors, written at the end, with a footer for all vectors."""

    most_classes = _MOST_CLASSES

    def show(self, parts: Sequence[Part]) -> None:
        console = _console()
        lines: list[RenderableType] = []
        for i, part in enumerate(parts):
            if i and Table in (type(part), type(parts[i - 1])):
                lines.append(Text())
            match part:
                case Table():
                    lines += _table(part, console, self.digits)
                case list():
                    lines += _footer(part, console)
                case (left, right):
                    is_wide = len(left) + len(right) + 2 > console.width - _MARGIN
                    lines.append(Text.assemble((left, "dim"), "\n" if is_wide else "  ", right))
                case str():
                    lines.append(Text(visible(part), "" if i else "bold"))
        with console.capture() as captured:
            console.print(Padding(Group(*lines), (0, 0, 0, _MARGIN)))
        page = "\n".join(line.rstrip() for line in captured.get().split("\n"))
        file.write(page.encode(console.encoding, "replace"))


def _console() -> Console:
    """Return a console on standard output, as wide as COLUMNS or the terminal."""
    columns = os.environ.get("COLUMNS", "")
    given_width = int(columns) if columns.isdecimal() else 0
    return Console(
        file=sys.stdout,  # which may be a pipe to a pager, or a file
        width=given_width or terminal_width(_STDOUT, _STDERR, _STDIN),
        height=25,  # rich uses the width only if a height is given, too
        highlight=False,
        markup=False,
        emoji=False,
    )


def _footer(items: Footer, console: Console) -> list[Text]:
    """Return 'title value' for each item, as many to a line as fit; the first answer is bold."""
    lines: list[Text] = []
    answer = next((title for title, _ in items if title != "rows"), None)
    for title, value in items:
        is_finite = value.partition(" ")[0] not in _NOT_FINITE
        style = f"{'bold' if title == answer else ''} {'' if is_finite else 'red'}"
        word = Text.assemble((f"{title} ", "dim"), (value, style))
        if lines and lines[-1].cell_len + 3 + word.cell_len <= console.width - 2:
            lines[-1] = lines[-1] + Text("   ") + word
        else:
            lines.append(word)
    return lines


def _table(table: Table, console: Console, digits: Digits) -> list[RenderableType]:
    """Return a table that fits, and notes on what it leaves out."""
    # A column without a mark says nothing.
    said = [c for c in table.columns if c.style != "mark" or (c.values > 0).any()]
    grid = _fitting(table._replace(columns=said), console, digits)
    hidden = left_out(grid.table.hidden, table.hidden_unit)
    is_rounded = grid.class_digits != digits
    decimals = "… rounded to fit; -f csv shows all digits" if is_rounded else ""
    return [*grid.drawn(), *map(Text, filter(None, [table.more, hidden, decimals]))]


def _fitting(table: Table, console: Console, digits: Digits) -> Grid:
    """Return a table with fewer digits and classes where it is too wide, if that makes it fit."""
    count = min(len(table.classes), _MOST_CLASSES)
    whole = grid = Grid(_folded(table, count), console, digits)
    if whole.room >= 0 or not table.classes:
        return whole
    is_number = table.columns[table.classes.start].is_number
    fewer = _FEWER_DIGITS if digits == TABLE_DIGITS and is_number else (digits,)
    for class_digits in fewer:
        if grid.room < 0:
            grid = Grid(_folded(table, count), console, digits, class_digits)
    if grid.room < 0 and table.columns[-1].style == "instead":
        instead = table.columns[-1]._replace(style="number")
        others = [c for i, c in enumerate(table.columns[:-1]) if i not in table.classes]
        hidden = len(table.classes) - 1
        few = Table([*others, instead], table.more, hidden=hidden, heads=table.heads)
        return Grid(few, console, digits)
    least = 2 if len(table.classes) < 6 else 0  # a few classes rather stand in several tables
    while grid.room < 0 and count > least:
        # A class that is left out saves at most the widest column.
        count = max(least, count - max(1, -grid.room // (max(grid.widths) + _GAP)))
        grid = Grid(_folded(table, count), console, digits, fewer[-1])
    return whole if grid.room < 0 else grid


def _folded(table: Table, count: int) -> Table:
    """Return a table of the outer `count` classes, with one column for those in the middle."""
    start, stop = table.classes.start + (count + 1) // 2, table.classes.stop - count // 2
    if start == stop:
        return table
    dots = Column("…", np.full(len(table.columns[0].values), "…"), "text")
    columns = [*table.columns[:start], dots, *table.columns[stop:]]
    classes = range(table.classes.start, table.classes.start + count + 1)
    return table._replace(columns=columns, classes=classes, hidden=stop - start)


class _Texts(NamedTuple):
    """A column as text, and how narrow it may get: words can be folded, numbers can't."""

    title: Text
    cells: Sequence[Text]
    narrowest: int
    is_number: bool = False


class Grid:
    """The text of a table's cells and the widths of its columns, without bars.

    `room` is the width that they leave free; it is negative if they do not fit.
    """

    def __init__(
        self, table: Table, console: Console, digits: Digits, class_digits: Digits | None = None
    ) -> None:
        self.table = table
        self.class_digits = class_digits or digits
        self._console = console
        self._digits = digits
        self._columns = [
            _texts(column, self.class_digits if i in table.classes else digits, i == 0)
            for i, column in enumerate(table.columns)
            if column.style not in ("bar", "instead")
        ]
        self.widths, self.room = _fitted(self._columns, console)
        cells = {column.title.plain: column.cells for column in self._columns}
        for i, winner in enumerate(cells.get("winner", ())):
            if column := cells.get(table.prefix + winner.plain):
                column[i].style = "green"
        pairs = zip(cells.get("target", ()), cells.get("predicted", ()), strict=False)
        for target, predicted in pairs:
            predicted.style = "" if target.plain in (predicted.plain, "ignored") else "red"

    def drawn(self) -> list[RenderableType]:
        """Return the table, or several with as many columns each as fit."""
        table, columns, widths = self.table, list(self._columns), list(self.widths)
        others = table.columns[table.heads :]
        if self.room < 0 and len(others) > 1:
            counts = range(1, len(others))
            stop = next(n for n in counts if self._part(others[: n + 1]).room < 0)
            return [*self._part(others[:stop]).drawn(), Text(), *self._part(others[stop:]).drawn()]
        count = sum(column.style in ("bar", "barred") for column in table.columns)
        bar = min(_BAR.stop - 1, self.room // max(1, count) - _GAP)
        if bar in _BAR:
            at = 0
            for column in table.columns:
                at += column.style != "bar"
                if column.style in ("bar", "barred"):
                    shown = _bars(column.values, table.largest, bar)
                    columns.insert(at, _Texts(Text(), shown, bar))
                    widths.insert(at, bar)
                    at += 1
        # If even two columns are too wide, let the table exceed the screen.
        self._console.width -= min(0, self.room)
        frame = RichTable(
            box=box.SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
            padding=(0, _GAP - 1, 0, 0),
            header_style="bold",
        )
        for column_texts, width in zip(columns, widths, strict=True):
            frame.add_column(column_texts.title, min_width=width, max_width=width, overflow="fold")
            if column_texts.is_number:
                column_texts.title.justify = "right"
                for cell in column_texts.cells:
                    cell.pad_left(width - cell.cell_len)
        for i, line in enumerate(zip(*(column.cells for column in columns), strict=True)):
            emphasis = 0 if table.emphasis is None else table.emphasis[i]
            frame.add_row(*line, style="bold" if emphasis > 0 else "red" if emphasis < 0 else None)
        return [frame]

    def _part(self, columns: Sequence[Column]) -> Grid:
        """Return a table of some columns, after those that name the lines."""
        columns = [*self.table.columns[: self.table.heads], *columns]
        return Grid(self.table._replace(columns=columns), self._console, self._digits)


def _name(text: str) -> Text:
    """Return a name, truncated if it is very long."""
    name = Text(visible(text))
    name.truncate(_LONGEST_NAME, overflow="ellipsis")
    return name


def _texts(column: Column, digits: Digits, is_head: bool) -> _Texts:
    """Return a column as text; it is not a bar."""
    words, style = cell_texts(column, digits), column.style
    if style == "text":
        cells = list(map(_name if is_head else Text, words))
    elif style == "status":
        colours = {"ok": "green", "not softmax": "dim", "no distribution": "dim"}
        cells = [Text(word, colours.get(word, "red")) for word in words]
    elif style == "mark":
        cells = [Text(mark, "green", justify="center") for mark in words]
    else:
        cells = list(map(Text, _aligned(words), ["red" * (n in _NOT_FINITE) for n in words]))
    title = _name(column.title)
    narrowest = max(
        min(_width(cells), _NAME_WIDTH) if style == "text" else _width(cells),
        min(_width(title.split(" ")), _NAME_WIDTH),
        -(-title.cell_len // _TITLE_LINES),
    )
    return _Texts(title, cells, narrowest, column.is_number)


def _width(texts: Iterable[Text]) -> int:
    return max((text.cell_len for text in texts), default=0)


def _fitted(columns: Sequence[_Texts], console: Console) -> tuple[list[int], int]:
    """Return the widths, the widest reduced until all fit, and the width that is left."""
    room = console.width - _MARGIN - _GAP * (len(columns) - 1)
    widths = [_width([column.title, *column.cells]) for column in columns]
    while sum(widths) > room:
        loose = [i for i, width in enumerate(widths) if width > columns[i].narrowest]
        if not loose:
            break
        widths[max(loose, key=widths.__getitem__)] -= 1
    return widths, room - sum(widths)


def _aligned(numbers: Sequence[str]) -> list[str]:
    """Return numbers padded on the right, so that right-aligned their points are aligned."""
    tails = [len(re.sub("^[^.e]*", "", number)) for number in numbers]
    # Exponents are ignored: one would move all points far to the left. Words widen nothing.
    widest = max((tail for tail, n in zip(tails, numbers, strict=True) if "e" not in n), default=0)
    pads = [max(0, widest - tail) for tail in tails]
    return [n + " " * pad * (n not in _NOT_FINITE) for n, pad in zip(numbers, pads, strict=True)]


def _bars(values: Values, largest: float, width: int) -> list[Text]:
    """Return bars as long as the absolute values; negative ones go left, paler and red."""
    finite = np.where(np.isfinite(values), values, 0.0)
    lowest = -float(finite.min(initial=0.0))
    scale = width / (largest + lowest)
    left = round(lowest * scale)
    right = width - left
    drawn = []
    for length in (finite * scale).tolist():
        if length < 0:
            bar = "░" * min(left, round(-length))
            drawn.append(Text(bar.rjust(left), "red"))
            continue
        eighths = min(math.ceil(length * 8 - 1e-9), right * 8) if length > 0 else 0
        bar = "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
        drawn.append(Text(" " * left + bar, "green"))
    return drawn
