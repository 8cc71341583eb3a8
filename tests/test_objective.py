"""Weights, smoothing and the focal factor, against exact values, their derivatives and torch."""

from __future__ import annotations

from itertools import product

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax_cli.core import losses
from softmax_cli.core.losses import Objective
from softmax_cli.core.probabilities import Probabilities
from softmax_cli.core.softmax import Logits
from tests.exactly import Exact, Reference, exacts
from tests.strategies import Vector, logits, probabilities

SMOOTHINGS = (0.0, 0.1, 1.0)
GAMMAS = (0.0, 0.5, 2.0)
WEIGHTED = (False, True)
COMBINATIONS = list(product(WEIGHTED, SMOOTHINGS, GAMMAS))


def weights_for(size: int, weighted: bool) -> Vector | None:
    return np.random.default_rng(size).uniform(0.1, 3, size) if weighted else None


def exact_loss(z: list[Exact], target: list[Exact], case: Objective) -> Exact:
    """The loss of logits as the formula has it."""
    exponentials = [mpmath.exp(x - max(z)) for x in z]
    total = mpmath.fsum(exponentials)
    p = [x / total for x in exponentials]
    e, size = mpmath.mpf(case.smoothing), len(z)
    weights = exacts([1.0] * size if case.weights is None else case.weights)
    shares = [w * ((1 - e) * y + e / size) for w, y in zip(weights, target, strict=True)]
    return mpmath.fsum(
        a * (mpmath.fsum(p[:i] + p[i + 1 :]) ** case.focal) * -mpmath.log(p[i])
        for i, a in enumerate(shares)
        if a
    )


def soft(values: Vector) -> Probabilities:
    return Probabilities(values[None])


@pytest.mark.parametrize(("weighted", "smoothing", "focal"), COMBINATIONS)
@given(logits(min_size=2, max_size=5), st.data())
@settings(max_examples=8, deadline=None)
def test_the_loss_is_the_formula(
    weighted: bool, smoothing: float, focal: float, vector: Vector, data: st.DataObject
) -> None:
    case = Objective(weights_for(len(vector), weighted), smoothing, focal)
    label = data.draw(st.integers(0, len(vector) - 1))
    with mpmath.workprec(2600):
        one_hot = [mpmath.mpf(i == label) for i in range(len(vector))]
        exact = float(exact_loss(exacts(vector), one_hot, case))
    ours = losses.loss(Logits(vector[None]), np.array([label]), case)[0]
    assert ours == pytest.approx(exact, rel=4e-15, abs=1e-300)
    parts = losses.contributions(Logits(vector[None]), np.array([label]), case)
    assert parts.sum() == pytest.approx(ours, rel=4e-15, abs=1e-300)


@pytest.mark.parametrize(("weighted", "smoothing", "focal"), COMBINATIONS)
def test_the_gradient_is_the_derivative_of_the_loss(
    weighted: bool, smoothing: float, focal: float
) -> None:
    rng = np.random.default_rng(5)
    for size, scale in ((2, 1.0), (4, 3.0), (3, 40.0)):
        vector = rng.normal(size=size) * scale
        case = Objective(weights_for(size, weighted), smoothing, focal)
        shares = rng.random(size)
        for target in (np.eye(size)[0], np.eye(size)[np.argmax(vector)], shares / shares.sum()):
            hard = np.array([int(np.argmax(target))]) if 1.0 in target else None
            ours = losses.gradient(
                Logits(vector[None]), soft(target) if hard is None else hard, case
            )[0]
            unit = max(np.abs(ours).max(), 1e-300 if hard is not None else target.max())
            for i in range(size):
                assert abs(ours[i] - _derivative(vector, target, case, i)) <= 1e-14 * unit


def _derivative(vector: Vector, target: Vector, case: Objective, i: int) -> float:
    """A central difference of numbers of 780 digits."""
    with mpmath.workprec(2600):
        step = mpmath.mpf(2) ** -800
        total = mpmath.fsum(exacts(target))
        shares = [y / total for y in exacts(target)]
        ends = []
        for sign in (1, -1):
            moved = exacts(vector)
            moved[i] += sign * step
            ends.append(exact_loss(moved, shares, case))
        return float((ends[0] - ends[1]) / (2 * step))


@given(logits(min_size=2), st.data())
@settings(max_examples=50, deadline=None)
def test_without_parameters_it_is_cross_entropy(vector: Vector, data: st.DataObject) -> None:
    labels = np.array([data.draw(st.integers(0, len(vector) - 1))])
    prediction = Logits(vector[None])
    assert losses.loss(prediction, labels, Objective()) == losses.cross_entropy(prediction, labels)


@given(probabilities(min_size=3, max_size=3), logits(min_size=3, max_size=3))
@settings(max_examples=50, deadline=None)
def test_smoothing_keeps_the_identity(target: Vector, vector: Vector) -> None:
    prediction = Logits(vector[None])
    shares = losses.smoothed(soft(target), 3, 0.1)
    whole = losses.loss(prediction, soft(target), Objective(smoothing=0.1))[0]
    parts = losses.target_entropy(shares)[0] + losses.excess_entropy(prediction, shares)[0]
    assert parts == pytest.approx(whole, rel=1e-14)


def test_a_confident_and_right_prediction_has_a_focal_loss_with_all_digits() -> None:
    with mpmath.workprec(2000):
        exact = exact_loss(exacts([40, 0]), [mpmath.mpf(1), mpmath.mpf(0)], Objective(focal=2))
    ours = losses.loss(Logits(np.array([[40.0, 0.0]])), np.array([0]), Objective(focal=2))[0]
    assert ours == pytest.approx(float(exact), rel=1e-15)
    assert 0 < ours < 1e-50


def test_a_class_of_weight_zero_costs_nothing_even_where_it_is_ruled_out() -> None:
    case = Objective(np.array([0.0, 1.0]))
    prediction = Probabilities(np.array([[0.0, 1.0]]))
    assert losses.loss(prediction, np.array([0]), case)[0] == 0
    assert losses.loss(prediction, soft(np.array([0.5, 0.5])), case)[0] == 0
    assert losses.loss(prediction, soft(np.array([1.0, 0.0])), case)[0] == 0


def test_weights_of_counts() -> None:
    counts = np.array([1.0, 10.0, 1000.0])
    inverse = losses.weights_of_counts(counts)
    assert inverse.sum() == pytest.approx(3, rel=1e-15)
    assert inverse * counts == pytest.approx(np.full(3, inverse[0]), rel=1e-15)
    near = losses.weights_of_counts(counts, beta=1 - 1e-12)
    assert near == pytest.approx(inverse, rel=1e-8)
    assert losses.weights_of_counts(counts, beta=0) == pytest.approx(np.ones(3))
    beta = 0.999
    expected = (1 - beta) / (1 - beta**counts)
    assert losses.weights_of_counts(counts, beta=beta) == pytest.approx(
        expected * 3 / expected.sum(), rel=1e-12
    )


@pytest.mark.parametrize(("weighted", "smoothing", "focal"), COMBINATIONS)
@pytest.mark.parametrize("kind", ["labels", "distributions"])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_torch_agrees(
    weighted: bool, smoothing: float, focal: float, kind: str, reduction: str
) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    rng = np.random.default_rng(3)
    z, size = rng.normal(size=(6, 4)) * 3, 4
    labels = rng.integers(0, size, 6)
    shares = rng.random((6, size))
    shares /= shares.sum(axis=1, keepdims=True)
    weights = weights_for(size, weighted)
    targets = labels if kind == "labels" else Probabilities(shares)
    case = Objective(weights, smoothing, focal)
    x = torch.tensor(z, requires_grad=True)
    if focal:  # torch has none: its own tensors by the formula
        hot = torch.eye(size, dtype=torch.float64)[labels] if kind == "labels" else None
        y = (torch.tensor(shares) if hot is None else hot) * (1 - smoothing) + smoothing / size
        logs = torch.log_softmax(x, dim=1)
        w = 1.0 if weights is None else torch.tensor(weights)
        each = (y * w * (1 - logs.exp()) ** focal * -logs).sum(dim=1)
        divisor = losses.denominators(targets, case).sum()
        theirs = {"none": each, "sum": each.sum(), "mean": each.sum() / divisor}[reduction]
    else:
        theirs = torch.nn.functional.cross_entropy(
            x,
            torch.tensor(labels) if kind == "labels" else torch.tensor(shares),
            weight=None if weights is None else torch.tensor(weights),
            label_smoothing=smoothing,
            reduction=reduction,
        )
    each_of_ours = losses.loss(Logits(z), targets, case)
    divisor = losses.denominators(targets, case).sum() if reduction == "mean" else 1.0
    ours = each_of_ours if reduction == "none" else each_of_ours.sum() / divisor
    assert ours == pytest.approx(theirs.detach().numpy(), rel=1e-12)
    theirs.sum().backward()
    gradient = losses.gradient(Logits(z), targets, case) / divisor
    assert gradient == pytest.approx(x.grad.numpy(), rel=1e-9, abs=1e-13)


def test_reference_is_the_same_distribution() -> None:
    """The formula above and the reference that other tests use agree."""
    truth = Reference.of_logits([1.0, 2.0, 3.0])
    exact = exact_loss(exacts([1, 2, 3]), exacts([0, 1, 0]), Objective())
    assert abs(exact + truth.log_p[1]) < mpmath.mpf(10) ** -700
