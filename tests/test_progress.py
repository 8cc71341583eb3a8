"""The line on standard error that says how far the work is."""

from __future__ import annotations

import os
import pty
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import COMMAND, plain_environment, read_all, run_command

# Output that nobody reads for a while makes the work last, on the fastest of machines
LATE = "| { sleep 1.3; cat > out; }"


def watched(script: str, cwd: Path) -> str:
    """What a shell's command shows on a terminal that is its standard error."""
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        ["bash", "-c", script], stderr=terminal, cwd=cwd, env=plain_environment()
    ) as process:
        os.close(terminal)
        screen = read_all(controller).decode()
        assert process.wait(timeout=60) == 0
    os.close(controller)
    return screen


def slowly(rows: str, seconds: float) -> str:
    return f"(echo '{rows}'; sleep {seconds}; echo '{rows}'; sleep 0.2; echo '{rows}')"


def test_rows_and_their_rate_are_shown_and_cleared(tmp_path: Path) -> None:
    screen = watched(f"{slowly('1,2', 3)} | '{COMMAND}' softmax > out", tmp_path)
    assert " rows, " in screen
    assert "\x1b" not in screen
    parts = screen.split("\r")
    assert (parts[0], parts[-1]) == ("", "")
    assert parts[-2].strip() == ""
    assert len(parts[-2]) >= len(parts[-3].rstrip())
    assert (tmp_path / "out").read_text().count("\n") == 3


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_file_has_a_bar(tmp_path: Path, jobs: str) -> None:
    (tmp_path / "x.csv").write_text("1.25,2.5,-3.75\n" * 300_000)
    command = f"'{COMMAND}' softmax -p 6 -i x.csv -j {jobs}"
    screen = watched(f"{command} {LATE}", tmp_path)
    assert "%" in screen
    assert "[" in screen
    assert screen.split("\r")[-2].strip() == ""


def test_a_file_of_which_one_number_comes_has_a_bar(tmp_path: Path) -> None:
    """The process stands still for more than a second while it reads."""
    (tmp_path / "x.csv").write_text("1.25,2.5,-3.75\n" * 2_000_000)
    command = f"'{COMMAND}' xent -t 0 --reduction mean -i x.csv -j 1"
    read = "awk '/^rchar/ { print $2 }' /proc/$id/io"
    script = f"{command} > out & id=$!; until [ $({read}) -gt 12000000 ]; do :; done"
    screen = watched(f"{script}; kill -STOP $id; sleep 1.3; kill -CONT $id; wait $id", tmp_path)
    assert "%" in screen
    assert screen.split("\r")[-2].strip() == ""


def test_a_narrow_terminal_cuts_the_bar_and_not_the_numbers(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1.25,2.5,-3.75\n" * 300_000)
    screen = watched(f"stty cols 24 <&2; '{COMMAND}' softmax -i x.csv {LATE}", tmp_path)
    drawn = [line for line in screen.split("\r") if line.strip()]
    assert drawn
    assert all("%" in line and len(line) <= 23 for line in drawn)


def test_rows_that_several_processes_take_from_a_pipe_are_counted(tmp_path: Path) -> None:
    rows = "yes 1.25,2.5,-3.75 | head -500000"
    screen = watched(f"({rows}; sleep 3; echo 1,2,3) | '{COMMAND}' softmax -j 2 > out", tmp_path)
    assert "500,001 rows, " in screen
    assert screen.split("\r")[-2].strip() == ""
    assert (tmp_path / "out").read_text().count("\n") == 500_001


def test_short_work_and_what_is_no_terminal_see_nothing(tmp_path: Path) -> None:
    assert watched(f"echo 1,2 | '{COMMAND}' softmax > out", tmp_path) == ""
    start = time.monotonic()
    done = run_command(["bash", "-c", f"{slowly('1,2', 1.3)} | '{COMMAND}' softmax"], cwd=tmp_path)
    assert done.ok().count("\n") == 3
    assert time.monotonic() - start > 1.3
