"""The sigmoid and minus its logarithm against exact values."""

from __future__ import annotations

import math

import mpmath
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax_cli.core.hierarchical import sigmoid, softplus
from tests.exactly import ulps
from tests.quantities import NEAREST

STEP = 5e-324
numbers = (
    st.floats(-50, 50) | st.floats(-800, 800) | st.floats(-1e-5, 1e-5) | st.floats(-1e308, 1e308)
)


@settings(max_examples=300)
@given(numbers)
def test_softplus_and_sigmoid_are_right_everywhere(number: float) -> None:
    x = np.array([number])
    with mpmath.workprec(1500):
        # exp(-100000) is nothing beside any float64.
        power = mpmath.exp(-abs(mpmath.mpf(number))) if abs(number) < 1e5 else mpmath.mpf(0)
        cost = mpmath.log(1 + power) + max(-number, 0)
        share = (power if number < 0 else 1) / (1 + power)
        for ours, exact in ((softplus(-x).rounded()[0], cost), (sigmoid(x).rounded()[0], share)):
            if exact < 2.3e-308:
                assert abs(ours - float(exact)) <= STEP
            else:
                assert ulps(float(ours), exact) <= NEAREST


def test_the_limits() -> None:
    ends = np.array([np.inf, -np.inf, 0.0])
    assert sigmoid(ends).rounded().tolist() == [1.0, 0.0, 0.5]
    assert softplus(ends).rounded().tolist() == [math.inf, 0.0, math.log(2)]


@given(numbers)
def test_a_sigmoid_and_that_of_the_opposite_sum_to_one(number: float) -> None:
    x = np.array([number])
    assert abs(float((sigmoid(x).rounded() + sigmoid(-x).rounded())[0]) - 1) <= 2.3e-16
