"""The installed command, run as a user runs it."""

import fcntl
import os
import pty
import resource
import signal
import struct
import subprocess
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

import hypothesis
import pytest

from tests import forked
from tests.forked import HANG, LIBRARIES, SCRIPTS, ForkServer

# The same examples in every run; HYPOTHESIS_PROFILE=explore looks for new ones. A deadline, or a
# check that all is quick, would be one of the machine.
_STEADY = hypothesis.settings(
    print_blob=True, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
for _name, _derandomize in (("same", True), ("explore", False)):
    hypothesis.settings.register_profile(_name, _STEADY, derandomize=_derandomize)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # As a script's job in the background has it; what the tests start would ignore Ctrl-C too.
    signal.signal(signal.SIGINT, signal.default_int_handler)

COMMAND = forked.COMMAND
# The rows of `large`
ROWS = 40_000
LINE = f"{{0}},{{0}}.{0:060},-1.25{0:060},0.{{1:060}}\n"
# What the interpreter reads as it starts
AT_START = ("PYTHON", "LC_", "LANG")


class Ran(NamedTuple):
    """A command line and what came of it."""

    line: str
    status: int
    out: str
    err: str

    def ok(self) -> str:
        """Standard output of a command that must have succeeded in silence."""
        assert (self.status, self.err) == (0, ""), self
        return self.out

    def numbers(self) -> list[list[float]]:
        """Standard output of such a command as rows of numbers."""
        return [[float(cell) for cell in line.split(",")] for line in self.ok().splitlines()]

    def fails(self, status: int) -> str:
        """The one line on standard error of a command that must have failed."""
        assert self.status == status, self
        assert self.err.startswith("softmax-cli: error: "), self
        assert self.err.count("\n") == 1, self
        assert self.err.endswith("\n"), self
        return self.err.removeprefix("softmax-cli: error: ").rstrip("\n")

    def __repr__(self) -> str:
        """All that is needed to see what went wrong."""
        return (
            f"\n$ {self.line}\n[exit status {self.status}]\n"
            f"--- standard output\n{self.out}\n--- standard error\n{self.err}"
        )


# Runs softmax-cli with arguments to its end; stdin, env and cwd are as of run_command.
Run = Callable[..., Ran]


def plain_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This environment without what changes how the command looks; warnings are errors."""
    noisy = {"NO_COLOR", "FORCE_COLOR", "LINES", "TERM", "PYTHONDONTWRITEBYTECODE"}
    kept = {key: value for key, value in os.environ.items() if key not in noisy}
    path = f"{SCRIPTS}{os.pathsep}{kept.get('PATH', '')}"
    return {**kept, "PATH": path, "COLUMNS": "80", "PYTHONWARNINGS": "error", **(extra or {})}


def run_command(
    args: Sequence[str],
    stdin: str | bytes = b"",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Ran:
    """Run any command line to its end."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    environment = plain_environment(env)
    done = subprocess.run(
        args, input=data, capture_output=True, env=environment, cwd=cwd, timeout=HANG, check=False
    )
    line = " ".join(args)
    return Ran(line, done.returncode, done.stdout.decode(), done.stderr.decode())


def run_in_terminal(
    *args: str, columns: int = 80, stdin: bytes | None = b"", env: Mapping[str, str] | None = None
) -> Ran:
    """Run softmax-cli with a terminal as its standard output.

    Standard input is a pipe with `stdin`, or for None the terminal too.
    """
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = plain_environment({"TERM": "xterm-256color", **(env or {})})
    if "COLUMNS" not in (env or {}):
        del environment["COLUMNS"]
    with subprocess.Popen(
        [COMMAND, *args],
        stdin=terminal if stdin is None else subprocess.PIPE,
        stdout=terminal,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        os.close(terminal)
        if process.stdin is not None:
            process.stdin.write(stdin or b"")
            process.stdin.close()
        screen = read_all(controller)
        assert process.stderr is not None
        errors = process.stderr.read().decode()
        status = process.wait(timeout=HANG)
    os.close(controller)
    return Ran(" ".join(args), status, screen.decode().replace("\r\n", "\n"), errors)


def started(*args: str) -> tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes], IO[bytes]]:
    """softmax-cli, the pipe into it, and the pipes from its output and its errors."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [COMMAND, *args], bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe, env=plain_environment()
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    return process, process.stdin, process.stdout, process.stderr


def usage(*args: str, stdin: IO[bytes] | None = None) -> resource.struct_rusage:
    """What softmax-cli takes of the machine, with no regard to its output."""
    out = subprocess.DEVNULL
    process = subprocess.Popen([COMMAND, *args], stdin=stdin, stdout=out, env=plain_environment())
    _, process.returncode, used = os.wait4(process.pid, 0)
    assert process.returncode == 0
    return used


def bash(script: str, cwd: Path | None = None) -> Ran:
    """Run a script, which finds softmax-cli on its PATH."""
    return run_command(["bash", "-c", script], cwd=cwd)


def read_all(descriptor: int) -> bytes:
    """All that comes until the other end is closed, which a terminal tells by an error."""
    parts = []
    with suppress(OSError):
        while part := os.read(descriptor, 4096):
            parts.append(part)
    return b"".join(parts)


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 8 MB of rows, every one of them plain, which several processes share."""
    path = tmp_path_factory.mktemp("large") / "large.csv"
    path.write_text("".join(LINE.format(i % 3, i) for i in range(ROWS)))
    return path


@pytest.fixture(scope="session")
def server() -> Iterator[ForkServer]:
    """Forks of a process that has loaded all of the package."""
    forks = ForkServer(*LIBRARIES, "softmax_cli")
    yield forks
    forks.close()


@pytest.fixture
def run(server: ForkServer, pytestconfig: pytest.Config) -> Run:
    """softmax-cli in a process that is forked, or started where that makes a difference."""

    def runner(
        *args: str,
        stdin: str | bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Ran:
        at_start = any(key.startswith(AT_START) for key in env or ())
        if at_start or pytestconfig.getoption("--no-fork"):
            return run_command([str(COMMAND), *args], stdin, env, cwd)
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = server.run(args, data, plain_environment(env), cwd)
        line = " ".join(["softmax-cli", *args])
        return Ran(line, done.status, done.out.decode(), done.err.decode())

    return runner


def pytest_addoption(parser: pytest.Parser) -> None:
    """The switches of our own."""
    parser.addoption("--no-fork", action="store_true", help="start a process for every command")
    parser.addoption("--update-readme", action="store_true", help="write the examples' output")
