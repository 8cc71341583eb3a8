"""Hierarchical softmax: a class's probability is the product of those of its path's branches.

At an inner node with score z, turn 0 has probability sigmoid(z) and turn 1 has sigmoid(-z), as in
word2vec, where the label of a branch is 1 - code (Morin and Bengio, "Hierarchical probabilistic
neural network language model", 2005).

No formula subtracts: minus the logarithm of the sigmoid is max(-x, 0) + log1p(exp(-|x|)), a sum of
two numbers that are not negative (Maechler, "Accurately computing log(1 - exp(-|a|))", 2012).
"""

import heapq
from functools import cached_property

import numpy as np

from softmax_cli.core.doubledouble import Bools, DoubleDouble, Floats, Indices, where
from softmax_cli.core.elementary import exp, exponentials, in_base, log1p
from softmax_cli.core.probabilities import Distribution


def softplus(x: Floats, /) -> DoubleDouble:
    """Return log(1 + exp(x)) = -log(sigmoid(-x)) in nats; 0 at -inf, inf at inf."""
    return log1p(exp(DoubleDouble(-np.abs(x)))) + np.maximum(x, 0.0)


def sigmoid(x: Floats, /) -> DoubleDouble:
    """Return 1 / (1 + exp(-x))."""
    small = exponentials(DoubleDouble(-np.abs(x), np.zeros(x.shape)))
    return where(x < 0, small, 1.0) / (1.0 + small.plain())


class HuffmanTree:
    """The Huffman tree of K classes by their counts, as `CreateBinaryTree` in word2vec.c builds it.

    The two nodes of least weight become the children of a new inner node, the first by turn 0
    (Mikolov et al., "Distributed representations of words and phrases", 2013). Among equal weights
    inner nodes come first, the oldest first, then classes, the last first. Inner nodes are numbered
    from 0 in the order of their creation; the root is the last. Counts, positive and finite, are
    summed as exact integers; word2vec only handles sums up to 1e15.

    `children`, shape (2, K - 1), has the child after each turn at each inner node: a class, or K
    plus the number of an inner node.
    """

    def __init__(self, counts: Floats, /) -> None:
        self.counts = counts
        self.classes = len(counts)
        self.children: Indices = np.array(_merged(counts), np.intp).T

    @cached_property
    def codes(self) -> list[str]:
        """The turns on the path to each class, as a string of 0 and 1."""
        codes = [""] * (2 * self.classes - 1)
        for node in reversed(range(self.classes - 1)):  # parents were made after their children
            for turn, child in enumerate(self.children[:, node].tolist()):
                codes[child] = f"{codes[self.classes + node]}{turn}"
        return codes[: self.classes]

    def path(self, label: int) -> Indices:
        """Return the inner nodes from the root to a class, and the turns; shape (2, length)."""
        turns = list(map(int, self.codes[label]))
        nodes = [self.classes - 2]
        for turn in turns[:-1]:
            nodes.append(self.children[turn, nodes[-1]] - self.classes)
        return np.array([nodes, turns], np.intp)


def _merged(counts: Floats) -> list[tuple[int, int]]:
    """Return the two children of each inner node in the order of creation."""
    classes = len(counts)
    # The counts as integers, multiplied by a power of two if necessary
    ratios = [count.as_integer_ratio() for count in counts.tolist()]
    unit = max(denominator for _, denominator in ratios)
    # A node is its weight, its rank among equal weights, and its number.
    heap = [(top * (unit // bottom), -i, i) for i, (top, bottom) in enumerate(ratios)]
    heapq.heapify(heap)
    children = []
    for node in range(classes, 2 * classes - 1):
        weight, _, first = heapq.heappop(heap)
        other, _, second = heap[0]
        heapq.heapreplace(heap, (weight + other, node - 3 * classes, node))
        children.append((first, second))
    return children


class TreeDistribution(Distribution):
    """The probabilities of a tree's classes, from its nodes' scores, shape (rows, classes - 1).

    Scores may be inf and -inf.
    """

    def __init__(self, scores: Floats, tree: HuffmanTree, /) -> None:
        self._scores = scores
        self._tree = tree

    @cached_property
    def surprisal(self) -> DoubleDouble:
        costs = softplus(-self._scores.T), softplus(self._scores.T)
        classes, children = self._tree.classes, self._tree.children
        shape = 2 * classes - 1, len(self._scores)
        # From the root to each node
        total = DoubleDouble(np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64))
        nodes = np.array([classes - 2])  # of one depth, from the root down
        while len(nodes):
            for turn, cost in enumerate(costs):
                total[children[turn, nodes]] = total[classes + nodes] + cost[nodes]
            below = children[:, nodes].ravel()
            nodes = below[below >= classes] - classes
        return _above(total[:classes])

    @cached_property
    def mass(self) -> DoubleDouble:
        return where(np.isinf(self.surprisal.high), 0.0, exp(-self.surprisal.plain()))

    @cached_property
    def winners(self) -> Bools:
        """The classes that have the largest probability, shape (rows, classes)."""
        probabilities = self.probabilities()
        return np.asarray(probabilities == probabilities.max(axis=1, keepdims=True))


def _above(cost: DoubleDouble) -> DoubleDouble:
    """Return sums of costs, the low part moved up by its last bit.

    A sum drops a tiny log1p(exp(-300)), but halfway between two floats it has to be rounded up.
    """
    low = np.where(cost.high > 0, np.nextafter(cost.low, 1), cost.low)
    return DoubleDouble(cost.high, low, cost.exponent)


class Branches:
    """The branches on the path to each row's label.

    The `nodes` have the shape (depth, rows), the paths' `lengths` (rows,). A branch's probability
    is the sigmoid of its logit: the node's score, or minus the score for turn 1. Arrays are padded
    after the end of a path, with inf as the score.
    """

    def __init__(self, scores: Floats, tree: HuffmanTree, labels: Indices, /) -> None:
        found, which = np.unique(labels, return_inverse=True)
        paths = [tree.path(label) for label in found.tolist()]
        lengths = np.array([path.shape[1] for path in paths], np.intp)
        padded = np.zeros((2, lengths.max(initial=0), len(paths)), np.intp)
        for i, path in enumerate(paths):
            padded[:, : lengths[i], i] = path
        self.nodes, turns = padded[:, :, which]
        self.lengths = lengths[which]
        exists = np.arange(len(self.nodes))[:, None] < self.lengths
        read = np.where(exists, scores[np.arange(len(labels)), self.nodes], np.inf)
        self._signs = 1.0 - 2 * turns
        self._logits = self._signs * read

    @cached_property
    def _surprisal(self) -> DoubleDouble:
        return _above(softplus(-self._logits).sum())

    def loss(self, *, base: str = "e") -> Floats:
        """Return -log p of each row's label, shape (rows,)."""
        return in_base(self._surprisal, base)

    def probability(self) -> Floats:
        """Return the probability of each row's label, shape (rows,)."""
        return exp(-self._surprisal.plain()).rounded()

    def gradient(self, *, base: str = "e") -> Floats:
        """Return the derivative of the loss by the score at each branch, shape (depth, rows)."""
        return np.asarray(0.0 - self._signs * in_base(sigmoid(-self._logits), base))


def scattered(values: Floats, columns: Indices, count: int, /) -> Floats:
    """Return the sums of values by row and column, (rows, count), from the shape (values, rows)."""
    rows = np.arange(columns.shape[1])
    result = np.zeros((len(rows), count))
    np.add.at(result, (rows, columns), values)
    return result
