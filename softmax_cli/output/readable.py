"""Numbers and words as people read them, in tables and below them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from softmax_cli.messages import visible
from softmax_cli.output.numbers import texts
from softmax_cli.output.settings import SHORTEST, Digits

if TYPE_CHECKING:
    from softmax_cli.output.results import Fields, Item, Summary, Values

# Digits behind which a float64 has nothing to say
_ALL_DIGITS: Final = 17
_MORE_PLACES: Final = 6
# Powers of ten that are written out, not as an exponent.
_PLAIN: Final = range(-6, 12)


def word_texts(values: Values) -> list[str]:
    """Words, as they are; nothing for None."""
    shown = zip(values.ravel().tolist(), texts(values, SHORTEST), strict=True)
    return ["" if value is None else visible(text) for value, text in shown]


def footer_words(
    items: Sequence[Item], values: Fields | Summary, digits: Digits
) -> list[tuple[str, str]]:
    """The name of each item that there is, and its value with the unit."""
    return [
        (item.title, f"{_value(values[item.field], digits)} {item.unit}".strip())
        for item in items
        if item.field in values
    ]


def identity_words(items: Sequence[Item], values: Fields, digits: Digits) -> tuple[str, str]:
    """'A + B = C' and 'a + b = c unit', with as many decimals in each, so that they add up."""
    numbers = [float(values[item.field]) for item in items]
    significant, decimals = digits
    exponent = _exponent(max(map(abs, numbers)))
    shown = texts(np.array(numbers), digits)
    if np.isfinite(numbers).all() and exponent in _PLAIN:
        if significant is not None:
            decimals = max(0, significant - 1 - exponent)
        assert decimals is not None  # one of both there always is
        # Rounded numbers may miss their sum by one in the last place; a place more mends it.
        most = max(decimals, min(decimals + _MORE_PLACES, _ALL_DIGITS - 1 - exponent))
        for places in range(decimals, most + 1):
            shown = [f"{number:.{places}f}" for number in numbers]
            if sum(map(Decimal, shown[:-1])) == Decimal(shown[-1]):
                break
    titles = [item.title for item in items]
    left = " + ".join(titles[:-1]) + " = " + titles[-1]
    right = " + ".join(shown[:-1]) + " = " + shown[-1]
    return left, f"{right} {items[-1].unit}".strip()


def _value(value: Any, digits: Digits) -> str:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list):
        return ", ".join(visible(str(item)) for item in value)
    return ", ".join(map(visible, texts(np.atleast_1d(value), digits)))


def _exponent(number: float) -> int:
    """The power of ten of a number's first digit; 0 for 0 and inf."""
    return int(f"{number:e}".split("e")[1]) if number and np.isfinite(number) else 0
