"""Exit statuses, pipes and interrupts as scripts see them, in a real bash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import COMMAND, plain_environment, run_command

ROWS = 300_000
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


@pytest.fixture(scope="module")
def long_input(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows that all have the same probabilities."""
    file = tmp_path_factory.mktemp("rows") / "rows.csv"
    file.write_text("1,2,3\n" * ROWS)
    return file


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("softmax-cli softmax 1 2", 0),
        ("softmax-cli compare --check 1 2", 0),
        ("softmax-cli --help", 0),
        ("softmax-cli softmax -i missing.csv", 1),
        ("echo 1,x | softmax-cli softmax --no-header", 1),
        ("softmax-cli softmax 1 2 > /dev/full", 1),
        ("softmax-cli softmax 1 2 -o no/file", 1),
        ("softmax-cli softmax", 1),  # of an empty input
        ("softmax-cli", 2),
        ("softmax-cli sofmax 1 2", 2),
        ("softmax-cli softmax -T x 1 2", 2),
        ("softmax-cli xent 1,2", 2),
        ("softmax-cli compare --check 1 800", 3),
        ("softmax-cli compare --check 1 800 -o checked.csv", 3),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_statuses_in_bash(script: str, status: int, tmp_path: Path) -> None:
    done = run_command(["bash", "-c", f"{script}; exit $?"], cwd=tmp_path)
    assert done.status == status, done
    assert "Traceback" not in done.err
    if status in (1, 2) and script != "softmax-cli":
        assert done.err.count("\n") == 1


@pytest.mark.parametrize("options", ["-j 1", "-j 2", "-f markdown"])
def test_a_closed_pipe_ends_it_as_it_ends_cut(long_input: Path, options: str) -> None:
    script = f"set -o pipefail; softmax-cli softmax {options} -i {long_input} | head -1"
    done = run_command(["bash", "-c", script])
    assert (done.status, done.err) == (141, "")
    assert done.out.count("\n") == 1


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_in_the_middle_leaves_whole_rows(
    long_input: Path, jobs: str, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    script = f"while :; do cat {long_input}; done | softmax-cli softmax > out.csv"
    if jobs == "2":
        many = tmp_path / "many.csv"
        many.write_bytes(long_input.read_bytes() * 10)
        script = "softmax-cli softmax -j 2 -i many.csv > out.csv"
    with subprocess.Popen(
        ["bash", "-c", f"trap : INT; {script}; echo $? > status"],
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=plain_environment(),
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + 60
        while not (out.exists() and out.stat().st_size):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=60)
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert (tmp_path / "status").read_text() == "130\n"
    written = out.read_bytes()
    row = b"0.09003057317038046,0.24472847105479764,0.6652409557748219\n"
    assert written == row * (len(written) // len(row))
    assert len(written) < ROWS * 10 * len(row)


def test_ctrl_c_while_it_waits_ends_with_130_and_no_word() -> None:
    with subprocess.Popen(
        [COMMAND, "softmax"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=plain_environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"1,2\n")
        process.stdin.flush()
        assert process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert process.stderr.read() == b""


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
        ("python -m softmax_cli sofmax", 2, "", "no such command"),
        ("set -euo pipefail; softmax-cli softmax -i missing.csv | sort; echo not reached", 1, "",
         "softmax-cli: error: can't read missing.csv: No such file or directory\n"),
        ("set -o pipefail; yes 1,1 | softmax-cli softmax | head -1", 141, "0.5,0.5\n", ""),
    ],
)  # fmt: skip
def test_scripts(script: str, status: int, out: str, err: str, tmp_path: Path) -> None:
    done = run_command(["bash", "-c", script], cwd=tmp_path)
    assert (done.status, done.out) == (status, out)
    assert err in done.err
    assert bool(err) == bool(done.err)


def test_values_of_options_are_refused_in_plain_words() -> None:
    for words, expected in (
        (["xent", "1,2", "-t", "0", "--focal", "x"], "'x' is not a valid number"),
        (["xent", "1,2", "-t", "0", "--worst", "1.5"], "'1.5' is not a valid whole number"),
        (["softmax", "-p", "x", "1"], "'x' is not a valid whole number"),
    ):
        assert expected in run_command([str(COMMAND), *words]).fails(2)


def test_compare_shows_rows_before_it_has_computed_all(tmp_path: Path) -> None:
    (tmp_path / "many.csv").write_text("1,2,3,4\n" * 20_000)
    script = f"'{COMMAND}' compare -i many.csv | head -2 | wc -l"
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        check=True,
        timeout=15,
        env=plain_environment(),
        cwd=tmp_path,
    )
    assert done.stdout.strip() == b"2"
