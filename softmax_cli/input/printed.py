"""Arrays as numpy and torch print them: lists in brackets, long ones wrapped over several lines."""

import re
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

# The beginning of a matrix, or of an array of more dimensions
_FIRST: Final = re.compile(r"(?:\w+\()?([\s\[]*)\[([^\[\]]*)\]")
_DOTS: Final = "..."
_PRINT_ALL: Final = (
    "print all of it, after np.set_printoptions(threshold=10**9) "
    "or torch.set_printoptions(profile='full')"
)


def is_printed(text: TextChunks) -> bool:
    """Return whether a text begins with a list as it is printed, which is not JSON."""
    found = _first_list(text)
    if found is None:
        return False
    try:
        orjson.loads(f"[{found[2]}]")
    except orjson.JSONDecodeError:
        return all(is_number(item) or item == _DOTS for item in list_items(found[2]))
    return found[0][0] != "["


def _first_list(text: TextChunks) -> re.Match[str] | None:
    while b"]" not in text.text and b"{" not in text.text and text.extend():
        pass
    return _FIRST.match(text.text[: text.text.find(b"]") + 1].decode(errors="replace").lstrip())


def read_printed(settings: InputSettings, target_column: str | None, text: TextChunks) -> Rows:
    """Return the innermost lists of a text that `is_printed` as rows."""
    name = text.source.name
    found = _first_list(text)
    assert found is not None
    if found[1].count("[") > 1:
        hint = "one dimension is a vector, two are a vector in each row"
        raise DataError(f"{name}: an array of more than two dimensions", hint)
    shape = row_shape(settings, target_column, None, len(list_items(found[2])), name)

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
    if depth or not BESIDE_LISTS.fullmatch(rest):
        what = (
            "a list that is never closed"
            if depth > 0 or "[" in rest
            else f"{shown(rest)} after a list"
        )
        raise DataError(
            what, location=f"{text.source.name}:{text.line + 1 + rest.rstrip().count(chr(10))}"
        )


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
