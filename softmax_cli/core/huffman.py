"""The Huffman tree of classes by how often they occur, as word2vec builds it.

word2vec.c's `CreateBinaryTree` (Mikolov et al., "Distributed representations of words and
phrases", 2013): the two nodes of least weight become the children of a new inner node, the first
with the bit 0 and the second with the bit 1. Of equal weights inner nodes come first, the oldest
first, then classes, the last first. Inner nodes are numbered from 0 as they are made: the root is
the last. Counts are summed as exact integers, where word2vec stops at 1e15.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np

from softmax_cli.core.doubledouble import Floats, Indices


class Path(NamedTuple):
    """The path to a class: inner nodes from the root, and the bit of the turn at each."""

    nodes: Indices
    turns: Indices


class HuffmanTree:
    """A binary tree whose leaves are K classes, of counts that are positive and finite.

    `children`, shape (2, classes - 1), has what follows either turn at each inner node: a class, or
    K plus an inner node.
    """

    def __init__(self, counts: Floats, /) -> None:
        self.counts = counts
        classes = self.classes = len(counts)
        self.children: Indices = np.array(_merged(counts), np.intp).T
        self._parents: Indices = np.empty(2 * classes - 1, np.intp)
        self._turns: Indices = np.zeros(2 * classes - 1, np.intp)
        for turn, children in enumerate(self.children):
            self._parents[children] = np.arange(classes - 1)
            self._turns[children] = turn

    def levels(self) -> Iterator[Indices]:
        """The inner nodes of each depth, from the root down."""
        nodes = np.array([self.classes - 2])
        while len(nodes):
            yield nodes
            below = self.children[:, nodes].ravel()
            nodes = below[below >= self.classes] - self.classes

    def path(self, label: int, /) -> Path:
        """The path to a class."""
        nodes, turns = [], []
        node = label
        while node != 2 * self.classes - 2:
            turns.append(self._turns[node])
            nodes.append(self._parents[node])
            node = self.classes + nodes[-1]
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
        return float(np.average(lengths, weights=self.counts / self.counts.max()))


def _merged(counts: Floats) -> list[tuple[int, int]]:
    """The two children of each inner node in the order in which they are made."""
    classes = len(counts)
    # Each node as its weight, its rank among equal weights, and its number
    heap = [(weight, -label, label) for label, weight in enumerate(_integers(counts))]
    heapq.heapify(heap)
    children = []
    for node in range(classes, 2 * classes - 1):
        weight, _, first = heapq.heappop(heap)
        other, _, second = heap[0]
        heapq.heapreplace(heap, (weight + other, node - 3 * classes, node))
        children.append((first, second))
    return children


def _integers(counts: Floats) -> list[int]:
    """The counts as integers, times a power of two if that is needed."""
    ratios = [count.as_integer_ratio() for count in counts.tolist()]
    unit = max(denominator for _, denominator in ratios)
    return [numerator * (unit // denominator) for numerator, denominator in ratios]
