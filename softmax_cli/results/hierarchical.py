"""Hierarchical softmax: probabilities and losses of classes from scores of a tree's nodes."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from softmax_cli.core.doubledouble import Floats
from softmax_cli.core.hierarchical import Branches, HuffmanTree, TreeDistribution, scattered
from softmax_cli.errors import DataError, RowErrors
from softmax_cli.input.formats import open_rows
from softmax_cli.input.numbers import is_list, parse_list
from softmax_cli.input.rows import Block
from softmax_cli.input.settings import InputSettings
from softmax_cli.messages import Notices
from softmax_cli.option_rules import LossSettings, SoftmaxSettings
from softmax_cli.output.fields import Field, Layout, Names, Values, class_names
from softmax_cli.results.loss import Loss, RowLosses
from softmax_cli.results.softmax import Softmax, SoftmaxResult
from softmax_cli.results.targets import RowTargets
from softmax_cli.run.pipeline import check_names


def read_counts(text: str, option: str) -> tuple[Floats, Names]:
    """Return the count of each class, and the classes' names if the file has them.

    The text is a list, or a file with a row, a column, or lines of a name and a count. Raises
    `DataError` for another file, or counts that are not positive and finite.
    """
    if is_list(text):
        names, location, counts = None, option, np.array(parse_list(text, option))
    else:
        location = f"{option} {text}"
        try:
            rows = open_rows(InputSettings(path=text, kind="counts"))
        except DataError as error:
            error.hint = error.hint or f"{option} takes counts as a list or a file"
            raise
        blocks = list(rows.blocks())
        for block in blocks:
            if block.row_errors:
                raise RowErrors(block.row_errors)
        values = np.concatenate([block.values for block in blocks])
        if len(values) > 1:
            shape = f"{len(values)} rows of {values.shape[1]} numbers"
            raise DataError(shape, "counts must be one row or one column", location)
        names, counts = rows.names, values[0]
    wrong = np.flatnonzero(~(np.isfinite(counts) & (counts > 0)))
    if len(wrong):
        number = f"count {wrong[0] + 1} is {counts[wrong[0]]:g}"
        raise DataError(f"{location}: {number}, and counts must be finite and greater than 0")
    return counts, names


class Hierarchy:
    """A Huffman tree of counts, given as a list or a file, and the names of its classes.

    `names` win over those of the counts' file. Raises `DataError` for counts that make no tree.
    """

    def __init__(self, text: str, names: Names) -> None:
        counts, own = read_counts(text, "--hierarchical")
        if len(counts) < 2:
            raise DataError("--hierarchical: one count, and a tree needs at least two classes")
        self.tree = HuffmanTree(counts)
        self.names = tuple(names or own or ()) or None
        check_names(self.names, self.tree.classes)

    def check(self, block: Block) -> None:
        """Raise `DataError` unless rows have a score for each inner node."""
        scores, classes = block.values.shape[1], self.tree.classes
        if scores != classes - 1:
            text = f"length {scores} where a tree of {classes} classes needs {classes - 1}"
            raise DataError(text, location=block.locations.at(0) if len(block.values) else "")


class TreeResult(SoftmaxResult):
    """The probabilities of the classes, with their codes and counts in the tree."""

    def __init__(self, scores: Floats, hierarchy: Hierarchy) -> None:
        self._tree = hierarchy.tree
        self.scores = scores
        super().__init__(scores, TreeDistribution(scores, self._tree), hierarchy.names)

    @property
    def codes(self) -> Values:
        return np.tile(np.array(self._tree.codes, object), (len(self), 1))

    @property
    def counts(self) -> Values:
        counts = self._tree.counts
        whole = counts.astype(np.int64)  # is shown with all digits
        return np.tile(whole if (whole == counts).all() else counts, (len(self), 1))


class TreeSoftmax(Softmax):
    """Computes the probabilities of a tree's classes from the scores of its nodes."""

    reads_classes = False

    def __init__(self, hierarchy: Hierarchy, settings: SoftmaxSettings, *, lists: bool) -> None:
        super().__init__(settings, hierarchy.names, lists=lists)
        self._hierarchy = hierarchy

    def compute(self, block: Block, _notices: Notices) -> TreeResult:
        self._hierarchy.check(block)
        result = TreeResult(block.values, self._hierarchy)
        if self._settings.top is not None:
            result.choose(self._settings.top, result.log_probabilities, block)
        return result

    def _layout(self) -> Layout:
        layout = super()._layout()
        shown, bar = layout.lines[0], layout.classes[-1]
        return layout._replace(
            fields=("scores", "codes", shown.key, "entropy"),
            classes=(Field("counts", "count"), Field("codes", "code", "text"), shown, bar),
            footer=(Field("winner", "winner"), Field("entropy", "entropy", "nats")),
        )


class PathResult(RowLosses):
    """The loss of each row's label, from the scores of the nodes on its path only."""

    def __init__(self, block: Block, targets: RowTargets, loss: Paths) -> None:
        super().__init__(block, targets, loss)
        self._tree = loss.hierarchy.tree
        self._branches = Branches(block.values, self._tree, targets.labels)
        # How many scores are read
        self.touched: Values = np.where(self.is_counted, self._branches.lengths, 0)

    @cached_property
    def loss(self) -> Floats:
        return self._counted(self._branches.loss(base=self._base))

    @property
    def gradient(self) -> Floats:
        """The derivative of the loss by the scores."""
        found = self._branches.gradient(base=self._base)
        return self._counted(scattered(found, self._branches.nodes, self._tree.classes - 1))

    @property
    def probability(self) -> Floats:
        return self._counted(self._branches.probability(), np.nan)

    @property
    def code(self) -> Values:
        codes = class_names(self._targets.labels, self._tree.codes)
        return np.where(self.is_counted, codes, "")

    def why_infinite(self, row: int) -> str:
        name = self.target[row]
        return f"the loss is inf: a branch on the path to class {name} has probability 0"


class Paths(Loss):
    """Computes the losses of labels from the nodes on their paths through a tree."""

    breakdown = ("loss", "probability", "touched")
    lines = ("loss", "probability", "target", "touched", "code")
    others = ("target", "code")
    worst_keys = ("line", "loss", "target", "probability")
    reads_classes = False
    averaged = ("touched",)

    def __init__(self, settings: LossSettings, hierarchy: Hierarchy) -> None:
        super().__init__(settings, hierarchy.names)
        self.hierarchy = hierarchy

    def compute(self, block: Block, notices: Notices) -> PathResult:
        self.hierarchy.check(block)
        targets = self.targets.read(block, notices, self.hierarchy.tree.classes)
        result = PathResult(block, targets, self)
        if not self.settings.gradient or np.isinf(block.values).any():
            result.note_infinite(notices)
        return result
