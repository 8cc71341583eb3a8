"""Numbers are written with the digits that were asked for, rounded as they should be."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Run
from tests.forked import ForkServer


def few_decimals(number: int) -> float:
    return number / 1024


def many_digits(number: int) -> float:
    return number / 1021


# Numbers that lie halfway between two of few decimals, and such as have the most digits
HALVES = st.integers(-(10**6), 10**6).map(few_decimals)
LONG = st.integers(1, 1020).map(many_digits)
NUMBERS = st.one_of(st.floats(allow_nan=False), st.floats(0, 1), st.floats(-1e7, 1e7), HALVES, LONG)


@st.composite
def falling_rows(draw: st.DrawFn) -> list[list[float]]:
    """Rows that hardmax --top copies: from the largest to the smallest, and with a maximum."""
    width = draw(st.integers(1, 5))
    kinds = st.one_of(st.just(NUMBERS), st.just(LONG)).flatmap(
        lambda kind: st.lists(kind, min_size=width, max_size=width)
    )
    rows = [sorted(row, reverse=True) for row in draw(st.lists(kinds, min_size=1, max_size=40))]
    rows = [row for row in rows if row[0] > -math.inf and row.count(math.inf) < 2]
    return rows or [[1.0] * width]


def digits(text: str) -> str:
    """The significant digits of a number."""
    return re.sub(r"e.*|[-.]", "", text).strip("0")


@given(
    falling_rows(),
    st.integers(0, 25),
    st.integers(1, 20),
    st.sampled_from([("csv", ","), ("tsv", "\t")]),
)
@settings(max_examples=60)
def test_numbers_have_the_digits_that_were_asked_for(
    loaded_server: ForkServer,
    rows: list[list[float]],
    decimals: int,
    significant: int,
    form: tuple[str, str],
) -> None:
    name, delimiter = form
    data = "".join(",".join(map(repr, row)) + "\n" for row in rows).encode()
    numbers = [x for row in rows for x in row]
    command = ["hardmax", "--ties", "first", "--as", "value", "--top", str(len(rows[0]))]
    command += ["--axis", "row", "--no-header", "-d", ",", "-f", name]

    def written(*args: str) -> list[str]:
        done = loaded_server.run([*command, *args], data)
        assert (done.status, done.err) == (0, b"")
        lines = done.out.decode().splitlines()
        assert [line.count(delimiter) for line in lines] == [len(row) - 1 for row in rows]
        return [cell for line in lines for cell in line.split(delimiter)]

    shortest = written()
    assert list(map(float, shortest)) == numbers
    assert list(map(digits, shortest)) == [digits(repr(x)) for x in numbers]
    fixed = written("--decimals", str(decimals))
    assert fixed == [f"{x:.{decimals}f}" for x in numbers]
    finite = [
        (x, Fraction(text)) for x, text in zip(numbers, fixed, strict=True) if abs(x) < math.inf
    ]
    assert all(abs(text - Fraction(x)) <= Fraction(1, 2 * 10**decimals) for x, text in finite)
    cut = written("-p", str(significant))
    assert list(map(float, cut)) == [float(f"{x:.{significant}g}") for x in numbers]
    assert not any(mark in text for mark in ("e+", "e0", "e-0") for text in cut)


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
