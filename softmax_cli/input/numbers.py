"""Number text, as typed in an argument or found in a cell."""

from __future__ import annotations

import math
import re
from typing import Final

from softmax_cli.errors import DataError

_SEPARATOR = re.compile(r"\s*[,;]\s*|\s+")
_BRACKETED = re.compile(r"(?:\[.*\]|\(.*\))\Z", re.DOTALL)
# What torch and numpy print around a list: tensor([...], dtype=torch.float64)
_PRINTED = re.compile(r"(?:tensor|array)\((\[.*\])(?:,\s*\w+=[^\[\]]*)*\)\Z", re.DOTALL)
# The end of a line that is no end of an item where commas are
_BROKEN = re.compile(r"[^,;\s][ \t]*\n\s*[^,;\s]")
# A list in a list
_INNER = re.compile(r"\[[^\[\]()]*\]")
# What programs write where they have no number: it is no name of a column either.
_MISSING: Final = frozenset(
    "na n/a #n/a #value! #num! nan null nil none missing - -- ? .".split()  # noqa: SIM905 - a line
)
# What an option can't begin with: then it is a value, though perhaps a misspelt one.
_NEGATIVE = re.compile(r"-(?:\.?[0-9]|inf(?:inity)?\b|nan\b)", re.IGNORECASE)


def is_negative_value(argument: str) -> bool:
    """Whether an argument that begins with '-' is a number or a list, not an option."""
    return _NEGATIVE.match(argument) is not None


def is_number(text: str) -> bool:
    """Whether `float` takes the text, underscores apart; nan and inf are numbers."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def is_missing(text: str) -> bool:
    """Whether a text stands for a number that is not there."""
    return not text.strip() or text.strip().casefold() in _MISSING


def parse_number(text: str, place: str) -> float:
    """A cell's or an argument's number.

    Raises
    ------
    DataError
        It is empty, no number, or nan.
    """
    if not text.strip():
        raise DataError(f"{place}: empty where a number is expected")
    if not is_number(text) or math.isnan(float(text)):
        comma = is_number(text.replace(",", "."))
        hint = "decimals stand behind a point" if comma and "," in text else ""
        raise DataError(f"{place}: {shown(text)} is not a number", hint)
    return float(text)


def is_list(text: str) -> bool:
    """Whether a text stands for a list: brackets around it, or separators inside."""
    text = text.strip()
    return bool(_BRACKETED.match(text) or _PRINTED.match(text) or len(_items(text)) > 1)


def split_nested(text: str) -> list[str]:
    """The lists in a list, as numpy, torch and JSON print a matrix; any other text by itself."""
    stripped = text.strip()
    printed = _PRINTED.match(stripped)
    outer = printed[1] if printed else stripped
    rows = _INNER.findall(outer[1:-1])
    between = _INNER.sub("", outer[1:-1])
    is_matrix = outer[:1] + outer[-1:] == "[]" and rows and not between.strip(" \t\r\n,;")
    return rows if is_matrix else [text]


def parse_list(text: str, place: str) -> list[float]:
    """Numbers separated by commas, semicolons or blanks, perhaps in one pair of brackets.

    Raises
    ------
    DataError
        An item is no number, or there is none.
    """
    text = text.strip()
    if printed := _PRINTED.match(text):
        text = printed[1]
    if _BRACKETED.match(text):
        text = text[1:-1].strip()
    items = _items(text)
    if any(bracket in text for bracket in "[]()"):
        inner = "a list within a list, or a bracket without its other half"
        raise DataError(f"{place}: {inner}", "each row is an argument of its own")
    if "," in text and _BROKEN.search(text):
        raise DataError(
            f"{place}: a list that goes on behind a line's end without a comma",
            "rows are arguments of their own, or lines of standard input",
        )
    if items == [""]:
        raise DataError(f"{place}: an empty list")
    if len(items) == 1:
        return [parse_number(items[0], place)]
    return [parse_number(item, f"{place}, value {n}") for n, item in enumerate(items, 1)]


def _items(text: str) -> list[str]:
    items = _SEPARATOR.split(text.strip())
    return items[:-1] if len(items) > 1 and items[-1] == "" else items


def shown(text: str, limit: int = 40) -> str:
    """A text in quotes for a message, its control characters visible, and not too long."""
    text = text.strip()
    return repr(text if len(text) <= limit else text[:limit] + "…")
