"""Numbers written all at once are written as they are one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax_cli.output.numbers import plain_lines, shortest_texts


@given(
    st.integers(1, 5).flatmap(
        lambda width: st.lists(
            st.lists(st.floats(), min_size=width, max_size=width), min_size=1, max_size=9
        )
    ),
    st.sampled_from([",", "\t"]),
)
@settings(max_examples=300, deadline=None)
def test_lines_hold_the_shortest_text_of_each_number(
    rows: list[list[float]], delimiter: str
) -> None:
    values = np.array(rows)
    expected = "".join(delimiter.join(shortest_texts(row)) + "\n" for row in values)
    lines = plain_lines(values, delimiter)
    assert (lines is None) == (not np.isfinite(values).all())
    if lines is not None:
        assert lines.decode() == expected
    turned = plain_lines(np.asfortranarray(values), delimiter)
    assert turned == lines


@pytest.mark.parametrize("width", [1, 2, 5])
def test_integers_are_written_without_a_point(width: int) -> None:
    values = np.arange(-width, width).reshape(-1, width)
    expected = "".join(",".join(map(str, row)) + "\n" for row in values.tolist())
    assert plain_lines(values, ",") == expected.encode()


def test_other_types_are_left_to_others() -> None:
    assert plain_lines(np.array([["a"]]), ",") is None
    assert plain_lines(np.array([[1.5]], np.float32), ",") is None
