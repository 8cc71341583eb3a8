"""Every quantity, given in every way, on every family of hard cases, against exact values."""

from __future__ import annotations

import math
from itertools import cycle

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from softmax_cli.core import losses
from softmax_cli.core.divergences import jeffreys, jensen_shannon, kl_divergence, kl_terms
from softmax_cli.core.losses import Objective
from softmax_cli.core.probabilities import Probabilities
from softmax_cli.core.softmax import Logits, from_log_probabilities
from softmax_cli.errors import RowErrors
from tests.corpus import Vector, cases, logits, probabilities
from tests.exactly import Reference, ulps
from tests.quantities import BOUND, GIVEN, NEAREST, QUANTITIES, Judge

CASES = 40
FEW = 2
TEMPERATURES = [1.0, 0.5, 7.3, 1e-3, 1e3, 1e-300, 1e300]


@pytest.mark.parametrize(
    ("given", "family"), [(name, family) for name in GIVEN for family in GIVEN[name].families]
)
def test_the_promise(given: str, family: str) -> None:
    kind = GIVEN[given]
    count = FEW if "17,000" in family else CASES
    for case, temperature in zip(cases(kind.families[family], count), cycle(TEMPERATURES)):
        if given == "logits" and case.temperature == 1:
            case = case._replace(temperature=temperature)  # noqa: PLW2901
        pair, judge = kind.ours(case), Judge(given, case)
        for name, quantity in QUANTITIES[given].items():
            error = judge.judge(name, quantity.ours(pair)).error
            assert error <= quantity.bound_of(family), f"{name} of {case}"


def row(vector: list[float]) -> Vector:
    return np.array([vector])


@pytest.mark.parametrize(
    ("size", "spread"), [(1_000, 1.0), (1_000, 30.0), (1_000, 300.0), (100_000, 30.0)]
)
def test_wide_rows_are_right_too(size: int, spread: float) -> None:
    vector = np.random.default_rng(size).normal(size=size) * spread
    with mpmath.workprec(200):
        truth = Reference.of_logits(vector)
        entropy = truth.entropy()
    ours = Logits(vector[None])
    some = [*range(0, size, size // 50), int(np.argmax(vector))]
    assert max(ulps(ours.probabilities()[0, i], truth.p[i]) for i in some) <= NEAREST
    assert max(ulps(ours.log_probabilities()[0, i], truth.log_p[i]) for i in some) <= NEAREST
    assert ulps(ours.entropy()[0], entropy) <= BOUND


def test_a_hundred_thousand_subnormal_terms_add_up() -> None:
    vector = np.full(100_000, -740.0)
    vector[0] = 0.0
    ours = Logits(vector[None])
    rest = 99_999 * mpmath.exp(-740)
    assert ulps(ours.log_probabilities()[0, 0], -mpmath.log1p(rest)) <= 1
    assert ulps(ours.entropy()[0], Reference.of_logits([0, -740]).entropy() * 99_999) <= 1


def test_values_of_softmax_to_check_against() -> None:
    expected = [0.09003057317038046, 0.24472847105479764, 0.6652409557748219]
    assert Logits(row([1, 2, 3])).probabilities()[0].tolist() == expected
    assert Logits(row([1000, 1001, 1002])).probabilities()[0].tolist() == expected
    # An often-copied text gives 0.3006, 0.3322, 0.3672 for this one, which is wrong.
    assert Logits(row([0.2, 0.3, 0.5])).probabilities()[0] == pytest.approx(
        [0.289433, 0.319873, 0.390694], abs=1e-6
    )
    assert Logits(row([0, -40])).logsumexp()[0] == 4.248354255291589e-18


def test_temperature_zero_is_the_limit() -> None:
    ours = Logits(row([1, 3, 3]), temperature=0)
    assert ours.probabilities()[0].tolist() == [0, 0.5, 0.5]
    assert ours.log_probabilities()[0, 0] == -np.inf
    assert ours.entropy()[0] == np.log(2)
    assert ours.logsumexp()[0] == np.inf
    assert Logits(row([-1, -3]), temperature=0).logsumexp()[0] == -np.inf
    assert Logits(row([0, 0]), temperature=0).logsumexp()[0] == np.log(2)


def test_a_masked_class_has_no_part_in_anything() -> None:
    with_mask, without = Logits(row([1, -np.inf, 2])), Logits(row([1, 2]))
    assert with_mask.probabilities()[0, [0, 2]].tolist() == without.probabilities()[0].tolist()
    assert with_mask.probabilities()[0, 1] == 0
    assert with_mask.log_probabilities()[0, 1] == -np.inf
    assert with_mask.entropy()[0] == without.entropy()[0]
    assert with_mask.logsumexp()[0] == without.logsumexp()[0]


def test_one_infinite_logit_is_the_limit() -> None:
    ours = Logits(row([1, np.inf, -np.inf]))
    assert ours.probabilities()[0].tolist() == [0, 1, 0]
    assert ours.entropy()[0] == 0
    assert ours.logsumexp()[0] == np.inf


def test_differences_beyond_the_largest_float_come_back_by_the_temperature() -> None:
    for temperature, low in ((1, -np.inf), (1e10, -3e298)):
        ours = Logits(row([1.5e308, -1.5e308]), temperature=temperature)
        assert ours.log_probabilities()[0].tolist() == [0, low]


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


def test_values_of_kl_to_check_against() -> None:
    p = Probabilities(np.array([[9, 12, 4]]) / 25)
    uniform = Probabilities(np.full((1, 3), 1 / 3))
    assert kl_divergence(p, uniform)[0] == pytest.approx(0.0852996, abs=5e-8)
    assert kl_divergence(uniform, p)[0] == pytest.approx(0.0974550, abs=5e-8)
    assert kl_terms(p, uniform)[0].sum() == pytest.approx(0.0852996, abs=5e-8)


@given(probabilities(min_size=2), st.integers(-900, 900), st.integers(0, 99))
def test_sums_of_any_size_are_divided_by_without_a_loss(p: Vector, power: int, seed: int) -> None:
    assume((p > 0).sum() > 1)
    q = p * np.random.default_rng(seed).uniform(0.2, 1, len(p))
    scale = 10.0 ** (power / 3 - 0.5)
    for a, b in ((p * scale, q), (q, p * scale)):
        if not a.all() or not b.all():  # scaled to nothing
            continue
        ours, theirs = (Probabilities(x[None], normalize=True) for x in (a, b))
        exact_a, exact_b = Reference.of_probabilities(a), Reference.of_probabilities(b)
        forward, backward = exact_a.kl(exact_b), exact_b.kl(exact_a)
        assert ulps(kl_divergence(ours, theirs)[0], forward) <= BOUND
        assert ulps(jeffreys(ours, theirs)[0], forward + backward) <= BOUND
        assert ulps(jensen_shannon(ours, theirs)[0], exact_a.js(exact_b)) <= BOUND


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


@given(probabilities(min_size=4, max_size=4), logits(min_size=4, max_size=4))
@settings(max_examples=200)
def test_cross_entropy_is_entropy_plus_divergence(target: Vector, vector: Vector) -> None:
    assume(np.abs(vector).max() < 8e307)  # no difference overflows
    prediction, targets = Logits(vector[None]), Probabilities(target[None])
    loss = losses.cross_entropy(prediction, targets)[0]
    entropy = losses.target_entropy(targets)[0]
    divergence = losses.excess_entropy(prediction, targets)[0]
    parts = losses.contributions(prediction, targets, Objective())[0]
    assert parts.sum() == pytest.approx(loss, rel=1e-14)
    assert divergence >= 0
    assert entropy + divergence == pytest.approx(loss, rel=1e-12, abs=1e-300)


def test_log_probabilities_are_logits_that_sum_to_one() -> None:
    logs = np.log(np.array([[0.25, 0.5, 0.25]]))
    assert from_log_probabilities(logs).probabilities()[0] == pytest.approx([0.25, 0.5, 0.25])
    with pytest.raises(RowErrors, match="sum to 2"):
        from_log_probabilities(logs + np.log(2))


@given(logits(), st.data())
def test_the_perplexity_of_a_label_is_right(vector: Vector, data: st.DataObject) -> None:
    label = data.draw(st.integers(0, len(vector) - 1))
    exact = mpmath.exp(-Reference.of_logits(vector).log_p[label])
    assert ulps(losses.perplexity(Logits(vector[None]), np.array([label]))[0], exact) <= BOUND


def test_perplexity_of_a_large_loss_keeps_its_first_digits() -> None:
    scores = [-522.9054484396844, -122.8260599913035, -262.0145956688018, 305.62056258611005, -156]
    target = [0.1, 0.2, 0.3, 0.4, 0.0]
    prediction, targets = Logits(np.array([scores])), Probabilities(np.array([target]))
    loss = Reference.of_probabilities(target).cross_entropy(Reference.of_logits(scores))
    assert ulps(losses.perplexity(prediction, targets)[0], mpmath.exp(loss)) <= BOUND


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
