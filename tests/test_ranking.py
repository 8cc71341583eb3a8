"""hardmax --top, and the mark of a close choice."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softmax_cli.core.hard import hardmax, ranking
from softmax_cli.core.logits import softmax
from tests.conftest import Run
from tests.strategies import Vector, logits
from tests.terminal import run_in_terminal
from tests.test_tables import ESCAPES

ROWS = "a,b,c\n1,2,3\n3,3,1\n9,2,2\n"


@given(logits(max_size=8), st.booleans())
def test_the_order_is_that_of_a_stable_sort(vector: Vector, last: bool) -> None:
    order = ranking(vector[None], last=last)[0].tolist()
    indices = range(len(vector))
    assert order == sorted(indices, key=lambda i: (-vector[i], -i if last else i))


@given(logits(min_size=2))
def test_close_is_a_runner_up_with_more_than_half_of_the_winners_probability(
    vector: Vector,
) -> None:
    p = np.sort(softmax(vector[None])[0])
    if abs(p[-2] / p[-1] - 0.5) > 1e-9:
        assert hardmax(vector[None]).close()[0] == (p[-2] > p[-1] / 2)


def test_the_best_in_order_in_every_form(run: Run) -> None:
    args = ("hardmax", "--top", "2", "0.2", "0.5", "0.3", "--names", "cat,dog,owl")
    assert run(*args).ok() == "1,2\n"
    assert run(*args, "--as", "name").ok() == "dog,owl\n"
    assert run(*args, "--as", "value").ok() == "0.5,0.3\n"
    assert run(*args, "--as", "one-hot").ok() == "0,1,1\n"
    one = json.loads(run(*args, "-f", "json").ok())
    assert one == {
        "index": [1, 2],
        "name": ["dog", "owl"],
        "value": [0.5, 0.3],
        "margin": 0.2,
        "ties": [],
    }
    assert run("hardmax", "--top", "1", "3", "4").ok() == "1\n"
    assert run("hardmax", "--top", "2", stdin="4\n6\n5\n").ok() == "1\n2\n"


def test_a_header_names_places_and_not_classes(run: Run) -> None:
    args = ("hardmax", "--top", "2", "--ties", "last")
    assert run(*args, stdin=ROWS).ok() == "index_1,index_2\n2,1\n1,0\n0,2\n"
    assert run(*args, "--as", "one-hot", stdin=ROWS).ok() == "a,b,c\n0,1,1\n1,1,0\n1,0,1\n"


def test_ties_matter_for_the_first_place_and_at_the_edge(run: Run) -> None:
    assert run("hardmax", "--top", "3", "--ties", "error", "9", "2", "2").ok() == "0,1,2\n"
    edge = run("hardmax", "--top", "2", "--ties", "error", "1", "9", "5", "5").fails(1)
    assert edge == "arguments: a tie between classes 2, 3 for place 2"
    winner = run("hardmax", "--top", "2", "--ties", "error", "1", "9", "9").fails(1)
    assert winner == "arguments: a tie between classes 1, 2 for place 1"
    warned = run("hardmax", "--top", "2", stdin=ROWS)
    assert warned.out == "index_1,index_2\n2,1\n0,1\n0,1\n"
    assert "stdin:3: a tie between classes a, b for place 1" in warned.err
    assert "(and 1 more)" in warned.err
    assert run("hardmax", "--top", "1", "--ties", "error", "7").ok() == "0\n"


@pytest.mark.parametrize("ties", ["all", "split"])
def test_so_many_and_no_more(run: Run, ties: str) -> None:
    assert f"--ties {ties}" in run("hardmax", "--top", "1", "--ties", ties, "1", "2").fails(2)


def test_more_than_there_are(run: Run) -> None:
    assert "--top 3" in (message := run("hardmax", "--top", "3", "1", "2").fails(1))
    assert "2 classes" in message
    assert "'--top'" in run("hardmax", "--top", "0", "1").fails(2)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_table_of_the_best_has_them_on_top(width: int) -> None:
    many = b"\n".join(b"%d" % i for i in range(1000))
    done = run_in_terminal("hardmax", "--top", "3", columns=width, stdin=many).ok()
    screen = ESCAPES.sub("", done)
    lines = [line.split() for line in screen.splitlines()[2:6]]
    assert lines == [["999", "999", "1", "0"], ["998", "998", "2", "1"], ["997", "997", "3", "2"],
                     ["996", "996", "3"]]  # fmt: skip
    assert "best 999, 998, 997" in screen
    assert "margin to the runner-up 1" in screen


def test_a_close_choice_is_marked_and_counted(run: Run) -> None:
    assert "choice close" in run("hardmax", "-f", "table", "1", "1.69").ok()
    assert "choice clear" in run("hardmax", "-f", "table", "1", "1.7").ok()
    rows = run("hardmax", "-f", "table", stdin="1,1.69\n1,1.7\n").ok().splitlines()
    assert [line.count("●") for line in rows[2:4]] == [1, 0]
    assert rows[-1].split() == ["rows", "2", "ties", "0", "close", "1"]
    summary = json.loads(run("hardmax", "-f", "json", stdin="1,1.69\n1,1.7\n").ok())["summary"]
    assert summary == {"rows": 2, "ties": 0, "close": 1}
