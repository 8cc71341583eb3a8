"""Every example in README.md is run, and its output compared; help fits a screen.

A ``console`` block holds commands after ``$ `` and their output. A ``sh`` block is a script to be
copied; a ``text`` block right below it is its output. The pictures of `compare` are in .github/.
"""

import io
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from softmax_cli.cli import COMMANDS
from tests.conftest import Ran, Run, plain_environment, run_command, run_in_terminal

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
BLOCK = re.compile(
    r"^```console\n(?P<console>.*?)^```$"
    r"|^```sh\n(?P<script>.*?)^```$\n{1,2}(?:```text\n(?P<output>.*?)^```$)?",
    re.DOTALL | re.MULTILINE,
)
PICTURES = {
    "compare": "compare 1000 1001 1002",
    "temperatures": "compare -T 0.1,1,10,100 --names cat,dog,owl 1 2 3",
}


def picture(name: str) -> Path:
    """Return the file of a picture."""
    return ROOT / ".github" / f"{name}.svg"


def svg(name: str) -> str:
    """Return a command and its coloured output as an SVG."""
    command = PICTURES[name]
    screen = run_in_terminal(*shlex.split(command), columns=80).ok()
    console = Console(file=io.StringIO(), record=True, width=80)
    console.print(Text.from_ansi(f"$ softmax-cli {command}\n{screen}"))
    return console.export_svg(title="softmax-cli", unique_id=name)


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


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_the_command_shows(name: str, pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--update-readme"):
        picture(name).write_text(svg(name), encoding="utf-8")
    assert picture(name).read_text(encoding="utf-8") == svg(name)
    page = README.read_text(encoding="utf-8")
    assert re.search(rf"!\[.*{re.escape(PICTURES[name])}.*\]\(.github/{name}\.svg\)", page)


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


# Lines of a tall window; the options of a loss are many.
HELP_LINES = dict.fromkeys(COMMANDS, 51) | {"softmax": 61, "xent": 74, "compare": 52}
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
    assert len(lines) <= HELP_LINES[command]
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
