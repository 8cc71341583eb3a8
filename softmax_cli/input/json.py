"""JSON and JSON lines: rows that are lists of numbers, or objects with them."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from softmax_cli.errors import DataError
from softmax_cli.input.chunks import Opened, WholeLines
from softmax_cli.input.columns import split_names
from softmax_cli.input.numbers import parse_number, shown
from softmax_cli.input.rows import Block, Places, Rows
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.shape import RowShape, cells_kept, check_axis, row_shape, turned

# The lists of an object that this tool has written, by what the numbers are to be
_LISTS: Final = {
    "logits": ("logits",),
    "probs": ("probabilities",),
    "logprobs": ("log_probabilities",),
    "scores": ("logits", "probabilities", "log_probabilities"),
}
_NUMBERS: Final = frozenset({int, float})
# Rows of a JSON value that are put into a block
_ROWS: Final = 1 << 10


class _Records(NamedTuple):
    """Some rows as they were parsed, or why they were not, each with its line or number."""

    numbers: list[int]
    values: list[Any]


class _Row(NamedTuple):
    """A row's numbers, and its label if it has one."""

    numbers: list[float]
    label: str | None = None


_Read = Callable[[Any, str], _Row]


def read_json(
    settings: InputSettings, target_column: str | None, opened: Opened, kind: str
) -> Rows:
    """Rows from JSON lines or from one JSON value, as the settings say or the first line does.

    Parameters
    ----------
    settings : InputSettings
    target_column : str or None
        The key, or for lists the number of the column, that holds each row's target.
    opened : Opened
    kind : str
        'logits', 'probs', 'logprobs', or 'scores' for any of them: which list of an object that
        this tool has written makes the vector.

    Raises
    ------
    DataError
        There are no rows, or a chosen key is missing; later, from the blocks, a row that can't
        be read.
    """
    name = opened.name
    chunks = _without_mark(WholeLines(opened.pieces()))
    if settings.input_format == "json":
        records = _of_value(chunks, name)
    else:
        first = next(chunks, b"")
        while not first.strip() and (more := next(chunks, b"")):
            first += more
        chunks = chain([first], chunks)
        is_lines = settings.input_format == "jsonl" or _is_row(first.lstrip().split(b"\n", 1)[0])
        records = _of_lines(chunks, name) if is_lines else _of_value(chunks, name)
    start = next(records, None)
    if start is None:
        raise DataError(f"{name}: no rows")
    return _rows(chain([start], records), start, settings, target_column, opened, kind)


def _rows(
    records: Iterator[_Records],
    start: _Records,
    settings: InputSettings,
    target_column: str | None,
    opened: Opened,
    kind: str,
) -> Rows:
    """The rows, all of them like the first."""
    name = opened.name
    at = 0
    if settings.invalid != "error":
        are_rows = (
            i for i, value in enumerate(start.values) if value and isinstance(value, list | dict)
        )
        at = next(are_rows, 0)
    first, place = start.values[at], f"{name}:{start.numbers[at]}"
    if isinstance(first, DataError):
        raise first
    if not isinstance(first, list | dict):
        raise DataError(f"{place}: {_named(first)} where a list or an object is expected")
    if not first:
        raise DataError(f"{place}: an empty {'list' if isinstance(first, list) else 'object'}")
    names: tuple[str, ...] | None = None
    keys: Sequence[int | str]
    fields: list[str] | None = None
    key = None
    if isinstance(first, list):
        shape = row_shape(settings, target_column, None, len(first), name)
        kept, keys = shape.kept_names(None), list(shape.kept)
        read = _list_reader(shape)
    elif key := _list_key(first, settings.columns, kind, place):
        keys = split_names(settings.keep or "")
        kept = tuple(keys)
        shape = _inner_shape(first, key, target_column, kept, place)
        read = _object_reader(key, target_column, shape)
    else:
        fields = list(first)
        shape = row_shape(settings, target_column, fields, len(fields), name)
        names, kept = tuple(fields[i] for i in shape.chosen), shape.kept_names(fields)
        read, keys = _flat_reader(fields, shape), list(kept)
    check_axis(settings.axis, target_column)
    blocks = _blocks(records, read, shape, keys, name, are_lists=isinstance(first, list))
    form = f"JSON, {'lists' if isinstance(first, list) else 'objects'}"
    if key:
        form += f" with {shown(key)}"
    found = f"{form}, {shape.described(fields, settings.axis or 'row')}"
    if settings.axis == "column":
        return Rows(
            turned(blocks, name, settings.invalid),
            settings.names,
            names is not None,
            True,
            names,
            opened,
        )
    named, has_names = settings.names or names, names is not None
    return Rows(blocks, named, has_names, opened=opened, kept=kept, found=found)


def _list_key(first: dict[str, Any], columns: str | None, kind: str, place: str) -> str | None:
    """The key of an object's list that makes the vector; None where there are no lists."""
    asked = split_names(columns) if columns is not None else []
    lists = [key for key, value in first.items() if isinstance(value, list)]
    if len(asked) == 1 and asked[0] in lists:
        return asked[0]
    if asked or not lists:
        return None
    for key in _LISTS[kind]:
        if key in lists:
            return key
    wanted = " or ".join(_LISTS[kind])
    raise DataError(f"{place}: no list of {wanted}", f"-c takes another list: {', '.join(lists)}")


def _inner_shape(
    first: dict[str, Any], key: str, target: str | None, kept: Sequence[str], place: str
) -> RowShape:
    """The shape of an object's list, which has no column for a label nor for what is kept."""
    if not first[key]:
        raise DataError(f"{place}: an empty list")
    missing = next((asked for asked in (target, *kept) if asked and asked not in first), None)
    if missing is not None:
        known = ", ".join(list(first)[:10])
        raise DataError(f"{place}: no column named {shown(missing)}", f"the columns are {known}")
    width = len(first[key])
    return RowShape(range(width), None, width)


def _list_reader(shape: RowShape) -> _Read:
    def read(value: Any, place: str) -> _Row:
        return _row(_list(value, shape.width, place), shape, place)

    return read


def _flat_reader(keys: list[str], shape: RowShape) -> _Read:
    known = set(keys)

    def read(value: Any, place: str) -> _Row:
        if not isinstance(value, dict):
            raise DataError(f"{place}: {_named(value)} where an object is expected")
        if value.keys() != known:
            odd = [key for key in (*keys, *value) if key not in value or key not in known]
            problem = "a key that is new" if odd[0] in value else "no key"
            raise DataError(f"{place}: {problem}: {shown(odd[0])}")
        return _row([value[key] for key in keys], shape, place)

    return read


def _object_reader(key: str, target: str | None, shape: RowShape) -> _Read:
    def read(value: Any, place: str) -> _Row:
        for wanted in (key, target):
            if wanted is not None and (not isinstance(value, dict) or wanted not in value):
                raise DataError(f"{place}: no object with {shown(wanted)}")
        row = _row(_list(value[key], shape.width, place), shape, place)
        return row if target is None else row._replace(label=_label(value[target], place))

    return read


def _list(value: Any, width: int, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise DataError(f"{place}: {_named(value)} where a list is expected")
    if len(value) != width:
        raise DataError(f"{place}: a row of length {len(value)} where {width} is expected")
    return value


def _row(cells: list[Any], shape: RowShape, place: str) -> _Row:
    numbers = [cells[i] for i in shape.chosen]
    if not _NUMBERS.issuperset(map(type, numbers)):
        numbers = [_number(cells[i], f"{place}:{i + 1}") for i in shape.chosen]
    if shape.label is None:
        return _Row(numbers)
    return _Row(numbers, _label(cells[shape.label], f"{place}:{shape.label + 1}"))


def _kept(value: Any, keys: Sequence[int | str]) -> list[str | float]:
    """Cells to be copied; what is neither text nor a number is copied as JSON, none is empty."""
    cells = value if isinstance(value, dict) else {}
    if isinstance(value, list):
        cells = dict(enumerate(value))
    found = [cells.get(key, "") for key in keys]
    return [
        cell if isinstance(cell, str) or type(cell) in _NUMBERS else orjson.dumps(cell).decode()
        for cell in found
    ]


def _number(cell: Any, place: str) -> float:
    """A number, or a text that is one: infinities have no other way into JSON."""
    if isinstance(cell, str):
        return parse_number(cell, place)
    if type(cell) not in _NUMBERS:
        raise DataError(f"{place}: {_named(cell)} is not a number")
    return float(cell)


def _label(cell: Any, place: str) -> str:
    if isinstance(cell, bool) or not isinstance(cell, int | float | str):
        raise DataError(f"{place}: {_named(cell)} where a class is expected")
    return str(cell).strip()


def _named(value: Any) -> str:
    """A JSON value as messages name it."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return shown(value) if isinstance(value, str) else json.dumps(value)


def _blocks(
    records: Iterator[_Records],
    read: _Read,
    shape: RowShape,
    keys: Sequence[int | str],
    name: str,
    *,
    are_lists: bool,
) -> Iterator[Block]:
    """A block for each record, with the cells of some keys that are kept."""
    for numbers, values in records:
        places = Places(name, numbers)
        is_whole = are_lists and shape.takes_all() and not keys
        array = _plain(values, shape.width) if is_whole else None
        if array is not None:
            yield Block(array, places)
            continue
        block = _block(values, places, read, shape)
        if keys:
            block = block._replace(kept=cells_kept([_kept(value, keys) for value in values]))
        yield block


def _plain(values: list[Any], width: int) -> NDArray[np.float64] | None:
    """The rows as an array where all are whole lists of plain numbers, which is quickly seen."""
    if {list} != set(map(type, values)) or {width} != set(map(len, values)):
        return None
    flat = list(chain.from_iterable(values))
    if not _NUMBERS.issuperset(map(type, flat)):
        return None
    return np.fromiter(flat, np.float64, len(flat)).reshape(-1, width)


def _block(values: list[Any], places: Places, read: _Read, shape: RowShape) -> Block:
    """Rows one by one, and what is wrong with those that can't be used."""
    rows: list[_Row] = []
    faults: dict[int, DataError] = {}
    width = len(shape.chosen)
    for i, value in enumerate(values):
        try:
            if isinstance(value, DataError):
                raise value
            rows.append(read(value, places[i]))
        except DataError as error:
            faults[i] = error
            rows.append(_Row([np.nan] * width, ""))
    flat = chain.from_iterable(row.numbers for row in rows)
    array = np.fromiter(flat, np.float64, len(rows) * width).reshape(len(rows), width)
    labels = [row.label or "" for row in rows] if any(row.label for row in rows) else None
    return Block(array, places, labels, shape.label_column(), faults=faults)


def _without_mark(chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield next(chunks, b"").removeprefix(codecs.BOM_UTF8)
    yield from chunks


def _of_lines(chunks: Iterator[bytes], name: str) -> Iterator[_Records]:
    """The rows of each chunk of lines, as soon as it has arrived."""
    done = 0
    for chunk in chunks:
        records = _Records([], [])
        lines = chunk.removesuffix(b"\n").split(b"\n")
        for number, line in enumerate(lines, done + 1):
            if not line.strip():
                continue
            records.numbers.append(number)
            try:
                records.values.append(_parsed(line, name, number))
            except DataError as error:
                records.values.append(error)
        done += len(lines)
        if records.values:
            yield records


def _of_value(chunks: Iterator[bytes], name: str) -> Iterator[_Records]:
    """The rows of one value, which is read whole; they are counted from 1."""
    value = _parsed(b"".join(chunks), name, 1)
    rows = [value]
    if isinstance(value, dict) and isinstance(value.get("rows"), list):
        rows = value["rows"]
    elif isinstance(value, list) and (not value or isinstance(value[0], list | dict)):
        rows = value
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        yield _Records(list(range(start + 1, start + len(some) + 1)), some)


def _is_row(line: bytes) -> bool:
    """Whether a line is a row by itself, and not the beginning or the whole of a JSON value."""
    try:
        value = _parsed(line, "", 1)
    except DataError:
        return False
    if isinstance(value, dict):
        return not isinstance(value.get("rows"), list)
    return isinstance(value, list) and not (value and isinstance(value[0], list | dict))


def _parsed(text: bytes, name: str, line: int) -> Any:
    """A JSON value; NaN and Infinity, which Python's json writes, become texts.

    Raises
    ------
    DataError
        It is none, and begins in that line.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        value = json.loads(text.decode(), parse_int=float, parse_constant=str)
        orjson.dumps(value)  # refuses halves of characters, which could not be written
    except json.JSONDecodeError as error:
        place = f"{name}:{line + error.lineno - 1}"
        problem = error.msg[:1].lower() + error.msg[1:]
        hint = "one value a line, as jq -c writes them" if "Extra data" in error.msg else ""
        raise DataError(f"{place}: no JSON: {problem} at character {error.colno}", hint) from error
    except UnicodeDecodeError as error:
        place = f"{name}:{line + text.count(10, 0, error.start)}"
        raise DataError(f"{place}: invalid UTF-8", "iconv turns other encodings into it") from error
    except TypeError as error:
        raise DataError(f"{name}:{line}: half a character (a lone surrogate)") from error
    except RecursionError as error:
        raise DataError(f"{name}:{line}: lists within lists, too deep") from error
    return value
