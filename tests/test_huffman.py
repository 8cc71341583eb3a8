"""Huffman trees as word2vec's, hierarchical softmax over them, and its sigmoid."""

import heapq
import math
from collections.abc import Sequence

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from softmax_cli.core.hierarchical import (
    Branches,
    HuffmanTree,
    TreeDistribution,
    scattered,
    sigmoid,
    softplus,
)
from tests.exactly import Exact, Reference, ulps
from tests.quantities import NEAREST

Scores = NDArray[np.float64]

FIRST = np.array([0])
some_counts = st.lists(st.integers(1, 30) | st.integers(1, 10**14), min_size=2, max_size=40)
some_scores = st.sampled_from([0.0, 1e-9, 0.3, -2.5, 17.0, -40.25, 300.0, -705.0, 1e-300])


def word2vec(counts: Sequence[int]) -> tuple[list[str], list[list[int]]]:
    """Codes and points of falling counts by word2vec.c's CreateBinaryTree, line by line."""
    size = len(counts)
    count = [*counts, *[10**15] * size]
    binary, parent = [0] * (2 * size), [0] * (2 * size)
    pos1, pos2 = size - 1, size
    for a in range(size - 1):
        if pos1 >= 0 and count[pos1] < count[pos2]:
            min1i, pos1 = pos1, pos1 - 1
        else:
            min1i, pos2 = pos2, pos2 + 1
        if pos1 >= 0 and count[pos1] < count[pos2]:
            min2i, pos1 = pos1, pos1 - 1
        else:
            min2i, pos2 = pos2, pos2 + 1
        count[size + a] = count[min1i] + count[min2i]
        parent[min1i] = parent[min2i] = size + a
        binary[min2i] = 1
    codes, points = [], []
    for a in range(size):
        b, code, point = a, [], []
        while b != 2 * size - 2:
            code.append(binary[b])
            point.append(b)
            b = parent[b]
        codes.append("".join(map(str, code[::-1])))
        points.append([size - 2, *(inner - size for inner in point[:0:-1])])
    return codes, points


@given(some_counts)
def test_the_tree_is_word2vec_s(counts: list[int]) -> None:
    falling = sorted(counts, reverse=True)
    tree = HuffmanTree(np.array(falling, float))
    codes, points = word2vec(falling)
    assert tree.codes == codes
    paths = [tree.path(label).tolist() for label in range(len(falling))]
    assert [nodes for nodes, _ in paths] == points
    assert ["".join(map(str, turns)) for _, turns in paths] == codes


@pytest.mark.parametrize(
    ("counts", "codes"),
    [
        ([2, 5, 1, 3], ["101", "0", "100", "11"]),
        # The last of equals is the rarest: it is taken first.
        ([1, 1, 1], ["0", "11", "10"]),
        # In floats 2**53 + 1 is 2**53, which would tie with the first class and go before it.
        ([2.0**53, 2.0**53, 1], ["0", "11", "10"]),
        ([1.7e308, 1.7e308, 1e308], ["0", "11", "10"]),
    ],
)
def test_classes_keep_their_order_and_sums_are_exact(counts: list[float], codes: list[str]) -> None:
    assert HuffmanTree(np.array(counts, float)).codes == codes


@given(some_counts)
def test_no_code_is_shorter_on_average(counts: list[int]) -> None:
    tree = HuffmanTree(np.array(counts, float))
    heap, least = list(counts), 0
    heapq.heapify(heap)
    while len(heap) > 1:
        least += (both := heapq.heappop(heap) + heapq.heappop(heap))
        heapq.heappush(heap, both)
    assert sum(n * len(code) for n, code in zip(counts, tree.codes, strict=True)) == least
    assert sum(2.0 ** -len(code) for code in tree.codes) == 1


@given(some_counts, st.integers(-1000, 900))
def test_only_the_counts_ratios_matter_however_large(counts: list[int], power: int) -> None:
    numbers = np.array(counts, float)
    assert HuffmanTree(np.ldexp(numbers, power)).codes == HuffmanTree(numbers).codes


@settings(max_examples=30)
@given(some_counts, st.data())
def test_the_loss_of_a_path_is_right(counts: list[int], data: st.DataObject) -> None:
    tree = HuffmanTree(np.array(counts, float))
    size = len(counts) - 1
    scores = np.array(data.draw(st.lists(some_scores, min_size=size, max_size=size)))
    label = data.draw(st.integers(0, size))
    with mpmath.workprec(1500):
        p = Reference.of_tree(scores, tree).p[label]
        path = Branches(scores[None], tree, np.array([label]))
        close(path.probability(), [p])
        close(path.loss(), [-mpmath.log(p) if p < 1 else mpmath.mpf(0)])


@pytest.mark.parametrize("scale", [0.1, 3.0, 60.0])
def test_a_path_of_hundreds_of_turns_loses_no_digit(scale: float) -> None:
    tree = HuffmanTree(np.array([1.9**n for n in range(400)]))
    scores = np.full((1, 399), scale) * np.where(np.arange(399) % 90, 1, -1)
    with mpmath.workprec(300):
        exact = Reference.of_tree(scores[0], tree).p
        close(TreeDistribution(scores, tree).probabilities()[0], exact)
        path = Branches(scores, tree, np.array([0]))
        assert len(path.nodes) == 399
        close(path.probability(), exact[:1])


def close(computed: Scores, exact: Sequence[Exact]) -> None:
    for ours, truth in zip(computed.tolist(), exact, strict=True):
        assert ulps(ours, truth) <= NEAREST


@given(some_counts, st.data())
def test_a_path_reads_and_moves_its_own_nodes_alone(counts: list[int], data: st.DataObject) -> None:
    tree = HuffmanTree(np.array(counts, float))
    size = len(counts) - 1
    scores = np.array(data.draw(st.lists(st.floats(-30, 30), min_size=size, max_size=size)))
    label = data.draw(st.integers(0, size))
    nodes, turns = tree.path(label)
    others = np.full(size, np.nan)
    others[nodes] = scores[nodes]
    path = Branches(np.stack([scores, others]), tree, np.array([label, label]))
    loss, gradient = path.loss(), scattered(path.gradient(), path.nodes, size)
    assert loss[0] == loss[1]
    assert np.array_equal(gradient[0], gradient[1])
    assert set(np.flatnonzero(gradient[0]).tolist()) == set(nodes.tolist())
    # The derivative of -log s(sign z) is -sign s(-sign z).
    sign = 1.0 - 2 * turns
    expected = -sign / (1 + np.exp(sign * scores[nodes]))
    assert gradient[0][nodes] == pytest.approx(expected, rel=1e-14)


def test_infinite_scores_are_limits() -> None:
    tree = HuffmanTree(np.array([5.0, 3.0, 2.0, 1.0]))
    scores = np.array([[0.0, np.inf, -np.inf]])
    found = TreeDistribution(scores, tree)
    assert found.probabilities()[0].tolist() == [0.0, 0.0, 0.5, 0.5]
    assert found.log_probabilities()[0].tolist()[:2] == [-np.inf, -np.inf]
    assert found.entropy()[0] == pytest.approx(np.log(2), rel=1e-15)


numbers = (
    st.floats(-50, 50) | st.floats(-800, 800) | st.floats(-1e-5, 1e-5) | st.floats(-1e308, 1e308)
)


@settings(max_examples=300)
@given(numbers)
def test_softplus_and_sigmoid_are_right_everywhere(number: float) -> None:
    x = np.array([number])
    with mpmath.workprec(1500):
        # exp(-100000) is nothing beside any float64.
        power = mpmath.exp(-abs(mpmath.mpf(number))) if abs(number) < 1e5 else mpmath.mpf(0)
        cost = mpmath.log(1 + power) + max(-number, 0)
        share = (power if number < 0 else 1) / (1 + power)
        close(softplus(-x).rounded(), [cost])
        close(sigmoid(x).rounded(), [share])


def test_the_limits() -> None:
    ends = np.array([np.inf, -np.inf, 0.0])
    assert sigmoid(ends).rounded().tolist() == [1.0, 0.0, 0.5]
    assert softplus(ends).rounded().tolist() == [math.inf, 0.0, math.log(2)]
