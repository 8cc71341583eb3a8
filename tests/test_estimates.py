"""Estimated losses: unbiased where they are to be, right to the digit, and from the draws alone."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax_cli.core import sampling
from softmax_cli.core.sampling import (
    Moments,
    NegativeSampling,
    Noise,
    SampledSoftmax,
    expected_negative_loss,
    scattered,
    scores_read,
)
from softmax_cli.core.softmax import Logits
from tests.exactly import Exact, ulps
from tests.quantities import BOUND
from tests.strategies import Vector, logits

NOISES = {
    "uniform": sampling.uniform(4),
    "log-uniform": sampling.log_uniform(4),
    "counts": sampling.proportional(np.array([1e300, 5e299, 1e299, 3e299])),
}
SCORES = np.array([0.3, -1.2, 2.5, 0.9])


def every_draw(from_: Noise, draws: int) -> tuple[np.ndarray, Vector]:
    """All sequences of draws, shape (draws, sequences), and how likely each is."""
    drawn = np.array(list(itertools.product(range(4), repeat=draws))).T
    return drawn, from_.probabilities[drawn].prod(axis=0)


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("label", [0, 2])
@pytest.mark.parametrize("draws", [1, 3])
def test_over_all_draws_the_normaliser_is_exact_and_so_is_the_negative_loss(
    name: str, label: int, draws: int
) -> None:
    drawn, chances = every_draw(NOISES[name], draws)
    targets = np.full(drawn.shape[1], SCORES[label])
    kept = (drawn != label).astype(float)
    weights = kept / (draws * NOISES[name].probabilities[drawn])
    sampled = SampledSoftmax(targets, SCORES[drawn], weights).loss()
    normaliser = math.fsum(chances * np.exp(sampled + SCORES[label]))
    assert normaliser == pytest.approx(np.exp(SCORES).sum(), rel=1e-14)
    # log is concave: the loss itself is too small on average.
    assert math.fsum(chances * sampled) < Logits(SCORES[None]).surprisals()[0, label]
    negative = math.fsum(chances * NegativeSampling(targets, SCORES[drawn], kept).loss())
    labels = np.array([label])
    expected = expected_negative_loss(SCORES[None], labels, NOISES[name], draws)
    assert negative == pytest.approx(expected[0], rel=1e-14)


@settings(max_examples=60)
@given(logits(min_size=4, max_size=8), st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_estimates_are_right_to_four_ulps(scores: Vector, picks: list[int]) -> None:
    drawn = np.array(picks)[:, None]
    from_ = sampling.log_uniform(len(scores))
    kept = (drawn != 0).astype(float)
    weights = kept / (len(picks) * from_.probabilities[drawn])
    target = scores[:1]
    with mpmath.workprec(2600):
        terms = [
            mpmath.mpf(float(w)) * mpmath.exp(mpmath.mpf(float(x)) - mpmath.mpf(float(target[0])))
            for x, w in zip(scores[drawn[:, 0]], weights[:, 0], strict=True)
            if w and float(x) - float(target[0]) > -1e5
        ]
        sampled = SampledSoftmax(target, scores[drawn], weights).loss()[0]
        close(sampled, mpmath.log(1 + mpmath.fsum(terms)))
        costs = [-log_sigmoid(target[0]), *(-log_sigmoid(-x) for x in scores[drawn[kept > 0]])]
        negative = NegativeSampling(target, scores[drawn], kept).loss()[0]
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
    def loss(target: float, score: float) -> float:
        made = SampledSoftmax(np.array([target]), np.array([[score]]), np.array([[2.0]]))
        assert np.isfinite(made.probabilities()).all()
        assert made.probabilities().sum() + made.target_probability()[0] == pytest.approx(1)
        return float(made.loss()[0])

    assert loss(0.0, -np.inf) == 0
    assert loss(-np.inf, 0.0) == np.inf
    assert loss(-1e308, 1e308) == np.inf
    assert loss(0.0, 1e300) == 1e300
    assert loss(1e300, 0.0) == 0


def test_all_masked_says_nothing_of_shares() -> None:
    made = SampledSoftmax(np.array([-np.inf]), np.array([[-np.inf]]), np.array([[2.0]]))
    assert made.loss()[0] == np.inf
    assert made.probabilities()[0, 0] == made.complement()[0] == 0


@pytest.mark.parametrize("kind", [SampledSoftmax, NegativeSampling])
def test_gradients_are_those_of_the_estimates(
    kind: type[SampledSoftmax | NegativeSampling],
) -> None:
    drawn = np.array([[1], [3], [1], [0], [3]])
    kept = (drawn != 0) * (1 / 3)

    def loss(scores: Vector) -> float:
        return float(kind(scores[:1], scores[drawn], kept).loss()[0])

    made = kind(SCORES[:1], SCORES[drawn], kept)
    if isinstance(made, SampledSoftmax):
        ours = scattered(made.probabilities(), drawn, 4)
        ours[0, 0] = -made.complement()[0]
        assert ours.sum() == pytest.approx(0, abs=1e-15)
    else:
        ours = scattered(made.score_gradient(), drawn, 4)
        ours[0, 0] = made.target_gradient()[0]
    steps = np.eye(4) * 1e-6
    numeric = [(loss(SCORES + step) - loss(SCORES - step)) / 2e-6 for step in steps]
    assert ours[0] == pytest.approx(numeric, abs=1e-9)
    assert ours[0, 2] == 0


def test_noise() -> None:
    for made in NOISES.values():
        assert math.fsum(made.probabilities) == pytest.approx(1, rel=1e-15)
    ours = sampling.log_uniform(1000).probabilities
    as_tensorflow = [(math.log(k + 2) - math.log(k + 1)) / math.log(1001) for k in range(1000)]
    assert ours == pytest.approx(as_tensorflow, rel=1e-12)
    assert NOISES["counts"].probabilities[0] == pytest.approx(10 / 19, rel=1e-15)
    numbers = np.random.Generator(np.random.PCG64(7))
    drawn = NOISES["counts"].draw(numbers, (40000,))
    assert np.bincount(drawn) / 40000 == pytest.approx(NOISES["counts"].probabilities, abs=0.01)


def test_scores_are_counted_once() -> None:
    drawn = np.array([[1, 0, 2], [1, 0, 3], [2, 0, 2]])
    assert scores_read(drawn, np.array([0, 0, 2])).tolist() == [3, 1, 2]


@given(st.integers(1, 50), st.integers(2, 50))
def test_moments_do_not_hang_on_the_parts(first: int, second: int) -> None:
    values = np.random.Generator(np.random.PCG64(first)).normal(1e6, 1, (first + second, 3))
    moments = Moments()
    moments.add(values[:first])
    moments.add(values[first:])
    assert moments.mean == pytest.approx(values.mean(axis=0), rel=1e-14)
    expected = values.std(axis=0, ddof=1) / math.sqrt(first + second)
    assert moments.standard_error() == pytest.approx(expected, rel=1e-7)
