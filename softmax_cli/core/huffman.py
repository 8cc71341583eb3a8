"""The Huffman tree of classes by how often they occur, as word2vec builds it.

word2vec.c's `CreateBinaryTree` (Mikolov et al., "Distributed representations of words and
phrases", 2013): the classes stand in order of falling counts, two pointers walk over them from the
rarest and over the inner nodes from the oldest, and the two least of what lies there become the
children of a new inner node. Of a class and an inner node with equal counts the inner node is
taken. The first taken has the bit 0, the second the bit 1. Inner nodes are numbered from 0 as they
are made, so that the root is the last.

Classes of equal counts keep their order here, where word2vec leaves it to `qsort`, and counts are
summed as exact integers, where word2vec stops at 1e15.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core.doubledouble import Floats

Indices = NDArray[np.intp]


class Path(NamedTuple):
    """The way from the root to a class.

    Attributes
    ----------
    nodes : array of int, shape (depth,)
        The inner nodes, from the root.
    turns : array of int, shape (depth,)
        The bit of each turn, 0 or 1: the class's code.
    """

    nodes: Indices
    turns: Indices


class HuffmanTree:
    """A binary tree whose leaves are K classes, by K - 1 inner nodes.

    Parameters
    ----------
    counts : array, shape (classes,)
        Positive and finite, of at least two classes.

    Attributes
    ----------
    counts : array, shape (classes,)
    children : array of int, shape (2, classes - 1)
        What lies behind either turn at each inner node: a class, or K plus an inner node.
    """

    def __init__(self, counts: Floats, /) -> None:
        self.counts = counts
        classes = len(counts)
        self.children: Indices = np.array(_merged(counts), np.intp).T
        self._parents: Indices = np.empty(2 * classes - 1, np.intp)
        self._turns: Indices = np.zeros(2 * classes - 1, np.intp)
        for turn, children in enumerate(self.children):
            self._parents[children] = np.arange(classes - 1)
            self._turns[children] = turn

    @property
    def classes(self) -> int:
        """How many leaves there are."""
        return len(self.counts)

    def levels(self) -> Iterator[Indices]:
        """The inner nodes of each depth, from the root down."""
        nodes = np.array([self.classes - 2])
        while len(nodes):
            yield nodes
            below = self.children[:, nodes].ravel()
            nodes = below[below >= self.classes] - self.classes

    def path(self, label: int, /) -> Path:
        """The way to a class."""
        nodes, turns = [], []
        place = label
        while place != 2 * self.classes - 2:
            turns.append(self._turns[place])
            nodes.append(self._parents[place])
            place = self.classes + nodes[-1]
        return Path(np.array(nodes[::-1], np.intp), np.array(turns[::-1], np.intp))

    @cached_property
    def codes(self) -> list[str]:
        """Each class's turns as a text of 0 and 1."""
        codes = [""] * (2 * self.classes - 1)
        for nodes in self.levels():
            for node in nodes.tolist():
                for turn in (0, 1):
                    codes[self.children[turn, node]] = codes[self.classes + node] + "01"[turn]
        return codes[: self.classes]

    def mean_depth(self) -> float:
        """The length of a path, averaged by the counts."""
        lengths = np.array([len(code) for code in self.codes])
        largest = self.counts.max()
        return float(np.average(lengths, weights=self.counts / largest))


def _merged(counts: Floats) -> list[tuple[int, int]]:
    """The two children of each inner node in the order in which they are made."""
    classes = len(counts)
    weights = _integers(counts)
    leaves = sorted(range(classes), key=lambda label: -weights[label])
    made = 0  # inner nodes that have become children

    def least() -> int:
        nonlocal made
        if leaves and (made == len(sums) or weights[leaves[-1]] < sums[made]):
            return leaves.pop()
        made += 1
        return classes + made - 1

    def weight(place: int) -> int:
        return weights[place] if place < classes else sums[place - classes]

    sums: list[int] = []
    children = []
    for _ in range(classes - 1):
        first, second = least(), least()
        children.append((first, second))
        sums.append(weight(first) + weight(second))
    return children


def _integers(counts: Floats) -> list[int]:
    """The counts as integers, times a power of two if that is needed."""
    ratios = [count.as_integer_ratio() for count in counts.tolist()]
    unit = max(denominator for _, denominator in ratios)
    return [numerator * (unit // denominator) for numerator, denominator in ratios]
