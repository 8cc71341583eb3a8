"""Hierarchical softmax: the loss along the path to each row's label."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from softmax_cli.core import hierarchical
from softmax_cli.core.hierarchical import log_sigmoid, sigmoid
from softmax_cli.core.huffman import Path
from softmax_cli.flow.hierarchy import OPTION, Hierarchy
from softmax_cli.flow.loss import counted, line_numbers, note_infinite, target_names
from softmax_cli.flow.loss_totals import LossSums
from softmax_cli.flow.naming import class_names, ragged
from softmax_cli.flow.pipeline import shape_of
from softmax_cli.flow.reports import write_report
from softmax_cli.flow.targets import LabelReader
from softmax_cli.messages import Notices
from softmax_cli.output.results import Column, Item, Layout
from softmax_cli.output.writers import open_writer
from softmax_cli.units import UNITS

if TYPE_CHECKING:
    from softmax_cli.core.doubledouble import Floats
    from softmax_cli.core.hierarchical import Branches
    from softmax_cli.core.losses import Labels
    from softmax_cli.flow.computing import LazyFields
    from softmax_cli.flow.settings import ReportSettings, TargetSettings
    from softmax_cli.flow.targets import Truth
    from softmax_cli.input.rows import Block, Rows
    from softmax_cli.output.results import Values
    from softmax_cli.output.settings import OutputSettings

_BREAKDOWN: Final = ("loss", "probability", "touched", "classes")
_WORST: Final = ("line", "loss", "target", "probability")
_PATH: Final = ("nodes", "scores", "turns", "log_sigmoid")
_NOWHERE: Final = Path(np.zeros(0, np.intp), np.zeros(0, np.intp))


def write_path_losses(
    rows: Rows,
    names: Sequence[str] | None,
    output: OutputSettings,
    truth: TargetSettings,
    report: ReportSettings,
    counts: str,
) -> None:
    """Write the loss of each row's label, from the scores of the nodes on its path alone.

    See `softmax_cli.flow.many.write_many`.
    """
    hierarchy = Hierarchy(counts, names)
    with Notices() as notices:
        labels = LabelReader(truth, hierarchy.names, notices, OPTION)
        paths = PathFields(hierarchy, labels, report.base, notices)
        writer = open_writer(output, _layout(report, UNITS[report.base]), shape_of(rows))
        tally = LossSums(
            "touched",
            counts_ignored=truth.ignore is not None,
            needs_mean=report.reduction == "mean",
        )
        rows = labels.beside(rows._replace(names=hierarchy.names))._replace(names=None)
        write_report(rows, paths.compute, writer, tally, report, notices)


class PathFields:
    """The fields of blocks of rows, each with the path to its label.

    Parameters
    ----------
    hierarchy : Hierarchy
    labels : LabelReader
    base : str
        'e', '2' or '10', of every logarithm.
    notices : Notices
    """

    def __init__(
        self, hierarchy: Hierarchy, labels: LabelReader, base: str, notices: Notices
    ) -> None:
        self._tree = hierarchy.tree
        self._names = hierarchy.names
        self._check = hierarchy.check
        self._labels = labels
        self._base = base
        self._notices = notices
        self._path = cache(hierarchy.tree.path)

    def compute(self, block: Block) -> LazyFields:
        """A block's fields.

        Raises
        ------
        RowError
            A row has another number of scores than the tree has nodes, or its label is no class.
        """
        self._check(block)
        truth, labels = self._labels.read(block, self._tree.classes)
        found, which = self._paths(truth, labels)
        way = hierarchical.branches(block.values, found, which)
        paths = [found[i] for i in which.tolist()]

        def why_infinite(row: int) -> str:
            name = class_names(labels[row : row + 1], self._names)[0]
            return f"the loss is inf: a turn on the path to class {name} has probability 0"

        @cache  # so that it is noted once
        def loss() -> Floats:
            values = hierarchical.path_loss(way, base=self._base)
            note_infinite(values, block.places, self._notices, why_infinite)
            return values

        def gradient() -> Floats:
            if np.isinf(block.values).any():
                loss()  # to tell that it is infinite
            return hierarchical.path_gradient(way, self._tree.classes - 1, base=self._base)

        return {
            "loss": loss,
            "gradient": gradient,
            "probability": lambda: counted(truth, hierarchical.path_probability(way), np.nan),
            "touched": lambda: way.lengths,
            "classes": lambda: np.full(len(labels), self._tree.classes),
            "counted": lambda: counted(truth, np.ones(len(labels))),
            "target": lambda: target_names(truth, labels, self._names),
            "line": lambda: line_numbers(block.places),
            "code": lambda: np.array(["".join(map(str, path.turns)) for path in paths], object),
            **self._turns(way, paths, labels),
        }

    def _paths(self, truth: Truth, labels: Labels) -> tuple[list[Path], Labels]:
        """The paths there are, and which of them is each row's: an ignored one's has no turn."""
        known, which = np.unique(labels, return_inverse=True)
        paths = [self._path(label) for label in known.tolist()]
        if truth.ignored is None:
            return paths, which
        return [*paths, _NOWHERE], np.where(truth.ignored, len(paths), which)

    def _turns(self, way: Branches, paths: Sequence[Path], labels: Labels) -> LazyFields:
        """What is known of each turn of each row's path."""
        lengths = way.lengths.tolist()

        def each(values: Values) -> Values:
            return ragged(values[:length, row] for row, length in enumerate(lengths))

        def log_sigmoids() -> Values:
            return each(log_sigmoid(way.logits, base=self._base))

        def objects() -> Values:
            fields = [each(way.nodes), each(way.scores), ragged(p.turns for p in paths)]
            return ragged(
                dict(zip(_PATH, (values.tolist() for values in of_row), strict=True))
                for of_row in zip(*fields, log_sigmoids(), strict=True)
            )

        def behind() -> Values:
            ends = class_names(labels, self._names).tolist()
            inner = ([f"node {node}" for node in path.nodes[1:].tolist()] for path in paths)
            found = zip(inner, ends, lengths, strict=True)
            return ragged(np.array([*nodes, end][:length], object) for nodes, end, length in found)

        return {
            "nodes": lambda: each(way.nodes),
            "scores": lambda: each(way.scores),
            "turns": lambda: ragged(path.turns for path in paths),
            "behind": behind,
            "turn_probabilities": lambda: each(sigmoid(way.logits)),
            "log_sigmoids": log_sigmoids,
            "pulls": lambda: each(hierarchical.score_gradient(way, base=self._base)),
            "path": objects,
        }


def _layout(report: ReportSettings, unit: str) -> Layout:
    row = _BREAKDOWN if report.breakdown else ("gradient",) if report.gradient else ("loss",)
    layout = Layout(
        row=row,
        object=(*_BREAKDOWN, "target", "code", "path", *row[: report.gradient]),
        lines=(
            Column("loss", "loss"),
            Column("probability", "probability"),
            Column("target", "target", "text"),
            Column("touched", "scores read"),
            Column("code", "code", "text"),
        ),
        classes=(
            Column("scores", "score"),
            Column("turns", "turn", "text"),
            Column("behind", "to", "text"),
            Column("turn_probabilities", "probability"),
            Column("log_sigmoids", "log-sigmoid"),
            Column("pulls", "gradient"),
        ),
        part=Column("nodes", "node"),
        footer=(
            Item("loss", "loss", unit),
            Item("probability", "probability"),
            Item("target", "target"),
            Item("code", "code"),
            Item("touched", "scores read"),
            Item("classes", "classes"),
        ),
        total=(
            Item("rows", "rows"),
            Item("mean", "mean", unit),
            Item("loss_sum", "sum", unit),
            Item("weight_sum", "denominator"),
            Item("touched_mean", "scores read on average"),
        ),
        named=len(row) > 1,
    )
    if report.worst is not None:
        return layout.of_worst(_WORST)
    if report.breakdown or report.gradient:
        return layout._replace(lines=tuple(Column(field, field) for field in row))
    return layout
