"""hardmax --top, and the mark of a close choice."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Run, run_in_terminal
from tests.forked import ForkServer
from tests.strategies import Vector, logits
from tests.test_tables import ESCAPES

ROWS = "a,b,c\n1,2,3\n3,3,1\n9,2,2\n"


@given(st.lists(logits(min_size=4, max_size=4), min_size=1, max_size=20), st.booleans())
@settings(max_examples=40)
def test_the_order_is_that_of_a_stable_sort_and_close_is_half_of_the_winners_probability(
    loaded_server: ForkServer, rows: list[Vector], last: bool
) -> None:
    text = "".join(",".join(map(repr, row.tolist())) + "\n" for row in rows).encode()
    ties = ["--ties", "last" if last else "first", "--no-header"]
    done = loaded_server.run(["hardmax", "--top", "4", *ties], text)
    for line, row in zip(done.out.decode().splitlines(), rows, strict=True):
        order = sorted(range(4), key=lambda i: (-row[i], -i if last else i))
        assert line == ",".join(map(str, order))
    with np.errstate(over="ignore"):
        gaps = [float(np.diff(np.sort(row))[-1]) for row in rows]
    if all(abs(gap - np.log(2)) > 1e-9 for gap in gaps):
        written = loaded_server.run(["hardmax", "-f", "json", *ties], text).out
        close = json.loads(written).get("summary", {}).get("close")
        assert close == sum(gap < np.log(2) for gap in gaps) or len(rows) == 1


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
    warned = run("hardmax", "--top", "2", stdin=ROWS)
    assert warned.out == "index_1,index_2\n2,1\n0,1\n0,1\n"
    assert "stdin:3: a tie between classes a, b for place 1" in warned.err
    assert "(and 1 more)" in warned.err
    assert run("hardmax", "--top", "1", "--ties", "error", "7").ok() == "0\n"


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("--top 3 --ties all 1 2 3", 2, "--ties all"),
        ("--top 3 --ties split 1 2 3", 2, "--ties split"),
        ("--top 3 1 2", 1, "--top 3"),
        ("--top 3 1 2", 1, "2 classes"),
        ("--top 0 1", 2, "'--top'"),
        ("--top 2 --ties error 1 9 5 5", 1, "arguments: a tie between classes 2, 3 for place 2"),
        ("--top 2 --ties error 1 9 9", 1, "arguments: a tie between classes 1, 2 for place 1"),
    ],
)
def test_what_is_refused(run: Run, line: str, status: int, message: str) -> None:
    assert message in run("hardmax", *line.split()).fails(status)


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
