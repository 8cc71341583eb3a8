"""What a prediction is held against: one target for all rows, or a label in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from softmax_cli.core.probabilities import Probabilities
from softmax_cli.errors import DataError, RowError
from softmax_cli.flow.distributions import note_sums
from softmax_cli.flow.naming import Classes
from softmax_cli.input.numbers import is_list, parse_list

if TYPE_CHECKING:
    from softmax_cli.core.losses import Labels, Targets
    from softmax_cli.input.rows import Block
    from softmax_cli.messages import Notices


class TargetReader:
    """The targets of any block of rows.

    Parameters
    ----------
    target : str or None
        For all rows: a class by name or index, or a distribution as a list. None where each
        row has a label of its own.
    names : sequence of str or None
        The classes' names. An exact name wins over an index.
    normalize : bool
        Whether a distribution may have any sum.

    Raises
    ------
    DataError
        `target` is a list, but no distribution.
    """

    def __init__(
        self,
        target: str | None,
        names: Sequence[str] | None,
        notices: Notices,
        *,
        normalize: bool = False,
    ) -> None:
        self._target = target
        self._names = names
        self._shares: Probabilities | None = None
        if target is None or not is_list(target) or target.strip() in (names or ()):
            return
        shares = np.array([parse_list(target, "--target")])
        try:
            self._shares = Probabilities(shares, normalize=normalize)
        except RowError as error:
            raise DataError(f"--target: {error.message}", error.hint) from error
        if not normalize:
            note_sums(self._shares.sums, ["--target"], notices)

    def targets_of(self, block: Block) -> Targets:
        """A class index, or a distribution, for each row of a block.

        Raises
        ------
        RowError
            A row's label is no class.
        DataError
            The target is no class, or has another length than the rows.
        """
        rows, count = block.values.shape
        if self._shares is not None:
            length = self._shares.values.shape[0]
            if length != count:
                raise DataError(f"--target has length {length} where the rows have {count} classes")
            return self._shares.repeated(rows)
        classes = Classes(self._names, count)
        if self._target is not None:
            return np.full(rows, classes.index(self._target))
        labels: Labels = np.array(
            [
                _label(row, text, classes, block.label_column)
                for row, text in enumerate(block.labels or ())
            ],
            np.intp,
        )
        return labels


def _label(row: int, text: str, classes: Classes, column: int | None) -> int:
    try:
        return classes.index(text)
    except DataError as error:
        raise RowError(row, error.message, error.hint, column=column) from error
