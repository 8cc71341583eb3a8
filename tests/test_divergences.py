"""KL and its relatives, against references of hundreds of digits."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from softmax_cli.core.divergences import jeffreys, jensen_shannon, kl_divergence, kl_terms
from softmax_cli.core.probabilities import Distribution, Probabilities
from softmax_cli.core.softmax import Logits
from tests.exactly import Reference, ulps
from tests.strategies import Vector, logits, probabilities

# The promise, and that where P and Q agree to 15 digits
BOUND = 1.0
ALIKE = 2.0

nearness = st.sampled_from([1e-15, 1e-12, 1e-8, 1e-4, 1e-2, 1.0])


def check(
    p: Distribution, q: Distribution, exact_p: Reference, exact_q: Reference, bound: float = BOUND
) -> None:
    forward, backward = exact_p.kl(exact_q), exact_q.kl(exact_p)
    assert ulps(kl_divergence(p, q)[0], forward) <= bound
    assert ulps(jeffreys(p, q)[0], forward + backward) <= bound
    assert ulps(jensen_shannon(p, q)[0], exact_p.js(exact_q)) <= bound


@given(logits(min_size=3, max_size=3), logits(min_size=3, max_size=3))
@settings(max_examples=200, deadline=None)
def test_unrelated_logits(a: Vector, b: Vector) -> None:
    assume(max(np.abs(a).max(), np.abs(b).max()) < 1e305)
    check(Logits(a[None]), Logits(b[None]), Reference.of_logits(a), Reference.of_logits(b))


@given(logits(min_size=4, max_size=4), nearness, st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_logits_that_nearly_agree(a: Vector, nearness: float, random: Random) -> None:
    assume(np.abs(a).max() < 1e305)
    b = a + nearness * np.array([random.uniform(-1, 1) for _ in a])
    check(Logits(a[None]), Logits(b[None]), Reference.of_logits(a), Reference.of_logits(b), ALIKE)


@given(probabilities(min_size=3, max_size=3), nearness, st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_probabilities_that_nearly_agree(a: Vector, nearness: float, random: Random) -> None:
    assume((a > 0).all())
    factors = np.array([1 + nearness * random.uniform(-0.9, 0.9) for _ in a])
    b = a * factors
    b /= b.sum()
    exact_a, exact_b = Reference.of_probabilities(a), Reference.of_probabilities(b)
    check(Probabilities(a[None]), Probabilities(b[None]), exact_a, exact_b, ALIKE)


@given(probabilities(min_size=3, max_size=3))
def test_identical_inputs_are_exactly_zero_apart(a: Vector) -> None:
    p = Probabilities(a[None])
    for divergence in (kl_divergence, jeffreys, jensen_shannon):
        assert divergence(p, p)[0] == 0
    scores = Logits(a[None])
    shifted = Logits(a[None] + 0.0)
    assert kl_divergence(scores, shifted)[0] == 0


@given(probabilities(min_size=3, max_size=3), probabilities(min_size=3, max_size=3))
def test_never_negative_and_js_at_most_log_two(a: Vector, b: Vector) -> None:
    p, q = Probabilities(a[None]), Probabilities(b[None])
    assert kl_divergence(p, q)[0] >= 0
    assert 0 <= jensen_shannon(p, q)[0] <= math.nextafter(math.log(2), 1)
    assert jensen_shannon(p, q)[0] == pytest.approx(jensen_shannon(q, p)[0], rel=1e-14)


def test_zeros() -> None:
    p, q = Probabilities(np.array([[0.5, 0.5, 0]])), Probabilities(np.array([[0.25, 0.75, 0]]))
    assert kl_divergence(p, q)[0] == pytest.approx(0.5 * math.log(4 / 3))
    certain = Probabilities(np.array([[1.0, 0, 0]]))
    assert kl_divergence(certain, p)[0] == pytest.approx(math.log(2))
    assert kl_divergence(p, certain)[0] == math.inf
    assert jensen_shannon(p, certain)[0] < math.log(2)
    masked = Logits(np.array([[0.0, -np.inf, 1.0]]))
    assert kl_divergence(masked, Logits(np.array([[0.0, 0.0, 1.0]])))[0] > 0
    assert kl_divergence(Logits(np.array([[0.0, 0.0, 1.0]])), masked)[0] == math.inf


def test_values_to_check_against() -> None:
    p = Probabilities(np.array([[9, 12, 4]]) / 25)
    uniform = Probabilities(np.full((1, 3), 1 / 3))
    assert kl_divergence(p, uniform)[0] == pytest.approx(0.0852996, abs=5e-8)
    assert kl_divergence(uniform, p)[0] == pytest.approx(0.0974550, abs=5e-8)
    assert kl_terms(p, uniform)[0].sum() == pytest.approx(0.0852996, abs=5e-8)


@given(probabilities(min_size=2), st.integers(-900, 900), st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_sums_of_any_size_are_divided_by_without_a_loss(p: Vector, power: int, seed: int) -> None:
    assume((p > 0).sum() > 1)
    q = p * np.random.default_rng(seed).uniform(0.2, 1, len(p))
    scale = 10.0 ** (power / 3 - 0.5)
    for a, b in ((p * scale, q), (q, p * scale)):
        if not a.all() or not b.all():  # scaled to nothing
            continue
        ours, theirs = (Probabilities(x[None], normalize=True) for x in (a, b))
        check(ours, theirs, Reference.of_probabilities(a), Reference.of_probabilities(b))


def test_a_sum_of_1e_20_is_as_good_as_one_of_1() -> None:
    p = Probabilities(np.array([[1e-20, 0.0]]), normalize=True)
    q = Probabilities(np.array([[0.5, 0.5]]))
    assert kl_divergence(p, q)[0] == np.log(2)
    r = Probabilities(np.array([[0.0, 1.0]]))
    assert jensen_shannon(p, r)[0] == np.log(2)


def test_proportional_vectors_are_not_a_negative_distance_apart() -> None:
    p = np.array([8 / 9, 1 / 9])
    ours, other = (Probabilities(x[None], normalize=True) for x in (p, p * 0.7))
    assert 0 <= jensen_shannon(ours, other)[0] < 1e-60
