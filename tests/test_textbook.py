"""The textbook's versions, wrong where they are wrong, and the words for it."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax_cli.core.doubledouble import DoubleDouble
from softmax_cli.core.textbook import Methods
from softmax_cli.core.textbook import Reference as Shares
from tests.exactly import Reference, exacts
from tests.strategies import Vector, logits, temperatures

METHODS = ("hard", "linear", "naive", "shifted", "lse", "stable")
DTYPES = ("float64", "float32", "float16")


@pytest.mark.parametrize(
    ("scores", "dtype", "status", "reason"),
    [
        ([1000, 1001, 1002], "float64", "overflow", "exp(1000) = inf, inf/inf = nan"),
        ([1, 90], "float32", "overflow", "exp(90) = inf, inf/inf = nan"),
        ([1, 12], "float16", "overflow", "exp(12) = inf, inf/inf = nan"),
        ([1e5, 1], "float16", "overflow", "100000 = inf in float16"),
        ([709.5, 709.5], "float64", "overflow", "sum = inf, 1.35499e+308/inf = 0"),
        ([-1000, -1001], "float64", "underflow", "exp(-1000) = 0, 0/0 = nan"),
        ([-744, -745], "float64", "underflow", "exp(-744) = 9.88131e-324, digits lost"),
        ([0, -800], "float64", "ok", ""),
        ([1, 2, 3], "float16", "ok", ""),
    ],
)
def test_naive_says_where_it_broke(
    scores: list[float], dtype: str, status: str, reason: str
) -> None:
    outcome = Methods(np.array([scores], float)).run("naive", dtype)
    assert (*outcome.statuses, *outcome.reasons) == (status, reason)
    assert outcome.probabilities.dtype == dtype


def test_naive_is_the_textbooks_formula_and_nothing_else() -> None:
    scores = np.random.default_rng(1).normal(size=1000) * 5
    for dtype in ("float64", "float32", "float16"):
        with np.errstate(over="ignore", invalid="ignore"):
            powers = np.exp(scores.astype(dtype))
            expected = powers / powers.sum()
        outcome = Methods(scores[None]).run("naive", dtype)
        np.testing.assert_array_equal(outcome.probabilities[0], expected)


@pytest.mark.parametrize(
    ("scores", "status", "reason"),
    [
        ([1, 2, 3], "ok", ""),
        ([1, -1], "invalid", "1/0 = inf"),
        ([0, 0], "invalid", "0/0 = nan"),
        ([3, -1], "invalid", "-1/2 = -0.5, a negative share"),
        ([1e308, 1e308], "overflow", "sum = inf"),
    ],
)
def test_linear_shows_why_the_exponential(scores: list[float], status: str, reason: str) -> None:
    outcome = Methods(np.array([scores], float)).run("linear", "float64")
    assert (*outcome.statuses, *outcome.reasons) == (status, reason)


def test_lse_loses_hundreds_of_ulps_where_stable_does_not() -> None:
    methods = Methods(np.array([[1000.0, 1001.0, 1002.0]]))
    errors = {
        method: methods.run(method, "float64").ulp_errors[0]
        for method in ("lse", "shifted", "stable", "naive")
    }
    assert errors["lse"] > 100
    assert errors["shifted"] < 2
    assert errors["stable"] < 1
    assert errors["naive"] == math.inf


def test_hard_is_one_hot_with_the_first_of_a_tie() -> None:
    outcome = Methods(np.array([[1.0, 3.0, 3.0]])).run("hard", "float32")
    assert outcome.probabilities.tolist() == [[0, 1, 0]]


@given(logits())
@settings(max_examples=200, deadline=None)
def test_no_vector_breaks_a_method_with_an_exception(vector: Vector) -> None:
    methods = Methods(vector[None])
    for method in METHODS:
        for dtype in DTYPES:
            outcome = methods.run(method, dtype)
            (status,), (reason,) = outcome.statuses, outcome.reasons
            assert status in {"ok", "overflow", "underflow", "invalid"}
            assert (status == "ok") == (reason == "")
            if np.isnan(outcome.probabilities).any():
                assert status != "ok"
    assert methods.run("stable", "float64").ulp_errors[0] <= 4


@given(st.integers(1, 40).flatmap(lambda n: st.lists(logits(n, n), min_size=2, max_size=5)))
@settings(max_examples=50, deadline=None)
def test_rows_beside_each_other_are_as_alone(rows: list[Vector]) -> None:
    block = Methods(np.array(rows))
    alone = [Methods(row[None]) for row in rows]
    for method in METHODS:
        for dtype in DTYPES:
            together = block.run(method, dtype, 0.7)
            each = [methods.run(method, dtype, 0.7) for methods in alone]
            expected = np.concatenate([outcome.probabilities for outcome in each])
            np.testing.assert_array_equal(together.probabilities, expected)
            for got, lone in zip(
                together[1:], zip(*(o[1:] for o in each), strict=True), strict=True
            ):
                assert list(got) == [value for (value,) in lone]


@given(logits(), st.sampled_from(DTYPES), st.sampled_from(METHODS[1:]), temperatures)
@settings(max_examples=200, deadline=None)
def test_ulp_errors_are_those_of_the_worst_class(
    vector: Vector, dtype: str, method: str, temperature: float
) -> None:
    outcome = Methods(vector[None]).run(method, dtype, temperature)
    computed = outcome.probabilities[0]
    if method == "linear":
        total = mpmath.fsum(exacts(vector))
        shares = [x / total for x in exacts(vector)] if total else None
    else:
        shares = Reference.of_logits(vector, temperature).p
    error = outcome.ulp_errors[0]
    if shares is None or not np.isfinite(computed).all():
        assert error == math.inf
        return
    with np.errstate(over="ignore"):
        sizes = np.abs([float(share) for share in shares]).astype(dtype)
    largest = np.nextafter(np.finfo(computed.dtype).max, computed.dtype.type(0))
    units = np.spacing(np.minimum(sizes, largest)).tolist()
    triples = zip(exacts(computed), shares, exacts(units), strict=True)
    worst = max(abs(c - share) / unit for c, share, unit in triples)
    assert abs(error - worst) <= max(worst * 1e-9, 1e-9)


def test_ulp_error_of_nan_is_infinite_and_the_worst_class_counts() -> None:
    shares = Shares(DoubleDouble(np.array([[0.75, 0.25], [1, 0], [np.nan, np.nan]]).T))
    computed = np.array([[0.5, 0.25], [math.nan, 0], [1, 0]], dtype="float16")
    assert shares.worst_errors(computed).tolist() == [512, math.inf, math.inf]


def test_ulp_errors_of_equal_shares_in_a_wide_row() -> None:
    shares = Shares(DoubleDouble(np.full((4096, 1), 2.0**-12)))
    assert shares.worst_errors(np.full((1, 4096), 2.0**-12)).tolist() == [0]
    assert shares.worst_errors(np.full((1, 4096), 2.0**-12 + 2.0**-64)).tolist() == [1]


def test_ulp_error_where_the_exact_share_lies_beyond_the_type() -> None:
    # 65532.8, which is inf in float16, comes out as 65472: the sum is rounded up.
    outcome = Methods(np.array([[32784, -32784, 0.5002685546875]])).run("linear", "float16")
    assert outcome.probabilities[0, 0] == 65472
    assert 1.89 < outcome.ulp_errors[0] < 1.91
