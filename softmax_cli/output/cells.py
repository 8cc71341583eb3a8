"""Cells of tables: numbers set under one another, bars, names that can't do harm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.text import Text

from softmax_cli.output.numbers import texts
from softmax_cli.output.readable import word_texts
from softmax_cli.output.settings import Digits

if TYPE_CHECKING:
    from softmax_cli.output.results import Values

_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_LEVELS: Final = "▁▂▃▄▅▆▇█"
_ASCII_LEVELS: Final = ".:-=+*#@"


def number_cells(values: Values, digits: Digits) -> list[Text]:
    """Numbers of one column, their points under one another once they are set flush right."""
    return [Text(text) for text in _aligned(texts(values, digits))]


def _aligned(numbers: Sequence[str]) -> list[str]:
    """Numbers padded on the right so that, set flush right, their points meet."""
    tails = [len(number) - _point(number) for number in numbers]
    # A single exponent would push all the points far to the left.
    widest = max((tail for tail, n in zip(tails, numbers, strict=True) if "e" not in n), default=0)
    return [n + " " * max(0, widest - tail) for n, tail in zip(numbers, tails, strict=True)]


def _point(number: str) -> int:
    """Where the decimal point is or would be."""
    for mark in ".e":
        if mark in number:
            return number.index(mark)
    return len(number)


def text_cells(values: Values) -> list[Text]:
    """Words, as they are; nothing for None."""
    return [Text(text) for text in word_texts(values)]


def status_cells(values: Values) -> list[Text]:
    """'ok', or in red what went wrong."""
    return [Text(word, style="green" if word == "ok" else "red") for word in values.tolist()]


def mark_cells(values: Values, *, ascii_only: bool) -> list[Text]:
    """A dot where a value is not 0."""
    dot = "*" if ascii_only else "●"
    # nan is no mark
    return [Text(dot if value > 0 else "", style="green", justify="center") for value in values]


def largest_size(values: Values) -> float:
    """The largest finite absolute value, which a whole bar stands for."""
    sizes = np.abs(values[np.isfinite(values)])
    return float(sizes.max(initial=0.0)) or 1.0


def bar_cells(values: Values, largest: float, width: int, *, ascii_only: bool) -> list[Text]:
    """Bars as long as the values' sizes; paler and red below 0."""
    lengths = np.nan_to_num(np.abs(values) / largest * width, posinf=0.0)
    return [
        Text(
            _bar(length, ascii_only=ascii_only, negative=value < 0),
            style="red" if value < 0 else "green",
        )
        for value, length in zip(values.tolist(), lengths.tolist(), strict=True)
    ]


def _bar(length: float, *, ascii_only: bool, negative: bool) -> str:
    if ascii_only:
        return ("-" if negative else "#") * round(length)
    if negative:
        return "░" * round(length)
    eighths = math.ceil(length * 8 - 1e-9) if length > 0 else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def skyline(values: Values, width: int, *, ascii_only: bool) -> str:
    """A block for each value, its height relative to the largest: paler below 0, none for 0."""
    levels, below = (_ASCII_LEVELS, "!") if ascii_only else (_LEVELS, "░")
    largest = largest_size(np.maximum(values, 0.0))
    blocks = []
    for value in np.nan_to_num(values / largest, posinf=1.0).tolist():
        height = max(1, math.ceil(value * len(levels) - 1e-9)) if value > 0 else 0
        blocks.append(below if value < 0 else f" {levels}"[height])
    return "".join(blocks) if width == 1 else " ".join(block * (width - 1) for block in blocks)
