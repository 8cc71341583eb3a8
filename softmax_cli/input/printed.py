"""Arrays as numpy and torch print them: lists in brackets, long ones wrapped over several lines."""

from typing import Final

import orjson

from softmax_cli.errors import DataError
from softmax_cli.input.columns import row_shape
from softmax_cli.input.csv import parse_rows
from softmax_cli.input.dialect import Row
from softmax_cli.input.numbers import is_number, list_items, printed_lists
from softmax_cli.input.rows import Rows, shaped
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.stream import TextChunks

_DOTS: Final = "..."


def is_printed(text: TextChunks) -> bool:
    """Return whether a text begins with a list of numbers that is not JSON."""
    while b"]" not in text.text and b"{" not in text.text and text.extend():
        pass
    start = text.text.partition(b"]")[0].decode(errors="replace")
    before, _, items = start.rpartition("[")
    try:
        orjson.loads(f"[{items}]")
    except orjson.JSONDecodeError:
        return all(is_number(item) or item == _DOTS for item in list_items(items))
    return before.lstrip()[:1].isalpha()  # 'tensor(' or 'array('


def read_printed(settings: InputSettings, text: TextChunks) -> Rows:
    """Return the innermost lists of a text, which is read whole, as rows."""
    name = text.source.name
    whole = b"".join(chunk.data for chunk in text.chunks()).decode(errors="replace")
    if _DOTS in whole:
        how = "np.set_printoptions(threshold=10**9) or torch's (profile='full')"
        raise DataError(f"{name}: an abbreviated print", f"print all of it, by {how}")
    lists = printed_lists(whole)
    if not lists:
        hint = "one dimension is a vector, two are a vector in each row"
        raise DataError(f"{name}: not one array as numpy or torch print it", hint)
    rows = [Row(list_items(items), 0, 0, number) for number, items in enumerate(lists, 1)]
    shape = row_shape(settings, (), len(rows[0].cells), name)
    blocks = iter([parse_rows(rows, name, shape)])
    return shaped(Rows(blocks), text.source, settings, shape, "lists as printed")
