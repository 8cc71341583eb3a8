"""What the command line says about the input."""

from __future__ import annotations

from typing import NamedTuple


class InputSettings(NamedTuple):
    """Where vectors come from and how they are to be read.

    Attributes
    ----------
    vectors : tuple of str
        Vectors typed as arguments; without any, `path` is read.
    path : str
        A file, or '-' for standard input.
    delimiter : str or None
        One character, ' ' for runs of blanks, or None to find it.
    header : bool or None
        Whether the first row holds names; None to find out.
    columns : str or None
        The columns that make the vector, as typed; None for all.
    names : tuple of str or None
        Names for the classes, instead of the header's.
    axis : str or None
        'row' or 'column': what one vector is; None for what the number of columns says.
    jobs : int or None
        How many processes a large file may take; None for the cores there are.
    """

    vectors: tuple[str, ...] = ()
    path: str = "-"
    delimiter: str | None = None
    header: bool | None = None
    columns: str | None = None
    names: tuple[str, ...] | None = None
    axis: str | None = None
    jobs: int | None = None
