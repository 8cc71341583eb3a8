"""A picture of one vector from the hard choice through all temperatures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import Final

import numpy as np
from rich.console import RenderableType
from rich.text import Text

from softmax_cli.messages import visible
from softmax_cli.output.formats import Shape
from softmax_cli.output.grid import GAP, LEAST_OF_MANY, Grid, Screen, left_out, note
from softmax_cli.output.layout import Column, Sweep, Values
from softmax_cli.output.view import Table, largest_size

# Classes whose numbers may stand side by side, that are named in a line, that make a picture
_NUMBERS: Final = 12
_LISTED: Final = 8
_ENOUGH: Final = 20
# The width of a block where there is room
_BLOCK: Final = 4
_LEVELS: Final = "▁▂▃▄▅▆▇█"
_ASCII_LEVELS: Final = ".:-=+*#@"


def sweep_lines(sweep: Sweep, shape: Shape, screen: Screen) -> list[RenderableType]:
    """Return a line for each temperature, between those of the hard choice and of x / sum x.

    Numbers and bars for each class where there is room for them, else a block for each.
    """
    probabilities, notes = sweep.probabilities, map(note, sweep.notes)
    names = shape.class_names(probabilities.shape[1])
    heads, entropy = Column("T", np.array(sweep.heads), "text"), Column("entropy", sweep.entropies)
    largest = max(1.0, largest_size(probabilities))

    def grid(*columns: Column) -> Grid:
        return Grid(Table([heads, *columns], len(heads.values), largest=largest), screen)

    if len(names) <= _NUMBERS:
        pairs = (
            (Column(name, values), Column("", values, "bar"))
            for name, values in zip(names, probabilities.T, strict=True)
        )
        numbers = grid(*chain.from_iterable(pairs), entropy)
        if numbers.room >= len(names) * (GAP + LEAST_OF_MANY):
            return [numbers.drawn()[0], Text(), *notes]
    others = [Column("largest p", probabilities.max(axis=1)), entropy]
    room = grid(*others).room - GAP
    if room < min(len(names), _ENOUGH):
        room = grid(*others[1:]).room - GAP
        del others[0]
    count = min(len(names), max(1, room))
    best = np.argsort(-probabilities[1:-1].sum(axis=0), kind="stable")[:count]
    classes = np.sort(best)
    width, title, legend = _titles([names[i] for i in classes.tolist()], room)
    if count < len(names):
        legend = f"shown: the best {count}, in their order"
    blocks = [_skyline(row, width, screen) for row in probabilities[:, classes]]
    drawn, _ = grid(Column(title, np.array(blocks), "text"), *others).drawn()
    hidden = left_out(len(names) - count, "classes")
    return [drawn, *hidden, Text(), *([note(legend)] if legend else []), *notes]


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
