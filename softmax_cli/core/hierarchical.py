"""Hierarchical softmax: a class's probability is that of the turns on its way through a tree.

At an inner node with the score z the turn 0 has the probability s(z), s the sigmoid, and the turn
1 has s(-z), as in word2vec, where the label of a turn is 1 - code (Morin and Bengio, "Hierarchical
probabilistic neural network language model", 2005).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from softmax_cli.core.arithmetic import (
    Floats,
    divide,
    fold_sum,
    quiet,
    two_product,
    two_sum,
)
from softmax_cli.core.huffman import HuffmanTree, Indices, Path
from softmax_cli.core.sigmoid import log_sigmoid, one_plus_exponential, sigmoid, softplus

# What is known of reaching a place, and how a turn at a node changes it: (what is known, shape
# (parts, nodes, rows), the nodes, the turn) -> the same for what lies behind.
_Step = Callable[[Floats, Indices, int], Floats]


class Turns(NamedTuple):
    """The turns on the way to a label in each row, shorter ways filled up at the end.

    Attributes
    ----------
    nodes : array of int, shape (depth, rows)
    scores : array, shape (depth, rows)
        Of the nodes; inf, which costs nothing, behind the end of a way.
    signs : array, shape (depth, rows)
        1 for the turn 0 and -1 for the turn 1, so that the turn's probability is s(sign * score).
    lengths : array of int, shape (rows,)
    """

    nodes: Indices
    scores: Floats
    signs: Floats
    lengths: Indices

    @property
    def logits(self) -> Floats:
        """The score for each turn that was taken, shape (depth, rows)."""
        logits: Floats = self.signs * self.scores
        return logits


def turns(scores: Floats, paths: Sequence[Path], which: Indices, /) -> Turns:
    """The turns of each row's path, which read the scores of its nodes alone.

    Parameters
    ----------
    scores : array, shape (rows, nodes)
    paths : sequence of Path
    which : array of int, shape (rows,)
        The index of each row's path among them.
    """
    lengths = np.array([len(path.nodes) for path in paths], np.intp)
    shape = (int(lengths.max()), len(paths))
    nodes, bits = np.zeros(shape, np.intp), np.zeros(shape, np.intp)
    for column, path in enumerate(paths):
        nodes[: lengths[column], column] = path.nodes
        bits[: lengths[column], column] = path.turns
    nodes, bits, lengths = nodes[:, which], bits[:, which], lengths[which]
    is_on = np.arange(len(nodes))[:, None] < lengths
    read = np.where(is_on, scores[np.arange(len(which)), nodes], np.inf)
    return Turns(nodes, read, np.where(bits, -1.0, 1.0), lengths)


def path_loss(way: Turns, /) -> Floats:
    """Minus the log-probability of each row's label in nats, shape (rows,)."""
    return fold_sum(softplus(-way.logits))


def path_probability(way: Turns, /) -> Floats:
    """The probability of each row's label, shape (rows,)."""
    reached = _certain(1, way.scores.shape[1])
    for logits in way.logits:
        reached = _turned(reached, logits[None])
    result: Floats = _value(reached)[0]
    return result


def pulls(way: Turns, /) -> Floats:
    """The derivative of `path_loss` by the score of each turn's node, shape (depth, rows)."""
    return 0.0 - way.signs * sigmoid(-way.logits)


def path_gradient(way: Turns, nodes: int, /) -> Floats:
    """The derivative of `path_loss` by every node's score, shape (rows, nodes): 0 off the path."""
    result = np.zeros((len(way.lengths), nodes))
    steps, rows = np.nonzero(np.arange(len(way.nodes))[:, None] < way.lengths)
    result[rows, way.nodes[steps, rows]] = pulls(way)[steps, rows]
    return result


def log_probabilities(scores: Floats, tree: HuffmanTree, /) -> Floats:
    """The log-probability of each class in nats, shape (rows, classes).

    Parameters
    ----------
    scores : array, shape (rows, classes - 1)
        Of the inner nodes; inf and -inf are limits.
    tree : HuffmanTree
    """
    costs = scores.T

    def step(reached: Floats, nodes: Indices, turn: int) -> Floats:
        sign = 1 - 2 * turn
        total, error = two_sum(reached[0], log_sigmoid(sign * costs[nodes]))
        return np.stack([total, reached[1] + error])

    total, error = _walk(tree, np.zeros((2, 1, len(scores))), step)
    result: Floats = (total + error).T
    return result


def probabilities(scores: Floats, tree: HuffmanTree, /) -> Floats:
    """The probability of each class, shape (rows, classes); a row sums to 1.

    A product of many sigmoids, so each is kept in two floats; see `_turned`.
    """
    columns = scores.T

    def step(reached: Floats, nodes: Indices, turn: int) -> Floats:
        return _turned(reached, (1 - 2 * turn) * columns[nodes])

    result: Floats = _value(_walk(tree, _certain(1, len(scores)), step)).T
    return result


def entropy(scores: Floats, tree: HuffmanTree, /) -> Floats:
    """Shannon entropy over the classes in nats, shape (rows,); no term is negative."""
    logs = log_probabilities(scores, tree)
    with np.errstate(invalid="ignore", under="ignore"):
        terms = np.where(np.isneginf(logs), 0.0, probabilities(scores, tree) * -logs)
    return fold_sum(terms.T)


def _walk(tree: HuffmanTree, start: Floats, step: _Step) -> Floats:
    """What is known of reaching each class, from what is known at the root."""
    parts, _, rows = start.shape
    known = np.empty((parts, 2 * tree.classes - 1, rows))
    known[:, -1:] = start
    for nodes in tree.levels():
        reached = known[:, tree.classes + nodes]
        for turn in (0, 1):
            known[:, tree.children[turn, nodes]] = step(reached, nodes, turn)
    return known[:, : tree.classes]


# A probability is (high + low) * 2**exponent * exp(-debt - owed): the turns that go along with
# their node's score have 1 / (1 + exp(-|z|)), those against it exp(-|z|) of that. The debts are
# summed, so that there is one exponential at the end, of one rounding.


def _certain(places: int, rows: int) -> Floats:
    """The probability 1 of each place."""
    return np.concatenate([np.ones((1, places, rows)), np.zeros((4, places, rows))])


def _turned(reached: Floats, logits: Floats) -> Floats:
    """The probability behind a turn, from the one before it and the turn's logits."""
    high, low, exponent, debt, owed = reached
    factor, factor_low = divide(np.ones_like(high), 0.0, *one_plus_exponential(logits))
    product, error = two_product(high, factor)
    product, error = two_sum(product, error + high * factor_low + low * factor)
    fraction, shift = np.frexp(product)
    debt, lost = two_sum(debt, np.maximum(-logits, 0.0))
    return np.stack([fraction, np.ldexp(error, -shift), exponent + shift, debt, owed + lost])


def _value(reached: Floats) -> Floats:
    """The probabilities as single floats."""
    high, low, exponent, debt, owed = reached
    with quiet():
        whole = np.exp(-debt)
        value = whole * high + whole * (low - high * owed)
        result: Floats = np.ldexp(value, exponent.astype(np.intp))
    return result
