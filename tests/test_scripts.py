"""Exit statuses, pipes, interrupts and progress as scripts and their users see them."""

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import bash, plain_environment, read_all, run_command
from tests.forked import HANG

# What raises where a module is looked for: Ctrl-C at that moment
INTERRUPTED_AT = """
import os, signal, sys
name = sys.argv.pop(1)
class Interrupt:
    def find_spec(self, found, *_):
        if found == name:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
from softmax_cli.__main__ import run
run()
"""


@pytest.mark.parametrize("options", ["-j 1", "-j 2"])
def test_a_closed_pipe_ends_it_as_it_ends_cut(large: Path, options: str) -> None:
    done = bash(f"set -o pipefail; softmax-cli softmax {options} -i {large} | head -1")
    assert (done.status, done.err) == (141, "")
    assert done.out.count("\n") == 1


@pytest.mark.parametrize(
    "module",
    ["softmax_cli.cli", "click", "softmax_cli.commands.softmax", "numpy", "orjson", "uuid"],
)
def test_ctrl_c_while_it_starts_is_as_quiet(module: str) -> None:
    words = [sys.executable, "-c", INTERRUPTED_AT, module, "softmax", "1", "2"]
    done = run_command(words)
    assert (done.status, done.out, done.err) == (130, "", "")


@pytest.mark.parametrize(
    ("script", "status", "out", "err"),
    [
        ('loss=$(softmax-cli xent 2,1,0.1 -t 0); printf "<%s>" "$loss"', 0,
         "<0.4170300162778335>", ""),
        ("python -m softmax_cli softmax 1 1", 0, "0.5,0.5\n", ""),
        ("softmax-cli compare --check --dtype float64 1 800 > table", 3, "", ""),
        ("softmax-cli entropy 1 2", 2, "", "(use softmax-cli softmax --breakdown)"),
        ("softmax-cli xent 1,2 -t 0 --mean", 2, "", "(use --reduction mean)"),
        ("softmax-cli help kl | head -1", 0, "Usage: softmax-cli kl [OPTIONS] [VECTOR]...\n", ""),
        ("python -m softmax_cli sofmax", 2, "", "no such command"),
        ("set -euo pipefail; softmax-cli softmax -i missing.csv | sort; echo not reached", 1, "",
         "softmax-cli: error: can't read missing.csv: No such file or directory\n"),
        ("set -o pipefail; yes 1,1 | softmax-cli softmax | head -1", 141, "0.5,0.5\n", ""),
    ],
)  # fmt: skip
def test_scripts(script: str, status: int, out: str, err: str, tmp_path: Path) -> None:
    done = bash(script, tmp_path)
    assert (done.status, done.out) == (status, out)
    assert err in done.err
    assert bool(err) == bool(done.err)


# Reads on two seconds after the first line
LATE = "| (read -r line; sleep 2; cat > /dev/null)"


def watched(script: str, cwd: Path) -> str:
    """What a shell's command shows on a terminal that is its standard error."""
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        ["bash", "-c", script], stderr=terminal, cwd=cwd, env=plain_environment()
    ) as process:
        os.close(terminal)
        screen = read_all(controller).decode()
        assert process.wait(timeout=HANG) == 0
    os.close(controller)
    return screen


def slowly(rows: str, seconds: float) -> str:
    return f"(echo '{rows}'; sleep {seconds}; echo '{rows}'; sleep 0.2; echo '{rows}')"


def test_rows_and_their_rate_are_shown_and_cleared(tmp_path: Path) -> None:
    screen = watched(f"{slowly('1,2', 3)} | softmax-cli softmax > out", tmp_path)
    assert " rows, " in screen
    assert "\x1b" not in screen
    parts = screen.split("\r")
    assert (parts[0], parts[-1]) == ("", "")
    assert parts[-2].strip() == ""
    assert len(parts[-2]) >= len(parts[-3].rstrip())
    assert (tmp_path / "out").read_text().count("\n") == 3


@pytest.mark.parametrize(("jobs", "columns"), [("1", 80), ("2", 80), ("2", 24)])
def test_a_file_has_a_bar_that_fits(tmp_path: Path, jobs: str, columns: int) -> None:
    (tmp_path / "x.csv").write_text("1.25,2.5,-3.75\n" * 300_000)
    command = f"stty cols {columns} <&2; softmax-cli softmax -p 6 -i x.csv -j {jobs}"
    screen = watched(f"{command} {LATE}", tmp_path)
    assert "[" in screen
    assert screen.split("\r")[-2].strip() == ""
    drawn = [line for line in screen.split("\r") if line.strip()]
    assert drawn
    assert all("%" in line and len(line) < columns for line in drawn)


def test_a_file_of_which_one_number_comes_has_a_bar(tmp_path: Path) -> None:
    """The process stands still for more than a second while it reads."""
    (tmp_path / "x.csv").write_text("1.25,2.5,-3.75\n" * 2_000_000)
    command = "softmax-cli xent -t 0 --reduction mean -i x.csv -j 1"
    read = "awk '/^rchar/ { print $2 }' /proc/$id/io"
    script = f"{command} > out & id=$!; until [ $({read}) -gt 12000000 ]; do :; done"
    screen = watched(f"{script}; kill -STOP $id; sleep 1.3; kill -CONT $id; wait $id", tmp_path)
    assert "%" in screen
    assert screen.split("\r")[-2].strip() == ""


def test_rows_that_several_processes_take_from_a_pipe_are_counted(tmp_path: Path) -> None:
    rows = "yes 1.25,2.5,-3.75 | head -500000"
    screen = watched(f"({rows}; sleep 3; echo 1,2,3) | softmax-cli softmax -j 2 > out", tmp_path)
    assert "500,001 rows, " in screen
    assert screen.split("\r")[-2].strip() == ""
    assert (tmp_path / "out").read_text().count("\n") == 500_001


def test_short_work_and_what_is_no_terminal_see_nothing(tmp_path: Path) -> None:
    assert watched("echo 1,2 | softmax-cli softmax > out", tmp_path) == ""
    start = time.monotonic()
    done = bash(f"{slowly('1,2', 1.3)} | softmax-cli softmax", tmp_path)
    assert done.ok().count("\n") == 3
    assert time.monotonic() - start > 1.3
