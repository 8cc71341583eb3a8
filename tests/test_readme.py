"""Every example in README.md is run, and its output compared."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.conftest import run_command

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def _commands(block: str) -> list[str]:
    """The commands of a block, each with the lines that continue it."""
    commands: list[str] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            commands.append(line[2:])
        elif line.startswith("> ") and commands:
            commands[-1] += "\n" + line[2:]
    return commands


def _transcript(command: str, cwd: Path) -> str:
    done = run_command(["bash", "-c", f"exec 2>&1\n{command}"], cwd=cwd)
    prompt = "$ " + command.replace("\n", "\n> ")
    lines = [line.rstrip() for line in [prompt, *done.out.splitlines()]]
    return "".join(f"{line}\n" for line in lines)


def test_examples_print_what_the_readme_says(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    page = README.read_text(encoding="utf-8")
    blocks = BLOCK.findall(page)
    assert len(blocks) > 10
    run_command([sys.executable, "-m", "tests.digits", str(tmp_path)], cwd=README.parent).ok()
    for block in blocks:
        # One folder for the page: an example may use a file that an earlier one made.
        actual = "".join(_transcript(command, tmp_path) for command in _commands(block))
        assert "Traceback" not in actual
        if pytestconfig.getoption("--update-readme"):
            page = page.replace(f"```console\n{block}```", f"```console\n{actual}```", 1)
            README.write_text(page, encoding="utf-8")
        else:
            assert actual == block


def test_every_command_has_a_section_and_every_option_is_explained(tmp_path: Path) -> None:
    page = README.read_text(encoding="utf-8")
    for name in ("hardmax", "softmax", "xent", "kl", "compare"):
        assert f"\n## {name}\n" in page
        help_text = run_command(["softmax-cli", name, "--help"], cwd=tmp_path).ok()
        for long_option in re.findall(r"^  (?:-\w, )?(--[a-z-]+)", help_text, re.MULTILINE):
            assert long_option in page or long_option == "--help", (name, long_option)
