"""What the command line says about a loss."""

from __future__ import annotations

from typing import NamedTuple


class TargetSettings(NamedTuple):
    """What is true.

    Attributes
    ----------
    target : str or None
        For all rows: a class by name or index, or a distribution as a list.
    target_column : str or None
        The column of the input with each row's class.
    target_file : str or None
        A file with a class or a distribution for each row.
    ignore : str or None
        A label whose rows count for nothing.
    """

    target: str | None = None
    target_column: str | None = None
    target_file: str | None = None
    ignore: str | None = None


class ObjectiveSettings(NamedTuple):
    """What a loss has beside cross-entropy.

    Attributes
    ----------
    weights, class_counts : str or None
        A number for each class, as a list.
    beta : float or None
        Of weights by effective numbers; None for inverse frequencies.
    label_smoothing, focal : float
    """

    weights: str | None = None
    class_counts: str | None = None
    beta: float | None = None
    label_smoothing: float = 0.0
    focal: float = 0.0
