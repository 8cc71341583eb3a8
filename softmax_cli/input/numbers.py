"""Numbers as text: in cells, in lists, and as arguments."""

import math
import re
from collections.abc import Sequence

from softmax_cli.errors import DataError, UsageError

_SEPARATOR = re.compile(r"\s*[,;]\s*|\s+")
_BRACKETED = re.compile(r"(?:\[.*\]|\(.*\))\Z", re.DOTALL)
# The innermost lists in what numpy and torch print, and what may stand beside them
_INNER_LIST = re.compile(r"\[([^\[\]]*)\]")
_BESIDE_LISTS = re.compile(r"(?:[\s,;\[\]()]|\btensor\b|\barray\b|\w+=(?:'[^']*'|<[^>]*>|[\w.]+))*")
_EXCHANGED = str.maketrans(",.", ".,")
# The beginning of a negative number, perhaps a misspelt one, which no option has
_NEGATIVE = re.compile(r"-(?:\.?[0-9]|inf(?:inity)?\b|nan\b)", re.IGNORECASE)


def is_negative_value(argument: str) -> bool:
    """Return whether an argument that begins with '-' is a number or a list, not an option."""
    return _NEGATIVE.match(argument) is not None


def is_number(text: str) -> bool:
    """Return whether `float` accepts the text, without underscores; nan and inf are numbers."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def with_point(text: str, decimal: str) -> str:
    """Return a number with a decimal point; where the comma is one, a point becomes a comma."""
    return text if decimal == "." else text.translate(_EXCHANGED)


def parse_number(text: str, location: str, decimal: str = ".") -> float:
    """Return the number in a text; raise `DataError` if it is empty, not a number, or nan."""
    number = with_point(text, decimal)
    if not number.strip():
        raise DataError("empty where a number is expected", location=location)
    if not is_number(number) or math.isnan(float(number)):
        raise DataError(f"{shown(text)} is not a number", location=location)
    return float(number)


def is_list(text: str) -> bool:
    """Return whether a text is a list: brackets around it, or separators inside."""
    text = text.strip()
    return bool(_BRACKETED.match(text) or printed_lists(text) or len(list_items(text)) > 1)


def parse_list(text: str, location: str) -> list[float]:
    """Return numbers separated by commas, semicolons or blanks, perhaps in a pair of brackets."""
    text = text.strip()
    if len(lists := printed_lists(text)) == 1:
        text = lists[0]
    elif _BRACKETED.match(text):
        text = text[1:-1]
    items = list_items(text)
    if any(bracket in text for bracket in "[]()"):
        inner = "a list within a list, or a bracket without its other half"
        raise DataError(inner, "write each row as one argument", location)
    if items == [""]:
        raise DataError("an empty list", location=location)
    if len(items) == 1:
        return [parse_number(items[0], location)]
    return [parse_number(item, f"{location}, value {n}") for n, item in enumerate(items, 1)]


def printed_lists(text: str) -> list[str]:
    """Return what is in the innermost lists of an array as JSON, numpy or torch print it.

    [] if that is not all there is, or if it has more than two dimensions.
    """
    beside = _INNER_LIST.sub("", text)
    is_deep = re.search(r"\[[^\]]*\[", beside)
    if is_deep or beside.count("[") != beside.count("]") or not _BESIDE_LISTS.fullmatch(beside):
        return []
    return _INNER_LIST.findall(text)


def list_items(text: str) -> list[str]:
    """Return what is between commas, semicolons and blanks; [''] if there is nothing."""
    items = _SEPARATOR.split(text.strip())
    return items[:-1] if len(items) > 1 and items[-1] == "" else items


def shown(text: str) -> str:
    """Return a text for a message: quoted, escaped, and cut to 40 characters."""
    text = text.strip()
    return repr(text if len(text) <= 40 else text[:40] + "…")


def parse_vectors(arguments: Sequence[str]) -> list[list[float]]:
    """Return the vectors in arguments: numbers make one vector, lists one each."""
    if any(argument.count("[") != argument.count("]") for argument in arguments):
        arguments = [" ".join(arguments)]  # the shell has split a list: '[1,' '2,' '3]'
    arguments = [row for argument in arguments for row in _rows_of(argument)]
    lists = [is_list(argument) for argument in arguments]
    if not any(lists):
        return [[_typed_number(text, f"argument {n}") for n, text in enumerate(arguments, 1)]]
    if not all(lists):
        number = arguments[lists.index(False)]
        listed = arguments[lists.index(True)]
        mix = f"a mix of numbers ({number}) and lists ({listed})"
        raise UsageError(f"{mix}: give numbers for one vector, or a list for each vector")
    vectors = [parse_list(text, f"argument {n}") for n, text in enumerate(arguments, 1)]
    for n, vector in enumerate(vectors, 1):
        if len(vector) != len(vectors[0]):
            lengths = f"{len(vector)} where the first has length {len(vectors[0])}"
            raise DataError(f"a vector of length {lengths}", location=f"argument {n}")
    return vectors


def _typed_number(text: str, location: str) -> float:
    number = list_items(text)[0]  # 'softmax 1, 2, 3': the shell leaves the comma on the number
    try:
        return parse_number(number, location)
    except DataError as error:
        if not is_number(number) and any(letter in number for letter in "./\\"):
            error.hint = "-i FILE reads a file"
        raise


def _rows_of(text: str) -> list[str]:
    """Return the rows in an argument: the lists of a matrix, or lines, perhaps with semicolons."""
    text = text.strip()
    if lists := printed_lists(text):
        return [f"[{items}]" for items in lists]
    if text.startswith(("[", "(")):
        return [text]
    rows = [row for line in text.split("\n") if line.strip() for row in _parts(line)]
    if len(rows) > 1 and any(map(is_list, rows)):  # a lone number among them is a list, too
        rows = [f"[{row}]" for row in rows]
    return rows or [text]


def _parts(line: str) -> list[str]:
    """Return a line divided at semicolons, if there are commas or blanks as well."""
    parts = line.strip().removesuffix(";").split(";")
    return parts if any(len(list_items(part)) > 1 for part in parts) else [line]
