"""Hierarchical softmax: a class's probability is that of the branches on its path through a tree.

At an inner node with the score z the branch 0 has the probability s(z), s the sigmoid, and the
branch 1 has s(-z), as in word2vec, where the label of a branch is 1 - code (Morin and Bengio,
"Hierarchical probabilistic neural network language model", 2005).

No formula subtracts: minus the logarithm of the sigmoid is max(-x, 0) + log1p(exp(-|x|)), a sum of
two numbers that are not negative (Maechler, "Accurately computing log(1 - exp(-|a|))", 2012).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from softmax_cli.core.doubledouble import DoubleDouble, Floats, Indices, fold_sum, quiet, where
from softmax_cli.core.elementary import exp, exponentials, in_base, log1p
from softmax_cli.core.huffman import HuffmanTree, Path


def softplus(x: Floats, /) -> Floats:
    """log(1 + exp(x)) in nats, of x's shape; 0 at -inf, inf at inf."""
    with quiet():
        return _softplus(x).rounded()


def log_sigmoid(x: Floats, /, *, base: str = "e") -> Floats:
    """log(1 / (1 + exp(-x))), of x's shape, never positive; -inf at -inf."""
    with quiet():
        return 0.0 - in_base(_softplus(-x), base)  # no -0.0


def sigmoid(x: Floats, /) -> Floats:
    """1 / (1 + exp(-x)), of x's shape."""
    with quiet():
        return _sigmoid(x).rounded()


def _sigmoid(x: Floats) -> DoubleDouble:
    small = exponentials(DoubleDouble(-np.abs(x), np.zeros(x.shape)))
    return where(x < 0, small, 1.0) / (1.0 + small.plain())


def _softplus(x: Floats) -> DoubleDouble:
    small = exp(DoubleDouble(-np.abs(x))).plain()
    return log1p(small) + np.maximum(x, 0.0)


class Branches(NamedTuple):
    """The branches on the path to a label in each row, shorter paths filled up at the end.

    Their nodes, these nodes' scores and the branches' signs have the shape (depth, rows), lengths
    of paths (rows,). A branch's probability is s(sign * score): the sign is 1 for the branch 0
    and -1 for the branch 1. Behind the end of a path the score is inf.
    """

    nodes: Indices
    scores: Floats
    signs: Floats
    lengths: Indices

    @property
    def logits(self) -> Floats:
        """The score of each branch taken, shape (depth, rows)."""
        return np.asarray(self.signs * self.scores)


def branches(scores: Floats, paths: Sequence[Path], which: Indices, /) -> Branches:
    """The branches of each row's path, which is `paths[which]`; scores (rows, nodes)."""
    lengths = np.array([len(path.nodes) for path in paths], np.intp)
    shape = (int(lengths.max(initial=0)), len(paths))
    nodes, bits = np.zeros(shape, np.intp), np.zeros(shape, np.intp)
    for column, path in enumerate(paths):
        nodes[: lengths[column], column] = path.nodes
        bits[: lengths[column], column] = path.turns
    nodes, bits, lengths = nodes[:, which], bits[:, which], lengths[which]
    exists = np.arange(len(nodes))[:, None] < lengths
    read = np.where(exists, scores[np.arange(len(which)), nodes], np.inf)
    return Branches(nodes, read, np.where(exists & (bits == 1), -1.0, 1.0), lengths)


def path_loss(path: Branches, /, *, base: str = "e") -> Floats:
    """Minus the log-probability of each row's label, shape (rows,)."""
    with quiet():
        return in_base(fold_sum(_softplus(-path.logits)), base)


def path_probability(path: Branches, /) -> Floats:
    """The probability of each row's label, shape (rows,)."""
    with quiet():
        return exp(-fold_sum(_softplus(-path.logits))).rounded()


def score_gradient(path: Branches, /, *, base: str = "e") -> Floats:
    """The derivative of `path_loss` by the score of each branch's node, shape (depth, rows)."""
    with quiet():
        return 0.0 - path.signs * in_base(_sigmoid(-path.logits), base)


def path_gradient(path: Branches, nodes: int, /, *, base: str = "e") -> Floats:
    """The derivative of `path_loss` by every node's score, shape (rows, nodes): 0 off the path."""
    result = np.zeros((len(path.lengths), nodes))
    steps, rows = np.nonzero(np.arange(len(path.nodes))[:, None] < path.lengths)
    result[rows, path.nodes[steps, rows]] = score_gradient(path, base=base)[steps, rows]
    return result


def log_probabilities(scores: Floats, tree: HuffmanTree, /, *, base: str = "e") -> Floats:
    """The log-probability of each class, shape (rows, classes).

    Scores of the inner nodes have the shape (rows, classes - 1); inf and -inf are limits.
    """
    with quiet():
        return 0.0 - in_base(_surprisals(scores, tree), base).T  # no -0.0


def probabilities(scores: Floats, tree: HuffmanTree, /) -> Floats:
    """The probability of each class, shape (rows, classes); a row sums to 1."""
    with quiet():
        return exp(-_surprisals(scores, tree)).rounded().T


def entropy(scores: Floats, tree: HuffmanTree, /, *, base: str = "e") -> Floats:
    """Shannon entropy over the classes, shape (rows,); no term is negative."""
    with quiet():
        surprisals = _surprisals(scores, tree)
        finite = where(np.isfinite(surprisals.high), surprisals, 0.0)
        return in_base((finite.normal() * exp(-surprisals)).sum(), base)


def _surprisals(scores: Floats, tree: HuffmanTree) -> DoubleDouble:
    """Minus the log-probability of each class in nats, shape (classes, rows)."""
    costs = [_softplus(-scores.T), _softplus(scores.T)]
    high = np.zeros((2 * tree.classes - 1, len(scores)))
    low = np.zeros_like(high)
    for nodes in tree.levels():
        so_far = DoubleDouble(high, low)[tree.classes + nodes]
        for turn, cost in enumerate(costs):
            total = so_far + cost[nodes]
            high[tree.children[turn, nodes]] = total.high
            low[tree.children[turn, nodes]] = total.low
    return DoubleDouble(high[: tree.classes], low[: tree.classes])
