"""What a prediction is held against: a class or a distribution, for all rows or for each."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from softmax_cli.core.probabilities import Probabilities
from softmax_cli.errors import DataError, RowError, RowErrors, UsageError
from softmax_cli.flow.distributions import note_sums
from softmax_cli.flow.naming import Classes, check_length
from softmax_cli.flow.pairs import held_against, in_order_of, in_step, of_its_own_place
from softmax_cli.input.numbers import is_list, is_number, parse_list, shown
from softmax_cli.input.targets import read_targets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from softmax_cli.core.losses import Labels, Targets
    from softmax_cli.flow.settings import TargetSettings
    from softmax_cli.input.rows import Block, Rows
    from softmax_cli.messages import Notices


class Truth(NamedTuple):
    """What is true of some rows.

    Attributes
    ----------
    targets : Labels or Probabilities
        A class index, shape (rows,), or a distribution, shape (rows, classes), for each row.
    ignored : bool array, shape (rows,), or None
        Rows that count for nothing, whose label here is 0; None where none are looked for.
    """

    targets: Targets
    ignored: NDArray[np.bool_] | None = None


def with_targets(rows: Rows, settings: TargetSettings) -> Rows:
    """Every row with the row of the file of targets that stands where it does, if there is one."""
    if settings.target_file is None:
        return rows
    name, others = settings.target_file, read_targets(settings.target_file)
    blocks = in_order_of(rows, others, name)
    first = next(blocks, None)
    if first is None:
        raise DataError(f"{name}: no rows")
    if first.labels is not None and _is_header(first.labels[0], rows.names, settings.ignore):
        hint = f"its first line, {shown(first.labels[0])}, was taken for a header"
        rest = first.part(1, len(first.labels))
        waiting = [rest] if len(rest.values) else []
        return rows._replace(blocks=in_step(rows, chain(waiting, blocks), name, hint))
    return rows._replace(blocks=in_step(rows, chain([first], blocks), name))


def _is_header(label: str, names: Sequence[str] | None, ignore: str | None) -> bool:
    """Whether a label is none that could be meant for a class."""
    if is_number(label) or (ignore is not None and _same(label, ignore)):
        return False
    known = [name.casefold() for name in names or ()]
    return not difflib.get_close_matches(label.casefold(), known, n=1)


class TargetReader:
    """The targets of any block of rows.

    Parameters
    ----------
    settings : TargetSettings
    names : sequence of str or None
        The classes' names. An exact name wins over an index.
    normalize : bool
        Whether a distribution may have any sum.

    Raises
    ------
    DataError
        A list stands for a target, but is no distribution.
    UsageError
        A distribution is to be ignored.
    """

    def __init__(
        self,
        settings: TargetSettings,
        names: Sequence[str] | None,
        notices: Notices,
        *,
        normalize: bool = False,
    ) -> None:
        self._target = settings.target
        self._ignore = settings.ignore
        self._names = names
        self._notices = notices
        self._normalize = normalize
        self._shares: Probabilities | None = None
        target = settings.target
        if target is None or not is_list(target) or target.strip() in (names or ()):
            return
        self._check_labels()
        shares = np.array([parse_list(target, "--target")])
        try:
            self._shares = Probabilities(shares, normalize=normalize)
        except RowErrors as error:
            raise DataError(f"--target: {error.message}", error.hint) from error
        if not normalize:
            note_sums(self._shares.sums, ["--target"], notices)

    def _check_labels(self) -> None:
        if self._ignore is not None:
            raise UsageError("--ignore is about labels, and the targets are distributions")

    def truth_of(self, block: Block) -> Truth:
        """What is true of a block's rows.

        Raises
        ------
        RowError
            A row's label is no class, or its target no distribution.
        DataError
            The target is no class, or has another length than the rows.
        """
        rows, count = block.values.shape
        if self._shares is not None:
            check_length("--target", self._shares.values.shape[0], count)
            return Truth(self._shares.repeated(rows))
        if block.against is not None and block.against.labels is None:
            self._check_labels()
            return Truth(self._distributions(block))
        if self._target is not None:
            return self._labels([self._target] * rows, count, None)
        if block.against is not None:
            return self._labels(block.against.labels or [], count, block.against)
        return self._labels(block.labels or [], count, block)

    def _distributions(self, block: Block) -> Probabilities:
        shares = of_its_own_place(
            held_against(block), "probs", self._notices, normalize=self._normalize
        )
        assert isinstance(shares, Probabilities)
        return shares

    def _labels(self, texts: Sequence[str], count: int, block: Block | None) -> Truth:
        classes = Classes(self._names, count)
        ignored = None
        if self._ignore is not None:
            ignored = np.array([_same(text, self._ignore) for text in texts], bool)
        known: dict[str, int] = {}
        labels: Labels = np.zeros(len(texts), np.intp)
        for row, text in enumerate(texts):
            if ignored is not None and ignored[row]:
                continue
            if text not in known:
                known[text] = _index(row, text, classes, block)
            labels[row] = known[text]
        return Truth(labels, ignored)


class LabelReader:
    """The labels of any block of rows, for a loss that knows no other targets.

    Parameters
    ----------
    settings : TargetSettings
    names : sequence of str or None
        The classes' names.
    notices : Notices
    option : str
        What knows no other targets.

    Raises
    ------
    UsageError
        The target is a list.
    """

    def __init__(
        self, settings: TargetSettings, names: Sequence[str] | None, notices: Notices, option: str
    ) -> None:
        target = (settings.target or "").strip()
        self._only = f"{option} takes a class for each row, not a distribution"
        if is_list(target) and target not in (names or ()):
            raise UsageError(self._only)
        self._settings = settings
        self._reader = TargetReader(settings, names, notices)

    def beside(self, rows: Rows) -> Rows:
        """Rows with what the file of targets has for each; see `with_targets`."""
        return with_targets(rows, self._settings)

    def read(self, block: Block, classes: int) -> tuple[Truth, Labels]:
        """What is true of a block's rows, and its labels, which may be more than the columns.

        Raises
        ------
        RowError
            A row's label is no class.
        DataError
            The target is no class.
        UsageError
            The file of targets holds distributions.
        """
        values = np.broadcast_to(0.0, (len(block.values), classes))
        truth = self._reader.truth_of(block._replace(values=values))
        if isinstance(truth.targets, Probabilities):
            raise UsageError(self._only)
        return truth, truth.targets


def _same(label: str, other: str) -> bool:
    """Whether two labels are the same text, or the same number: 3 and 3.0."""
    label, other = label.strip(), other.strip()
    if label == other:
        return True
    return is_number(label) and is_number(other) and float(label) == float(other)


def _index(row: int, text: str, classes: Classes, block: Block | None) -> int:
    try:
        return classes.index(text)
    except DataError as error:
        if block is None:
            raise
        column, place = block.label_column, block.places[row]
        if column is not None:
            place = f"{place}:{column}"
        raise RowError(row, error.message, error.hint, place=place) from error
