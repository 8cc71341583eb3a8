"""Hierarchical softmax: the scores of a tree's inner nodes, and the classes at its leaves."""

from __future__ import annotations

from functools import cache, cached_property
from typing import Any, Final

import numpy as np

from softmax_cli.core import hierarchical
from softmax_cli.core.doubledouble import Floats
from softmax_cli.core.hierarchical import log_sigmoid, sigmoid
from softmax_cli.core.huffman import HuffmanTree, Path
from softmax_cli.errors import DataError
from softmax_cli.input.rows import Block
from softmax_cli.messages import Notices
from softmax_cli.output.layout import Values
from softmax_cli.results.class_counts import read_counts
from softmax_cli.results.class_names import Names, class_names, ragged
from softmax_cli.results.field_layout import Field, FieldLayout
from softmax_cli.results.loss import Loss, RowLosses, report_keys, style_of, summary_fields
from softmax_cli.results.settings import UNITS, ReportSettings
from softmax_cli.results.softmax import SUMMARY, probability_field
from softmax_cli.results.targets import RowTargets, TargetReader
from softmax_cli.run.pipeline import check_names

OPTION: Final = "--hierarchical"
_BREAKDOWN: Final = ("loss", "probability", "touched", "classes")
_NO_PATH: Final = Path(np.zeros(0, np.intp), np.zeros(0, np.intp))


class Hierarchy:
    """A Huffman tree of counts as typed, and the names of its classes.

    `names` win over those of the counts' file. Raises `DataError` for counts that make no tree.
    """

    def __init__(self, text: str, names: Names) -> None:
        counts = read_counts(text, OPTION)
        if len(counts.values) < 2:
            raise DataError(f"{OPTION}: one count, where a tree has two classes at least")
        self.tree = HuffmanTree(counts.values)
        self.names = tuple(names or counts.names or ()) or None
        check_names(self.names, self.tree.classes)

    def check(self, block: Block) -> None:
        """Raise `DataError` unless rows have a score for each inner node."""
        scores, classes = block.values.shape[1], self.tree.classes
        if scores != classes - 1:
            text = f"{_scores(scores)} where a tree of {classes} classes has {_scores(classes - 1)}"
            raise DataError(text, location=block.locations.at(0) if len(block.values) else "")

    def probabilities(self, block: Block, _notices: Notices) -> TreeResult:
        """Return the classes' probabilities of a block."""
        self.check(block)
        return TreeResult(block.values, self)


def _scores(count: int) -> str:
    return "1 score" if count == 1 else f"{count} scores"


class TreeResult:
    """The probabilities of the classes, shape (rows, classes), and what is known of the tree."""

    def __init__(self, scores: Floats, hierarchy: Hierarchy) -> None:
        self.scores = scores
        self._tree = hierarchy.tree
        self._names = hierarchy.names

    def __len__(self) -> int:
        return len(self.scores)

    @cached_property
    def probabilities(self) -> Floats:
        return hierarchical.probabilities(self.scores, self._tree)

    @cached_property
    def log_probabilities(self) -> Floats:
        return hierarchical.log_probabilities(self.scores, self._tree)

    @cached_property
    def entropy(self) -> Floats:
        return hierarchical.entropy(self.scores, self._tree)

    @property
    def winner(self) -> Values:
        return class_names(self.probabilities.argmax(axis=1), self._names)

    @property
    def winners(self) -> Values:
        return np.asarray(self.probabilities == self.probabilities.max(axis=1, keepdims=True))

    @property
    def codes(self) -> Values:
        return np.array([self._tree.codes] * len(self), object).reshape(len(self), -1)

    @property
    def counts(self) -> Values:
        return np.tile(self._tree.counts, (len(self), 1))

    @property
    def mean_path(self) -> Values:
        return np.full(len(self), self._tree.mean_depth())


def tree_layout(*, log: bool) -> FieldLayout:
    """Return the layout of probabilities or their logarithms, and the codes of the classes."""
    shown = probability_field(log=log)
    return FieldLayout(
        (shown.key,),
        ("scores", "codes", shown.key, "entropy"),
        (shown, Field("entropy", "entropy"), Field("winner", "winner", "text")),
        (
            Field("counts", "count"),
            Field("codes", "code", "text"),
            shown,
            Field("probabilities", "", "bar"),
        ),
        footer=(
            Field("entropy", "entropy", "nats"),
            Field("winner", "winner"),
            Field("mean_path", "mean path", "nodes"),
        ),
        summary=SUMMARY,
        emphasis="winners",
    )


class PathResult(RowLosses):
    """The loss of each row's label, from the scores of the nodes on its path alone.

    Attributes of branches are lists of arrays, one for each row.
    """

    def __init__(
        self,
        block: Block,
        hierarchy: Hierarchy,
        targets: RowTargets,
        paths: list[Path],
        which: Values,
        base: str,
    ) -> None:
        super().__init__(block, targets, base, hierarchy.names)
        self._branches = hierarchical.branches(block.values, paths, which)
        self._paths = [paths[i] for i in which.tolist()]
        self._classes = hierarchy.tree.classes

    @cached_property
    def loss(self) -> Floats:
        return hierarchical.path_loss(self._branches, base=self._base)

    @property
    def gradient(self) -> Floats:
        """The derivative of the loss by the scores, over the denominator."""
        nodes = self._classes - 1
        found = hierarchical.path_gradient(self._branches, nodes, base=self._base)
        return found / self.denominator

    @property
    def probability(self) -> Floats:
        return self._counted(hierarchical.path_probability(self._branches), np.nan)

    @property
    def touched(self) -> Values:
        """How many scores are read."""
        return self._branches.lengths

    @property
    def classes(self) -> Values:
        return np.full(len(self), self._classes)

    @property
    def code(self) -> Values:
        return np.array(["".join(map(str, path.turns)) for path in self._paths], object)

    def _along(self, values: Any) -> Values:
        """Return each row's part of an array of shape (depth, rows)."""
        lengths = self._branches.lengths.tolist()
        return ragged(values[:length, row] for row, length in enumerate(lengths))

    @property
    def nodes(self) -> Values:
        return self._along(self._branches.nodes)

    @property
    def scores(self) -> Values:
        return self._along(self._branches.scores)

    @property
    def turns(self) -> Values:
        return ragged(path.turns for path in self._paths)

    @property
    def ends(self) -> Values:
        """Where each branch leads: to another node, or the label."""
        labels = class_names(self._targets.labels, self.names).tolist()
        inner = ([f"node {node}" for node in path.nodes[1:].tolist()] for path in self._paths)
        ends = zip(inner, labels, self._paths, strict=True)
        return ragged(
            np.array([*nodes, label][: len(path.nodes)], object) for nodes, label, path in ends
        )

    @property
    def branch_probabilities(self) -> Values:
        return self._along(sigmoid(self._branches.logits))

    @cached_property
    def log_sigmoids(self) -> Values:
        return self._along(log_sigmoid(self._branches.logits, base=self._base))

    @property
    def score_gradients(self) -> Values:
        return self._along(hierarchical.score_gradient(self._branches, base=self._base))

    @property
    def path(self) -> Values:
        """Each row's path as a dict of lists."""
        keys = ("nodes", "scores", "turns", "log_sigmoid")
        rows = zip(self.nodes, self.scores, self.turns, self.log_sigmoids, strict=True)
        lists = ((values.tolist() for values in of_row) for of_row in rows)
        return ragged(dict(zip(keys, of_row, strict=True)) for of_row in lists)

    def why_infinite(self, row: int) -> str:
        name = class_names(self._targets.labels[row : row + 1], self.names)[0]
        return f"the loss is inf: a turn on the path to class {name} has probability 0"


class Paths(Loss):
    """The losses of labels along their paths through a tree."""

    worst_keys = ("line", "loss", "target", "probability")
    averaged = ("touched",)

    def __init__(self, hierarchy: Hierarchy, targets: TargetReader, report: ReportSettings) -> None:
        super().__init__(targets, report)
        self._hierarchy = hierarchy
        self._path = cache(hierarchy.tree.path)

    def compute(self, block: Block, notices: Notices) -> PathResult:
        self._hierarchy.check(block)
        targets = self.targets.read(block, notices, self._hierarchy.tree.classes)
        labels, which = np.unique(targets.labels, return_inverse=True)
        paths = [*map(self._path, labels.tolist()), _NO_PATH]
        if targets.ignored is not None:
            which = np.where(targets.ignored, len(labels), which)
        base = self.report.base
        result = PathResult(block, self._hierarchy, targets, paths, which, base)
        if not self.report.gradient or np.isinf(block.values).any():
            result.note_infinite(notices)
        return result

    def layout_of_rows(self) -> FieldLayout:
        return path_layout(self.report)


def path_layout(report: ReportSettings) -> FieldLayout:
    """Return the layout of losses along paths."""
    unit, row = UNITS[report.base], report_keys(report, _BREAKDOWN)
    lines = {key: key for key in row}
    if row == ("loss",):
        lines.update(probability="probability", target="target", touched="scores read", code="code")
    return FieldLayout(
        row,
        (*_BREAKDOWN, "target", "code", "path", *(("gradient",) if report.gradient else ())),
        [Field(key, title, style_of(key)) for key, title in lines.items()],
        (
            Field("scores", "score"),
            Field("turns", "turn", "text"),
            Field("ends", "to", "text"),
            Field("branch_probabilities", "probability"),
            Field("log_sigmoids", "log-sigmoid"),
            Field("score_gradients", "gradient"),
        ),
        part=Field("nodes", "node"),
        footer=(
            Field("loss", "loss", unit),
            Field("probability", "probability"),
            Field("target", "target"),
            Field("code", "code"),
            Field("touched", "scores read"),
            Field("classes", "classes"),
        ),
        summary=summary_fields(unit),
    )
