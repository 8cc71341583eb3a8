"""The pictures of README.md: what `compare` shows in a terminal, as SVGs in .github/.

``python -m tests.picture`` writes them anew.
"""

from __future__ import annotations

import io
import shlex
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.conftest import run_in_terminal

FOLDER = Path(__file__).parent.parent / ".github"
COMMANDS = {
    "compare": "compare 1000 1001 1002",
    "temperatures": "compare -T 0.1,1,10,100 --names cat,dog,owl 1 2 3",
}
COLUMNS = 80


def picture(name: str) -> Path:
    """Return the file of a picture."""
    return FOLDER / f"{name}.svg"


def svg(name: str) -> str:
    """Return a command and its coloured output as an SVG."""
    command = COMMANDS[name]
    screen = run_in_terminal(*shlex.split(command), columns=COLUMNS).ok()
    console = Console(file=io.StringIO(), record=True, width=COLUMNS)
    console.print(Text.from_ansi(f"$ softmax-cli {command}\n{screen}"))
    return console.export_svg(title="softmax-cli", unique_id=name)


def main() -> None:
    """Write the pictures."""
    FOLDER.mkdir(exist_ok=True)
    for name in COMMANDS:
        picture(name).write_text(svg(name), encoding="utf-8")


if __name__ == "__main__":
    main()
