"""Arrays and JSON as input, and input that means harm: one line of error with its place."""

import io
import json
import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Run, bash, run_command

ROWS = [[1.0, 2.0, 3.0], [-1.5, 0.0, 0.25], [1e300, 5e-324, -1e300], [4.0, 4.0, 4.0]]
CSV = "".join(",".join(map(repr, row)) + "\n" for row in ROWS)


def npy(array: object, version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), version=version)
    return file.getvalue()


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", ">f4", "<f2", ">f2", "<i8", ">i4", "<u2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_read_as_their_numbers_do(run: Run, tmp_path: Path, dtype: str, order: str) -> None:
    array = np.array([[1, 2, 3], [7, 5, 40], [0, 1, 9]], dtype=dtype)
    data = npy(np.asarray(array, order="F") if order == "F" else array)
    (tmp_path / "a.npy").write_bytes(data)
    expected = run("softmax", stdin="1,2,3\n7,5,40\n0,1,9\n").ok()
    assert run("softmax", stdin=data).ok() == expected
    assert run("softmax", "-i", "a.npy", cwd=tmp_path).ok() == expected
    assert bash("softmax-cli softmax < a.npy", tmp_path).ok() == expected


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_is_read(run: Run, version: tuple[int, int]) -> None:
    assert run("softmax", stdin=npy(ROWS, version)).ok() == run("softmax", stdin=CSV).ok()


def test_an_array_of_one_dimension_is_a_vector_and_columns_have_numbers(run: Run) -> None:
    assert run("hardmax", stdin=npy([1.0, 3.0, 2.0])).ok() == "1\n"
    assert run("softmax", "--axis", "column", stdin=npy([1.0, 1.0])).ok() == "0.5\n0.5\n"
    assert run("softmax", "-c", "3,1", stdin=npy([[1, 9, 1]])).ok() == "0.5,0.5\n"
    assert run("hardmax", stdin=npy([[True, False], [False, True]])).ok() == "0\n1\n"
    labelled = npy([[1, 1, 0], [1, 1, 1]])
    assert run("xent", "--target-column", "3", "--base", "2", stdin=labelled).ok() == "1.0\n1.0\n"


def lying(shape: str, values: int) -> bytes:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 8 * values


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (npy(ROWS)[:-1], "bytes of numbers where the header says 96"),
        (npy(ROWS) + b"x", "97 bytes of numbers where the header says 96"),
        (lying("(10, 1000000000000)", 5), "40 bytes of numbers"),
        (lying("(1000000000, 1000000000)", 5), "40 bytes of numbers"),
        (lying("(-1, 2)", 2), "header that can't be read"),
        (lying("(True, 2)", 2), "header that can't be read"),
        (lying("2", 2), "header that can't be read"),
        (lying("((((", 2), "header that can't be read"),
        (lying("(0, 3)", 0), "no rows"),
        (npy(np.ones((2, 2, 2))), "an array of 3 dimensions"),
        (npy(np.array(1.0)), "an array of 0 dimensions"),
        (npy(np.ones(2, complex)), "not numbers"),
        (npy(np.array(["1"])), "not numbers"),
        (npy(np.array([{}], object)), "not numbers"),
        (npy(np.ones(2, "f8,f8")), "not numbers"),
        (b"\x93NUM", "header that can't be read"),
        (npy([[1.0, 2.0], [3.0, np.nan]]), "a.npy:2:2: 'nan' is not a number"),
        (npy(np.array([[1.0, 2.0], [3.0, np.nan]], order="F")), "a.npy:2:2: 'nan' is not"),
    ],
)
def test_arrays_that_are_refused(run: Run, tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "a.npy").write_bytes(data)
    assert message in run("softmax", "-i", "a.npy", cwd=tmp_path).fails(1)
    run("softmax", stdin=data).fails(1)


def test_rows_before_a_bad_one_are_written(run: Run) -> None:
    cut = run("hardmax", stdin=npy(np.eye(3))[:-8])
    assert (cut.out, cut.fails(1)) == ("0\n1\n", "stdin: it ends within row 3 of 3")
    bad = run("hardmax", stdin="[1,2]\n[2,1]\n\n[1]\n")
    assert (bad.out, bad.fails(1)) == ("1\n0\n", "stdin:4: a row of length 1 where 2 is expected")


@pytest.mark.parametrize("order", ["C", "F"])
def test_long_arrays_are_read_from_the_first_row_to_the_last(
    run: Run, tmp_path: Path, order: str
) -> None:
    array = np.random.default_rng(0).normal(size=(200_000, 3))
    expected = "".join(f"{i}\n" for i in array.argmax(axis=1)[:-1].tolist())
    array[-1, 1] = np.nan
    (tmp_path / "a.npy").write_bytes(npy(np.asfortranarray(array) if order == "F" else array))
    done = run("hardmax", "-i", "a.npy", cwd=tmp_path)
    assert (done.out, done.fails(1)) == (expected, "a.npy:200000:2: 'nan' is not a number")


@pytest.mark.parametrize(
    "text",
    [
        "".join(json.dumps(row) + "\n" for row in ROWS),
        "\n\n" + "\r\n\n".join(map(json.dumps, ROWS)),
        "\ufeff" + json.dumps(ROWS),
        json.dumps(ROWS, indent=1),
        json.dumps({"rows": ROWS}),
        json.dumps([{"logits": row} for row in ROWS], indent=2),
        "".join(json.dumps({"logits": row, "n": 1}) + "\n" for row in ROWS),
    ],
)
def test_json_reads_as_text_does(run: Run, text: str) -> None:
    assert run("softmax", stdin=text).ok() == run("softmax", stdin=CSV).ok()


def test_keys_are_the_names_of_classes_whatever_their_order(run: Run) -> None:
    text = '{"cat":1,"dog":2,"is":"cat"}\n{"is":"dog","dog":2,"cat":1}\n'
    assert run("softmax", "-c", "dog,cat", "-p", "3", stdin=text).ok() == (
        "dog,cat\n0.731,0.269\n0.731,0.269\n"
    )
    losses = run("xent", "--target-column", "is", "-p", "3", stdin=text)
    assert losses.ok() == "loss\n1.31\n0.313\n"
    listed = '{"x":[1,2],"is":0}\n{"x":[1,2],"is":"1"}\n'
    losses = run("xent", "-c", "x", "--target-column", "is", "-p", "3", stdin=listed)
    assert losses.ok() == "1.31\n0.313\n"


def test_what_this_tool_writes_it_reads(run: Run) -> None:
    for form in ("json", "jsonl"):
        written = run("softmax", "-f", form, "1,2,-inf", "3,2,1").ok()
        assert run("softmax", "-f", form, stdin=written).ok() == written
        assert run("hardmax", stdin=written).ok() == "1\n0\n"
        assert run("kl", "--against", "0.2,0.7,0.1", stdin=written).status == 0
    assert "no list of probabilities" in run("kl", stdin='{"logits":[1,2]}').fails(1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1,2]\n[1,null]\n", "stdin:2:2: null is not a number"),
        ("[1,2]\n[1,true]\n", "stdin:2:2: true is not a number"),
        ('[1,2]\n["a",1]\n', "stdin:2:1: 'a' is not a number"),
        ("[1,2]\n[1,[2]]\n", "stdin:2:2: a list is not a number"),
        ("[1,NaN]\n", "stdin:1:2: 'NaN' is not a number"),
        ("[1,2]\n[1,\n", "stdin:2: no JSON: expecting value at character 4"),
        ('[1,2]\n{"a":1}\n', "stdin:2: an object where a list is expected"),
        ('{"a":1,"c":1}\n{"c":1}\n', "stdin:2: no key: 'a'"),
        ('{"a":1,"c":1}\n{"a":1,"b":1,"c":1}\n', "stdin:2: a key that is new: 'b'"),
        ('{"a":1,"c":1}\n{"a":"x","c":1}\n', "stdin:2:1: 'x' is not a number"),
        ("[1,\n2,\n,]", "stdin:3: no JSON: "),
        ("[]", "stdin:1: an empty list"),
        ("{}", "stdin:1: an empty object"),
        ('{"rows":[]}', "stdin: no rows"),
        ("[" * 100_000, "stdin:1: "),
        ("[1,1]\n" + "[" * 100_000 + "\n", "stdin:2: "),
        ("[1,1]\n" + '{"a":' * 100_000 + "\n", "stdin:2: "),
        ("[" * 100_000 + "]" * 100_000, "stdin:1"),
        ('{"rows":' * 100_000, "stdin:1"),
        ("[[" * 50_000 + "1", "stdin:1"),
        ('{"\\ud800":1}', "stdin:1: half a character"),
        ('["\udcff"]', "stdin:1: invalid UTF-8"),
    ],
)
def test_json_that_is_refused(run: Run, text: str, message: str) -> None:
    assert run("softmax", stdin=text.encode(errors="surrogateescape")).fails(1).startswith(message)


def test_the_format_can_be_told(run: Run) -> None:
    assert run("softmax", "--input-format", "csv", stdin="1,1\n").ok() == "0.5,0.5\n"
    assert "an npy file" not in run("softmax", "--input-format", "csv", stdin=npy(ROWS)).fails(1)
    for form in ("json", "jsonl", "npy"):
        assert "--delimiter" in run("softmax", "--input-format", form, "-d", ",").fails(2)
        run("softmax", "--input-format", form, stdin="1,2\n").fails(1)
        run("softmax", "--input-format", form, stdin="").fails(1)
    assert "not arguments" in run("softmax", "--input-format", "csv", "1", "2").fails(2)


HALVES = "0.5,0.5\n"


@pytest.mark.parametrize("seed", [1, 2])
def test_bytes_at_random_are_told_apart_or_computed(seed: int) -> None:
    """In a process of its own, which forks one for each case: see `tests.fuzz`."""
    done = run_command([sys.executable, "-m", "tests.fuzz", "--count", "60", "--seed", str(seed)])
    assert done.status == 0, done
    assert "60 cases" in done.out


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
    done = bash("softmax-cli softmax -i fifo & exec 3> fifo; exec 3>&-; wait $!", tmp_path)
    assert done.fails(1) == "fifo: no rows"
    done = bash("softmax-cli softmax -i fifo & printf '1,1\\n2,' > fifo; wait $!", tmp_path)
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
        done = bash(script)
        assert done.fails(1) == "can't write to standard output: No space left on device"
