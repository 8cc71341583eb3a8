"""Every example in README.md is run, and its output compared.

A ``console`` block holds commands after ``$ `` and their output. A ``sh`` block is a script to be
copied; a ``text`` block right below it is its output.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import Ran, run_command
from tests.picture import COMMANDS, picture, svg

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
BLOCK = re.compile(
    r"^```console\n(?P<console>.*?)^```$"
    r"|^```sh\n(?P<script>.*?)^```$\n{1,2}(?:```text\n(?P<output>.*?)^```$)?",
    re.DOTALL | re.MULTILINE,
)
LINES = 400


def _bash(script: str, folder: Path) -> Ran:
    """Run a script in a folder that is its home too; errors go to standard output."""
    done = run_command(
        ["bash", "-c", f"exec 2>&1\n{script}"], cwd=folder, env={"HOME": str(folder)}
    )
    assert "Traceback" not in done.out, done
    return done


def _without_trailing_blanks(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _transcript(block: str, folder: Path) -> str:
    """Return a console block with the output that its commands have today."""
    commands = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    return "".join(
        f"$ {command}\n{_without_trailing_blanks(_bash(command, folder).out)}"
        for command in commands
    )


def _script_output(script: str, folder: Path) -> str:
    done = _bash(f"set -euo pipefail\n{script}", folder)
    assert done.status == 0, done
    return _without_trailing_blanks(done.out)


def _is_run(script: str) -> bool:
    """Whether a script is neither one of .ci/run's nor of a program that is not installed."""
    if script.startswith("python3 -m venv"):
        return False
    return "parallel" not in script or shutil.which("parallel") is not None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the page: an example may use a file that an earlier one made."""
    path = tmp_path_factory.mktemp("readme")
    run_command([sys.executable, "-m", "tests.digits", str(path)], cwd=ROOT).ok()
    (path / "completions").symlink_to(ROOT / "completions")
    return path


def test_examples_print_what_the_readme_says(folder: Path, pytestconfig: pytest.Config) -> None:
    page = README.read_text(encoding="utf-8")
    updates: list[tuple[int, int, str]] = []
    for block in BLOCK.finditer(page):
        if block["console"] is not None:
            updates.append((*block.span("console"), _transcript(block["console"], folder)))
        elif _is_run(block["script"]):
            output = _script_output(block["script"], folder)
            if block["output"] is not None:
                updates.append((*block.span("output"), output))
    assert len(updates) > 10
    if pytestconfig.getoption("--update-readme"):
        for start, end, output in reversed(updates):
            page = page[:start] + output + page[end:]
        README.write_text(page, encoding="utf-8")
        return
    for start, end, output in updates:
        assert output == page[start:end]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_picture_is_what_the_command_shows(name: str, pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--update-readme"):
        picture(name).write_text(svg(name), encoding="utf-8")
    assert picture(name).read_text(encoding="utf-8") == svg(name)
    page = README.read_text(encoding="utf-8")
    assert re.search(rf"!\[.*{re.escape(COMMANDS[name])}.*\]\(.github/{name}\.svg\)", page)


def test_it_can_be_read_in_one_sitting() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= LINES


def test_links_lead_somewhere() -> None:
    page = README.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)\s]+)\)", page):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif "://" not in target:
            assert (ROOT / target).exists(), target


def test_every_command_has_a_section_and_every_option_is_explained(tmp_path: Path) -> None:
    page = README.read_text(encoding="utf-8")
    for name in ("hardmax", "softmax", "xent", "kl", "compare"):
        assert f"\n## {name}\n" in page
        help_text = run_command(["softmax-cli", name, "--help"], cwd=tmp_path).ok()
        for long_option in re.findall(r"^  (?:-\w, )?(--[a-z-]+)", help_text, re.MULTILINE):
            assert long_option in page or long_option == "--help", (name, long_option)
