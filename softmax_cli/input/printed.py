"""Arrays as numpy and torch print them: lists in brackets, long ones wrapped over several lines."""

from collections.abc import Iterator
from typing import Final

import orjson

from softmax_cli.errors import DataError
from softmax_cli.input.columns import row_shape
from softmax_cli.input.csv import parse_rows
from softmax_cli.input.dialect import Row
from softmax_cli.input.numbers import BESIDE_LISTS, INNER_LIST, is_number, list_items, shown
from softmax_cli.input.rows import Block, Rows, made_rows
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.stream import Chunk, TextChunks

_DOTS: Final = "..."
_PRINT_ALL: Final = (
    "print all of it, after np.set_printoptions(threshold=10**9) "
    "or torch.set_printoptions(profile='full')"
)


def is_printed(text: TextChunks) -> bool:
    """Return whether a text begins with a list of numbers that is not JSON."""
    before, items = _first_list(text)
    try:
        orjson.loads(f"[{items}]")
    except orjson.JSONDecodeError:
        return all(is_number(item) or item == _DOTS for item in list_items(items))
    return before.lstrip()[:1].isalpha()  # 'tensor(' or 'array('


def _first_list(text: TextChunks) -> tuple[str, str]:
    """Return what is before the first list's items, and these."""
    while b"]" not in text.text and b"{" not in text.text and text.extend():
        pass
    start, _, _ = text.text.decode(errors="replace").partition("]")
    before, _, items = start.rpartition("[")
    return before, items


def read_printed(settings: InputSettings, target_column: str | None, text: TextChunks) -> Rows:
    """Return the innermost lists of a text as rows."""
    name = text.source.name
    before, items = _first_list(text)
    if before.count("[") > 1:
        hint = "one dimension is a vector, two are a vector in each row"
        raise DataError(f"{name}: an array of more than two dimensions", hint)
    shape = row_shape(settings, target_column, None, len(list_items(items)), name)

    def parse(chunk: Chunk) -> Block:
        return parse_rows(list(_rows(chunk, name)), name, shape)

    return made_rows(_chunks(text), parse, settings, shape, "lists as printed", text.source)


def _chunks(text: TextChunks) -> Iterator[Chunk | None]:
    """Yield chunks that end behind a list; raise `DataError` for what is behind the last one."""
    depth = 0
    for chunk in text.chunks(lambda lines: lines.rfind(b"]") + 1):
        if chunk is not None:
            depth += chunk.data.count(b"[") - chunk.data.count(b"]")
        yield chunk
    rest = text.text.decode(errors="replace")
    line = text.line + 1 + rest.rstrip().count("\n")
    if depth > 0 or "[" in rest:
        raise DataError("a list that is never closed", location=f"{text.source.name}:{line}")
    if not BESIDE_LISTS.fullmatch(rest):
        raise DataError(f"{shown(rest)} after a list", location=f"{text.source.name}:{line}")


def _rows(chunk: Chunk, name: str) -> Iterator[Row]:
    """Yield the cells and the first line of each list."""
    text, line, end = chunk.data.decode(errors="replace"), chunk.line + 1, 0
    for found in INNER_LIST.finditer(text):
        before, inside = text[end : found.start()], found[1]
        line += before.count("\n")
        error = None
        if _DOTS in before + inside:
            error = DataError("an abbreviated print", _PRINT_ALL, f"{name}:{line}")
        elif not BESIDE_LISTS.fullmatch(before):
            error = DataError(f"{shown(before)} before a list", location=f"{name}:{line}")
        yield Row([] if error else list_items(inside), 0, 0, line, error)
        line += inside.count("\n")
        end = found.end()
