"""Opens an input: arguments, a file or standard input, in any format.

A format is named in `INPUT_FORMATS`, detected and opened by `_read`, and read by a module of its
own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from softmax_cli.errors import DataError, UsageError
from softmax_cli.input.numbers import is_number, parse_vectors
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.stream import CHUNK_BYTES, PRINTED, REFUSED, STDIN, Input, TextChunks

# numpy is imported only once the usage is known to be right.
if TYPE_CHECKING:
    from softmax_cli.input.rows import Rows

INPUT_FORMATS: Final = ("auto", "csv", "json", "jsonl", "npy")


def open_rows(settings: InputSettings, chunk_bytes: int = CHUNK_BYTES) -> Rows:
    """Return the vectors in the arguments or, without any, the rows of the input.

    Rows that take long to compute need smaller chunks.
    """
    if settings.vectors:
        return _typed_rows(settings)
    if settings.axis == "column" and settings.target_column is not None:
        raise UsageError("--target-column needs rows; with --axis column the vectors are columns")
    if settings.path == "-" and os.isatty(STDIN):  # it would seem to hang
        how = "type one, as in 'softmax-cli softmax 1 2 3', or give rows by a pipe or with -i FILE"
        raise UsageError(f"no vector: {how}")
    return _read(settings, Input(settings.path, chunk_bytes))


def _typed_rows(settings: InputSettings) -> Rows:
    if settings.path != "-":
        raise UsageError("give numbers or -i FILE, not both")
    of_rows = "target-column columns keep delimiter header axis input-format invalid"
    for name in of_rows.split():
        if getattr(settings, name.replace("-", "_")) not in (None, "auto", "error"):
            raise UsageError(f"--{name} needs rows from a file or a pipe, not arguments")
    texts = [text.replace(settings.decimal or ".", ".") for text in settings.vectors]
    vectors = parse_vectors(texts)

    import numpy as np

    from softmax_cli.input.rows import Block, Locations, Rows

    name, separator = ("arguments", None) if len(vectors) == 1 else ("argument", " ")
    locations = Locations(name, range(1, len(vectors) + 1), separator)
    block = Block(np.array(vectors, np.float64), locations)
    return Rows(iter([block]), names=settings.names)


def _read(settings: InputSettings, source: Input) -> Rows:
    format_ = settings.input_format
    if format_ == "auto":
        start = source.start
        refused = next((what for magic, what in REFUSED.items() if start.startswith(magic)), None)
        if refused is not None:
            raise DataError(f"{source.name}: {refused}")
        if settings.is_delimited():
            format_ = "csv"  # as these options imply
        elif start.startswith(b"\x93"):  # never the first byte of text
            format_ = "npy"
        else:
            format_ = "json" if start.lstrip().startswith((b"{", b"[", *PRINTED)) else "csv"
    text = TextChunks(source)
    if format_ == "csv":
        from softmax_cli.input.csv import read_delimited

        return read_delimited(settings, text)
    settings = settings._replace(axis=settings.axis or "row")
    if format_ == "npy":
        from softmax_cli.input.npy import read_npy

        return read_npy(settings, source)
    if settings.input_format == "auto" and not source.start.lstrip().startswith(b"{"):
        from softmax_cli.input.printed import is_printed, read_printed

        if is_printed(text):
            return read_printed(settings, text)
    from softmax_cli.input.json import read_json

    return read_json(settings, text)


def read_targets(path: str) -> Rows:
    """Return the rows of a file of targets: labels, or distributions as values.

    A row of several numbers is a distribution, and so is a list in square brackets. In a file of
    labels each line is one label.
    """
    from softmax_cli.input import csv
    from softmax_cli.input.printed import read_printed

    text = TextChunks(Input(path))
    settings = InputSettings(axis="row")
    if text.source.start.lstrip().startswith((b"[", *PRINTED)):
        return read_printed(settings, text)
    if any(len(cells) > 1 and all(map(is_number, cells)) for cells in csv.first_cells(text)):
        return csv.read_delimited(settings, text)
    return csv.read_labels(text)
