"""softmax --sample: classes drawn from each row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softmax_cli.core.draws import draw
from softmax_cli.core.logits import softmax
from tests.conftest import Run
from tests.strategies import Vector, probabilities
from tests.terminal import run_in_terminal
from tests.test_tables import ESCAPES

DRAWS = 20_000


def chi_square(drawn: list[int], p: Vector) -> float:
    counts = np.bincount(drawn, minlength=len(p))
    assert not counts[p == 0].any()
    expected = len(drawn) * p[p > 0]
    return float(((counts[p > 0] - expected) ** 2 / expected).sum())


@given(probabilities(), st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=5))
def test_a_draw_is_where_the_cumulative_distribution_passes_u(p: Vector, u: list[float]) -> None:
    drawn = draw(p[None], np.array([u]))[0].tolist()
    sums = np.cumsum(p)
    for x, i in zip(u, drawn, strict=True):
        assert p[i] > 0
        assert sums[i] >= x * sums[-1] * (1 - 1e-15)
        assert i == 0 or sums[i - 1] <= x * sums[-1]


def test_the_ends_of_the_unit_interval_fall_on_classes_that_exist() -> None:
    p = np.array([[0.0, 0.3, 0.7, 0.0], [0.0, 0.0, 0.0, 1.0]])
    u = np.array([[0.0, 1 - 2.0**-53]] * 2)
    assert draw(p, u).tolist() == [[1, 2], [3, 3]]


# 0.999 quantiles of chi-square: 16.3 for 3 degrees of freedom, 13.8 for 2, 10.8 for 1
@pytest.mark.parametrize(
    ("options", "p", "bound"),
    [
        ([], softmax(np.array([[0.0, 1, 2, -1]]))[0], 16.3),
        (["-T", "3"], softmax(np.array([[0.0, 1, 2, -1]]), temperature=3)[0], 16.3),
        (["--top-k", "2"], softmax(np.array([[-np.inf, 1, 2, -np.inf]]))[0], 10.8),
    ],
    ids=["plain", "temperature", "cut"],
)
def test_draws_are_as_frequent_as_they_should_be(
    run: Run, options: list[str], p: Vector, bound: float
) -> None:
    for seed in ("1", "2"):
        args = ("softmax", "--sample", str(DRAWS), "--seed", seed, *options)
        text = run(*args, "0", "1", "2", "-1").ok()
        drawn = list(map(int, text.split(",")))
        assert len(drawn) == DRAWS
        assert chi_square(drawn, p) < bound


def test_a_seed_repeats_the_draws_and_none_does_not(run: Run) -> None:
    args = ("softmax", "--sample", "40", "0", "0.1", "0.2")
    assert run(*args, "--seed", "7").ok() == run(*args, "--seed", "7").ok()
    assert run(*args, "--seed", "7").ok() != run(*args, "--seed", "8").ok()
    assert run(*args).ok() != run(*args).ok()


def test_the_draws_of_a_row_depend_on_the_rows_before_and_on_no_block(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    np.savetxt(path, np.random.default_rng(5).normal(size=(25_000, 6)), delimiter=",")
    args = ("softmax", "--sample", "3", "--seed", "11")
    whole = run(*args, "-i", str(path), "-j", "2").ok()
    lines = path.read_bytes().splitlines(keepends=True)
    assert run(*args, stdin=b"".join(lines)).ok() == whole
    few = run(*args, stdin=b"".join(lines[:7])).ok()
    assert whole.startswith(few)
    odd = run(*args, stdin=b"# a comment\n\n" + b"\r\n".join(line.strip() for line in lines)).ok()
    assert odd == whole


def test_a_bad_row_takes_no_draw_of_the_rows_before(run: Run) -> None:
    args = ("softmax", "--sample", "4", "--seed", "3")
    done = run(*args, stdin="1,2\n3,4\n-inf,-inf\n")
    assert "stdin:3" in done.fails(1)
    assert done.out == run(*args, stdin="1,2\n3,4\n").ok()


def test_names_headers_and_json(run: Run) -> None:
    args = ("softmax", "--sample", "3", "--seed", "1", "-T", "0")
    assert run(*args, "--names", "a,b", "1", "2").ok() == "b,b,b\n"
    assert run(*args, stdin="a,b\n1,2\n").ok() == "samples_1,samples_2,samples_3\nb,b,b\n"
    assert run(*args, stdin="1\n2\n").ok() == "1\n1\n1\n"
    one = json.loads(run(*args, "-f", "json", "1", "2").ok())
    assert one["samples"] == [1, 1, 1]
    assert one["probabilities"] == [0, 1]
    logs = json.loads(run(*args, "-f", "json", "--log", "--names", "a,b", "1", "2").ok())
    assert logs["samples"] == ["b", "b", "b"]
    assert logs["log_probabilities"] == ["-inf", 0]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_table_counts_the_draws(width: int) -> None:
    args = ("softmax", "--sample", "1000", "--seed", "1", "--names", "a,b,c")
    screen = ESCAPES.sub("", run_in_terminal(*args, "1", "2", "3", columns=width).ok())
    counts = [int(line.split()[3]) for line in screen.splitlines()[2:5]] if width > 40 else []
    assert not counts or sum(counts) == 1000
    rows = run_in_terminal(*args[:2], "4", *args[3:], columns=width, stdin=b"1,2,3\n9,9,0\n").ok()
    assert "mean entropy" in rows


def test_a_seed_of_nothing_is_a_usage_error(run: Run) -> None:
    assert "--sample" in run("softmax", "--seed", "1", "1", "2").fails(2)
    assert "--sample" in run("softmax", "--sample", "0", "1", "2").fails(2)
    assert "--seed" in run("softmax", "--sample", "1", "--seed", "-1", "1", "2").fails(2)
