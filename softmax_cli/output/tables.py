"""Results as tables on a terminal, and the sweep of temperatures as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import Final

import numpy as np
from rich.console import RenderableType
from rich.text import Text

from softmax_cli.messages import visible
from softmax_cli.output.formats import TABLE_DIGITS, Digits, Shape
from softmax_cli.output.grid import GAP, LEAST_OF_MANY, MARGIN, Grid, Screen
from softmax_cli.output.layout import Column, Layout, Summary, Sweep, Values
from softmax_cli.output.view import Footer, Identity, Part, Table, ViewWriter, largest_size

# Classes that a screen or two can show; a line below says how many are left out.
_CLASSES: Final = 50
# Decimals of classes where six significant digits make a row too wide
_FEWER: Final = (Digits(decimals=4), Digits(decimals=3))
# Classes whose numbers may stand side by side, that are named in a line, that make a picture
_NUMBERS: Final = 12
_LISTED: Final = 8
_ENOUGH: Final = 20
# The width of a block where there is room
_BLOCK: Final = 4
_LEVELS: Final = "▁▂▃▄▅▆▇█"
_ASCII_LEVELS: Final = ".:-=+*#@"


class TableWriter(ViewWriter):
    """One table at the end, of the first vectors, with a footer for all of them."""

    streams = False

    def __init__(self, layout: Layout, shape: Shape, digits: Digits) -> None:
        super().__init__(layout, shape, digits, layout.most)

    def close(self, summary: Summary | None) -> None:
        lone = self.lone()
        if lone is not None and self.layout.sweep:
            screen = Screen(self.digits)
            sweep = getattr(lone.result, self.layout.sweep)
            screen.print(
                _sweep(sweep, self.shape.class_names(sweep.probabilities.shape[1]), screen)
            )
        elif parts := self.page(summary, _CLASSES):
            self.show(parts)

    def show(self, parts: Sequence[Part]) -> None:
        screen = Screen(self.digits)
        lines: list[RenderableType] = []
        for i, part in enumerate(parts):
            if i and Table in (type(part), type(parts[i - 1])):
                lines.append(Text())
            lines += _lines(part, screen)
        screen.print(lines)


def _lines(part: Part, screen: Screen) -> list[RenderableType]:
    match part:
        case Table():
            return _table(part, screen)
        case Footer(items):
            return _footer(items, screen)
        case Identity(left, right):
            is_wide = len(left) + len(right) + 2 > screen.width - MARGIN
            return [Text.assemble((left, "dim"), "\n" if is_wide else "  ", right)]
        case words:
            return [Text(visible(words))]


def _footer(items: Sequence[tuple[str, str]], screen: Screen) -> list[RenderableType]:
    """Return 'title value' for each item, as many to a line as fit."""
    lines: list[Text] = []
    for title, value in items:
        word = Text.assemble((f"{title} ", "dim"), value)
        if lines and lines[-1].cell_len + 3 + word.cell_len <= screen.width - 2:
            lines[-1] = lines[-1] + Text("   ") + word
        else:
            lines.append(word)
    return list(lines)


def _table(table: Table, screen: Screen) -> list[RenderableType]:
    """Return a table that fits, and lines that say what is left out of it."""
    grid = _fitting(table, screen)
    drawn, count = grid.drawn()
    return [
        drawn,
        *_left_out(table.total - count, table.unit, table.format),
        *_left_out(grid.table.hidden, table.hidden_unit),
        *([Text("… more decimals; -f csv shows all")] if grid.class_digits in _FEWER else []),
    ]


def _left_out(count: int, unit: str, format_: str = "csv") -> list[RenderableType]:
    """Return a line that says how many there are beside those shown, if there are any."""
    return [Text(f"… {count} more {unit}; -f {format_} shows all")] if count > 0 else []


def _fitting(table: Table, screen: Screen) -> Grid:
    """Return a table with all digits of all classes, or with as many of them as fit."""
    whole = Grid(_folded(table, len(table.classes)), screen, screen.digits)
    instead = [c._replace(style="number") for c in table.columns if c.style == "instead"]
    if whole.room < 0 and instead:
        others = [c for i, c in enumerate(table.columns) if i not in table.classes]
        del others[-len(instead) :]
        hidden = table.hidden + len(table.classes) - len(instead)
        classes = range(len(others), len(others) + len(instead))
        table = table._replace(columns=[*others, *instead], classes=classes, hidden=hidden)
        whole = Grid(table, screen, screen.digits)
    fewer = _FEWER if screen.digits == TABLE_DIGITS else (screen.digits,)
    most = len(table.classes)
    versions = [(digits, most) for digits in fewer]
    versions += [(fewer[-1], count) for count in range(min(most - 1, screen.width // GAP), 1, -1)]
    grid = whole
    for digits, count in versions if most else []:
        if grid.room < 0:
            grid = Grid(_folded(table, count), screen, digits)
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


def _sweep(sweep: Sweep, names: Sequence[str], screen: Screen) -> list[RenderableType]:
    """Return a line for each temperature, between those of the hard choice and of x / sum x.

    Numbers and bars for each class where there is room for them, else a block for each.
    """
    probabilities, count = sweep.probabilities, len(names)
    notes = [Text(), *(Text(visible(words)) for words in sweep.notes)]
    heads, entropy = Column("T", np.array(sweep.heads), "text"), Column("entropy", sweep.entropies)

    def grid(*columns: Column) -> Grid:
        largest = max(1.0, largest_size(probabilities))
        return Grid(Table([heads, *columns], len(heads.values), largest=largest), screen)

    if count <= _NUMBERS:
        pairs = (
            (Column(name, values), Column("", values, "bar"))
            for name, values in zip(names, probabilities.T, strict=True)
        )
        numbers = grid(*chain.from_iterable(pairs), entropy)
        if numbers.room >= count * (GAP + LEAST_OF_MANY):
            return [numbers.drawn()[0], *notes]
    others = [Column("largest p", probabilities.max(axis=1)), entropy]
    if grid(*others).room - GAP < min(count, _ENOUGH):
        del others[0]
    room = grid(*others).room - GAP
    shown = min(count, max(1, room))
    best = np.argsort(-probabilities[1:-1].sum(axis=0), kind="stable")[:shown]
    classes = np.sort(best)
    width, title, legend = _titles([names[i] for i in classes.tolist()], room)
    if shown < count:
        legend = f"shown: the best {shown}, in their order"
    blocks = [_skyline(row, width, screen) for row in probabilities[:, classes]]
    drawn, _ = grid(Column(title, np.array(blocks), "text"), *others).drawn()
    if legend:
        notes.insert(1, Text(visible(legend)))
    return [drawn, *_left_out(count - shown, "classes"), *notes]


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
