"""Results as arrays that numpy loads."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import COMMAND, Run, plain_environment, run_command, run_in_terminal


def piped(*args: str, stdin: bytes = b"") -> NDArray[Any]:
    done = subprocess.run(
        [COMMAND, *args, "-f", "npy"],
        input=stdin,
        capture_output=True,
        check=True,
        env=plain_environment(),
    )
    assert done.stderr == b""
    array: NDArray[Any] = np.load(io.BytesIO(done.stdout), allow_pickle=False)
    return array


@pytest.mark.parametrize(
    ("args", "shape", "kind"),
    [
        (["softmax", "1,2,3", "3,4,5"], (2, 3), "float64"),
        (["softmax", "1,2,3"], (1, 3), "float64"),
        (["hardmax", "1,2,3", "4,3,2"], (2,), "int64"),
        (["hardmax", "--as", "one-hot", "1,2,3", "4,3,2"], (2, 3), "int64"),
        (["xent", "-t", "0", "1,2,3", "4,3,2"], (2,), "float64"),
        (["xent", "-t", "0", "--breakdown", "1,2,3", "4,3,2"], (2, 6), "float64"),
        (["xent", "-t", "0", "--reduction", "mean", "1,2,3", "4,3,2"], (1,), "float64"),
        (["kl", "0.5,0.5", "0.25,0.75"], (1,), "float64"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_arrays_hold_what_csv_says(
    run: Run, tmp_path: Path, args: list[str], shape: tuple[int, ...], kind: str
) -> None:
    array = piped(*args)
    assert (array.shape, array.dtype.name) == (shape, kind)
    lines = [line for line in run(*args).ok().splitlines() if not line.startswith("loss")]
    text = np.array([[float(cell) for cell in line.split(",")] for line in lines])
    assert np.array_equal(array.reshape(text.shape), text)
    words = " ".join(f"'{arg}'" for arg in args)
    for sign in (">", ">>"):
        script = f"'{COMMAND}' {words} -f npy {sign} 'a{sign}.npy'"
        assert run_command(["bash", "-c", script], cwd=tmp_path).ok() == ""
        assert np.array_equal(np.load(tmp_path / f"a{sign}.npy"), array)


def test_a_vector_read_downwards_comes_back_as_one() -> None:
    array = piped("softmax", stdin=b"1\n1\n1\n1\n")
    assert array.tolist() == [0.25] * 4
    assert piped("softmax", "--axis", "column", stdin=b"1,1,1\n1,1,1\n").shape == (2, 3)


def test_what_is_no_array_is_refused(run: Run) -> None:
    assert "terminal" in run_in_terminal("softmax", "-f", "npy", "1", "2").fails(2)
    assert "--precision" in run("softmax", "-f", "npy", "-p", "3", "1", "2").fails(2)
    assert "name is text" in run("hardmax", "-f", "npy", "--as", "name", "1", "2").fails(2)
    assert "is text" in run("compare", "-f", "npy", "1", "2").fails(2)
