"""Where scipy, torch and ONNX agree with one another, so do we; torch and ONNX where installed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from scipy.spatial import distance

from softmax_cli.core import divergences, objective
from softmax_cli.core.logits import Logits
from softmax_cli.core.objective import Objective
from softmax_cli.core.probabilities import Masses, Probabilities
from tests.strategies import Vector

SIZE = 4
_LABELS = st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=6)
_SEEDS = st.integers(0, 2**32 - 1)


def some_shares(seed: int, rows: int) -> Vector:
    values = np.random.default_rng(seed).random((rows, SIZE)) + 0.01
    shares: Vector = values / values.sum(axis=1, keepdims=True)
    return shares


def some_logits(seed: int, rows: int) -> Vector:
    values: Vector = np.random.default_rng(seed + 1).normal(size=(rows, SIZE)) * 4
    return values


@given(_SEEDS)
@settings(max_examples=50)
def test_scipy_agrees_on_divergences(seed: int) -> None:
    p, q = some_shares(seed, 3), some_shares(seed + 7, 3)
    ours, theirs = Probabilities(p), Probabilities(q)
    assert divergences.kl_divergence(ours, theirs) == pytest.approx(
        stats.entropy(p, q, axis=1), rel=1e-10, abs=1e-15
    )
    assert divergences.jensen_shannon(ours, theirs) == pytest.approx(
        distance.jensenshannon(p, q, axis=1) ** 2, rel=1e-10, abs=1e-15
    )
    assert divergences.kl_divergence(Masses(3 * p), Masses(q)) == pytest.approx(
        special.kl_div(3 * p, q).sum(axis=1), rel=1e-10, abs=1e-15
    )
    assert ours.entropy() == pytest.approx(special.entr(p).sum(axis=1), rel=1e-10, abs=1e-15)


@given(
    _SEEDS,
    _LABELS,
    st.booleans(),
    st.sampled_from([0.0, 0.1, 0.7]),
    st.sampled_from(["none", "sum", "mean"]),
    st.sampled_from(["labels", "ignored", "distributions"]),
)
@settings(max_examples=150, deadline=None)
def test_torch_agrees_on_every_combination(
    seed: int, labels: list[int], weighted: bool, smoothing: float, reduction: str, kind: str
) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    z, shares = some_logits(seed, len(labels)), some_shares(seed, len(labels))
    weights = np.random.default_rng(seed + 3).uniform(0.1, 3, SIZE) if weighted else None
    counted = np.ones(len(labels))
    if kind == "ignored":
        counted[1:] = np.array(labels[1:]) != 0
    shown = np.where(counted == 1, labels, -100)
    targets = Probabilities(shares) if kind == "distributions" else np.array(labels)
    case = Objective(weights, smoothing)
    theirs = torch.nn.functional.cross_entropy(
        torch.tensor(z),
        torch.tensor(shares if kind == "distributions" else shown),
        weight=None if weights is None else torch.tensor(weights),
        label_smoothing=smoothing,
        reduction=reduction,
    ).numpy()
    each = objective.loss(Logits(z), targets, case) * counted
    denominator = (objective.denominators(targets, case) * counted).sum()
    ours = {"none": each, "sum": each.sum(), "mean": each.sum() / denominator}[reduction]
    assert ours == pytest.approx(theirs, rel=1e-11, abs=1e-14)


@given(_SEEDS, _LABELS, st.booleans(), st.sampled_from(["none", "sum", "mean"]))
@settings(max_examples=50, deadline=None)
def test_onnx_agrees(seed: int, labels: list[int], weighted: bool, reduction: str) -> None:
    reason = "onnx is not installed"
    name = "onnx.reference.ops.op_softmax_cross_entropy_loss"
    theirs = pytest.importorskip(name, reason=reason).softmaxcrossentropy
    z = some_logits(seed, len(labels))
    weights = np.random.default_rng(seed).uniform(0.1, 3, SIZE) if weighted else None
    case = Objective(weights)
    each = objective.loss(Logits(z), np.array(labels), case)
    denominator = objective.denominators(np.array(labels), case).sum()
    ours = {"none": each, "sum": each.sum(), "mean": each.sum() / denominator}[reduction]
    expected = theirs(z, np.array(labels), weight=weights, reduction=reduction)
    assert np.ravel(ours) == pytest.approx(np.ravel(np.asarray(expected)), rel=1e-6, abs=1e-7)
