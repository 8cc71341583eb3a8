"""The picture of a vector from the hard choice through all temperatures."""

from __future__ import annotations

import json
import re

import pytest
from rich.cells import cell_len

from tests.conftest import Run, run_in_terminal
from tests.test_tables import ESCAPES

SWEEP = ("compare", "-T", "0.01,0.1,1,10,1e300")
LABELS = ["hard", "0.01", "0.1", "1", "10", "1e300", "linear"]


def picture(*args: str, columns: int = 80, **env: str) -> list[str]:
    screen = run_in_terminal(*SWEEP, *args, columns=columns, env=env).ok()
    lines = ESCAPES.sub("", screen).splitlines()
    assert max(map(cell_len, lines)) <= columns, screen
    return lines


@pytest.mark.parametrize(
    ("count", "width"), [(1, 80), (3, 40), (3, 80), (10, 40), (10, 200), (300, 40), (300, 200)]
)
def test_a_line_for_each_temperature_at_any_width(count: int, width: int) -> None:
    lines = picture(*(str(i * 7 % 10 / 4) for i in range(count)), columns=width)
    assert [line.split()[0] for line in lines[2:9]] == LABELS
    assert any("uniform, to the last digit" in line for line in lines) == (count > 1)


def test_numbers_bars_and_entropy_where_there_is_room() -> None:
    lines = picture("--names", "cat,dog,owl", "1", "2", "3", columns=80)
    assert lines[0].split() == ["T", "cat", "dog", "owl", "entropy"]
    numbers = [[word for word in line.split() if word[0].isdigit()] for line in lines[2:9]]
    assert numbers[0] == ["0", "0", "1", "0"]
    assert numbers[3] == ["1", "0.0900306", "0.244728", "0.665241", "0.832396"]
    assert numbers[5] == ["1e300", "0.333333", "0.333333", "0.333333", "1.09861"]
    assert numbers[6][:3] == ["0.166667", "0.333333", "0.5"]
    assert [line.count("█") > 0 for line in lines[2:9]] == [True] * 7
    assert " T 0.01: hardmax, to the last digit" in lines
    assert " T 1e300: uniform, to the last digit" in lines
    assert " linear: x/T over the sum of x/T is the same at every T" in lines


def test_what_is_said_of_the_ends(run: Run) -> None:
    # Hardmax to the last digit is no matter of the digits shown
    for gap, reached in (("36", False), ("40", True)):
        table = run("compare", "-f", "table", "-T", "1,2", "0", f"-{gap}").ok()
        assert ("T 1: hardmax, to the last digit" in table) == reached
    tied = run("compare", "-f", "table", "-T", "0.01,1", "3", "3", "1").ok()
    assert "T 0.01: hardmax with shared ties, to the last digit" in tied
    # Equal scores are at both ends and a lone class is chosen
    equal = run("compare", "-f", "table", "-T", "1,2", "3", "3").ok()
    assert "T 1, 2: hardmax with shared ties and uniform, to the last digit" in equal
    lone = run("compare", "-f", "table", "-T", "1,2", "3", "-inf").ok()
    assert "T 1, 2: hardmax, to the last digit" in lone


def test_negative_scores_break_linear_and_it_is_said() -> None:
    lines = picture("--", "-3", "0.5", "90")
    assert "linear: x/T over the sum of x/T is the same at every T; -3/87.5" in "\n".join(lines)
    assert "nan" in next(line for line in lines if line.split()[0] == "linear").split()
    narrow = picture("--", "-3", "0.5", "90", columns=40)
    assert "░" in narrow[8]


def test_the_best_of_many_classes_are_shown_in_their_order() -> None:
    scores = [str(i % 50) for i in range(400)]
    lines = picture(*scores, columns=40)
    hidden = re.match(r" … (\d+) more classes", lines[9])
    shown = re.match(r" shown: the best (\d+), in their order", lines[11])
    assert hidden is not None
    assert shown is not None
    assert int(hidden[1]) + int(shown[1]) == 400
    assert [line.count("█") for line in lines[2:4]] == [1, 8]


def test_ascii_and_names_that_do_no_harm(run: Run) -> None:
    args = ("compare", "-f", "table", "-T", "0.1,1", "--names", "\x1b[31ma,b,c", "1", "0", "-1")
    table = run(*args, env={"PYTHONIOENCODING": "ascii", "COLUMNS": "40"}).ok()
    assert table.isascii()
    assert "\x1b" not in table
    assert "@" in table


def test_records_and_many_rows_stay_as_they_are(run: Run) -> None:
    rows = json.loads(run("compare", "-T", "0.1,1", "-f", "json", "1", "2").ok())["rows"]
    assert len(rows) == 2 * 8
    assert set(rows[0]) == {"row", "method", "dtype", "temperature", "status", "ulp_error",
                            "reason", "probabilities"}  # fmt: skip
    table = run("compare", "-T", "0.1,1", "-f", "table", stdin="1,2\n3,4\n").ok()
    assert "rows that broke" in table
    assert run("compare", "-T", "0.1,1", "-f", "table", "--check", "900", "1").status == 3
