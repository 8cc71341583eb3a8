"""A pseudo-terminal with a command in it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Mapping

from tests.conftest import COMMAND, Ran, plain_environment


def run_in_terminal(
    *args: str, columns: int = 80, stdin: bytes | None = b"", env: Mapping[str, str] | None = None
) -> Ran:
    """Run softmax-cli with a terminal as its standard output.

    Standard input is a pipe with `stdin`, or for None the terminal too.
    """
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = plain_environment({"TERM": "xterm-256color", **(env or {})})
    environment.pop("COLUMNS")
    if env and "COLUMNS" in env:
        environment["COLUMNS"] = env["COLUMNS"]
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
        screen = _read_all(controller)
        assert process.stderr is not None
        errors = process.stderr.read().decode()
        status = process.wait(timeout=60)
    os.close(controller)
    return Ran(" ".join(args), status, screen.decode().replace("\r\n", "\n"), errors)


def _read_all(descriptor: int) -> bytes:
    parts = []
    while True:
        try:
            part = os.read(descriptor, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)
