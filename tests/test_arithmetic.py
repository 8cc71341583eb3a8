"""Double-double arithmetic, and sums without rounding."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax_cli.core.doubledouble import DoubleDouble, fold_sum, running_sum, two_product, two_sum
from softmax_cli.core.elementary import exp, expm1, exponentials, log, log1p, power
from softmax_cli.run.totals import ExactSum
from tests.exactly import Exact

finite = st.floats(allow_nan=False, allow_infinity=False)
moderate = st.floats(-1e140, 1e140).filter(lambda x: x == 0 or abs(x) > 1e-100)


def one(x: float, part: float = 0.0) -> DoubleDouble:
    return DoubleDouble(np.array([x]), np.array([x * part * 2.0**-54]))


def fraction(x: DoubleDouble) -> Fraction:
    return Fraction(float(x.high[0])) + Fraction(float(x.low[0]))


def exactly(x: DoubleDouble) -> Exact:
    power = int(np.broadcast_to(x.exponent, 1)[0])
    return (mpmath.mpf(float(x.high[0])) + mpmath.mpf(float(x.low[0]))) * mpmath.mpf(2) ** power


@given(st.floats(-8e307, 8e307), st.floats(-8e307, 8e307))
def test_two_sum_is_exact(a: float, b: float) -> None:
    total, error = two_sum(np.array([a]), np.array([b]))
    assert Fraction(float(total[0])) + Fraction(float(error[0])) == Fraction(a) + Fraction(b)


@given(moderate, moderate)
def test_two_product_is_exact(a: float, b: float) -> None:
    product, error = two_product(np.array([a]), np.array([b]))
    assert Fraction(float(product[0])) + Fraction(float(error[0])) == Fraction(a) * Fraction(b)


@given(moderate.filter(bool), moderate.filter(bool), st.floats(-1, 1), st.floats(-1, 1))
def test_operators_keep_some_104_bits(a: float, b: float, c: float, d: float) -> None:
    x, y = one(a, c), one(b, d)
    exact_x, exact_y = fraction(x), fraction(y)
    size = abs(exact_x) + abs(exact_y)
    assert abs(fraction(x + y) - exact_x - exact_y) <= size / 2**104
    assert abs(fraction(x - y) - exact_x + exact_y) <= size / 2**104
    product, quotient = exact_x * exact_y, exact_x / exact_y
    assert abs(fraction(x * y) - product) <= abs(product) / 2**102
    assert abs(fraction(x / y) - quotient) <= abs(quotient) / 2**101


def test_operators_take_arrays_and_floats_on_either_side() -> None:
    x, ones = one(3.0), np.ones(1)
    for result in (x + 1.0, 1.0 + x, x + ones, ones + x, 7.0 - x, ones * 4 * x / 3.0, 12.0 / x):
        assert isinstance(result, DoubleDouble)
        assert result.rounded()[0] == 4


@given(st.floats(-700, 700), st.floats(-1, 1))
@settings(max_examples=300)
def test_exponentials_have_100_bits(x: float, part: float) -> None:
    number = one(x, part)
    with mpmath.workprec(200):
        exact = mpmath.exp(exactly(number))
        assert abs(exactly(exp(number)) / exact - 1) < 2.0**-99
        below = DoubleDouble(-np.abs(number.high), number.low)
        exact = mpmath.exp(exactly(below))
        assert abs(exactly(exponentials(below)) / exact - 1) < 2.0**-62


@given(st.floats(1e-300, 1e300) | st.floats(0.9, 1.1), st.floats(-1, 1))
@settings(max_examples=300)
def test_logarithms_have_100_bits(x: float, part: float) -> None:
    number = one(x, part)
    with mpmath.workprec(400):
        exact = mpmath.log(exactly(number))
        assert abs(exactly(log(number)) - exact) <= 2.0**-102 * max(abs(exact), 1)


@given(st.floats(1e-305, 1e6) | st.floats(-0.49, -1e-300), st.floats(-1, 1))
@settings(max_examples=300)
def test_log1p_and_expm1_have_all_digits_of_small_numbers(x: float, part: float) -> None:
    number = one(x, part if abs(x) > 1e-280 else 0)
    with mpmath.workprec(2400):
        exact = mpmath.log1p(exactly(number))
        assert abs(exactly(log1p(number)) - exact) <= 2.0**-90 * abs(exact)
        if abs(x) < 100:
            exact = mpmath.expm1(exactly(number))
            assert abs(exactly(expm1(number)) - exact) <= 2.0**-75 * abs(exact)


@pytest.mark.parametrize("x", [5e-324, 3e-310, 1e-250])
def test_log1p_of_hardly_anything_is_that(x: float) -> None:
    assert log1p(one(x)).rounded()[0] == x


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=70))
def test_sums_of_what_is_not_negative_are_right_to_100_bits(terms: list[float]) -> None:
    exact = sum(map(Fraction, terms))
    assert abs(fraction(fold_sum(np.array(terms)[:, None])) - exact) <= exact / 2**100


@given(st.lists(st.tuples(st.floats(0.5, 1), st.integers(-1500, 1500)), min_size=1, max_size=20))
def test_scaled_sums_hold_what_no_float_does(terms: list[tuple[float, int]]) -> None:
    values, exponents = (np.array(column)[:, None] for column in zip(*terms, strict=True))
    total = DoubleDouble(values, exponent=exponents).sum()
    exact = sum(Fraction(x) * Fraction(2) ** power for x, power in terms)
    assert isinstance(total.exponent, np.ndarray)
    found = fraction(total) * Fraction(2) ** int(total.exponent[0])
    assert abs(found - exact) <= exact / 2**100


@given(st.lists(finite), st.integers(1, 7))
def test_exact_sum_is_correctly_rounded_for_any_grouping(terms: list[float], size: int) -> None:
    merged = ExactSum(np.array([]))
    for at in range(0, len(terms), size):
        merged.merge(ExactSum(np.array(terms[at : at + size])))
    exact = sum(map(Fraction, terms), Fraction())
    try:
        expected = float(exact)
    except OverflowError:
        expected = math.inf if exact > 0 else -math.inf
    assert ExactSum(np.array(terms)).total() == merged.total() == expected


def test_exact_sum_past_the_largest_float_follows_ieee() -> None:
    running = ExactSum(np.array([-1.7e308, -1.7e308]))
    assert running.total() == -math.inf
    running.merge(ExactSum(np.array([1.7e308])))
    assert running.total() == -1.7e308
    running.merge(ExactSum(np.array([1.0, np.inf])))
    assert running.total() == math.inf
    running.merge(ExactSum(np.array([-np.inf])))
    assert math.isnan(running.total())


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=33))
def test_running_sums_miss_nothing(terms: list[float]) -> None:
    column = np.array(terms)[:, None]
    sums = running_sum(DoubleDouble(column, np.zeros_like(column)))
    for i in range(len(terms)):
        exact = sum(map(Fraction, terms[: i + 1]))
        assert abs(fraction(sums[i]) - exact) <= exact / 10**30


@given(st.floats(1e-300, 1e3), st.floats(-50, 50))
@settings(max_examples=50)
def test_powers_have_a_hundred_bits(base: float, exponent: float) -> None:
    parts = DoubleDouble(np.array([base]), np.array([base * 2.0**-60]))
    truth = exactly(parts) ** mpmath.mpf(exponent)
    if 1e-250 < truth < 1e300:
        assert abs(exactly(power(parts, exponent)) / truth - 1) <= 2.0**-88
