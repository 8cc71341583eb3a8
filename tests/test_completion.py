"""Completion by TAB, in the real shells at a terminal, and of all that the commands take."""

import os
import pty
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from softmax_cli.cli import COMMANDS, cli
from tests.conftest import bash, plain_environment
from tests.forked import ForkServer

COMPLETIONS = Path(__file__).parent.parent / "completions"
END = "<the end>"

# Each shell reads its file, and then knows the command as a function that tells its arguments.
BASH = f"""
PS1='$ '
source '{COMPLETIONS}/softmax-cli.bash'
softmax-cli() {{ printf '\\n<%s>' "$@"; printf '\\n%s\\n' '{END}'; }}
"""
ZSH = f"""
PS1='$ '
autoload -Uz compinit; compinit -u -D
source '{COMPLETIONS}/softmax-cli.zsh'
softmax-cli() {{ printf '\\n<%s>' "$@"; printf '\\n%s\\n' '{END}'; }}
"""
FISH = f"""
set fish_greeting
function fish_prompt; echo '$ '; end
source '{COMPLETIONS}/softmax-cli.fish'
function softmax-cli; printf '\\n<%s>' $argv; printf '\\n%s\\n' '{END}'; end
"""
# The shell in charge of the terminal, which fish insists on
IN_CHARGE = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


class Shell:
    """An interactive shell at a terminal of its own."""

    def __init__(self, name: str, home: Path) -> None:
        words, file, setup = {
            "bash": (["bash", "--noprofile", "--rcfile", str(home / "rc"), "-i"], "rc", BASH),
            "zsh": (["zsh", "-i"], ".zshrc", ZSH),
            "fish": (["fish", "-i"], "fish/config.fish", FISH),
        }[name]
        (home / "fish").mkdir(exist_ok=True)
        (home / file).write_text(setup)
        own = {"HOME": str(home), "ZDOTDIR": str(home), "XDG_CONFIG_HOME": str(home)}
        environment = plain_environment({**own, "TERM": "xterm", "LC_ALL": "C.UTF-8"})
        self._controller, terminal = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", IN_CHARGE, *words],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=home,
            env=environment,
            start_new_session=True,
        )
        os.close(terminal)
        self._until("$ ")

    def completed(self, line: str) -> list[str]:
        """The arguments that a line has after TAB and return."""
        os.write(self._controller, f"softmax-cli {line}\t\r".encode())
        screen = self._until(f"\n{END}").replace("\r", "")
        return [part.rstrip("\n").removesuffix(">") for part in screen.split("\n<")[1:-1]]

    def _until(self, mark: str) -> str:
        seen = b""
        deadline = time.monotonic() + 120
        while mark not in seen.decode(errors="replace"):
            if not select.select([self._controller], [], [], deadline - time.monotonic())[0]:
                message = f"no {mark!r} in {seen.decode(errors='replace')!r}"
                raise AssertionError(message)
            seen += os.read(self._controller, 1 << 16)
        return seen.decode(errors="replace")

    def close(self) -> None:
        """End the shell."""
        self._process.kill()
        self._process.wait()
        os.close(self._controller)


@pytest.fixture(scope="module", params=["bash", "zsh", "fish"])
def shell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    """Each of the shells, in a directory with some inputs."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    home = tmp_path_factory.mktemp(request.param)
    for name in ("pets.csv", "my rows.csv"):
        (home / name).touch()
    opened = Shell(request.param, home)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("line", "last"),
    [
        ("so", "softmax"),
        ("softmax --temp", "--temperature"),
        ("xent --reduction m", "mean"),
        ("softmax --format=mark", "--format=markdown"),
        ("compare --dtype float1", "float16"),
        ("softmax -i pe", "pets.csv"),
        ("softmax -i my", "my rows.csv"),
        ("softmax --input=pe", "--input=pets.csv"),
    ],
    ids=lambda value: value,
)
def test_a_shell_completes(shell: Shell, line: str, last: str) -> None:
    assert shell.completed(line)[-1] == last


Offered = Callable[..., list[str]]


@pytest.fixture
def offered(server: ForkServer, tmp_path: Path) -> Offered:
    """What is offered for the last of some words."""

    def ask(*words: str) -> list[str]:
        line = {"COMP_WORDS": shlex.join(["softmax-cli", *words]), "COMP_CWORD": str(len(words))}
        environment = plain_environment({"_SOFTMAX_CLI_COMPLETE": "bash_complete", **line})
        done = server.run([], env=environment, cwd=tmp_path)
        assert (done.status, done.err) == (0, b"")
        items = [line.split(",", 1) for line in done.out.decode().split("\n") if line]
        return [kind if kind != "plain" else value for kind, value in items]

    return ask


def options() -> Iterator[tuple[str, click.Option]]:
    with click.Context(cli) as context:
        for name in COMMANDS:
            command = cli.get_command(context, name)
            assert command is not None
            parameters = command.get_params(context)
            yield from ((name, p) for p in parameters if isinstance(p, click.Option))


def test_commands_options_and_values_are_all_offered(offered: Offered) -> None:
    assert offered("") == list(COMMANDS)
    known = {(name, dash): offered(name, dash) for name in COMMANDS for dash in ("-", "--")}
    assert len(list(options())) > 50
    for command, option in options():
        for name in option.opts + option.secondary_opts:
            assert name in known[command, "--" if name.startswith("--") else "-"]
        name = option.opts[-1]
        if isinstance(option.type, click.Choice):
            values = list(map(str, option.type.choices))
            assert offered(command, name, "") == values
            assert offered(command, f"{name}=") == [f"{name}={value}" for value in values]
        elif isinstance(option.type, click.Path) or option.metavar == "FILE":
            assert offered(command, name, "") == ["file"]
    assert offered("xent", "--noise", "") == ["uniform", "log-uniform", "file"]


def test_bash_is_told_without_a_line_too() -> None:
    done = bash(
        f"source '{COMPLETIONS}/softmax-cli.bash'; "
        "COMP_WORDS=(softmax-cli xent --red); COMP_CWORD=2; "
        "_softmax_cli_completion softmax-cli; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    assert done.ok() == "--reduction\n"
