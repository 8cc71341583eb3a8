"""The textbook's versions, wrong where they are wrong, and the words for it."""

from __future__ import annotations

import math
from decimal import Decimal

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings

from softmax_cli.core import exact
from softmax_cli.core.textbook import run
from tests.exactly import Reference
from tests.strategies import Vector, logits, temperatures


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
    outcome = run("naive", np.array(scores, float), dtype)
    assert (outcome.status, outcome.reason) == (status, reason)
    assert outcome.probabilities.dtype == dtype


def test_naive_is_the_textbooks_formula_and_nothing_else() -> None:
    scores = np.random.default_rng(1).normal(size=1000) * 5
    for dtype in ("float64", "float32", "float16"):
        with np.errstate(over="ignore", invalid="ignore"):
            powers = np.exp(scores.astype(dtype))
            expected = powers / powers.sum()
        np.testing.assert_array_equal(run("naive", scores, dtype).probabilities, expected)


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
    outcome = run("linear", np.array(scores, float), "float64")
    assert (outcome.status, outcome.reason) == (status, reason)


def test_lse_loses_hundreds_of_ulps_where_stable_does_not() -> None:
    scores = np.array([1000.0, 1001.0, 1002.0])
    assert run("lse", scores, "float64").ulp_error > 100
    assert run("shifted", scores, "float64").ulp_error < 2
    assert run("stable", scores, "float64").ulp_error < 1
    assert run("naive", scores, "float64").ulp_error == math.inf


def test_hard_is_one_hot_with_the_first_of_a_tie() -> None:
    outcome = run("hard", np.array([1.0, 3.0, 3.0]), "float32")
    assert outcome.probabilities.tolist() == [0, 1, 0]


@given(logits(), temperatures)
@settings(max_examples=100, deadline=None)
def test_decimal_reference_agrees_with_mpmath(vector: Vector, temperature: float) -> None:
    ours = exact.softmax(vector.tolist(), temperature)
    theirs = Reference.of_logits(vector, temperature).p
    for a, b in zip(ours, theirs, strict=True):
        difference = abs(mpmath.mpf(str(a)) - b)
        assert difference <= b * mpmath.mpf("1e-50") or b < mpmath.mpf("1e-40000")


@given(logits())
@settings(max_examples=200, deadline=None)
def test_no_vector_breaks_a_method_with_an_exception(vector: Vector) -> None:
    for method in ("hard", "linear", "naive", "shifted", "lse", "stable"):
        for dtype in ("float64", "float32", "float16"):
            outcome = run(method, vector, dtype)
            assert outcome.status in {"ok", "overflow", "underflow", "invalid"}
            assert (outcome.status == "ok") == (outcome.reason == "")
            if np.isnan(outcome.probabilities).any():
                assert outcome.status != "ok"
    assert run("stable", vector, "float64").ulp_error <= 4


def test_ulp_error_of_nan_is_infinite() -> None:
    assert exact.ulp_error(math.nan, Decimal(1), 1.0) == math.inf
    assert exact.ulp_error(0.5, Decimal("0.75"), 0.125) == 2
