"""JSON and JSON lines: rows that are lists of numbers, or objects with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final, NamedTuple

import numpy as np
import orjson

from softmax_cli.errors import DataError
from softmax_cli.input.columns import RowShape, row_shape, split_names
from softmax_cli.input.numbers import parse_number, shown
from softmax_cli.input.rows import Block, Labels, Locations, Rows, shaped
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.stream import Chunk, TextChunks

# The key of each kind of numbers in the objects that this tool writes
_LISTS: Final = {"logits": "logits", "probs": "probabilities", "logprobs": "log_probabilities"}
_CLASSES: Final = "classes"  # the key of their names
_NUMBERS: Final = frozenset({int, float})
# Rows per block of a JSON value
_BLOCK_ROWS: Final = 1 << 10
# A line's or row's number from 1, and the parsed row or its error
_Record = tuple[int, Any]


def read_json(settings: InputSettings, text: TextChunks) -> Rows:
    """Return the rows of JSON lines or of one JSON value, as the settings or the first line say."""
    name = text.source.name
    is_lines = settings.input_format != "json" and _is_lines(text, settings)
    values: list[Any] = []
    if not is_lines:
        values = _rows_of_value(_parsed(b"".join(chunk.data for chunk in text.chunks()), name, 1))

    def records() -> Iterator[_Record]:
        return _records(text.text, name, text.line) if is_lines else enumerate(values, 1)

    first = _first_usable(records(), settings.invalid)
    while first is None and is_lines and text.extend():
        first = _first_usable(records(), settings.invalid)
    first = first or next(records(), None)
    if first is None:
        raise DataError(f"{name}: no rows")
    table = _table(first, settings, name)
    if is_lines:
        lines = (chunk for chunk in text.chunks() if not chunk.data.isspace())
        rows = Rows(lines, table.parse)
    else:
        numbers = range(1, len(values) + 1)
        parts = (slice(i, i + _BLOCK_ROWS) for i in range(0, len(values), _BLOCK_ROWS))
        rows = Rows(parts, lambda part: table.block(numbers[part], values[part]))
    rows = shaped(rows, text.source, settings, table.shape, table.form)
    if not table.key:
        return rows
    names = rows.names or (tuple(table.classes) if table.classes and not rows.transposed else None)
    return rows._replace(kept=tuple(map(str, table.kept_keys)), names=names)


def _is_lines(text: TextChunks, settings: InputSettings) -> bool:
    """Return whether an input is JSON lines, by its first line, or two if the first is bad."""
    first = text.first_lines(1)
    if settings.input_format == "jsonl" or any(map(_is_row, first)):
        return True
    if settings.invalid == "error" or not first or first[0].rstrip()[-1:] in b"[{,:":
        return False
    return any(map(_is_row, text.first_lines(2)[1:]))


def _is_row(line: bytes) -> bool:
    """Return whether a line is a single row, not the beginning or all of a value with rows."""
    _, value = next(_records(line, "", 0))
    return isinstance(value, list | dict) and (not value or _rows_of_value(value)[:1] == [value])


def _first_usable(records: Iterable[_Record], invalid: str) -> _Record | None:
    """Return the first record, or the first list or object if others may be left out."""
    for number, value in islice(records, _BLOCK_ROWS):
        if invalid == "error" or (value and isinstance(value, list | dict)):
            return number, value
    return None


def _records(data: bytes, name: str, line: int) -> Iterator[_Record]:
    """Yield the number of each line that is not blank, and its value or error."""
    for number, text in enumerate(data.split(b"\n"), line + 1):
        if text.strip():
            try:
                yield number, _parsed(text, name, number)
            except DataError as error:
                yield number, error


def _rows_of_value(value: Any) -> list[Any]:
    if isinstance(value, dict) and isinstance(value.get("rows"), list):
        return list(value["rows"])
    if isinstance(value, list) and (not value or isinstance(value[0], list | dict)):
        return value
    return [value]


def _table(record: _Record, settings: InputSettings, name: str) -> _Table:
    number, first = record
    location = f"{name}:{number}"
    if isinstance(first, DataError):
        raise first
    if not isinstance(first, list | dict):
        raise DataError(f"{_described(first)} where a list or an object is expected", "", location)
    if not first:
        raise DataError(f"an empty {'list' if isinstance(first, list) else 'object'}", "", location)
    if isinstance(first, list):
        shape = row_shape(settings, (), len(first), name)
        return _Table(name, "JSON, lists", shape, shape.label, shape.kept)
    first = _with_kept(first)
    keys = list(first)
    key = _list_key(first, settings, location)
    if key and not first[key]:
        raise DataError("an empty list", "", location)
    settings = settings._replace(columns=settings.columns or key)
    shape = row_shape(settings, keys, len(keys), location if key else name)
    label = None if shape.label is None else keys[shape.label]
    kept = [keys[i] for i in shape.kept]
    if not key:
        return _Table(name, "JSON, objects", shape, label, kept, keys)
    shape = RowShape(len(first[key]), range(len(first[key])))
    keys = [key] if label is None else [key, label]
    names = first.get(_CLASSES)
    is_text = isinstance(names, list) and {str}.issuperset(map(type, names))
    names = names if names and is_text and len(names) == shape.width else None
    return _Table(name, f"JSON, objects with {shown(key)}", shape, label, kept, keys, key, names)


def _list_key(first: dict[str, Any], settings: InputSettings, location: str) -> str | None:
    """Return the key of the list that makes the vector; None if the vector is not a list."""
    asked = split_names(settings.columns or "")
    lists = [key for key, value in first.items() if isinstance(value, list)]
    if len(asked) == 1 and asked[0] in lists:
        return asked[0]
    if asked or not lists:
        return None
    wanted = [_LISTS[settings.kind]] if settings.kind in _LISTS else list(_LISTS.values())
    if found := [key for key in wanted if key in lists]:
        return found[0]
    hint = f"-c takes another list: {', '.join(lists)}"
    raise DataError(f"no list of {' or '.join(wanted)}", hint, location)


def _with_kept(value: Any) -> Any:
    """Return an object with its kept cells among its own keys; other values as they are."""
    kept = value.get("keep") if isinstance(value, dict) else None
    return {**kept, **value} if isinstance(kept, dict) else value


class _Table(NamedTuple):
    """The form of all rows, as the first one has it.

    They are lists, objects with exactly these `keys`, or objects with at least these, of which
    `key` holds the vector as a list, perhaps with `classes` as names. `label_key` and `kept_keys`
    are keys, or indices of a list.
    """

    name: str
    form: str
    shape: RowShape
    label_key: int | str | None
    kept_keys: Sequence[int | str]
    keys: Sequence[str] = ()
    key: str | None = None
    classes: list[str] | None = None

    def parse(self, chunk: Chunk) -> Block:
        data, line = chunk
        try:
            values = list(map(orjson.loads, data.removesuffix(b"\n").split(b"\n")))
        except orjson.JSONDecodeError:
            numbers, found = zip(*_records(data, self.name, line), strict=True)
            return self.block(numbers, list(found))
        return self.block(range(line + 1, line + 1 + len(values)), values)

    def block(self, numbers: Sequence[int], values: list[Any]) -> Block:
        locations, shape, width = Locations(self.name, numbers), self.shape, len(self.shape.chosen)
        are_lists = not (self.keys or self.kept_keys) and shape.takes_all()
        if are_lists and {list} == {*map(type, values)} and {width} == {*map(len, values)}:
            flat = list(chain.from_iterable(values))
            if _NUMBERS.issuperset(map(type, flat)):  # the fast path
                return Block(np.fromiter(flat, np.float64).reshape(-1, width), locations)
        rows: list[float] = []
        labels: list[str] = []
        errors: dict[int, DataError] = {}
        values = list(map(_with_kept, values))
        for i, value in enumerate(values):
            try:
                row, label = self._row(value, locations.at(i))
            except DataError as error:
                error.location = error.location or locations.at(i)
                errors[i] = error
                row, label = [np.nan] * width, ""
            rows += row
            labels.append(label)
        array = np.array(rows, np.float64).reshape(len(values), width)
        found = Labels.of(labels) if self.label_key is not None else None
        kept = np.array([self._kept(value) for value in values], object) if self.kept_keys else None
        return Block(array, locations, found, shape.label_column(), kept, errors)

    def _row(self, value: Any, location: str) -> tuple[list[float], str]:
        if isinstance(value, DataError):
            raise value
        cells = self._cells(value)
        numbers = [cells[i] for i in self.shape.chosen]
        if not _NUMBERS.issuperset(map(type, numbers)):
            numbers = [_number(cells[i], f"{location}:{i + 1}") for i in self.shape.chosen]
        if self.label_key is None:
            return numbers, ""
        label, column = value[self.label_key], self.shape.label_column()
        if isinstance(label, bool) or not isinstance(label, int | float | str):
            location = f"{location}:{column}" if column else location
            raise DataError(f"{_described(label)} where a class is expected", location=location)
        return numbers, str(label).strip()

    def _cells(self, value: Any) -> list[Any]:
        """Return a row's cells, as many as the first row has."""
        if keys := self.keys:
            if not isinstance(value, dict):
                raise DataError(f"{_described(value)} where an object is expected")
            if missing := [key for key in keys if key not in value]:
                raise DataError(f"no key: {shown(missing[0])}")
            if self.key is None:
                if len(value) != len(keys):
                    new = next(key for key in value if key not in keys)
                    raise DataError(f"a key that is new: {shown(new)}")
                return [value[key] for key in keys]
            if self.classes and value.get(_CLASSES, self.classes) != self.classes:
                raise DataError("classes other than those of the first row")
            value = value[self.key]
        if not isinstance(value, list):
            raise DataError(f"{_described(value)} where a list is expected")
        if len(value) != self.shape.width:
            raise DataError(f"a row of length {len(value)} where {self.shape.width} is expected")
        return value

    def _kept(self, value: Any) -> list[str | float]:
        """Return copied cells: text and numbers as they are, other values as JSON."""
        cells = dict(enumerate(value)) if isinstance(value, list) else value
        found = [cells.get(key, "") if isinstance(cells, dict) else "" for key in self.kept_keys]
        return [c if type(c) in (str, int, float) else orjson.dumps(c).decode() for c in found]


def _number(cell: Any, location: str) -> float:
    """Return a number, also one in a string: JSON has no other form of infinities."""
    if isinstance(cell, str):
        return parse_number(cell, location)
    if type(cell) not in _NUMBERS:
        raise DataError(f"{_described(cell)} is not a number", location=location)
    return float(cell)


def _described(value: Any) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return shown(value) if isinstance(value, str) else json.dumps(value)


def _parsed(text: bytes, name: str, line: int) -> Any:
    """Return the JSON value that begins at a line; Python's NaN and Infinity become strings."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    hint = ""
    try:
        value = json.loads(text.decode(), parse_int=float, parse_constant=str)
        orjson.dumps(value)  # refuses lone surrogates, which could not be written
    except json.JSONDecodeError as error:
        line += error.lineno - 1
        what = error.msg.removesuffix(" starting at")
        problem = f"no JSON: {what[:1].lower()}{what[1:]} at character {error.colno}"
    except UnicodeDecodeError as error:
        line += text.count(10, 0, error.start)
        problem, hint = "invalid UTF-8", "iconv turns other encodings into UTF-8"
    except TypeError:
        problem = "half a character (a lone surrogate)"
    except RecursionError:
        problem = "lists within lists, too deep"
    else:
        return value
    raise DataError(problem, hint, f"{name}:{line}")
