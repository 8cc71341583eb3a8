"""softmax --top-k, --top-p and --min-p: what is cut, and what that leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax_cli.core.doubledouble import DoubleDouble, running_sum
from softmax_cli.core.ranking import truncate
from softmax_cli.core.softmax import Logits
from softmax_cli.errors import RowErrors
from tests.conftest import Run
from tests.exactly import Reference, exacts, ulps
from tests.strategies import Vector, logits, temperatures

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
@settings(max_examples=300, deadline=None)
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


@given(logits(max_size=8), some_k, some_p, some_p)
@settings(max_examples=50, deadline=None)
def test_what_is_kept_is_right_to_four_ulps_and_what_is_cut_is_0(
    vector: Vector, top_k: int | None, top_p: float | None, min_p: float | None
) -> None:
    cut = truncate(vector[None], top_k=top_k, top_p=top_p, min_p=min_p)
    kept = np.flatnonzero(cut[0] > -np.inf)
    ours, truth = Logits(cut), Reference.of_logits(vector[kept])
    for i, p, log_p in zip(kept, truth.p, truth.log_p, strict=True):
        assert ulps(ours.probabilities()[0, i], p) <= 4
        assert ulps(ours.log_probabilities()[0, i], log_p) <= 4
    others = np.delete(ours.probabilities()[0], kept)
    assert not others.any()
    assert np.isneginf(np.delete(ours.log_probabilities()[0], kept)).all()
    assert float(np.sum(ours.probabilities())) == pytest.approx(1, abs=1e-14)
    assert ulps(ours.entropy()[0], truth.entropy()) <= 4


@given(st.lists(logits(min_size=5, max_size=5), min_size=2, max_size=20), some_k, some_p, some_p)
@settings(max_examples=50, deadline=None)
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


@given(logits(min_size=2), st.sampled_from([0.1, 0.4, 0.6, 0.9]))
def test_more_is_kept_for_more(vector: Vector, part: float) -> None:
    def kept(**cuts: Any) -> set[int]:
        return set(np.flatnonzero(truncate(vector[None], **cuts)[0] > -np.inf).tolist())

    assert kept(top_k=1) <= kept(top_k=2) <= kept()
    assert kept(top_p=part / 2) <= kept(top_p=part) <= kept(top_p=1.0)
    assert kept(min_p=part) <= kept(min_p=part / 2) <= kept(min_p=0.0)
    assert kept(top_p=part, temperature=0.5) <= kept(top_p=part)


def test_limits_and_bad_rows() -> None:
    block = np.array([[1.0, np.inf, -np.inf], [5.0, 5.0, -np.inf]])
    expected = [[-np.inf, np.inf, -np.inf], [5.0, 5.0, -np.inf]]
    for cuts in ({"top_k": 1}, {"top_p": 0.1}, {"min_p": 1.0}, {"top_p": 0.9, "temperature": 0.0}):
        assert truncate(block, **cuts).tolist() == expected
    assert truncate(block, top_p=1.0, min_p=0.0, top_k=9).tolist() == block.tolist()
    with pytest.raises(RowErrors, match="2 values are inf"):
        truncate(np.array([[1.0, 2.0], [np.inf, np.inf]]), top_k=1)


def test_the_logarithm_decides_where_the_probabilities_round_alike() -> None:
    # exp of the first is above 1/2 by 2e-17 of it, of the second below: both round to 1/2.
    above, below = -0.6931471805599453, -0.6931471805599454
    assert mpmath.exp(mpmath.mpf(above)) > 0.5 > mpmath.exp(mpmath.mpf(below))
    kept = truncate(np.array([[0.0, above, below]]), min_p=0.5)[0]
    assert kept.tolist() == [0.0, above, -np.inf]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=33))
def test_running_sums_miss_nothing(terms: list[float]) -> None:
    column = np.array(terms)[:, None]
    found_sums = running_sum(DoubleDouble(column, np.zeros_like(column)))
    high, low = found_sums.high, found_sums.low
    for i in range(len(terms)):
        exact = mpmath.fsum(exacts(terms[: i + 1]))
        found = mpmath.mpf(float(high[i, 0])) + mpmath.mpf(float(low[i, 0]))
        assert abs(found - exact) <= 1e-30 * exact


def test_the_temperature_comes_last_or_first(run: Run) -> None:
    # 0.665 and 0.245 at T = 1; 0.867 alone at T = 0.5.
    args = ("softmax", "--top-p", "0.8", "-T", "0.5", "3", "2", "1")
    assert run(*args).numbers()[0] == pytest.approx([0.880797, 0.119203, 0], abs=1e-6)
    assert run(*args, "--temperature-first").ok() == "1.0,0.0,0.0\n"


def test_top_p_is_a_part_of_what_top_k_left(run: Run) -> None:
    assert run("softmax", "--top-p", "0.7", "3", "2", "1").ok().endswith(",0.0\n")
    assert run("softmax", "--top-k", "2", "--top-p", "0.7", "3", "2", "1").ok() == "1.0,0.0,0.0\n"


def test_what_is_left_in_every_format(run: Run) -> None:
    args = ("softmax", "--top-k", "2", "1", "3", "2")
    assert run(*args, "--log").ok().startswith("-inf,-0.313")
    one = json.loads(run(*args, "-f", "json").ok())
    assert one["logits"] == [1, 3, 2]
    assert one["probabilities"][0] == 0
    assert one["logsumexp"] == pytest.approx(3 + np.log1p(np.exp(-1)))
    assert one["entropy"] == pytest.approx(0.582203, abs=1e-6)
    table = run(*args, "-f", "table").ok()
    assert [line.split()[3] for line in table.splitlines() if " cut" in line] == ["cut"]
    assert "kept 2" in table
    rows = run("softmax", "--min-p", "0.5", "-f", "table", stdin="1,2,3\n2,2,2\n").ok()
    assert [line.split()[4] for line in rows.splitlines()[2:4]] == ["1", "3"]


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["--top-k", "0"], "--top-k"),
        (["--top-p", "0"], "--top-p"),
        (["--top-p", "1.01"], "--top-p"),
        (["--top-p", "nan"], "--top-p"),
        (["--min-p", "-0.1"], "--min-p"),
        (["--min-p", "2"], "--min-p"),
        (["--temperature-first"], "--temperature-first"),
    ],
)
def test_bad_ranges_are_usage_errors(run: Run, args: list[str], named: str) -> None:
    assert named in run("softmax", *args, "1", "2").fails(2)


def test_any_number_of_processes(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    path = tmp_path / "rows.csv"
    np.savetxt(path, rng.normal(size=(25_000, 6)) * 3, delimiter=",", fmt="%.17g")
    args = ("softmax", "-i", str(path), "--top-k", "5", "--top-p", "0.9", "--min-p", "0.1")
    assert run(*args, "-j", "2").ok() == run(*args, "-j", "1").ok()
