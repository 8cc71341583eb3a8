"""Vectors typed as arguments."""

from __future__ import annotations

from collections.abc import Sequence

from softmax_cli.errors import DataError, UsageError
from softmax_cli.input.numbers import is_list, is_number, parse_list, parse_number, split_nested


def parse_vectors(arguments: Sequence[str]) -> list[list[float]]:
    """Numbers as one vector, or lists as a vector each.

    Raises
    ------
    UsageError
        Numbers and lists are mixed.
    DataError
        An item is no number, or the lists' lengths differ.
    """
    arguments = [part for argument in _rejoined(arguments) for part in split_nested(argument)]
    lists = [is_list(argument) for argument in arguments]
    if not any(lists):
        places = [f"argument {n}" for n in range(1, len(arguments) + 1)]
        return [[_typed_number(*typed) for typed in zip(arguments, places, strict=True)]]
    if not all(lists):
        number = arguments[lists.index(False)]
        listed = arguments[lists.index(True)]
        raise UsageError(
            f"a mix of numbers ({number}) and lists ({listed}): give numbers that are one vector, "
            "or lists that are a vector each"
        )
    vectors = [parse_list(text, f"argument {n}") for n, text in enumerate(arguments, 1)]
    for n, vector in enumerate(vectors, 1):
        if len(vector) != len(vectors[0]):
            raise DataError(
                f"argument {n}: a vector of length {len(vector)} "
                f"where the first has length {len(vectors[0])}"
            )
    return vectors


def _typed_number(text: str, place: str) -> float:
    # 'softmax 1, 2, 3': the shell leaves the comma on the number.
    text = text.strip()
    number = text[:-1] if text.endswith((",", ";")) else text
    try:
        return parse_number(number, place)
    except DataError as error:
        if not is_number(number) and any(letter in number for letter in "./\\"):
            error.hint = "a file is read with -i FILE"
        raise


def _rejoined(arguments: Sequence[str]) -> list[str]:
    """Arguments with a list that lost its quotes, '[1,' '2,' '3]', as one again."""
    joined: list[str] = []
    is_open = False
    for argument in arguments:
        if is_open:
            joined[-1] += " " + argument
        else:
            joined.append(argument)
        opened = sum(joined[-1].count(bracket) for bracket in "[(")
        closed = sum(joined[-1].count(bracket) for bracket in "])")
        is_open = opened > closed
    return joined
