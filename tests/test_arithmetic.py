"""Sums that keep what rounding takes away."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from softmax_cli.core.doubledouble import (
    DoubleDouble,
    exp,
    fold_sum,
    log,
    log1p,
    quiet,
    two_product,
    two_sum,
)
from softmax_cli.core.exactsum import ExactSum

finite = st.floats(allow_nan=False, allow_infinity=False)
moderate = st.floats(-1e150, 1e150).filter(lambda x: x == 0 or abs(x) > 1e-100)


@given(st.floats(-8e307, 8e307), st.floats(-8e307, 8e307))
def test_two_sum_is_exact(a: float, b: float) -> None:
    total, error = two_sum(np.array([a]), np.array([b]))
    assert Fraction(float(total[0])) + Fraction(float(error[0])) == Fraction(a) + Fraction(b)


@given(moderate, moderate)
def test_two_product_is_exact(a: float, b: float) -> None:
    product, error = two_product(np.array([a]), np.array([b]))
    assert Fraction(float(product[0])) + Fraction(float(error[0])) == Fraction(a) * Fraction(b)


@given(moderate.filter(bool), moderate.filter(bool))
def test_divide_keeps_the_remainder(a: float, b: float) -> None:
    quotient, missed = divide(np.array([a]), 0.0, np.array([b]))
    exact = Fraction(a) / Fraction(b)
    found = Fraction(float(quotient[0])) + Fraction(float(missed[0]))
    assert abs(found - exact) <= abs(exact) * Fraction(1, 2**100) + Fraction(1, 2**1074)


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=70))
def test_fold_sum_of_nonnegative_terms_is_nearly_correctly_rounded(terms: list[float]) -> None:
    total = float(fold_sum(np.array(terms)[:, None])[0])
    assert abs(total - math.fsum(terms)) <= math.ulp(math.fsum(terms))


@given(st.lists(finite), st.integers(1, 7))
def test_exact_sum_is_correctly_rounded_for_any_grouping(terms: list[float], size: int) -> None:
    running = ExactSum()
    for at in range(0, len(terms), size):
        running.add(np.array(terms[at : at + size]))
    exact = sum(map(Fraction, terms), Fraction())
    try:
        expected = float(exact)
    except OverflowError:
        expected = math.inf if exact > 0 else -math.inf
    assert running.total() == expected


def test_exact_sum_past_the_largest_float_is_infinite() -> None:
    running = ExactSum()
    running.add(np.array([-1.7e308, -1.7e308]))
    assert running.total() == -math.inf
    running.add(np.array([1.7e308]))
    assert running.total() == -1.7e308


def test_exact_sum_follows_infinities_and_nan() -> None:
    running = ExactSum()
    running.add(np.array([1.0, np.inf]))
    assert running.total() == math.inf
    running.add(np.array([-np.inf]))
    assert math.isnan(running.total())
