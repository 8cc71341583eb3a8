"""The benchmarks run, and what they say of this program's accuracy holds."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.conftest import run_command
from tests.quantities import BOUND

ROOT = Path(__file__).parent.parent


def test_the_accuracy_table_is_made_and_within_the_bound() -> None:
    command = [sys.executable, "-m", "tests.benchmarks.accuracy", "--cases", "1"]
    done = run_command(command, cwd=ROOT, env={"PYTHONWARNINGS": ""})
    assert done.status == 0, done
    _, worst, every = done.out.split("\n\n")
    assert len(worst.splitlines()) < len(every.splitlines())
    for line in every.splitlines()[2:]:
        _given, _quantity, _family, ours, *rivals = line.strip("| ").split(" | ")
        assert float(ours) <= BOUND
        assert len(rivals) == 3


def test_the_table_of_entmax_is_made_and_within_the_bound() -> None:
    command = [sys.executable, "-m", "tests.benchmarks.entmax", "--cases", "2"]
    done = run_command(command, cwd=ROOT, env={"PYTHONWARNINGS": ""})
    assert done.status == 0, done
    for line in done.out.splitlines()[2:]:
        _alpha, *ours = line.strip("| ").split(" | ")[:4]
        assert max(map(float, ours)) <= BOUND


def test_the_table_of_throughput_is_made() -> None:
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.throughput",
        "--rows",
        "500",
        "--rounds",
        "1",
    ]
    done = run_command(command, cwd=ROOT, env={"PYTHONWARNINGS": ""})
    assert done.status == 0, done
    lines = done.out.splitlines()
    assert lines[2].startswith("| 500 | all | softmax-cli | ")
    assert any(line.startswith("| 500 | 6 decimals | softmax-cli | ") for line in lines)
    assert all(line.count("|") == 8 for line in lines)
