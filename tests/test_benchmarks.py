"""The benchmarks run, and what they say of this program's accuracy holds."""

import sys
from pathlib import Path

from tests.conftest import run_command
from tests.quantities import BOUND


def table(script: str, *options: str) -> str:
    """What a benchmark prints."""
    command = [sys.executable, "-m", f"tests.benchmarks.{script}", *options]
    root = Path(__file__).parent.parent
    done = run_command(command, cwd=root, env={"PYTHONWARNINGS": ""})
    assert done.status == 0, done
    return done.out


def test_the_accuracy_table_is_made_and_within_the_bound() -> None:
    _, worst, every = table("accuracy", "--values", "1").split("\n\n")
    assert len(worst.splitlines()) < len(every.splitlines())
    for line in every.splitlines()[2:]:
        _given, _quantity, _family, _values, ours, *rivals = line.strip("| ").split(" | ")
        assert float(ours.split(",")[0]) <= BOUND
        assert len(rivals) == 3


def test_the_table_of_entmax_is_made_and_within_the_bound() -> None:
    for line in table("entmax", "--cases", "2").splitlines()[2:]:
        _alpha, *ours = line.strip("| ").split(" | ")[:4]
        assert max(float(cell.split(",")[0]) for cell in ours) <= BOUND


def test_the_table_of_throughput_is_made() -> None:
    lines = table("throughput", "--values", "5000", "--rounds", "1").splitlines()
    for size, task in (("500 x 10", "softmax"), ("1 x 100,000", "softmax"), ("500 x 10", "xent")):
        assert any(line.startswith(f"| {size} | {task}") for line in lines)
    assert all(line.count("|") == 8 for line in lines)
