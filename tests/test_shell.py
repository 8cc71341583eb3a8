"""The command in real shells: completion, interrupts, and the module."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import COMMAND, plain_environment, run_command

COMPLETIONS = Path(__file__).parent.parent / "completions"

BASH = """
source {file}
COMP_WORDS=({words})
COMP_CWORD={at}
_softmax_cli_completion softmax-cli
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
FISH = "source {file}; complete -C {line!r}"


@pytest.mark.parametrize(
    ("words", "at", "expected"),
    [
        ("softmax-cli so", 1, {"softmax"}),
        ("softmax-cli softmax --te", 2, {"--temperature"}),
        ("softmax-cli xent -1 --red", 3, {"--reduction"}),
        ("softmax-cli xent --reduction m", 3, {"mean"}),
        ("softmax-cli kl --divergence j", 3, {"jeffreys", "js"}),
    ],
)
def test_bash_completes(words: str, at: int, expected: set[str], tmp_path: Path) -> None:
    script = BASH.format(file=COMPLETIONS / "softmax-cli.bash", words=words, at=at)
    assert set(run_command(["bash", "-c", script], cwd=tmp_path).ok().split()) == expected


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes(tmp_path: Path) -> None:
    script = FISH.format(file=COMPLETIONS / "softmax-cli.fish", line="softmax-cli softmax --te")
    assert "--temperature" in run_command(["fish", "-c", script], cwd=tmp_path).ok()


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_reads_its_file(tmp_path: Path) -> None:
    script = f"autoload -Uz compinit; compinit -u; source {COMPLETIONS / 'softmax-cli.zsh'}"
    assert run_command(["zsh", "-f", "-c", script], cwd=tmp_path).status == 0


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
