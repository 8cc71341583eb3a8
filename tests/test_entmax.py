"""softmax --alpha: the entmax family."""

import json
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax_cli.core.entmax import Entmax
from softmax_cli.core.softmax import Logits
from tests.conftest import Run
from tests.corpus import Vector, logits
from tests.exactly import entmax_shares, ulps

NEAREST = 0.51
BOUND = 1.0
# A share whose own size hangs on the last of 100 bits of the others
TINY = 1e-27
ALPHAS = [1 + 2.0**-40, 1.001, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 11.0]
alphas = st.sampled_from(ALPHAS)


def entmax(vector: Vector | list[float], alpha: float, temperature: float = 1.0) -> Vector:
    found: Vector = Entmax(
        np.array([vector]), alpha=alpha, temperature=temperature
    ).probabilities()[0]
    return found


@given(logits(max_size=6), alphas, st.sampled_from([1.0, 0.3, 7.3, 1e300]))
@settings(max_examples=40)
def test_shares_logarithms_and_entropy_are_right_to_one_ulp(
    vector: Vector, alpha: float, temperature: float
) -> None:
    ours = Entmax(vector[None], alpha=alpha, temperature=temperature)
    found, logs = ours.probabilities()[0], ours.log_probabilities()[0]
    with mpmath.workprec(2600 if np.abs(vector).max() > 1e20 else 500):
        truth = entmax_shares(vector, alpha, temperature)
        for p, log_p, exact in zip(found, logs, truth, strict=True):
            if exact > TINY:
                assert ulps(p, exact) <= NEAREST
                assert ulps(log_p, mpmath.log(exact)) <= BOUND or exact > 1 - 1e-14
            else:
                assert p <= 2 * TINY
        entropy = -mpmath.fsum(p * mpmath.log(p) for p in truth if p)
        assert ulps(ours.entropy()[0], entropy) <= BOUND or entropy < 1e-14


def test_small_cases_worked_by_hand() -> None:
    assert entmax([1, 2, 2.5], 2.0).tolist() == [0, 0.25, 0.75]
    assert entmax([0.5, 0.25, 0.125], 2.0) == pytest.approx([13 / 24, 7 / 24, 4 / 24], abs=0)
    # With v = sqrt(p) of the second: v**2 + (v + 1/2)**2 = 1
    v = (math.sqrt(7) - 1) / 4
    assert entmax([1, 0], 1.5) == pytest.approx([(v + 0.5) ** 2, v**2], rel=4e-16)
    # With p the second share: sqrt(p**2 + 2 / 4) = 1 - p
    assert entmax([0.25, 0], 3.0) == pytest.approx([0.75, 0.25], rel=1e-16)
    for alpha in ALPHAS:
        assert entmax([7, 7, 7], alpha).tolist() == [1 / 3] * 3
        assert entmax([5], alpha).tolist() == [1]


@pytest.mark.parametrize("c", [0.25, 0.5, 1.0, 2.0, 8.0])
def test_a_class_on_the_very_edge_has_no_share(c: float) -> None:
    assert entmax([0.0, -1 / c], 1 + c).tolist() == [1, 0]
    inside = entmax([0.0, np.nextafter(-1 / c, 0)], 1 + c)
    assert inside[1] > 0
    assert inside[0] + inside[1] == pytest.approx(1)
    assert entmax([0.0, np.nextafter(-1 / c, -9)], 1 + c).tolist() == [1, 0]


def test_special_scores() -> None:
    inf = np.inf
    assert entmax([1, -inf, 2], 1.5).tolist() == np.insert(entmax([1, 2], 1.5), 1, 0).tolist()
    assert entmax([1, inf, -inf], 1.5).tolist() == [0, 1, 0]
    assert entmax([1.7e308, -1.7e308], 1.5).tolist() == [1, 0]
    assert entmax([1.7e308, -1.7e308], 1.5, 1e300).tolist() == [1, 0]
    assert entmax([1, 3, 3], 1.5, 0.0).tolist() == [0, 0.5, 0.5]
    assert entmax([1, 2], 1e308).tolist() == [0, 1]
    assert entmax([2, 2, 1], 1e308).tolist() == [0.5, 0.5, 0]
    certain = Entmax(np.array([[0.0, -9.0]]), alpha=2.0)
    assert str(certain.log_probabilities()[0].tolist()) == "[0.0, -inf]"
    assert certain.entropy()[0] == 0


@given(logits())
@settings(max_examples=50)
def test_the_support_shrinks_as_alpha_grows(vector: Vector) -> None:
    supports = [entmax(vector, alpha) > 0 for alpha in [*ALPHAS, 1e6]]
    for smaller, larger in zip(supports[2:], supports[1:], strict=False):
        assert (larger | ~smaller).all()


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8))
@settings(max_examples=50)
def test_alpha_near_one_nears_softmax(scores: list[float]) -> None:
    expected = Logits(np.array([scores])).probabilities()[0]
    for alpha, near in ((1 + 2.0**-52, 1e-13), (1 + 2.0**-30, 1e-6)):
        assert entmax(scores, alpha) == pytest.approx(expected, rel=near)


@given(st.lists(logits(min_size=9, max_size=9), min_size=2, max_size=30), alphas)
@settings(max_examples=40)
def test_a_row_has_the_same_bits_whatever_stands_beside_it(
    vectors: list[Vector], alpha: float
) -> None:
    block = np.array(vectors)
    whole = Entmax(block, alpha=alpha)
    for i in range(len(block)):
        alone = Entmax(block[i : i + 1], alpha=alpha)
        for name in ("probabilities", "log_probabilities", "entropy"):
            expected = getattr(whole, name)()[i : i + 1]
            assert getattr(alone, name)().tobytes() == expected.tobytes()
        assert (alone.winners == whole.winners[i]).all()


def test_a_wide_row_sums_to_one() -> None:
    block = np.random.default_rng(1).normal(size=(2, 20_000))
    for alpha in (1.01, 1.5, 2.0, 4.0):
        p = Entmax(block, alpha=alpha).probabilities()
        assert [math.fsum(row) for row in p] == pytest.approx([1, 1], abs=1e-15)


def test_alpha_in_every_format(run: Run) -> None:
    args = ("softmax", "--alpha", "2", "1", "2", "2.5")
    assert run(*args).ok() == "0.0,0.25,0.75\n"
    assert run(*args, "--log").ok() == f"-inf,{math.log(0.25)},{math.log(0.75)}\n"
    one = json.loads(run(*args, "-f", "json").ok())
    assert set(one) == {"logits", "probabilities", "entropy"}
    assert one["entropy"] == pytest.approx(0.5623351446188083)
    table = run(*args, "-f", "table").ok()
    assert "support 2" in table
    assert "logsumexp" not in table
    assert run("softmax", "--alpha", "1", "1", "2").ok() == run("softmax", "1", "2").ok()
    assert "'--alpha'" in run("softmax", "--alpha", "0.9", "1", "2").fails(2)
    assert "'--alpha'" in run("softmax", "--alpha", "inf", "1", "2").fails(2)


def test_cuts_come_first_and_draws_last(run: Run) -> None:
    args = ("softmax", "--alpha", "1.5", "--top-k", "2", "0", "0.5", "0.4")
    assert run(*args).numbers()[0] == pytest.approx([0, *entmax([0.5, 0.4], 1.5)])
    drawn = run("softmax", "--alpha", "2", "--sample", "500", "--seed", "1", "1", "2", "2.5").ok()
    assert set(drawn.strip().split(",")) == {"1", "2"}
