"""The names of an input's columns, from its beginning alone and without numpy: for completion."""

from __future__ import annotations

import csv
import os
import stat

from softmax_cli.errors import DataError
from softmax_cli.input.chunks import Lines, WholeLines, open_input
from softmax_cli.input.delimiters import find_delimiter, split_rows
from softmax_cli.input.numbers import is_missing, is_number
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.source import format_of


def column_names(settings: InputSettings) -> list[str]:
    """The names in a file's header, or the keys of its first object.

    None where there are none, and of what is no regular file: what is read of a pipe would be
    missing later.
    """
    try:
        status = os.stat(settings.path)  # noqa: PTH116 - pathlib takes as long as all else here
        if not stat.S_ISREG(status.st_mode):
            return []
        opened = open_input(settings.path)
        with opened.file:
            start = opened.start()
        if format_of(start) == "json" and settings.delimiter is None:
            return _keys(start)
        return _header(start, settings)
    except (OSError, DataError, csv.Error):
        return []


def _header(start: bytes, settings: InputSettings) -> list[str]:
    lines = Lines(WholeLines(iter([start])), settings.path)
    lines.delimiter = settings.delimiter or find_delimiter(lines)
    names = [cell.strip() for cell in next(split_rows(lines, lines.delimiter), [])]
    header = settings.header
    if header is None:
        are_numbers = all(is_number(name) or is_missing(name) for name in names)
        header = bool(names) and (not names[0] or not are_numbers)
    return names if header and lines.fault is None else []


def _keys(start: bytes) -> list[str]:
    """The keys of the first object that is whole and no mere list of rows."""
    import json

    text = start.decode(errors="ignore")
    at = text.find("{")
    while at >= 0:
        try:
            value, _ = json.JSONDecoder().raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError):
            value = None
        if isinstance(value, dict) and not isinstance(value.get("rows"), list):
            return list(value)
        at = text.find("{", at + 1)
    return []
