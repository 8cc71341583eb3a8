"""Laws that every softmax keeps; what is cut before it, and what is drawn from it."""

import json
import math
from functools import partial
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from softmax_cli.core.entmax import Entmax
from softmax_cli.core.hardmax import hardmax
from softmax_cli.core.softmax import Logits
from softmax_cli.core.truncation import truncate
from softmax_cli.errors import RowErrors
from tests.conftest import Run, run_in_terminal
from tests.corpus import Vector, logits, temperatures
from tests.exactly import Reference, exacts, ulps
from tests.test_entmax import ALPHAS
from tests.test_tables import ESCAPES


def softmax(vector: Vector, temperature: float = 1.0, alpha: float = 1.0) -> Vector:
    """The probabilities of one row, by entmax where alpha is not 1."""
    make = Logits if alpha == 1 else partial(Entmax, alpha=alpha)
    p: Vector = make(vector[None], temperature=temperature).probabilities()[0]
    return p


alphas = st.sampled_from([1.0, *ALPHAS])


@given(logits(), temperatures, alphas)
def test_sums_to_one_stays_between_zero_and_one_and_keeps_the_order(
    vector: Vector, temperature: float, alpha: float
) -> None:
    p = softmax(vector, temperature, alpha)
    assert math.fsum(p) == pytest.approx(1, abs=4e-16 * len(p))
    assert (p >= 0).all()
    assert (p <= 1).all()
    assert (np.diff(p[np.argsort(vector, kind="stable")]) >= 0).all()


@given(
    st.lists(st.integers(-1000, 1000), min_size=1, max_size=8), st.integers(-(2**40), 2**40), alphas
)
def test_an_exact_shift_changes_no_bit(scores: list[int], shift: int, alpha: float) -> None:
    vector = np.array(scores) / 16
    moved = softmax(vector + shift, alpha=alpha)
    assert softmax(vector, alpha=alpha).tobytes() == moved.tobytes()


@given(logits())
def test_low_temperatures_end_in_hardmax_and_high_ones_in_equal_shares(vector: Vector) -> None:
    cold = softmax(vector, 0)
    _, winners, _ = hardmax(vector[None])
    assert cold.tolist() == (winners[0] / winners.sum()).tolist()
    assume(np.ptp(vector / 2) < 1e280)
    hot = softmax(vector, 1e300)
    assert hot == pytest.approx(np.full(len(vector), 1 / len(vector)), rel=1e-15)


@pytest.mark.parametrize("name", ["probabilities", "log_probabilities"])
@pytest.mark.parametrize("width", [1, 2, 3, 7, 8, 9, 32, 33, 100, 1001, 20_000])
def test_blocks_do_not_change_bits_at_any_width_and_are_not_changed(width: int, name: str) -> None:
    rng = np.random.default_rng(width)
    block = rng.normal(size=(37, width)) * rng.choice([3, 30, 300], size=(37, 1))
    block[:, -1] += rng.choice([0, 20, 40], size=37)
    block.flags.writeable = False
    whole = getattr(Logits(block), name)()
    for rows in (1, 2, 8, 36):
        parts = [Logits(block[at : at + rows]) for at in range(0, len(block), rows)]
        joined = np.concatenate([getattr(part, name)() for part in parts])
        assert joined.tobytes() == whole.tobytes()


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
    for make in (Logits, hardmax, partial(Entmax, alpha=1.5)):
        with pytest.raises(RowErrors, match=message) as caught:
            make(block)
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


some_k = st.none() | st.integers(1, 9)
some_p = st.none() | st.sampled_from([1e-9, 0.1, 0.3, 0.5, 0.9, 0.999, 1 - 2.0**-53, 1.0])


def kept_by_hand(
    vector: Vector, top_k: int | None, top_p: float | None, min_p: float | None, temperature: float
) -> tuple[set[int], bool]:
    """The classes that are left, one stage after another, and whether that is beyond doubt."""
    p = Reference.of_logits(vector, temperature).p
    left = set(range(len(vector)))
    if top_k is not None:
        left = {i for i in left if sum(vector[j] > vector[i] for j in left) < top_k}
    sure = True
    if top_p is not None and top_p < 1:
        total = mpmath.fsum(p[i] for i in left)
        before = {i: mpmath.fsum(p[j] for j in left if vector[j] > vector[i]) for i in left}
        sure = all(abs(x / total - top_p) > 1e-15 * min(top_p, 1 - top_p) for x in before.values())
        left = {i for i in left if before[i] < top_p * total}
    if min_p is not None:
        largest, divisor = max(exacts(vector)), mpmath.mpf(temperature)
        gaps = {i: (mpmath.mpf(float(vector[i])) - largest) / divisor for i in left}
        least = mpmath.log(min_p) if min_p else mpmath.ninf
        sure &= all(not gap or abs(gap - least) > 1e-30 * abs(gap) for gap in gaps.values())
        left = {i for i in left if gaps[i] >= least}
    return left, sure


@given(logits(max_size=8), some_k, some_p, some_p | st.just(0.0), temperatures)
@settings(max_examples=300)
def test_the_kept_set_is_the_one_found_by_hand(
    vector: Vector, top_k: int | None, top_p: float | None, min_p: float | None, temperature: float
) -> None:
    cut = truncate(vector[None], top_k=top_k, top_p=top_p, min_p=min_p, temperature=temperature)[0]
    expected, sure = kept_by_hand(vector, top_k, top_p, min_p, temperature)
    kept = np.flatnonzero(cut > -np.inf).tolist()
    if sure:
        assert set(kept) == expected
    assert cut[kept].tobytes() == vector[kept].tobytes()
    assert set(np.flatnonzero(vector == vector.max())) <= set(kept)


@given(st.lists(logits(min_size=5, max_size=5), min_size=2, max_size=20), some_k, some_p, some_p)
@settings(max_examples=50)
def test_neither_the_rows_beside_it_nor_the_order_of_classes_matter(
    vectors: list[Vector], top_k: int | None, top_p: float | None, min_p: float | None
) -> None:
    block = np.array(vectors)
    cuts: dict[str, Any] = {"top_k": top_k, "top_p": top_p, "min_p": min_p}
    whole = truncate(block, **cuts)
    assert np.concatenate([truncate(row[None], **cuts) for row in block]).tobytes() == (
        whole.tobytes()
    )
    assert truncate(block[:, ::-1], **cuts)[:, ::-1].tobytes() == whole.tobytes()


def test_ties_and_inf_are_kept() -> None:
    block = np.array([[1.0, np.inf, -np.inf], [5.0, 5.0, -np.inf]])
    expected = [[-np.inf, np.inf, -np.inf], [5.0, 5.0, -np.inf]]
    for cuts in ({"top_k": 1}, {"top_p": 0.1}, {"min_p": 1.0}, {"top_p": 0.9, "temperature": 0.0}):
        assert truncate(block, **cuts).tolist() == expected
    assert truncate(block, top_p=1.0, min_p=0.0, top_k=9).tolist() == block.tolist()


def test_the_logarithm_decides_where_the_probabilities_round_alike() -> None:
    # exp of the first is above 1/2 by 2e-17 of it, of the second below: both round to 1/2.
    above, below = -0.6931471805599453, -0.6931471805599454
    assert mpmath.exp(mpmath.mpf(above)) > 0.5 > mpmath.exp(mpmath.mpf(below))
    kept = truncate(np.array([[0.0, above, below]]), min_p=0.5)[0]
    assert kept.tolist() == [0.0, above, -np.inf]


def test_what_is_left_in_every_format(run: Run) -> None:
    args = ("softmax", "--top-k", "2", "1", "3", "2")
    assert run(*args, "--log").ok().startswith("-inf,-0.313")
    one = json.loads(run(*args, "-f", "json").ok())
    assert one["logits"] == [1, 3, 2]
    assert one["probabilities"][0] == 0
    assert one["logsumexp"] == pytest.approx(3 + np.log1p(np.exp(-1)))
    assert one["entropy"] == pytest.approx(0.582203, abs=1e-6)
    table = run(*args, "-f", "table").ok()
    assert "support 2" in table
    rows = run("softmax", "--min-p", "0.5", "-f", "table", stdin="1,2,3\n2,2,2\n").ok()
    assert [line.split()[4] for line in rows.splitlines()[2:4]] == ["1", "3"]


DRAWS = 20_000


def chi_square(drawn: list[int], p: Vector) -> float:
    counts = np.bincount(drawn, minlength=len(p))
    assert not counts[p == 0].any()
    expected = len(drawn) * p[p > 0]
    return float(((counts[p > 0] - expected) ** 2 / expected).sum())


# 0.999 quantiles of chi-square: 16.3 for 3 degrees of freedom, 10.8 for 1
@pytest.mark.parametrize(
    ("options", "p", "bound"),
    [
        ([], np.exp([0.0, 1, 2, -1]), 16.3),
        (["-T", "3"], np.exp([0.0, 1 / 3, 2 / 3, -1 / 3]), 16.3),
        (["--top-k", "2"], np.exp([-np.inf, 1, 2, -np.inf]), 10.8),
        (["-T", "0"], np.array([0.0, 0, 1, 0]), 0.1),
    ],
    ids=["plain", "temperature", "cut", "hard"],
)
def test_draws_are_as_frequent_as_they_should_be(
    run: Run, options: list[str], p: Vector, bound: float
) -> None:
    for seed in ("1", "2"):
        args = ("softmax", "--sample", str(DRAWS), "--seed", seed, *options)
        text = run(*args, "0", "1", "2", "-1").ok()
        drawn = list(map(int, text.split(",")))
        assert len(drawn) == DRAWS
        assert chi_square(drawn, p / p.sum()) < bound


def test_a_seed_repeats_the_draws_and_none_does_not(run: Run) -> None:
    seeded = ("softmax", "--sample", "40", "0", "0.1", "0.2")
    assert run(*seeded, "--seed", "7").ok() == run(*seeded, "--seed", "7").ok()
    assert run(*seeded, "--seed", "7").ok() != run(*seeded, "--seed", "8").ok()
    assert run(*seeded).ok() != run(*seeded).ok()


def test_draws_of_rows(run: Run) -> None:
    hard = ("softmax", "--sample", "3", "--seed", "1", "-T", "0")
    assert run(*hard, "--names", "a,b", "1", "2").ok() == "b,b,b\n"
    assert run(*hard, stdin="a,b\n1,2\n").ok() == "samples_1,samples_2,samples_3\nb,b,b\n"
    assert run(*hard, stdin="1\n2\n").ok() == "1\n1\n1\n"
    one = json.loads(run(*hard, "-f", "json", "1", "2").ok())
    assert one["samples"] == [1, 1, 1]
    assert one["probabilities"] == [0, 1]
    logs = json.loads(run(*hard, "-f", "json", "--log", "--names", "a,b", "1", "2").ok())
    assert logs["samples"] == ["b", "b", "b"]
    assert logs["log_probabilities"] == ["-inf", 0]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_table_counts_the_draws(width: int) -> None:
    args = ("softmax", "--sample", "1000", "--seed", "1", "--names", "a,b,c")
    screen = ESCAPES.sub("", run_in_terminal(*args, "1", "2", "3", columns=width).ok())
    counts = [int(line.split()[3]) for line in screen.splitlines()[2:5]] if width > 40 else []
    assert not counts or sum(counts) == 1000
    rows = run_in_terminal(*args[:2], "4", *args[3:], columns=width, stdin=b"1,2,3\n9,9,0\n").ok()
    assert "mean entropy" in rows
