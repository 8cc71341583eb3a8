"""The one way in: arguments, or rows from a file or standard input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softmax_cli.errors import UsageError
from softmax_cli.input.arguments import parse_vectors
from softmax_cli.input.chunks import check_not_terminal
from softmax_cli.input.settings import InputSettings

if TYPE_CHECKING:
    from softmax_cli.input.rows import Rows


def open_rows(settings: InputSettings, *, target_column: str | None = None) -> Rows:
    """The vectors among the arguments or, without any, rows read from the file.

    numpy is loaded only once the usage is known to be right.

    Raises
    ------
    UsageError
        Vectors are typed and a file is named, numbers and lists are mixed, or there is nothing
        to read.
    DataError
        What was typed or read can't be used.
    """
    if not settings.vectors:
        check_not_terminal(settings.path)
        from softmax_cli.input.delimited import read_delimited

        return read_delimited(settings, target_column)
    if settings.path != "-":
        raise UsageError("vectors as arguments and --input exclude one another")
    about_rows = {
        "--target-column": target_column,
        "--columns": settings.columns,
        "--delimiter": settings.delimiter,
        "--header": settings.header,
        "--axis": settings.axis,
    }
    for name, value in about_rows.items():
        if value is not None:
            raise UsageError(f"{name} is about rows that are read, not typed")
    vectors = parse_vectors(settings.vectors)

    import numpy as np

    from softmax_cli.input.rows import Block, Rows

    is_lone = len(vectors) == 1
    places = ["arguments"] if is_lone else [f"argument {n + 1}" for n in range(len(vectors))]
    block = Block(np.array(vectors, np.float64), places)
    return Rows(iter([block]), settings.names)
