"""Opening an input: arguments, a file or standard input, in whatever format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from softmax_cli.errors import DataError, UsageError
from softmax_cli.input.numbers import parse_vectors
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.stream import CHUNK_BYTES, Input, TextChunks, check_not_terminal
from softmax_cli.messages import say

# numpy, and what needs it, is loaded only once the usage is known to be right.
if TYPE_CHECKING:
    from softmax_cli.input.rows import Rows

# The first bytes of files that hold others, and what these are
_PACKED: Final = {
    b"PK\x03\x04": "a zip archive, as .npz is: unzip gives the files in it",
    b"\x1f\x8b": "compressed by gzip: zcat reads it",
}


def open_rows(
    settings: InputSettings,
    *,
    target_column: str | None = None,
    kind: str = "logits",
    chunk_bytes: int = CHUNK_BYTES,
) -> Rows:
    """Return the vectors among the arguments or, without any, the rows of the file.

    `kind` is 'logits', 'probs', 'logprobs' or 'scores', which are any of them: what the numbers
    are to be, where the input names them. Smaller chunks are for rows that take long.
    """
    if settings.vectors:
        return _typed_rows(settings, target_column)
    if settings.axis == "column" and target_column is not None:
        raise UsageError("--target-column gives a target for each row, --axis column has no rows")
    check_not_terminal(settings.path)
    source = Input(settings.path, chunk_bytes)
    rows = _read(settings, target_column, source, kind)
    if settings.verbose:
        say(source.name, rows.found)
    return rows


def _typed_rows(settings: InputSettings, target_column: str | None) -> Rows:
    if settings.path != "-":
        raise UsageError("vectors as arguments and --input exclude one another")
    given = {**settings._asdict(), "target-column": target_column}
    given["input-format"] = None if settings.input_format == "auto" else settings.input_format
    for name in ("target-column", "columns", "keep", "delimiter", "header", "axis", "input-format"):
        if given[name] is not None:
            raise UsageError(f"--{name} is about rows that are read, not typed")
    vectors = parse_vectors(settings.vectors)
    count, width = len(vectors), len(vectors[0])
    is_lone = count == 1
    if settings.verbose:
        found = (
            f"1 vector, {width} numbers" if is_lone else f"{count} vectors, {width} numbers each"
        )
        say("arguments", found)

    import numpy as np

    from softmax_cli.input.rows import Block, Locations, Rows, itself

    numbers = range(1, count + 1)
    locations = Locations("arguments" if is_lone else "argument", numbers, None if is_lone else " ")
    block = Block(np.array(vectors, np.float64), locations)
    return Rows(iter([block]), itself, settings.names)


def _read(settings: InputSettings, target_column: str | None, source: Input, kind: str) -> Rows:
    format_ = settings.input_format
    if format_ == "auto":
        start = source.start
        packed = next((what for magic, what in _PACKED.items() if start.startswith(magic)), None)
        if packed is not None:
            raise DataError(f"{source.name}: {packed}")
        format_ = format_of(start)
        if format_ != "csv" and (settings.delimiter or settings.header is not None):
            format_ = "csv"  # as who names a delimiter or a header says
    if format_ == "npy":
        from softmax_cli.input.npy import read_npy

        return read_npy(settings, target_column, source)
    if format_ != "csv":
        from softmax_cli.input.json import read_json

        return read_json(settings, target_column, source, kind)
    from softmax_cli.input.csv import read_delimited

    return read_delimited(settings, target_column, TextChunks(source))


def format_of(start: bytes) -> str:
    """Return an input's format, by its first bytes: 'npy', 'json' of whatever kind, or 'csv'."""
    if start.startswith(b"\x93"):  # which begins no text
        return "npy"
    text = start.lstrip()
    return "json" if text.startswith((b"{", b"[")) else "csv"


def open_targets(path: str) -> Rows:
    """Return the rows of a file of targets: labels, or distributions as their values."""
    from softmax_cli.input.csv import read_targets

    return read_targets(Input(path))


def open_counts(path: str) -> Rows:
    """Return rows of counts: numbers, or lines with a name, which is the label, and a number."""
    check_not_terminal(path)
    source = Input(path)
    if format_of(source.start) != "csv":
        return _read(InputSettings(path=path), None, source, "scores")
    from softmax_cli.input.csv import read_counts

    return read_counts(source)
