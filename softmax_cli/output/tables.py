"""Results as tables on a terminal, and a sweep of temperatures as a picture."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final, NamedTuple

import numpy as np
from rich import box
from rich.console import RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from softmax_cli.notices import visible
from softmax_cli.output.formats import TABLE_DIGITS, Digits
from softmax_cli.output.layout import Column, Summary, Sweep, Values
from softmax_cli.output.numbers import texts
from softmax_cli.output.terminal import MARGIN, Screen
from softmax_cli.output.view import (
    ROUGH,
    Footer,
    Identity,
    Part,
    Table,
    ViewWriter,
    largest_size,
    word_texts,
)

# Digits of classes where six significant ones make a row too wide
_FEWER: Final = (Digits(decimals=4), Digits(decimals=3))
_GAP: Final = 2
_BAR: Final = range(8, 41)
# The shortest bar where several stand side by side
_LEAST_OF_MANY: Final = 4
# The longest name that is shown whole, the narrowest column of names, and about how many lines a
# title is folded to
_LONGEST: Final = 60
_NAME: Final = 12
_FOLDS: Final = 3
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
# In a picture: classes whose numbers may stand side by side, that are named in a line, that are
# enough; and the width of a block where there is room
_NUMBERS: Final = 12
_LISTED: Final = 8
_ENOUGH: Final = 20
_BLOCK: Final = 4
_LEVELS: Final = "▁▂▃▄▅▆▇█"
_ASCII_LEVELS: Final = ".:-=+*#@"


class TableWriter(ViewWriter):
    """One table at the end, of the first vectors, with a footer for all of them."""

    streams = False
    most_classes = 50  # what a screen or two can show

    def close(self, summary: Summary | None) -> None:
        lone = self.lone()
        if lone is not None and self.layout.sweep:
            screen, sweep = Screen(), getattr(lone.result, self.layout.sweep)
            names = self.shape.class_names(sweep.probabilities.shape[1])
            screen.print(_sweep(sweep, names, screen, self.digits))
        elif parts := self.page(summary):
            self.show(parts)

    def show(self, parts: Sequence[Part]) -> None:
        screen = Screen()
        lines: list[RenderableType] = []
        for i, part in enumerate(parts):
            if i and Table in (type(part), type(parts[i - 1])):
                lines.append(Text())
            match part:
                case Table():
                    lines += _table(part, screen, self.digits)
                case Footer(items):
                    lines += _footer(items, screen)
                case Identity(left, right):
                    is_wide = len(left) + len(right) + 2 > screen.width - MARGIN
                    lines.append(Text.assemble((left, "dim"), "\n" if is_wide else "  ", right))
                case words:
                    lines.append(Text(visible(words)))
        screen.print(lines)


def _footer(items: Sequence[tuple[str, str]], screen: Screen) -> list[Text]:
    """Return 'title value' for each item, as many to a line as fit."""
    lines: list[Text] = []
    for title, value in items:
        word = Text.assemble((f"{title} ", "dim"), value)
        if lines and lines[-1].cell_len + 3 + word.cell_len <= screen.width - 2:
            lines[-1] = lines[-1] + Text("   ") + word
        else:
            lines.append(word)
    return lines


def _table(table: Table, screen: Screen, digits: Digits) -> list[RenderableType]:
    """Return a table that fits, and lines that say what is left out of it."""
    grid = _fitting(table, screen, digits)
    return [
        *grid.drawn(),
        *_left_out(table.total - len(table.columns[0].values), table.unit, table.format),
        *_left_out(grid.table.hidden, table.hidden_unit),
        *([Text("… more decimals; -f csv shows all")] if grid.class_digits != digits else []),
    ]


def _left_out(count: int, unit: str, format_: str = "csv") -> list[Text]:
    """Return a line that says how many there are beside those shown, if there are any."""
    return [Text(f"… {count} more {unit}; -f {format_} shows all")] if count > 0 else []


def _fitting(table: Table, screen: Screen, digits: Digits) -> Grid:
    """Return a table with fewer digits and classes where it is too wide, if that makes it fit."""
    whole = Grid(_folded(table, len(table.classes)), screen, digits)
    if whole.room < 0 and table.columns[-1].style == "instead":
        instead = table.columns[-1]._replace(style="number")
        others = [c for i, c in enumerate(table.columns[:-1]) if i not in table.classes]
        hidden = table.hidden + len(table.classes) - 1
        table = Table([*others, instead], table.total, hidden=hidden)
        whole = Grid(table, screen, digits)
    if whole.room >= 0 or not table.classes:
        return whole
    is_number = table.columns[table.classes.start].style == "number"
    fewer = _FEWER if digits == TABLE_DIGITS and is_number else (digits,)
    grid, count = whole, len(table.classes)
    for class_digits in fewer:
        if grid.room < 0:
            grid = Grid(_folded(table, count), screen, digits, class_digits)
    while grid.room < 0 and count > 2:
        # No class takes more than the widest column does.
        count = max(2, count - max(1, -grid.room // (max(grid.widths) + _GAP)))
        grid = Grid(_folded(table, count), screen, digits, fewer[-1])
    return whole if grid.room < 0 else grid


def _folded(table: Table, count: int) -> Table:
    """Return a table with so many classes, and one column in place of those in the middle."""
    start, stop = table.classes.start + (count + 1) // 2, table.classes.stop - count // 2
    hidden = table.hidden + stop - start
    if not hidden:
        return table
    dots = Column("…", np.full(len(table.columns[0].values), "…"), "text")
    columns = [*table.columns[:start], dots, *table.columns[stop:]]
    classes = range(table.classes.start, table.classes.start + count + 1)
    return table._replace(columns=columns, classes=classes, hidden=hidden)


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

    def __init__(
        self, table: Table, screen: Screen, digits: Digits, class_digits: Digits | None = None
    ) -> None:
        self.table = table
        self.class_digits = class_digits or digits
        self._screen = screen
        self._digits = digits
        self._columns = [
            _texts(column, screen, self.class_digits if i in table.classes else digits, i == 0)
            for i, column in enumerate(table.columns)
            if column.style not in ("bar", "instead")
        ]
        self.widths, self.room = _fitted(self._columns, screen)

    def drawn(self) -> list[RenderableType]:
        """Return the table, or two with half of the columns each where it is too wide."""
        table, columns, widths = self.table, list(self._columns), list(self.widths)
        if self.room < 0 and len(columns) > 2:
            middle = (len(table.columns) + 1) // 2
            first, second = (
                Grid(table._replace(columns=[table.columns[0], *half]), self._screen, self._digits)
                for half in (table.columns[1:middle], table.columns[middle:])
            )
            return [*first.drawn(), Text(), *second.drawn()]
        count = sum(column.style == "bar" for column in table.columns)
        bar = min(_BAR.stop - 1, self.room // max(1, count) - _GAP)
        if bar >= (_BAR.start if count == 1 else _LEAST_OF_MANY):
            for i, column in enumerate(table.columns):
                if column.style == "bar":
                    shown = _bars(column.values, table.largest, bar, self._screen)
                    columns.insert(i, _Texts(Text(column.title), shown, bar))
                    widths.insert(i, bar)
        # Where it is too wide with two columns, the screen becomes wider.
        needed = MARGIN + sum(widths) + _GAP * (len(widths) - 1)
        self._screen.width = max(self._screen.width, needed)
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
            is_bold = table.emphasis is not None and table.emphasis[i]
            frame.add_row(*line, style="bold" if is_bold else None)
        return [frame]


def _name(text: str) -> Text:
    """Return a name as it is, or the beginning of one that is longer than any needs to be."""
    name = Text(visible(text))
    name.truncate(_LONGEST, overflow="ellipsis")
    return name


def _texts(column: Column, screen: Screen, digits: Digits, is_head: bool) -> _Texts:
    """Return the texts of a column that is no bar."""
    values, style = column.values, column.style
    if style == "text":
        cells = list(map(_name if is_head else Text, word_texts(values)))
    elif style == "status":
        cells = [Text(word, "green" if word == "ok" else "red") for word in values.tolist()]
    elif style == "mark":
        dot = "*" if screen.ascii_only else "●"
        marks = [dot if value > 0 else "" for value in values]  # nan is no mark
        cells = [Text(mark, "green", justify="center") for mark in marks]
    else:
        cells = list(map(Text, _aligned(texts(values, ROUGH if style == "rough" else digits))))
    narrowest = min(_width(cells), _NAME) if style == "text" else _width(cells)
    return _Texts(_name(column.title), cells, narrowest, style in ("number", "rough"))


def _width(texts: Iterable[Text]) -> int:
    return max((text.cell_len for text in texts), default=0)


def _fitted(columns: Sequence[_Texts], screen: Screen) -> tuple[list[int], int]:
    """Return the widths, the widest made narrower until they fit, and the room that is left."""
    room = screen.width - MARGIN - _GAP * (len(columns) - 1)
    widths = [_width([title, *cells]) for title, cells, *_ in columns]
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


def _sweep(
    sweep: Sweep, names: Sequence[str], screen: Screen, digits: Digits
) -> list[RenderableType]:
    """Return a line for each temperature, between those of the hard choice and of x / sum x.

    Numbers and bars for each class where there is room for them, else a block for each.
    """
    probabilities, count = sweep.probabilities, len(names)
    notes = [Text(), *(Text(visible(words)) for words in sweep.notes)]
    heads, entropy = Column("T", np.array(sweep.heads), "text"), Column("entropy", sweep.entropies)

    def grid(*columns: Column) -> Grid:
        largest = max(1.0, largest_size(probabilities))
        return Grid(Table([heads, *columns], len(heads.values), largest=largest), screen, digits)

    if count <= _NUMBERS:
        pairs = (
            (Column(name, values), Column("", values, "bar"))
            for name, values in zip(names, probabilities.T, strict=True)
        )
        numbers = grid(*chain.from_iterable(pairs), entropy)
        if numbers.room >= count * (_GAP + _LEAST_OF_MANY):
            return [*numbers.drawn(), *notes]
    others = [Column("largest p", probabilities.max(axis=1)), entropy]
    if grid(*others).room - _GAP < min(count, _ENOUGH):
        del others[0]
    room = grid(*others).room - _GAP
    shown = min(count, max(1, room))
    best = np.argsort(-probabilities[1:-1].sum(axis=0), kind="stable")[:shown]
    classes = np.sort(best)
    width, title, legend = _titles([names[i] for i in classes.tolist()], room)
    if shown < count:
        legend = f"shown: the best {shown}, in their order"
    blocks = [_skyline(row, width, screen) for row in probabilities[:, classes]]
    drawn = grid(Column(title, np.array(blocks), "text"), *others).drawn()
    if legend:
        notes.insert(1, Text(visible(legend)))
    return [*drawn, *_left_out(count - shown, "classes"), *notes]


def _titles(names: Sequence[str], room: int) -> tuple[int, str, str]:
    """Return a block's width, the title above the blocks, and the legend where they need one."""
    titles = [Text(visible(name)) for name in names]
    longest = max(title.cell_len for title in titles)
    width = max(1, min((room + 1) // len(names), max(_BLOCK, longest + 1)))
    if longest < width:
        for title in titles:
            title.pad_right(width - title.cell_len)
        return width, "".join(title.plain for title in titles).rstrip(), ""
    words = f"{names[0]} to {names[-1]}" if len(names) > _LISTED else ", ".join(names)
    return width, "classes" if room >= len("classes") else "", f"from left: {words}"


def _skyline(values: Values, width: int, screen: Screen) -> str:
    """Return a block for each value, as high as it is beside the largest; paler below 0."""
    levels, below = (_ASCII_LEVELS, "!") if screen.ascii_only else (_LEVELS, "░")
    largest = largest_size(np.maximum(values, 0.0))
    blocks = []
    for value in np.nan_to_num(values / largest, posinf=1.0).tolist():
        height = max(1, math.ceil(value * len(levels) - 1e-9)) if value > 0 else 0
        blocks.append(below if value < 0 else f" {levels}"[height])
    return "".join(blocks) if width == 1 else " ".join(block * (width - 1) for block in blocks)
