"""A picture of one vector from the hard choice through all temperatures."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.text import Text

from softmax_cli.messages import visible
from softmax_cli.output.canvas import LEAST_OF_MANY, Canvas
from softmax_cli.output.cells import largest_size, skyline
from softmax_cli.output.numbers import texts
from softmax_cli.output.results import Column, Shape
from softmax_cli.output.settings import TABLE_DIGITS, Digits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from softmax_cli.output.results import Fields, Summary, Values

_LABEL: Final = "T"
_GAP: Final = 2
_METHODS: Final = ("hard", "stable", "linear")
# Classes whose numbers may stand side by side, that are named in a line, that make a picture
_NUMBERS: Final = 12
_LISTED: Final = 8
_ENOUGH: Final = 20
# The width of a block where there is room
_BLOCK: Final = 4
_ENTROPY: Final = Column("entropy", "entropy")


class SweepTable:
    """A line for each temperature, between those of the hard choice and of x / sum x.

    Numbers and bars for each class where there is room for them, else a block for each.
    """

    summarises = True
    streams = False
    fields = frozenset(
        {"method", "temperature", "dtype", "probabilities", "entropy", "extreme", "note", "reason"}
    )

    def __init__(self, shape: Shape, digits: Digits) -> None:
        self._shape = shape
        self._digits = digits
        self._kept: Fields = {}

    def write(self, fields: Fields) -> None:
        """Keep the vector's records."""
        self._kept = {key: fields[key] for key in self.fields}

    def close(self, summary: Summary | None) -> None:
        """Print the picture."""
        if not self._kept:
            return
        fields = {key: values[self._lines()] for key, values in self._kept.items()}
        names = self._shape.class_names(fields["probabilities"].shape[1])
        temperatures = texts(fields["temperature"], TABLE_DIGITS)
        labels = [
            temperature if method == "stable" else method
            for method, temperature in zip(fields["method"].tolist(), temperatures, strict=True)
        ]
        canvas = Canvas(self._digits)
        parts = _numbers_and_bars(canvas, labels, names, fields)
        parts = parts or _blocks(canvas, labels, names, fields)
        canvas.print([*parts, *map(canvas.note, self._words(fields, temperatures))])

    def reduce(self, field: str, value: float, summary: Summary) -> None:
        """Nothing: methods are not reduced to one number."""
        raise NotImplementedError

    def _lines(self) -> Values:
        """The records shown: the hard choice, each temperature in the first type, x / sum x."""
        kept = self._kept
        first = kept["dtype"] == kept["dtype"][0]
        at = {name: np.flatnonzero(first & (kept["method"] == name)) for name in _METHODS}
        return np.concatenate([at["hard"][:1], at["stable"], at["linear"][:1]])

    def _words(self, fields: Fields, temperatures: Sequence[str]) -> list[str]:
        """What there is to say of the lines shown, and of the methods that broke."""
        reached: dict[str, list[str]] = {}
        swept = slice(1, -1)  # between the hard choice and x / sum x
        for extreme, temperature in zip(
            fields["extreme"][swept].tolist(), temperatures[swept], strict=True
        ):
            reached.setdefault(extreme, []).append(temperature)
        words = [
            f"T {', '.join(at)}: {what}, to the last digit" for what, at in reached.items() if what
        ]
        reason = str(fields["reason"][-1])
        linear = "x/T over the sum of x/T is the same at every T"
        words.append(f"linear: {linear}{reason and '; ' + reason}")
        others = self._kept["note"][self._kept["method"] != "linear"].tolist()
        return words + [note for note in others if note]


def _numbers_and_bars(
    canvas: Canvas, labels: Sequence[str], names: Sequence[str], fields: Fields
) -> list[RenderableType]:
    """A number and a bar for each class, or nothing where there is no room for them."""
    if len(names) > _NUMBERS:
        return []
    numbers = [Column(f"p{i}", name) for i, name in enumerate(names)]
    shares = {column.field: fields["probabilities"][:, i] for i, column in enumerate(numbers)}
    values = {**fields, **shares}
    room = canvas.room(_LABEL, labels, [*numbers, _ENTROPY], values)
    if room < len(names) * (_GAP + LEAST_OF_MANY):
        return []
    pairs = ((number, Column(number.field, "", "bar")) for number in numbers)
    columns = [*chain.from_iterable(pairs), _ENTROPY]
    largest = max(1.0, largest_size(fields["probabilities"]))
    table, _ = canvas.table(_LABEL, labels, columns, values, None, largest)
    return [table, Text()]


def _blocks(
    canvas: Canvas, labels: Sequence[str], names: Sequence[str], fields: Fields
) -> list[RenderableType]:
    """A block for each class there is room for, and the largest share if there is more room."""
    probabilities = fields["probabilities"]
    values = {**fields, "largest": probabilities.max(axis=1)}
    for columns in ([Column("largest", "largest p"), _ENTROPY], [_ENTROPY]):
        room = canvas.room(_LABEL, labels, columns, values) - _GAP
        if room >= min(len(names), _ENOUGH):
            break
    count = min(len(names), max(1, room))
    best = np.argsort(-probabilities[1:-1].sum(axis=0), kind="stable")[:count]
    shown = np.sort(best)
    width, title, legend = _titles([names[i] for i in shown.tolist()], room)
    if count < len(names):
        legend = f"shown: the best {count}, in their order"
    values["blocks"] = np.array(
        [skyline(shares, width, ascii_only=canvas.ascii_only) for shares in probabilities[:, shown]]
    )
    table, _ = canvas.table(_LABEL, labels, [Column("blocks", title, "text"), *columns], values)
    hidden = canvas.left_out(len(names) - count, "classes")
    return [table, *hidden, Text(), *([canvas.note(legend)] if legend else [])]


def _titles(names: Sequence[str], room: int) -> tuple[int, str, str]:
    """A block's width, what stands above the blocks, and below the table if that is no name."""
    titles = [Text(visible(name)) for name in names]
    longest = max(title.cell_len for title in titles)
    width = max(1, min((room + 1) // len(names), max(_BLOCK, longest + 1)))
    if longest < width:
        for title in titles:
            title.pad_right(width - title.cell_len)
        return width, "".join(title.plain for title in titles).rstrip(), ""
    words = f"{names[0]} to {names[-1]}" if len(names) > _LISTED else ", ".join(names)
    return width, "classes" if room >= len("classes") else "", f"from left: {words}"
