"""The command in real shells: interrupts, and the module."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import COMMAND, plain_environment, run_command


def test_ctrl_c_ends_with_130_and_no_word() -> None:
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
        assert process.wait(timeout=30) == 130
        assert process.stderr.read() == b""


def test_the_module_is_the_command(tmp_path: Path) -> None:
    module = run_command([sys.executable, "-m", "softmax_cli", "softmax", "1", "1"], cwd=tmp_path)
    assert module.ok() == "0.5,0.5\n"
    wrong = run_command([sys.executable, "-m", "softmax_cli", "sofmax"], cwd=tmp_path)
    assert "no such command" in wrong.fails(2)


def test_a_variable_holds_one_number(tmp_path: Path) -> None:
    script = 'loss=$(softmax-cli xent 2,1,0.1 -t 0); printf "<%s>" "$loss"'
    assert run_command(["bash", "-c", script], cwd=tmp_path).ok() == "<0.41703001627783354>"
