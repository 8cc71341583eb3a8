"""The installed command in forks of a process that has loaded what takes long to load.

A start of the command takes 150 ms, a fork some 10 to 30. The tests' own process neither forks
nor calls the command itself: it has threads (those of pytest-xdist), and the command changes what
a signal does: with SIGPIPE as the command wants it, the tests would end at the next closed pipe.
"""

import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import sysconfig
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import IO, Any, Final, NamedTuple
from unittest import mock

SCRIPTS: Final = Path(sysconfig.get_path("scripts"))
COMMAND: Final = SCRIPTS / "softmax-cli"
# What every run loads; with "softmax_cli" all modules of the package are loaded before a fork too.
LIBRARIES: Final = ("click", "numpy", "orjson", "rich.console", "rich.table")
_STATUS_BYTES: Final = 4
# Seconds until a command counts as hanging: no deadline, also on a slow, busy machine
HANG: Final = 900


class Outcome(NamedTuple):
    """What came of a command line; the status of one that was ended by a signal is negative."""

    status: int
    out: bytes
    err: bytes


class ForkServer:
    """A process that loads some modules, and then forks once for each command line.

    `python_warnings` is as of PYTHONWARNINGS: "error" raises them, "always" writes them to standard
    error, also where an exception would not be seen. A fork makes `runs` runs, one after another.
    """

    def __init__(self, *modules: str, python_warnings: str = "error", runs: int = 1) -> None:
        self._socket, theirs = socket.socketpair()
        own = {"PYTHONWARNINGS": python_warnings, "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", str(runs), *modules],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            cwd=Path(__file__).parent.parent,
            env={**os.environ, **own},
        )
        theirs.close()
        self._threads = ThreadPoolExecutor(3)

    def close(self) -> None:
        """End the process."""
        self._socket.close()
        self._process.wait()
        self._threads.shutdown()

    def run(
        self,
        args: Sequence[str],
        stdin: bytes | IO[bytes] = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        seconds: float = HANG,
        read_bytes: int | None = None,
    ) -> Outcome:
        """Run softmax-cli with these arguments; bytes come through a pipe, a file is the input.

        After so many seconds it is killed. With `read_bytes` it reads no more of an input at once,
        as if no more had arrived.
        """
        out, err = os.pipe(), os.pipe()
        source = os.pipe() if isinstance(stdin, bytes) else (os.dup(stdin.fileno()), -1)
        request = {
            "args": list(args),
            "env": dict(os.environ if env is None else env),
            "cwd": str(cwd or Path.cwd()),
            "read_bytes": read_bytes,
        }
        text = json.dumps(request).encode()
        theirs = [source[0], out[1], err[1]]
        socket.send_fds(self._socket, [len(text).to_bytes(_STATUS_BYTES, "big")], theirs)
        self._socket.sendall(text)
        for descriptor in theirs:
            os.close(descriptor)
        pid = self._number()
        texts = [self._threads.submit(_read_all, end) for end in (out[0], err[0])]
        if isinstance(stdin, bytes):
            self._threads.submit(_write_all, source[1], stdin)
        self._socket.settimeout(seconds)
        try:
            status = self._number()
        except TimeoutError:
            os.killpg(pid, signal.SIGKILL)
            status = self._number()
        return Outcome(status, *[text.result(seconds) for text in texts])

    def _number(self) -> int:
        return int.from_bytes(_received(self._socket, _STATUS_BYTES), "big", signed=True)


def _write_all(descriptor: int, data: bytes) -> None:
    with suppress(BrokenPipeError), open(descriptor, "wb") as pipe:
        pipe.write(data)


def _read_all(descriptor: int) -> bytes:
    with open(descriptor, "rb") as pipe:
        return pipe.read()


def _received(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def load(package: str) -> None:
    """Import all modules of a package, or a lone module."""
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(getattr(found, "__path__", []), f"{package}."):
        if not module.name.endswith(".__main__"):
            importlib.import_module(module.name)


def serve(runs: int, modules: Sequence[str]) -> None:
    """Fork for the requests that come through the socket at standard input."""
    for module in modules:
        load(module) if module == "softmax_cli" else importlib.import_module(module)
    sys.path[0] = str(SCRIPTS)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=os.dup(0)) as connection:
        while connection.recv(1, socket.MSG_PEEK):
            if (pid := os.fork()) == 0:
                os.setpgid(0, 0)
                for left in range(runs, 0, -1):
                    code = _answer(connection)
                    if left == 1:  # end without taking all apart that was loaded, which is slow
                        os._exit(code)
                    _send(connection, code)
            _, status = os.waitpid(pid, 0)
            with suppress(ConnectionError):  # there was no request left
                _send(connection, os.waitstatus_to_exitcode(status))


def _send(connection: socket.socket, number: int) -> None:
    connection.sendall(number.to_bytes(_STATUS_BYTES, "big", signed=True))


def _answer(connection: socket.socket) -> int:
    """Run the command as the next request says, and return its status; exit if none comes."""
    head, descriptors, _, _ = socket.recv_fds(connection, _STATUS_BYTES, 3)
    if not head:
        os._exit(0)
    head += _received(connection, _STATUS_BYTES - len(head))
    request = json.loads(_received(connection, int.from_bytes(head, "big")))
    _send(connection, os.getpid())
    _become(descriptors, request["env"], request["cwd"])
    sys.argv = [str(COMMAND), *request["args"]]
    status = 1
    try:
        with _reading(request["read_bytes"]):
            runpy.run_path(str(COMMAND), run_name="__main__")
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 0
    except BaseException:  # noqa: BLE001 - it is shown, as the interpreter would
        traceback.print_exc()
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        stream.close()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):  # whose other ends wait for the end
        os.dup2(nothing, number)
    os.close(nothing)
    return status


def _reading(read_bytes: int | None) -> Any:
    """Let the command read no more than so many bytes of an input at once."""
    if read_bytes is None:
        return nullcontext()
    from softmax_cli.input.stream import Input

    original = Input.__init__

    def init(self: Input, path: str, _: int = 0) -> None:
        original(self, path, read_bytes)

    return mock.patch.object(Input, "__init__", init)


def _become(descriptors: Sequence[int], env: Mapping[str, str], cwd: str) -> None:
    """Take these as the standard streams, and an environment and a folder."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    for number, (descriptor, stream) in enumerate(zip(descriptors, streams, strict=True)):
        os.dup2(descriptor, number)
        os.close(descriptor)
        mode, buffering = ("r", -1) if number == 0 else ("w", 1 if number == 2 else -1)
        new = open(  # noqa: SIM115
            number, mode, buffering, stream.encoding, stream.errors, closefd=False
        )
        setattr(sys, ("stdin", "stdout", "stderr")[number], new)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve(int(sys.argv[1]), sys.argv[2:])
