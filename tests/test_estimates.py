"""Estimated losses: unbiased where they are to be, right to the digit, and from the draws alone."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax_cli.core.hierarchical import scattered
from softmax_cli.core.sampling import Moments, Sampler, log_uniform, proportional
from softmax_cli.core.softmax import Logits
from tests.exactly import Exact, ulps
from tests.quantities import BOUND
from tests.strategies import Vector, logits

NOISES = {
    "uniform": np.full(4, 0.25),
    "log-uniform": log_uniform(4),
    "counts": proportional(np.array([1e300, 5e299, 1e299, 3e299])),
}
SCORES = np.array([0.3, -1.2, 2.5, 0.9])


def sampler_of(noise: Vector, draws: int, *, is_negative: bool) -> Sampler:
    return Sampler(noise, draws, is_negative, np.random.Generator(np.random.PCG64(7)))


def every_draw(label: int, draws: int) -> np.ndarray:
    """A label before all sequences of draws, shape (1 + draws, sequences)."""
    return np.array([(label, *drawn) for drawn in itertools.product(range(4), repeat=draws)]).T


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("label", [0, 2])
@pytest.mark.parametrize("draws", [1, 3])
def test_over_all_draws_the_normaliser_is_exact_and_so_is_the_negative_loss(
    name: str, label: int, draws: int
) -> None:
    read = every_draw(label, draws)
    chances = NOISES[name][read[1:]].prod(axis=0)
    sampler = sampler_of(NOISES[name], draws, is_negative=False)
    sampled = sampler.estimate(SCORES[read], read).loss()
    normaliser = math.fsum(chances * np.exp(sampled + SCORES[label]))
    assert normaliser == pytest.approx(np.exp(SCORES).sum(), rel=1e-14)
    # log is concave: the loss itself is too small on average.
    assert math.fsum(chances * sampled) < Logits(SCORES[None]).surprisals()[0, label]
    sampler = sampler_of(NOISES[name], draws, is_negative=True)
    negative = math.fsum(chances * sampler.estimate(SCORES[read], read).loss())
    expected = sampler.expected_negative_loss(SCORES[None], np.array([label]))
    assert negative == pytest.approx(expected[0], rel=1e-14)


@settings(max_examples=60)
@given(logits(min_size=4, max_size=8), st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_estimates_are_right_to_four_ulps(scores: Vector, picks: list[int]) -> None:
    noise = log_uniform(len(scores))
    read = np.array([0, *picks])[:, None]
    others = [pick for pick in picks if pick != 0]
    target = scores[0]
    with mpmath.workprec(2600):
        terms = [
            mpmath.exp(mpmath.mpf(float(scores[k])) - mpmath.mpf(float(target)))
            / mpmath.mpf(float(len(picks) * noise[k]))
            for k in others
            if float(scores[k]) - float(target) > -1e5
        ]
        sampler = sampler_of(noise, len(picks), is_negative=False)
        sampled = sampler.estimate(scores[read], read).loss()[0]
        close(sampled, mpmath.log(1 + mpmath.fsum(terms)))
        costs = [-log_sigmoid(target), *(-log_sigmoid(-scores[k]) for k in others)]
        negative = sampler._replace(is_negative=True).estimate(scores[read], read).loss()[0]
        close(negative, mpmath.fsum(costs))


def log_sigmoid(x: float) -> Exact:
    power = mpmath.exp(-abs(mpmath.mpf(float(x)))) if abs(x) < 1e5 else mpmath.mpf(0)
    return min(mpmath.mpf(float(x)), 0) - mpmath.log(1 + power)


def close(ours: float, exact: Exact) -> None:
    if exact > 1.69e308:
        assert ours > 1.69e308
    elif exact < 2.3e-308:
        assert abs(ours - float(exact)) <= 1e-323
    else:
        assert ulps(float(ours), exact) <= BOUND


def test_masked_and_far_scores_are_limits() -> None:
    sampler = sampler_of(np.array([0.5, 0.5]), 1, is_negative=False)
    read = np.array([[0], [1]])

    def loss(target: float, score: float) -> float:
        made = sampler.estimate(np.array([[target], [score]]), read)
        assert np.isfinite(made.parts()).all()
        assert made.parts().sum() == pytest.approx(1)
        return float(made.loss()[0])

    assert loss(0.0, -np.inf) == 0
    assert loss(-np.inf, 0.0) == np.inf
    assert loss(-1e308, 1e308) == np.inf
    assert loss(0.0, 1e300) == 1e300
    assert loss(1e300, 0.0) == 0
    # All masked says nothing of parts
    made = sampler.estimate(np.array([[-np.inf], [-np.inf]]), read)
    assert made.loss()[0] == np.inf
    assert made.parts().tolist() == made.gradient().tolist() == [[0], [0]]


@pytest.mark.parametrize("is_negative", [False, True])
def test_gradients_are_those_of_the_estimates(is_negative: bool) -> None:
    read = np.array([[0], [1], [3], [1], [0], [3]])
    sampler = sampler_of(NOISES["log-uniform"], 5, is_negative=is_negative)

    def loss(scores: Vector) -> float:
        return float(sampler.estimate(scores[read], read).loss()[0])

    ours = scattered(sampler.estimate(SCORES[read], read).gradient(), read, 4)
    assert is_negative or ours.sum() == pytest.approx(0, abs=1e-15)
    steps = np.eye(4) * 1e-6
    numeric = [(loss(SCORES + step) - loss(SCORES - step)) / 2e-6 for step in steps]
    assert ours[0] == pytest.approx(numeric, abs=1e-9)
    assert ours[0, 2] == 0


def test_noise() -> None:
    for noise in NOISES.values():
        assert math.fsum(noise) == pytest.approx(1, rel=1e-15)
    as_tensorflow = [(math.log(k + 2) - math.log(k + 1)) / math.log(1001) for k in range(1000)]
    assert log_uniform(1000) == pytest.approx(as_tensorflow, rel=1e-12)
    assert NOISES["counts"][0] == pytest.approx(10 / 19, rel=1e-15)
    drawn = sampler_of(NOISES["counts"], 40000, is_negative=True).read(np.array([2]))[1:, 0]
    assert np.bincount(drawn) / 40000 == pytest.approx(NOISES["counts"], abs=0.01)


def test_scores_are_counted_once() -> None:
    scores, labels = np.tile(SCORES, (50, 1)), np.arange(50) % 4
    sampler = sampler_of(NOISES["uniform"], 3, is_negative=True)
    means, _, read = sampler.trials(scores, labels, np.zeros(50), 1)
    assert means[2].tolist() == [len(set(classes)) for classes in read.T.tolist()]


@given(st.integers(1, 50), st.integers(2, 50))
def test_moments_do_not_hang_on_the_parts(first: int, second: int) -> None:
    values = np.random.Generator(np.random.PCG64(first)).normal(1e6, 1, (first + second, 3))
    moments = Moments()
    moments.add(values[:first])
    moments.add(values[first:])
    assert moments.mean == pytest.approx(values.mean(axis=0), rel=1e-14)
    expected = values.std(axis=0, ddof=1) / math.sqrt(first + second)
    assert moments.standard_error() == pytest.approx(expected, rel=1e-7)
