"""Hierarchical softmax: the scores of a tree's inner nodes become probabilities of classes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from softmax_cli.core import hierarchical
from softmax_cli.core.huffman import HuffmanTree
from softmax_cli.errors import DataError, RowError
from softmax_cli.flow.counts import read_counts
from softmax_cli.flow.naming import check_names, class_names
from softmax_cli.flow.pipeline import shape_of, write_rows
from softmax_cli.flow.tally import Totals
from softmax_cli.messages import Notices
from softmax_cli.output.results import Column, Item, Layout
from softmax_cli.output.writers import open_writer

if TYPE_CHECKING:
    from softmax_cli.flow.computing import LazyFields
    from softmax_cli.input.rows import Block, Rows
    from softmax_cli.output.settings import OutputSettings

OPTION: Final = "--hierarchical"


class Hierarchy:
    """A Huffman tree, and the names of its classes.

    Parameters
    ----------
    text : str
        The counts, as typed.
    names : sequence of str or None
        The classes' names; without any those of the counts' file.

    Raises
    ------
    DataError
        The counts can't be used, there is but one, or not as many as names.
    """

    def __init__(self, text: str, names: Sequence[str] | None) -> None:
        counts = read_counts(text, OPTION)
        if len(counts.values) < 2:
            raise DataError(f"{OPTION}: one count, where a tree has two classes at least")
        self.tree = HuffmanTree(counts.values)
        self.names = tuple(names or counts.names or ()) or None
        check_names(self.names, self.tree.classes)

    def check(self, block: Block) -> None:
        """See that rows have a score for each inner node.

        Raises
        ------
        RowError
            They have more, or fewer.
        """
        scores, classes = block.values.shape[1], self.tree.classes
        if scores != classes - 1:
            raise RowError(
                0,
                f"{_scores(scores)} where a tree of {classes} classes has {_scores(classes - 1)}",
            )


def _scores(count: int) -> str:
    return "1 score" if count == 1 else f"{count} scores"


def write_probabilities(
    rows: Rows, names: Sequence[str] | None, output: OutputSettings, counts: str, *, log: bool
) -> None:
    """Write the classes' probabilities, from rows of the inner nodes' scores.

    Parameters
    ----------
    rows : Rows
    names : sequence of str or None
        What --names gives.
    output : OutputSettings
    counts : str
        As typed.
    log : bool
        Whether to write log-probabilities.

    Raises
    ------
    DataError
        A row or a count can't be used.
    """
    hierarchy = Hierarchy(counts, names)
    tree = hierarchy.tree

    def compute(block: Block) -> LazyFields:
        hierarchy.check(block)
        scores, count = block.values, len(block.values)
        made = cache(lambda: hierarchical.probabilities(scores, tree))
        return {
            "scores": lambda: scores,
            "probabilities": made,
            "log_probabilities": lambda: hierarchical.log_probabilities(scores, tree),
            "entropy": lambda: hierarchical.entropy(scores, tree),
            "codes": lambda: np.array([tree.codes] * count, dtype=object),
            "counts": lambda: np.tile(tree.counts, (count, 1)),
            "mean_path": lambda: np.full(count, tree.mean_depth()),
            "winners": lambda: made() == made().max(axis=1, keepdims=True),
            "winner": lambda: class_names(made().argmax(axis=1), hierarchy.names),
        }

    layout = _probabilities_layout("log_probabilities" if log else "probabilities")
    writer = open_writer(output, layout, shape_of(rows._replace(names=hierarchy.names)))
    rows = rows._replace(names=None)
    with Notices() as notices:
        write_rows(rows, compute, writer, Totals("entropy"), notices)


def _probabilities_layout(shown: str) -> Layout:
    value = Column(shown, "log p" if shown == "log_probabilities" else "probability")
    return Layout(
        row=(shown,),
        object=("scores", "codes", shown, "entropy"),
        lines=(value, Column("entropy", "entropy"), Column("winner", "winner", "text")),
        classes=(
            Column("counts", "count"),
            Column("codes", "code", "text"),
            value,
            Column("probabilities", "", "bar"),
        ),
        footer=(
            Item("entropy", "entropy", "nats"),
            Item("winner", "winner"),
            Item("mean_path", "mean path", "nodes"),
        ),
        total=(Item("rows", "rows"), Item("entropy_mean", "mean entropy", "nats")),
        emphasis="winners",
    )
