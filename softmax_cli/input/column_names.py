"""The names of an input's columns, from its beginning alone and without numpy: for completion."""

from __future__ import annotations

import os
import re
import stat
from itertools import islice

from softmax_cli.errors import DataError
from softmax_cli.input.dialect import content_lines, find_delimiter, is_header, read_rows
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.source import format_of
from softmax_cli.input.stream import Input


def column_names(settings: InputSettings) -> list[str]:
    """Return the names in a file's header, or the keys of its first object, if there are any.

    Only a regular file is read: what is read of a pipe would be missing later.
    """
    try:
        status = os.stat(settings.path)  # noqa: PTH116 - pathlib takes as long as all else here
        if not stat.S_ISREG(status.st_mode):
            return []
        start = Input(settings.path).start
    except (OSError, DataError):
        return []
    if format_of(start) == "json" and settings.delimiter is None:
        return _keys(start)
    return _header(start, settings)


def _header(start: bytes, settings: InputSettings) -> list[str]:
    lines = [line.decode(errors="replace") for line in islice(content_lines(start), 2)]
    delimiter = settings.delimiter or find_delimiter(lambda count: lines[:count])
    first = next(read_rows(start, delimiter, settings.path), None)
    names = [cell.strip() for cell in first.cells] if first is not None else []
    is_named = settings.header or (names and settings.header is None and is_header(names, names))
    return names if is_named else []


def _keys(start: bytes) -> list[str]:
    """Return the keys of the first object that is whole and no mere list of rows."""
    import json

    text = start.decode(errors="ignore")
    for match in re.finditer("{", text):
        try:
            value, _ = json.JSONDecoder().raw_decode(text, match.start())
        except (json.JSONDecodeError, RecursionError):
            continue
        if isinstance(value, dict) and not isinstance(value.get("rows"), list):
            return list(value)
    return []
