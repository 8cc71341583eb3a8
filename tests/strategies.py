"""Vectors that are hard on a softmax."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Vector = NDArray[np.float64]

MAX = 1.7e308


def _floats(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


@st.composite
def logits(draw: st.DrawFn, min_size: int = 1, max_size: int = 8) -> Vector:
    """Close, far apart, near a large offset, tied, or anything finite."""
    size = draw(st.integers(min_size, max_size))
    kind = draw(st.sampled_from(["near", "far", "offset", "gap", "tied", "any"]))

    def many(low: float, high: float) -> list[float]:
        return draw(st.lists(_floats(low, high), min_size=size, max_size=size))

    if kind == "near":
        numbers = many(-5, 5)
    elif kind == "far":
        numbers = many(-800, 800)
    elif kind == "offset":
        offset = draw(st.sampled_from([1e3, -1e6, 1e9, 1e15, 1e300]))
        numbers = [offset + x for x in many(-50, 50)]
    elif kind == "gap":
        below = many(30, 760)
        numbers = [0.0, *(-x for x in below[1:])]
    elif kind == "tied":
        numbers = [draw(st.sampled_from([0.0, 1.5, -700.25])) for _ in range(size)]
    else:
        numbers = many(-MAX, MAX)
    return np.array(numbers)


@st.composite
def probabilities(draw: st.DrawFn, min_size: int = 1, max_size: int = 8) -> Vector:
    """Positive numbers that sum to 1 but for rounding, some of them tiny, some 0."""
    size = draw(st.integers(min_size, max_size))
    scale = st.sampled_from([1.0, 1e-3, 1e-17, 1e-200, 0.0])
    weights = [draw(_floats(0.01, 1)) * draw(scale) for _ in range(size)]
    weights[draw(st.integers(0, size - 1))] = draw(_floats(0.5, 1))
    values: Vector = np.array(weights) / np.sum(weights)
    return values


temperatures = st.sampled_from([1.0, 0.5, 0.1, 3.0, 7.3, 1e-3, 1e3, 1e-300, 1e300])
