"""Cross-entropy and its gradient, against references of hundreds of digits."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from softmax_cli.core import losses
from softmax_cli.core.losses import Objective
from softmax_cli.core.probabilities import Probabilities
from softmax_cli.core.softmax import Logits, from_log_probabilities
from softmax_cli.errors import RowErrors
from tests.exactly import Reference, ulps
from tests.strategies import Vector, logits, probabilities

BOUND = 1.0


@given(logits(), st.data())
@settings(max_examples=200, deadline=None)
def test_labels_against_logits(vector: Vector, data: st.DataObject) -> None:
    label = data.draw(st.integers(0, len(vector) - 1))
    truth, labels = Reference.of_logits(vector), np.array([label])
    prediction = Logits(vector[None])
    assert ulps(losses.cross_entropy(prediction, labels)[0], -truth.log_p[label]) <= BOUND
    exact = -truth.log_p[label]
    perplexity = losses.perplexity(prediction, labels)[0]
    assert ulps(perplexity, mpmath.exp(exact)) <= BOUND
    gradient = losses.gradient(prediction, labels, Objective())[0]
    for i in range(len(vector)):
        exact = -truth.complement(i) if i == label else truth.p[i]
        assert ulps(gradient[i], exact) <= BOUND


@given(probabilities(min_size=4, max_size=4), logits(min_size=4, max_size=4))
@settings(max_examples=200, deadline=None)
def test_distributions_against_logits(target: Vector, vector: Vector) -> None:
    assume(np.abs(vector).max() < 8e307)  # no difference overflows
    p, q = Reference.of_probabilities(target), Reference.of_logits(vector)
    prediction, targets = Logits(vector[None]), Probabilities(target[None])
    loss = losses.cross_entropy(prediction, targets)[0]
    exact = p.cross_entropy(q)
    assert ulps(loss, exact) <= BOUND
    perplexity = losses.perplexity(prediction, targets)[0]
    assert ulps(perplexity, mpmath.exp(exact)) <= BOUND
    gradient = losses.gradient(prediction, targets, Objective())[0]
    for i in range(4):
        larger = float(max(p.p[i], q.p[i]))
        assert ulps(gradient[i], q.p[i] - p.p[i], larger) <= BOUND
    parts = losses.contributions(prediction, targets, Objective())[0]
    assert parts.sum() == pytest.approx(loss, rel=1e-14)


@given(probabilities(min_size=4, max_size=4), logits(min_size=4, max_size=4))
@settings(max_examples=200)
def test_cross_entropy_is_entropy_plus_divergence(target: Vector, vector: Vector) -> None:
    assume(np.abs(vector).max() < 8e307)  # no difference overflows
    prediction, targets = Logits(vector[None]), Probabilities(target[None])
    loss = losses.cross_entropy(prediction, targets)[0]
    entropy = losses.target_entropy(targets)[0]
    divergence = losses.excess_entropy(prediction, targets)[0]
    assert divergence >= 0
    assert entropy + divergence == pytest.approx(loss, rel=1e-12, abs=1e-300)


@given(probabilities(min_size=2), st.data())
@settings(max_examples=200, deadline=None)
def test_labels_against_probabilities(vector: Vector, data: st.DataObject) -> None:
    label = data.draw(st.integers(0, len(vector) - 1))
    truth = Reference.of_probabilities(vector)
    prediction, labels = Probabilities(vector[None]), np.array([label])
    assert ulps(losses.cross_entropy(prediction, labels)[0], -truth.log_p[label]) <= BOUND
    assert ulps(prediction.entropy()[0], truth.entropy()) <= BOUND
    exact = -truth.complement(label)
    assert ulps(losses.gradient(prediction, labels, Objective())[0, label], exact) <= BOUND


def test_log_probabilities_are_logits_that_sum_to_one() -> None:
    logs = np.log(np.array([[0.25, 0.5, 0.25]]))
    assert from_log_probabilities(logs).probabilities()[0] == pytest.approx([0.25, 0.5, 0.25])
    with pytest.raises(RowErrors, match="sum to 2"):
        from_log_probabilities(logs + np.log(2))


def test_perplexity_of_a_large_loss_keeps_its_first_digits() -> None:
    scores = [
        -522.9054484396844,
        -122.8260599913035,
        -262.0145956688018,
        305.62056258611005,
        -156.0,
    ]
    target = [0.1, 0.2, 0.3, 0.4, 0.0]
    prediction, targets = Logits(np.array([scores])), Probabilities(np.array([target]))
    loss = Reference.of_probabilities(target).cross_entropy(Reference.of_logits(scores))
    assert ulps(losses.perplexity(prediction, targets)[0], mpmath.exp(loss)) <= BOUND


def test_confident_and_right_keeps_its_digits() -> None:
    loss = losses.cross_entropy(Logits(np.array([[0.0, -50.0]])), np.array([0]))[0]
    assert ulps(loss, mpmath.log1p(mpmath.exp(-50))) <= 1


def test_printed_probabilities_are_divided_by_their_sum() -> None:
    printed = Probabilities(np.array([[0.3333333, 0.3333334, 0.3333334]]))
    exact = Reference.of_probabilities([0.3333333, 0.3333334, 0.3333334])
    assert ulps(printed.surprisals()[0, 0], -exact.log_p[0]) <= 1


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([0.5, 0.6], "sum to 1.1"),
        ([0.5, -0.5], "-0.5 of class 1 is negative"),
        ([0.5, np.inf], "not finite"),
        ([0.0, 0.0], "every probability is 0"),
    ],
)
def test_what_is_no_distribution_is_named(bad: list[float], message: str) -> None:
    with pytest.raises(RowErrors, match=message) as caught:
        Probabilities(np.array([[0.5, 0.5], bad]))
    assert 1 in caught.value.errors


def test_normalize_takes_any_sum_even_one_that_overflows() -> None:
    huge = Probabilities(np.array([[1e308, 1e308, 1e308]]), normalize=True)
    assert huge.probabilities()[0] == pytest.approx([1 / 3] * 3)
    with pytest.raises(RowErrors, match="every probability is 0"):
        Probabilities(np.array([[0.0, 0.0]]), normalize=True)


def test_a_vast_loss_says_nothing_of_numpy() -> None:
    prediction = Logits(np.array([[1.7e308, -1.7e308]]))
    assert losses.cross_entropy(prediction, Probabilities(np.array([[0.0, 1.0]])))[0] == np.inf
    some = losses.cross_entropy(prediction, Probabilities(np.array([[0.9, 0.1]])))[0]
    assert some == pytest.approx(3.4e307, rel=1e-15)
