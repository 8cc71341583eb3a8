"""Input that means harm, or comes from a bad disk: one line of error, nothing before it lost."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import COMMAND, Run, run_command
from tests.test_formats import npy

HALVES = "0.5,0.5\n"


@pytest.mark.parametrize("seed", [1, 2])
def test_bytes_at_random_are_told_apart_or_computed(seed: int) -> None:
    """In a process of its own, which forks one for each case: see `tests.fuzz`."""
    done = run_command([sys.executable, "-m", "tests.fuzz", "--count", "60", "--seed", str(seed)])
    assert done.status == 0, done
    assert "60 cases" in done.out


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"1,1\n1,\x001\n", "stdin:2:2: a NUL byte"),
        (b"1,1\n\x00\n", "stdin:2:1: a NUL byte"),
        (b"1,1\n\xff\xfe1,1\n", "stdin:2:1: invalid UTF-8"),
        (b'1,1\n1,"\xff\n1"\n', "stdin:2:2: invalid UTF-8"),
        (b'1,1\n1,"\xff\n1\n', "stdin:2:2: invalid UTF-8"),
        (b"1,1\n" + b"9" * 3_000_000 + b"x,1\n", "stdin:2:1: '999"),
        (b"1,1\n" + b"1," * 1_000_000 + b"\n", "stdin:2:3: a row of length 1000001 where 2"),
        (b'1,1\n"' + b"a" * 1_000_000 + b"\n", "stdin:2: a quote that is never closed"),
        (b"[1,1]\n" + b"[" * 100_000 + b"\n", "stdin:2: "),
        (b"[1,1]\n" + b'{"a":' * 100_000 + b"\n", "stdin:2: "),
    ],
)
def test_rows_before_what_is_hostile_are_written(run: Run, data: bytes, message: str) -> None:
    done = run("softmax", stdin=data)
    error = done.fails(1)
    assert error.startswith(message)
    assert len(error) < 300
    assert done.out == HALVES


def test_json_that_is_nested_deep_is_no_crash(run: Run) -> None:
    for text in (b"[" * 100_000 + b"]" * 100_000, b'{"rows":' * 100_000, b"[[" * 50_000 + b"1"):
        assert run("softmax", "--input-format", "json", stdin=text).fails(1).startswith("stdin:1")


class Harm:
    """An object whose pickle makes a file when it is read."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("harm",)


def test_an_array_is_never_unpickled(run: Run, tmp_path: Path) -> None:
    array = np.empty(2, object)
    array[:] = [Harm(), Harm()]
    for data in (npy(array), pickle.dumps(Harm()), b"\x93NUMPY\x01\x00" + pickle.dumps(Harm())):
        run("softmax", stdin=data, cwd=tmp_path).fails(1)
    assert list(tmp_path.iterdir()) == []


def test_a_fifo_that_is_closed_before_anything_came(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    script = f"'{COMMAND}' softmax -i fifo & exec 3> fifo; exec 3>&-; wait $!"
    done = run_command(["bash", "-c", script], cwd=tmp_path)
    assert done.fails(1) == "fifo: no rows"
    script = f"'{COMMAND}' softmax -i fifo & printf '1,1\\n2,' > fifo; wait $!"
    done = run_command(["bash", "-c", script], cwd=tmp_path)
    assert (done.out, done.fails(1)) == (HALVES, "fifo:2:2: empty where a number is expected")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,1\n")
    (tmp_path / "a.csv").chmod(0)
    assert "Permission denied" in run("softmax", "-i", "a.csv", cwd=tmp_path).fails(1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_told() -> None:
    words = [*(f"softmax -f {form}" for form in ("csv", "json", "jsonl", "npy", "table"))]
    for command in [*words, "softmax --help", "softmax -f npy 1 2"]:
        script = f"printf '1,1\\n1,1\\n' | softmax-cli {command} > /dev/full"
        done = run_command(["bash", "-c", script])
        assert done.fails(1) == "can't write to standard output: No space left on device"
