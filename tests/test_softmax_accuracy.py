"""Softmax and what is read off it, against references of hundreds of digits."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings

from softmax_cli.core.softmax import Logits
from tests.exactly import Reference, exacts, ulps
from tests.strategies import Vector, logits, temperatures

# The promise of most quantities
BOUND = 1.0
NEAREST = 0.51


def row(vector: list[float]) -> Vector:
    return np.array([vector])


@given(logits(), temperatures)
@settings(max_examples=300, deadline=None)
def test_every_quantity_is_right(vector: Vector, temperature: float) -> None:
    truth = Reference.of_logits(vector, temperature)
    ours = Logits(vector[None], temperature=temperature)
    complements = ours.complement.rounded()[:, 0]
    for i in range(len(vector)):
        assert ulps(ours.probabilities()[0, i], truth.p[i]) <= NEAREST
        assert ulps(ours.log_probabilities()[0, i], truth.log_p[i]) <= NEAREST
        assert ulps(ours.surprisals()[0, i], -truth.log_p[i]) <= NEAREST
        assert ulps(complements[i], truth.complement(i)) <= NEAREST
    entropy = truth.entropy()
    assert ulps(ours.entropy()[0], entropy) <= BOUND
    assert ulps(ours.perplexity()[0], mpmath.exp(entropy)) <= BOUND


@given(logits())
@settings(max_examples=200, deadline=None)
def test_logsumexp_is_right_in_ulps_of_the_larger_of_it_and_the_maximum(vector: Vector) -> None:
    maximum = max(exacts(vector))
    total = mpmath.fsum(mpmath.exp(x - maximum) for x in exacts(vector))
    exact = maximum + mpmath.log(total)
    scale = max(abs(float(exact)), abs(float(maximum)))
    assert ulps(Logits(vector[None]).logsumexp()[0], exact, scale) <= NEAREST


@pytest.mark.parametrize(
    ("size", "spread"), [(1_000, 1.0), (1_000, 30.0), (1_000, 300.0), (100_000, 30.0)]
)
def test_wide_rows_are_right_too(size: int, spread: float) -> None:
    vector = np.random.default_rng(size).normal(size=size) * spread
    with mpmath.workprec(700):
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


def test_values_to_check_against() -> None:
    expected = [0.09003057317038046, 0.24472847105479764, 0.6652409557748219]
    assert Logits(row([1, 2, 3])).probabilities()[0].tolist() == expected
    assert Logits(row([1000, 1001, 1002])).probabilities()[0].tolist() == expected
    # An often-copied text gives 0.3006, 0.3322, 0.3672 for this one, which is wrong.
    assert Logits(row([0.2, 0.3, 0.5])).probabilities()[0] == pytest.approx(
        [0.289433, 0.319873, 0.390694], abs=1e-6
    )
    assert Logits(row([0, -40])).logsumexp()[0] - 0 == 4.248354255291589e-18


def test_shifted_by_700_as_most_libraries_do_would_lose_500_ulps() -> None:
    vector = [-300.1, 400.3, 12.7]
    naive = np.exp(np.array(vector) - 400.3)
    truth = Reference.of_logits(vector)
    assert ulps(naive[0] / naive.sum(), truth.p[0]) > 50
    assert ulps(Logits(row(vector)).probabilities()[0, 0], truth.p[0]) <= 2


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
    vector = [1.5e308, -1.5e308]
    assert Logits(row(vector)).log_probabilities()[0].tolist() == [0, -np.inf]
    assert Logits(row(vector), temperature=1e10).log_probabilities()[0].tolist() == [0, -3e298]
