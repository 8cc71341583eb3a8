"""Laws that every softmax keeps."""

from __future__ import annotations

import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from softmax_cli.core import divergences, losses
from softmax_cli.core.probabilities import Masses
from softmax_cli.core.ranking import hardmax
from softmax_cli.core.softmax import Logits
from softmax_cli.errors import RowErrors
from tests.exactly import Reference, ulps
from tests.strategies import Vector, logits, temperatures


def softmax(rows: Vector, temperature: float = 1.0) -> Vector:
    return Logits(rows, temperature=temperature).probabilities()


def log_softmax(rows: Vector) -> Vector:
    return Logits(rows).log_probabilities()


@given(logits(), temperatures)
def test_sums_to_one_and_stays_between_zero_and_one(vector: Vector, temperature: float) -> None:
    p = softmax(vector[None], temperature=temperature)[0]
    assert math.fsum(p) == pytest.approx(1, abs=4e-16 * len(p))
    assert (p >= 0).all()
    assert (p <= 1).all()


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=8), st.integers(-(2**40), 2**40))
def test_an_exact_shift_changes_no_bit(scores: list[int], shift: int) -> None:
    vector = np.array(scores, float)
    assert softmax(vector[None]).tobytes() == softmax(vector[None] + shift).tobytes()


@given(logits(), temperatures)
def test_order_is_kept(vector: Vector, temperature: float) -> None:
    p = softmax(vector[None], temperature=temperature)[0]
    assert (np.diff(p[np.argsort(vector, kind="stable")]) >= 0).all()


@given(logits(min_size=2))
def test_the_order_of_the_classes_changes_next_to_nothing(vector: Vector) -> None:
    p = softmax(vector[None])[0]
    assert softmax(vector[None, ::-1])[0, ::-1] == pytest.approx(p, rel=3e-16, abs=5e-324)


def test_the_order_of_the_classes_changes_hardly_a_digit() -> None:
    block = np.random.default_rng(2).normal(size=(5_000, 10)) * 3
    for function in (softmax, log_softmax):
        changed = function(block[:, ::-1])[:, ::-1] != function(block)
        assert changed.mean() < 1e-4


@given(logits())
def test_low_temperatures_end_in_hardmax_and_high_ones_in_equal_shares(vector: Vector) -> None:
    cold = softmax(vector[None], temperature=0)[0]
    winners = hardmax(vector[None]).winners[0]
    assert cold.tolist() == (winners / winners.sum()).tolist()
    assume(np.ptp(vector / 2) < 1e280)
    hot = softmax(vector[None], temperature=1e300)[0]
    assert hot == pytest.approx(np.full(len(vector), 1 / len(vector)), rel=1e-15)


@given(st.lists(logits(min_size=5, max_size=5), min_size=1, max_size=40), st.data())
@settings(max_examples=50)
def test_a_row_has_the_same_bits_whatever_stands_beside_it(
    vectors: list[Vector], data: st.DataObject
) -> None:
    block = np.array(vectors)
    start = data.draw(st.integers(0, len(vectors) - 1))
    stop = data.draw(st.integers(start + 1, len(vectors)))
    whole, part = Logits(block), Logits(block[start:stop])
    for name in ("probabilities", "log_probabilities", "logsumexp", "entropy", "perplexity"):
        expected = getattr(whole, name)()[start:stop]
        assert expected.tobytes() == getattr(part, name)().tobytes(), name


@pytest.mark.parametrize("function", [softmax, log_softmax])
@pytest.mark.parametrize("width", [1, 2, 3, 7, 8, 9, 32, 33, 100, 1001, 20_000])
def test_blocks_do_not_change_bits_at_any_width(
    width: int, function: Callable[[Vector], Vector]
) -> None:
    rng = np.random.default_rng(width)
    block = rng.normal(size=(37, width)) * rng.choice([3, 30, 300], size=(37, 1))
    block[:, -1] += rng.choice([0, 20, 40], size=37)
    whole = function(block)
    for rows in (1, 2, 8, 36):
        parts = [function(block[at : at + rows]) for at in range(0, len(block), rows)]
        assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_inputs_are_not_written_to() -> None:
    block = np.array([[1.0, 2.0, np.inf], [3.0, -np.inf, 1.0]])
    block.flags.writeable = False
    Logits(block).probabilities()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([1, np.nan], "a value is nan"),
        ([-np.inf, -np.inf], "every value is -inf"),
        ([np.inf, np.inf], "2 values are inf"),
    ],
)
def test_a_row_without_an_answer_is_named(bad: list[float], message: str) -> None:
    block = np.array([[1, 2], bad, [3, 4], bad])
    for make in (Logits, hardmax):
        with pytest.raises(RowErrors, match=message) as caught:
            make(block)
        assert 1 in caught.value.errors
        assert list(caught.value.errors) == [1, 3]
        assert all(message in error.message for error in caught.value.errors.values())


@pytest.mark.parametrize("classes", [1, 3, 40])
def test_no_rows_are_rows_too(classes: int) -> None:
    ours = Logits(np.empty((0, classes)), temperature=0.5)
    for values in (ours.probabilities(), ours.log_probabilities(), ours.surprisals()):
        assert values.shape == (0, classes)
    for values in (ours.entropy(), ours.logsumexp(), ours.perplexity()):
        assert values.shape == (0,)


@given(logits(min_size=2), temperatures)
def test_bits_and_dits_are_as_near_as_nats(vector: Vector, temperature: float) -> None:
    truth = Reference.of_logits(vector, temperature)
    ours = Logits(vector[None], temperature=temperature)
    for base, size in (("2", 2), ("10", 10)):
        assert ulps(ours.entropy(base=base)[0], truth.entropy() / mpmath.log(size)) <= 1
        logs = ours.log_probabilities(base=base)[0]
        for found, exact in zip(logs, truth.log_p, strict=True):
            assert ulps(found, exact / mpmath.log(size)) <= 0.51


def test_no_warning_and_no_nan_where_numbers_are_vast() -> None:
    p, q = (
        Logits(np.array([row])) for row in ([1e300, 1e-17, 1, -1e308], [1, -np.inf, -1, 1e-300])
    )
    m, n = (Masses(np.array([row])) for row in ([1.7e308, 1.7e308], [1e300, 1e16]))
    for a, b in ((p, q), (q, p), (m, n), (n, m)):
        found = (
            divergences.kl_divergence(a, b, base="2"),
            divergences.jeffreys(a, b),
            divergences.jensen_shannon(a, b),
            losses.cross_entropy(b, a),
            divergences.kl_terms(a, b),
        )
        assert not any(np.isnan(values).any() for values in found)
