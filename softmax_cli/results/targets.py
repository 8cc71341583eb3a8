"""The targets of a loss: classes or distributions, one for all rows or one for each."""

import math
from collections import Counter
from itertools import chain
from typing import Final, NamedTuple

import numpy as np

from softmax_cli.core.doubledouble import Bools, Indices
from softmax_cli.core.losses import Targets
from softmax_cli.core.probabilities import Probabilities
from softmax_cli.errors import DataError, RowErrors, UsageError, did_you_mean, listed
from softmax_cli.input.formats import read_targets
from softmax_cli.input.numbers import is_list, is_number, parse_list, shown
from softmax_cli.input.rows import Block, Labels, Rows, rows_of
from softmax_cli.input.stream import input_name
from softmax_cli.messages import Notices
from softmax_cli.option_rules import LossSettings
from softmax_cli.output.fields import Names
from softmax_cli.results import pairs

_IGNORED: Final = -1


class RowTargets(NamedTuple):
    """The targets of a block's rows, and which rows are ignored; these have label 0 here."""

    targets: Targets
    ignored: Bools

    @property
    def labels(self) -> Indices:
        """The class of each row, the likeliest one of a distribution."""
        if isinstance(self.targets, Probabilities):
            return np.asarray(np.argmax(self.targets.mass.rounded(), axis=0))
        return self.targets


class Classes:
    """Finds a class by text, typed or in a cell: a name, else an index from 0.

    Numbers are compared by value.
    """

    def __init__(self, names: Names, count: int) -> None:
        self._names = names or ()
        keys = list(map(_key, self._names))
        self._indices = {key: i for i, key in enumerate(keys)}
        self._counts = Counter(keys)
        self._count = count

    def index(self, text: str) -> int:
        """Return the index of a class; raise `DataError` for none, or more than one."""
        key = _key(text.strip())
        text = key if isinstance(key, str) else repr(key).removesuffix(".0")
        if self._counts[key] > 1:
            text = f"{shown(text)} is the name of several classes"
            raise DataError(text, "choose one by its index")
        if key in self._indices:
            return self._indices[key]
        if isinstance(key, float) and key.is_integer():
            if 0 <= key < self._count:
                return int(key)
            raise DataError(f"label {text} is out of range: the classes are 0 to {self._count - 1}")
        known = listed(self._names) or f"0 to {self._count - 1}"
        hint = did_you_mean(text, self._names) or f"the classes are {known}"
        raise DataError(f"{shown(text)} is not a class", hint)


def _key(text: str) -> str | float:
    """Return a number's value, and other text as it is: the label '3.0' is the class '3'."""
    return float(text) if is_number(text) and math.isfinite(float(text)) else text


class TargetReader(NamedTuple):
    """Reads the targets of blocks of rows."""

    settings: LossSettings
    class_names: Names

    def beside(self, rows: Rows) -> Rows:
        """Return the rows, each paired with its distribution or a row of the file of targets."""
        target, path = self.settings.target or "", self.settings.target_file
        if is_list(target) and target.strip() not in (self.class_names or ()):
            return pairs.against_one(rows, np.array(parse_list(target, "--target")), "--target")
        if path is None:
            return rows
        name = input_name(path)
        blocks = pairs.in_order_of(self.class_names, read_targets(path), name)
        first = next(blocks, None)
        if first is None:
            raise DataError(f"{name}: no rows")
        waiting, hint, label = [first], "", first.labels.texts[0].strip() if first.labels else "0"
        if not (is_number(label) or self._is_ignored(label) or label in (self.class_names or ())):
            hint = f"its first line, {shown(label)}, was taken for a header"
            waiting = [first.take(slice(1, None))] if len(first.values) > 1 else []
        return rows_of(pairs.side_by_side(rows, chain(waiting, blocks), name, hint), rows)

    def _is_ignored(self, label: str) -> bool:
        """Return whether a label is that of --ignore, as text or as a number: 3 and 3.0."""
        ignore = self.settings.ignore
        return ignore is not None and _key(label.strip()) == _key(ignore.strip())

    def read(self, block: Block, notices: Notices, classes: int | None = None) -> RowTargets:
        """Return the targets of a block's rows; `classes` is their number if not the columns'.

        Raises `RowErrors` for rows whose label is not a class, or whose target is no distribution,
        and `DataError` for a target that does not have the length of the rows.
        """
        rows, columns = block.values.shape
        source = block if block.against is None else block.against
        if block.against is not None and source.labels is None:
            option = self.settings.labels_only
            if option is not None:
                raise UsageError(f"{option} needs class labels, not distributions")
            other = pairs.checked_against(block)
            found = pairs.distribution(other, "targets", notices, self.settings.normalize)
            assert isinstance(found, Probabilities)
            return RowTargets(found, np.zeros(rows, bool))
        all_classes = Classes(self.class_names, classes or columns)
        target, given = self.settings.target, source.labels
        if target is not None:
            given = Labels([target], np.zeros(rows, np.intp))
        assert given is not None
        indices = np.empty(len(given.texts), np.intp)
        unknown: dict[int, DataError] = {}
        for i, text in enumerate(given.texts):
            try:
                indices[i] = _IGNORED if self._is_ignored(text) else all_classes.index(text)
            except DataError as error:
                if target is not None:
                    raise
                unknown[i] = error
        if unknown and (bad := np.flatnonzero(np.isin(given.indices, list(unknown)))).size:
            column = "" if source.label_column is None else f":{source.label_column}"
            errors = {}
            for row in bad.tolist():
                wrong, location = unknown[given.indices[row]], f"{source.locations.at(row)}{column}"
                errors[row] = DataError(wrong.text, wrong.hint, location)
            raise RowErrors(errors)
        labels = indices[given.indices]
        return RowTargets(np.maximum(labels, 0), labels == _IGNORED)
