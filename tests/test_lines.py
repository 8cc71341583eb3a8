"""Numbers written all at once are written as they are one by one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax_cli.output.numbers import number_lines, shortest_texts, texts
from softmax_cli.output.settings import SHORTEST, Digits
from tests.conftest import Run


def rows_of(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[list[list[float]]]:
    return st.integers(1, 5).flatmap(
        lambda width: st.lists(
            st.lists(numbers, min_size=width, max_size=width), min_size=1, max_size=9
        )
    )


def few_decimals(number: int) -> float:
    return number / 1024


def many_digits(number: int) -> float:
    return number / 1021


DELIMITERS = st.sampled_from([",", "\t"])
# Also numbers that lie halfway between two of few decimals
HALVES = st.integers(-(10**6), 10**6).map(few_decimals)
# Numbers so long that eight characters hold no two commas
LONG = st.integers(1, 1020).map(many_digits)


@given(st.one_of(rows_of(st.floats()), rows_of(LONG)), DELIMITERS)
@settings(max_examples=300, deadline=None)
def test_lines_hold_the_shortest_text_of_each_number(
    rows: list[list[float]], delimiter: str
) -> None:
    values = np.array(rows)
    expected = "".join(delimiter.join(shortest_texts(row)) + "\n" for row in values)
    lines = number_lines(values, SHORTEST, delimiter)
    assert (lines is None) == (not np.isfinite(values).all())
    if lines is not None:
        assert lines.decode() == expected
    turned = number_lines(np.asfortranarray(values), SHORTEST, delimiter)
    assert turned == lines


@given(
    rows_of(st.one_of(st.floats(0, 1), st.floats(-1e7, 1e7), HALVES, st.floats())),
    st.integers(0, 25),
    DELIMITERS,
)
@settings(max_examples=600, deadline=None)
def test_decimals_are_those_of_exact_rounding(
    rows: list[list[float]], decimals: int, delimiter: str
) -> None:
    values = np.array(rows)
    lines = number_lines(values, Digits(decimals=decimals), delimiter)
    expected = [[f"{number:.{decimals}f}" for number in row] for row in rows]
    assert lines == "".join(delimiter.join(row) + "\n" for row in expected).encode()
    assert texts(values, Digits(decimals=decimals)) == [text for row in expected for text in row]


@given(st.floats(0, 1), st.integers(0, 15))
@settings(max_examples=300, deadline=None)
def test_decimals_are_the_nearest(number: float, decimals: int) -> None:
    lines = number_lines(np.array([[number]]), Digits(decimals=decimals), ",")
    assert lines is not None
    assert abs(Fraction(lines.decode()) - Fraction(number)) <= Fraction(1, 2 * 10**decimals)


@given(rows_of(st.floats()), st.integers(1, 20), DELIMITERS)
@settings(max_examples=300, deadline=None)
def test_significant_digits(rows: list[list[float]], significant: int, delimiter: str) -> None:
    lines = number_lines(np.array(rows), Digits(significant), delimiter)
    assert lines is not None
    cells = [line.split(delimiter) for line in lines.decode().splitlines()]
    expected = [[f"{number:.{significant}g}" for number in row] for row in rows]
    assert str([[float(cell) for cell in row] for row in cells]) == str(
        [[float(text) for text in row] for row in expected]
    )
    assert not any(mark in lines.decode() for mark in ("e+", "e0", "e-0"))


@pytest.mark.parametrize("width", [1, 2, 5])
def test_integers_are_written_without_a_point(width: int) -> None:
    values = np.arange(-width, width).reshape(-1, width)
    expected = "".join(",".join(map(str, row)) + "\n" for row in values.tolist())
    assert number_lines(values, SHORTEST, ",") == expected.encode()


def test_other_types_are_left_to_others() -> None:
    assert number_lines(np.array([["a"]]), SHORTEST, ",") is None
    assert number_lines(np.array([["a"]]), Digits(decimals=2), ",") is None
    assert number_lines(np.array([[1.5]], np.float32), SHORTEST, ",") is None


def test_decimals_in_every_format(run: Run) -> None:
    assert run("softmax", "--decimals", "3", "1", "2", "3").ok() == "0.090,0.245,0.665\n"
    assert run("softmax", "--log", "--decimals", "1", "0,-1999.96").ok() == "0.0,-2000.0\n"
    assert run("hardmax", "--as", "value", "--decimals", "0", "2.5,-inf").ok() == "2\n"
    assert (
        '"probabilities":[0.27,0.73]' in run("softmax", "-f", "json", "--decimals", "2", "1,2").ok()
    )
    assert " 0.269  " in run("softmax", "-f", "table", "--decimals", "3", "1,2").ok()
    breakdown = run("xent", "--breakdown", "--decimals", "2", "1,2", "-t", "0").ok()
    assert breakdown.splitlines()[1] == "1.31,0.00,1.31,3.72,0.27,1"


def test_decimals_and_significant_digits_exclude_one_another(run: Run) -> None:
    message = run("softmax", "-p", "3", "--decimals", "3", "1", "2").fails(2)
    assert message == "--precision and --decimals exclude one another"
    assert "'--decimals'" in run("softmax", "--decimals", "-1", "1").fails(2)
    assert "--decimals" in run("softmax", "-f", "npy", "--decimals", "3", "1", "2").fails(2)
