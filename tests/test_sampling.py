"""softmax --sample: classes drawn from each row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Run, run_in_terminal
from tests.strategies import Vector
from tests.test_tables import ESCAPES

DRAWS = 20_000


def chi_square(drawn: list[int], p: Vector) -> float:
    counts = np.bincount(drawn, minlength=len(p))
    assert not counts[p == 0].any()
    expected = len(drawn) * p[p > 0]
    return float(((counts[p > 0] - expected) ** 2 / expected).sum())


# 0.999 quantiles of chi-square: 16.3 for 3 degrees of freedom, 10.8 for 1
@pytest.mark.parametrize(
    ("options", "p", "bound"),
    [
        ([], np.exp([0.0, 1, 2, -1]), 16.3),
        (["-T", "3"], np.exp([0.0, 1 / 3, 2 / 3, -1 / 3]), 16.3),
        (["--top-k", "2"], np.exp([-np.inf, 1, 2, -np.inf]), 10.8),
        (["-T", "0"], np.array([0.0, 0, 1, 0]), 0.1),
    ],
    ids=["plain", "temperature", "cut", "hard"],
)
def test_draws_are_as_frequent_as_they_should_be(
    run: Run, options: list[str], p: Vector, bound: float
) -> None:
    for seed in ("1", "2"):
        args = ("softmax", "--sample", str(DRAWS), "--seed", seed, *options)
        text = run(*args, "0", "1", "2", "-1").ok()
        drawn = list(map(int, text.split(",")))
        assert len(drawn) == DRAWS
        assert chi_square(drawn, p / p.sum()) < bound


def test_seeds(run: Run) -> None:
    # A draw grows with the cumulative distribution
    """The same uniform numbers pick a class whose cumulative probability they have reached."""
    args = ("softmax", "--sample", "2000", "--seed", "4")
    fair = np.array(run(*args, ",".join("0" * 64)).numbers()[0])
    tail = "-inf," + ",".join("0" * 16) + ",-inf"
    few = np.array(run(*args, tail).numbers()[0])
    assert set(few) == set(range(1, 17))
    assert (few - 1 == fair // 4).all()
    # A seed repeats the draws and none does not
    seeded = ("softmax", "--sample", "40", "0", "0.1", "0.2")
    assert run(*seeded, "--seed", "7").ok() == run(*seeded, "--seed", "7").ok()
    assert run(*seeded, "--seed", "7").ok() != run(*seeded, "--seed", "8").ok()
    assert run(*seeded).ok() != run(*seeded).ok()


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


def test_draws_of_rows(run: Run) -> None:
    # A bad row takes no draw of the rows before
    args = ("softmax", "--sample", "4", "--seed", "3")
    done = run(*args, stdin="1,2\n3,4\n-inf,-inf\n")
    assert "stdin:3" in done.fails(1)
    assert done.out == run(*args, stdin="1,2\n3,4\n").ok()
    # Names headers and json
    hard = ("softmax", "--sample", "3", "--seed", "1", "-T", "0")
    assert run(*hard, "--names", "a,b", "1", "2").ok() == "b,b,b\n"
    assert run(*hard, stdin="a,b\n1,2\n").ok() == "samples_1,samples_2,samples_3\nb,b,b\n"
    assert run(*hard, stdin="1\n2\n").ok() == "1\n1\n1\n"
    one = json.loads(run(*hard, "-f", "json", "1", "2").ok())
    assert one["samples"] == [1, 1, 1]
    assert one["probabilities"] == [0, 1]
    logs = json.loads(run(*hard, "-f", "json", "--log", "--names", "a,b", "1", "2").ok())
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
