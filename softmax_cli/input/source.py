"""The one way in: arguments, or rows from a file or standard input."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final

from softmax_cli.errors import DataError, UsageError
from softmax_cli.input.arguments import parse_vectors
from softmax_cli.input.chunks import check_not_terminal, display_name, open_input
from softmax_cli.input.settings import InputSettings
from softmax_cli.messages import say

if TYPE_CHECKING:
    from softmax_cli.input.rows import Rows


# What begins files that hold others, and what they are
_PACKED: Final = {
    b"PK\x03\x04": "a zip archive, as .npz is: unzip gives the files in it",
    b"\x1f\x8b": "compressed by gzip: zcat reads it",
}


def open_rows(
    settings: InputSettings,
    *,
    target_column: str | None = None,
    kind: str = "logits",
    chunk_bytes: int | None = None,
) -> Rows:
    """The vectors among the arguments or, without any, rows read from the file.

    numpy is loaded only once the usage is known to be right.

    Parameters
    ----------
    settings : InputSettings
    target_column : str, optional
        The column with each row's target.
    kind : str
        'logits', 'probs', 'logprobs' or 'scores', which are any of them: what the numbers are to
        be, where the input itself tells them apart.
    chunk_bytes : int, optional
        How much is read at once: less where a row is much work, and to be seen when it is done.

    Raises
    ------
    UsageError
        Vectors are typed and a file is named, numbers and lists are mixed, or there is nothing
        to read.
    DataError
        What was typed or read can't be used.
    """
    if not settings.vectors:
        rows = _read(settings, target_column, kind, chunk_bytes)._replace(invalid=settings.invalid)
        if settings.verbose:
            say(display_name(settings.path), rows.found)
        return rows
    if settings.path != "-":
        raise UsageError("vectors as arguments and --input exclude one another")
    about_rows = {
        "--target-column": target_column,
        "--columns": settings.columns,
        "--keep": settings.keep,
        "--delimiter": settings.delimiter,
        "--header": settings.header,
        "--axis": settings.axis,
        "--input-format": None if settings.input_format == "auto" else settings.input_format,
    }
    for name, value in about_rows.items():
        if value is not None:
            raise UsageError(f"{name} is about rows that are read, not typed")
    vectors = parse_vectors(settings.vectors)
    if settings.verbose:
        count = f"{len(vectors)} vector{'s' * (len(vectors) > 1)}"
        say("arguments", f"{count}, {len(vectors[0])} numbers{' each' * (len(vectors) > 1)}")

    import numpy as np

    from softmax_cli.input.rows import Block, Rows

    is_lone = len(vectors) == 1
    places = ["arguments"] if is_lone else [f"argument {n + 1}" for n in range(len(vectors))]
    block = Block(np.array(vectors, np.float64), places)
    return Rows(iter([block]), settings.names, invalid=settings.invalid)


def _read(
    settings: InputSettings, target_column: str | None, kind: str, chunk_bytes: int | None
) -> Rows:
    """Rows read from the file, by its format."""
    check_not_terminal(settings.path)
    opened = open_input(settings.path, chunk_bytes)
    format_ = settings.input_format
    if format_ == "auto":
        start = opened.start()
        packed = next((kind for magic, kind in _PACKED.items() if start.startswith(magic)), None)
        if packed is not None:
            raise DataError(f"{opened.name}: {packed}")
        format_ = format_of(start)
        if format_ != "csv" and (settings.delimiter or settings.header is not None):
            format_ = "csv"  # as is said by who names a delimiter or a header
    if format_ == "npy":
        from softmax_cli.input.npy import read_npy

        return read_npy(settings, target_column, opened)
    if format_ != "csv":
        from softmax_cli.input.json import read_json

        return read_json(settings, target_column, opened, kind)
    from softmax_cli.input.delimited import read_delimited

    return read_delimited(settings, target_column, opened)


def format_of(start: bytes) -> str:
    """What an input is, by its first bytes: 'npy', 'json' of whatever kind, or 'csv'."""
    if start.startswith(b"\x93"):  # which begins no text
        return "npy"
    text = start.removeprefix(codecs.BOM_UTF8).lstrip()
    return "json" if text.startswith((b"{", b"[")) else "csv"
