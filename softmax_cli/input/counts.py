"""A file of counts: numbers, or lines with a name and a number."""

from __future__ import annotations

from softmax_cli.input.chunks import Lines, WholeLines, check_not_terminal, open_input
from softmax_cli.input.delimited import read_delimited
from softmax_cli.input.delimiters import cells_of, find_delimiter
from softmax_cli.input.json import read_json
from softmax_cli.input.npy import read_npy
from softmax_cli.input.numbers import is_number
from softmax_cli.input.rows import Rows
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.source import format_of


def open_counts(path: str) -> Rows:
    """Rows of counts, one in each with the name as its label where lines are a name and a count.

    Raises
    ------
    DataError
        The file can't be read; later, from the blocks, what is no number.
    """
    check_not_terminal(path)
    settings = InputSettings(path=path)
    opened = open_input(path)
    match format_of(opened.start()):
        case "npy":
            return read_npy(settings, None, opened)
        case "json":
            return read_json(settings, None, opened, "scores")
    lines = Lines(WholeLines(opened.pieces()), opened.name)
    lines.delimiter = find_delimiter(lines)
    if not _are_named(lines):
        return read_delimited(settings, None, opened, lines=lines)
    settings = settings._replace(axis="row", delimiter=lines.delimiter)
    return read_delimited(settings, "1", opened, lines=lines)


def _are_named(lines: Lines) -> bool:
    """Whether the second line, as the first may be a header, is a name and a number."""
    second = next(iter(lines.peek(2)[-1:]), "")
    cells = cells_of(second, lines.delimiter)
    return len(cells) == 2 and not is_number(cells[0]) and is_number(cells[1])
