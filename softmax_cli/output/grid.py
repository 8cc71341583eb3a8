"""A terminal, and tables on it: columns as wide as they fit, bars in the room that is left."""

from __future__ import annotations

import io
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
from softmax_cli.output.formats import Digits
from softmax_cli.output.layout import Column, Values
from softmax_cli.output.numbers import texts
from softmax_cli.output.progress import terminal_width
from softmax_cli.output.view import ROUGH, Table, word_texts

MARGIN: Final = 1
GAP: Final = 2
_STDOUT: Final = 1
# rich takes a width from us only together with a height.
_HEIGHT: Final = 25
# Lines of a table with one for each cell
_LONG_LINES: Final = 120
_BAR: Final = range(8, 41)
# The shortest bar where several stand side by side
LEAST_OF_MANY: Final = 4
# The longest name that is shown whole, the narrowest column of names, and about how many lines a
# title is folded to
_LONGEST: Final = 60
_NAME: Final = 12
_FOLDS: Final = 3
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"


class Screen:
    """A console that prints to standard output; its width grows where a table is wider."""

    def __init__(self, digits: Digits) -> None:
        self.digits = digits
        columns = os.environ.get("COLUMNS", "")
        told = int(columns) if columns.isdecimal() else 0
        # Standard output may be a pipe to a pager, or a file.
        self.width = told or terminal_width(1, 2, 0)
        self._buffer = io.BytesIO()
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        self._console = Console(
            file=io.TextIOWrapper(self._buffer, encoding, errors="replace", write_through=True),
            width=self.width,
            height=_HEIGHT,
            force_terminal=True if os.isatty(_STDOUT) else None,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self.ascii_only = self._console.options.ascii_only

    def print(self, parts: Sequence[RenderableType]) -> None:
        """Print the parts under one another, with a margin on their left."""
        self._console.width = self.width
        self._console.print(Padding(Group(*parts), (0, 0, 0, MARGIN)))
        lines = self._buffer.getvalue().split(b"\n")
        file.write(b"\n".join(line.rstrip() for line in lines))


class _Texts(NamedTuple):
    """A column as text, and how narrow its cells may get: words can be folded, numbers can't."""

    title: Text
    cells: Sequence[Text]
    narrowest: int
    is_number: bool = False


class Grid:
    """The texts of a table and the widths of its columns, bars left out.

    `room` is the width that is left beside them, below 0 where they do not fit.
    """

    def __init__(self, table: Table, screen: Screen, class_digits: Digits | None = None) -> None:
        self.table = table
        self.class_digits = class_digits
        self._screen = screen
        self._columns = []
        for i, column in enumerate(table.columns):
            digits = class_digits if class_digits and i in table.classes else screen.digits
            if column.style not in ("bar", "instead"):
                self._columns.append(_texts(column, screen, digits, is_head=i == 0))
        self._widths, self.room = _fitted(self._columns, screen)

    def drawn(self) -> tuple[RenderableType, int]:
        """Return the table, and how many lines there was room for.

        A line for each head if that fits the width, else a line for each cell.
        """
        if self.room < 0 and len(self._columns) > 2:
            return self._long()
        table, screen, lines = self.table, self._screen, len(self._columns[0].cells)
        count = sum(column.style == "bar" for column in table.columns)
        width = min(_BAR.stop - 1, self.room // max(1, count) - GAP)
        columns, widths = list(self._columns), list(self._widths)
        if width >= (_BAR.start if count == 1 else LEAST_OF_MANY):
            for i, column in enumerate(table.columns):
                if column.style == "bar":
                    shown = _bars(column.values, table.largest, width, screen)
                    columns.insert(i, _Texts(Text(column.title), shown, width))
                    widths.insert(i, width)
        drawn = _frame(columns, widths, screen)
        for i, line in enumerate(zip(*(shown.cells for shown in columns), strict=True)):
            is_bold = table.emphasis is not None and table.emphasis[i]
            drawn.add_row(*line, style="bold" if is_bold else None)
        return drawn, lines

    def _long(self) -> tuple[RenderableType, int]:
        """Return a line for each cell, and the number of heads with all of theirs."""
        heads, *columns = self._columns
        titles = [column.title for column in columns]
        shown = heads.cells[: max(1, _LONG_LINES // len(columns))]
        values = [cell for column in columns for cell in column.cells]
        for cell in values:
            cell.rstrip()
        narrowest = max(column.narrowest for column in columns)
        long = [heads, _words(Text(), titles), _Texts(Text("value"), values, narrowest, True)]
        drawn = _frame(long, _fitted(long, self._screen)[0], self._screen)
        for i, head in enumerate(shown):
            for column in columns:
                first = head if column is columns[0] else Text()
                is_last = column is columns[-1]
                drawn.add_row(first, column.title, column.cells[i], end_section=is_last)
        return drawn, len(shown)


def _name(text: str) -> Text:
    """Return a name as it is, or the beginning of one that is longer than any needs to be."""
    name = Text(visible(text))
    name.truncate(_LONGEST, overflow="ellipsis")
    return name


def _words(title: Text, words: Sequence[Text]) -> _Texts:
    return _Texts(title, words, min(_width(words), _NAME))


def _texts(column: Column, screen: Screen, digits: Digits, *, is_head: bool) -> _Texts:
    """Return the texts of a column that is no bar."""
    title, values = _name(column.title), column.values
    match column.style:
        case "text":
            return _words(title, list(map(_name if is_head else Text, word_texts(values))))
        case "status":
            cells = [Text(word, "green" if word == "ok" else "red") for word in values.tolist()]
        case "mark":
            dot = "*" if screen.ascii_only else "●"
            marks = [dot if value > 0 else "" for value in values]  # nan is no mark
            cells = [Text(mark, "green", justify="center") for mark in marks]
        case style:
            numbers = _aligned(texts(values, ROUGH if style == "rough" else digits))
            cells = list(map(Text, numbers))
            return _Texts(title, cells, _width(cells), is_number=True)
    return _Texts(title, cells, _width(cells))


def _width(texts: Iterable[Text]) -> int:
    return max((text.cell_len for text in texts), default=0)


def _fitted(columns: Sequence[_Texts], screen: Screen) -> tuple[list[int], int]:
    """Return the widths, the widest made narrower until they fit, and the room that is left."""
    room = screen.width - MARGIN - GAP * (len(columns) - 1)
    widths = [_width([title, *shown]) for title, shown, *_ in columns]
    least = [
        max(narrowest, min(_width(title.split(" ")), _NAME), -(-title.cell_len // _FOLDS))
        for title, _, narrowest, _ in columns
    ]
    while sum(widths) > room:
        loose = [i for i, width in enumerate(widths) if width > least[i]]
        if not loose:
            break
        widths[max(loose, key=widths.__getitem__)] -= 1
    return widths, room - sum(widths)


def _frame(columns: Sequence[_Texts], widths: Sequence[int], screen: Screen) -> RichTable:
    """Return a table without lines; the screen becomes wider where else it would be cut."""
    screen.width = max(screen.width, MARGIN + sum(widths) + GAP * (len(widths) - 1))
    frame = RichTable(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - 1, 0, 0),
        header_style="bold",
    )
    for column, width in zip(columns, widths, strict=True):
        frame.add_column(column.title, min_width=width, max_width=width, overflow="fold")
        if column.is_number:
            column.title.justify = "right"
            for cell in column.cells:
                cell.pad_left(max(0, width - cell.cell_len))
    return frame


def _aligned(numbers: Sequence[str]) -> list[str]:
    """Return numbers padded on the right so that, set flush right, their points meet."""
    tails = [len(re.sub("^[^.e]*", "", number)) for number in numbers]
    # A single exponent would push all the points far to the left.
    widest = max((tail for tail, n in zip(tails, numbers, strict=True) if "e" not in n), default=0)
    return [n + " " * max(0, widest - tail) for n, tail in zip(numbers, tails, strict=True)]


def _bars(values: Values, largest: float, width: int, screen: Screen) -> list[Text]:
    """Return bars as long as the values' sizes; paler and red below 0."""
    lengths = np.nan_to_num(np.abs(values) / largest * width, posinf=0.0).tolist()
    drawn = []
    for value, length in zip(values.tolist(), lengths, strict=True):
        if screen.ascii_only or value < 0:
            mark = "░" if not screen.ascii_only else "-" if value < 0 else "#"
            bar = mark * round(length)
        else:
            eighths = math.ceil(length * 8 - 1e-9) if length > 0 else 0
            bar = "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
        drawn.append(Text(bar, "red" if value < 0 else "green"))
    return drawn
