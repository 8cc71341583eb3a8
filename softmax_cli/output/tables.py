"""Results as tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from softmax_cli.output.formats import Digits, Shape
from softmax_cli.output.grid import MARGIN, Grid, Screen, indented, left_out, note
from softmax_cli.output.layout import Layout, Summary
from softmax_cli.output.sweep import sweep_lines
from softmax_cli.output.view import Footer, Identity, Part, Table, ViewWriter

# Classes that a screen or two can show; a line below says how many are left out.
_CLASSES: Final = 50


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
            screen.print(sweep_lines(sweep, self.shape, screen))
        else:
            parts = self.page(summary, _CLASSES)
            if parts:
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
            return [indented(Text.assemble((left, "dim"), "\n" if is_wide else "  ", right))]
        case words:
            return [note(words)]


def _footer(items: Sequence[tuple[str, str]], screen: Screen) -> list[RenderableType]:
    """Return 'title value' for each item, as many to a line as fit."""
    lines: list[Text] = []
    for title, value in items:
        word = Text.assemble((f"{title} ", "dim"), value)
        if lines and lines[-1].cell_len + 3 + word.cell_len <= screen.width - 2:
            lines[-1] = lines[-1] + Text("   ") + word
        else:
            lines.append(word)
    return [indented(line) for line in lines]


def _table(table: Table, screen: Screen) -> list[RenderableType]:
    """Return a table, in two where that makes it fit, and how much is left out of it."""
    grid = Grid(table, screen)
    drawn, shown = grid.drawn()
    return [
        drawn,
        *left_out(table.total - shown, table.unit, table.format),
        *left_out(table.hidden, table.hidden_unit),
    ]
