"""Help fits a screen, and its examples are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from softmax_cli.cli import COMMANDS
from tests.conftest import Run, plain_environment, run_command

# Lines of a tall window; the options of a loss are many.
LINES = dict.fromkeys(COMMANDS, 50) | {"softmax": 60, "xent": 72}
FILES = {
    "scores.csv": "cat,dog,owl\n2,1,0\n0,3,1\n",
    "labelled.csv": "cat,dog,owl,label\n2,1,0,cat\n0,3,1,dog\n",
    "labels.txt": "cat\nowl\n",
    "students.csv": "0.2,0.3,0.5\n0.5,0.25,0.25\n",
    "teachers.csv": "0.1,0.4,0.5\n0.5,0.25,0.25\n",
    "logits.csv": "1,2,3\n800,1,2\n",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_a_screen_and_shows_defaults(run: Run, command: str) -> None:
    text = run(command, "--help").ok()
    lines = text.splitlines()
    assert len(lines) <= LINES[command]
    assert max(map(len, lines)) <= 80
    assert text.count("[default: ") >= 6
    sections = re.findall(r"^(\w+):$", text, re.MULTILINE)
    assert sections[-3:] == ["Input", "Output", "Other"]
    # one column for all of them
    starts = [m.end() for m in map(re.compile(r"  -\S.*?\S  +(?=\S)").match, lines) if m]
    assert len(starts) > 10
    assert len(set(starts)) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_in_help_succeed(run: Run, command: str, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    examples = [
        line.strip()
        for line in run(command, "--help").ok().partition("Examples:\n")[2].splitlines()
    ]
    assert len(examples) >= 4
    for example in examples:
        assert f"softmax-cli {command} " in f"{example} "
        done = run_command(
            ["bash", "-euo", "pipefail", "-c", example], cwd=tmp_path, env=plain_environment()
        )
        assert (done.status, done.err) == (0, ""), done
        assert done.out or re.search(r"-o |=\$\(", example), done
