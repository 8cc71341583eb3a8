"""Files as other programs write them, byte for byte."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Run

# print(pandas.DataFrame({"cat": [2.0, 0.0], "dog": [2.0, 0.0]}).to_csv()), with its index
PANDAS = b",cat,dog\n0,2.0,2.0\n1,0.0,0.0\n"
PANDAS_NAMED = b"id,cat,dog\nx,2.0,2.0\ny,0.0,0.0\n"
PANDAS_NUMBERED = b",0,1\n0,2.0,2.0\n1,0.0,0.0\n"
# d <- data.frame(cat = c(2, 0), dog = c(2, 0), row.names = c("x", "y"))
R_TABLE = b'"cat" "dog"\n"x" 2 2\n"y" 0 0\n'  # write.table(d)
R_TABLE_TABS = b"cat\tdog\nx\t2\t2\ny\t0\t0\n"  # write.table(d, sep = "\t", quote = FALSE)
R_CSV = b'"","cat","dog"\n"x",2,2\n"y",0,0\n'  # write.csv(d)
SPREADSHEET = b"\xef\xbb\xbfcat;dog\r\n2;2\r\n0;0\r\n"
KEPT = "cat,dog\nx,0.5,0.5\ny,0.5,0.5\n"
HALVES = "cat,dog\n0.5,0.5\n0.5,0.5\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (PANDAS, HALVES),
        (PANDAS_NUMBERED, "0,1\n0.5,0.5\n0.5,0.5\n"),
        (R_TABLE, HALVES),
        (R_TABLE_TABS, HALVES),
        (R_CSV, HALVES),
        (SPREADSHEET, HALVES),
    ],
)
@pytest.mark.parametrize("invalid", ["error", "skip"])
def test_names_of_rows_are_no_numbers(run: Run, data: bytes, expected: str, invalid: str) -> None:
    assert run("softmax", "--invalid", invalid, stdin=data).ok() == expected


NUMBERED = b",a\n7,1\n0,1\n"
COMMAS = b"cat;dog\r\n1,5;2,5\r\n"


@pytest.mark.parametrize(
    ("line", "data", "out"),
    [
        *(("softmax -k 1", data, f",{KEPT}") for data in (R_TABLE, R_TABLE_TABS, R_CSV)),
        ("softmax -k 1 -c dog,cat", R_CSV, ",dog,cat\nx,0.5,0.5\ny,0.5,0.5\n"),
        ("hardmax -c 1-", NUMBERED, "index\n0\n1\n"),
        ("softmax", b",score\n0,1\n1,1\n", "score\n0.5\n0.5\n"),
        ("softmax -c 2-", PANDAS_NAMED, HALVES),
        ("softmax -k 1", PANDAS_NAMED, f"id,{KEPT}"),
    ],
)
def test_names_of_rows_can_be_kept_or_left_out(run: Run, line: str, data: bytes, out: str) -> None:
    assert run(*line.split(), stdin=data).ok() == out


def test_names_of_rows_and_decimal_commas_are_told(run: Run) -> None:
    assert run("softmax", stdin=PANDAS_NAMED).fails(1) == (
        "stdin:2:1: 'x' is not a number (names of rows? -c 2- leaves them out, -k 1 copies them)"
    )
    assert "-k 1" in run("softmax", stdin=b"x,1,2\ny,3,4\n").fails(1)
    for line, data in ((2, COMMAS), (1, b"1,5;2,5\r\n0,5;1,25\r\n")):
        why = "'1,5' is not a number (decimals stand behind a point)"
        assert run("softmax", stdin=data).fails(1) == f"stdin:{line}:1: {why}"


@pytest.mark.parametrize(
    ("array", "options", "out"),
    [
        ([[2.0, 2.0], [0.0, 0.0]], {"header": "cat dog"}, "0.5,0.5\n0.5,0.5\n"),
        ([[2.0, 2.0]], {"delimiter": ",", "fmt": "%.3f", "header": "a,b", "comments": ""},
         "a,b\n0.5,0.5\n"),
        ([2.0, 2.0], {}, "0.5\n0.5\n"),
    ],
)  # fmt: skip
def test_numpy_savetxt(run: Run, array: list[float], options: dict[str, str], out: str) -> None:
    file = io.BytesIO()
    np.savetxt(file, np.array(array), **options)
    assert run("softmax", stdin=file.getvalue()).ok() == out


# mlr --icsv --ojson cat; mlr --icsv --ojsonl cat; jq -c .; jq .; csvjson
@pytest.mark.parametrize(
    "text",
    [
        '[\n{\n  "cat": 2,\n  "dog": 2\n},\n{\n  "cat": 0,\n  "dog": 0\n}\n]\n',
        '{"cat": 2, "dog": 2}\n{"cat": 0, "dog": 0}\n',
        '{"cat":2,"dog":2}\n{"cat":0,"dog":0}\n',
        '[{"cat":2,"dog":2},{"cat":0,"dog":0}]\n',
        '[\n  {\n    "cat": 2,\n    "dog": 2\n  },\n  {\n    "cat": 0,\n    "dog": 0\n  }\n]\n',
    ],
)
def test_json_of_other_programs(run: Run, text: str) -> None:
    assert run("softmax", stdin=text).ok() == HALVES


# What Python prints: numpy.array([[2., 2.], [0., 0.]]), its repr, torch.tensor of it, json.dumps
@pytest.mark.parametrize(
    "text",
    [
        "[[2. 2.]\n [0. 0.]]",
        "array([[2., 2.],\n       [0., 0.]])",
        "tensor([[2., 2.],\n        [0., 0.]], dtype=torch.float64)",
        "tensor([[2., 2.],\n        [0., 0.]], device='cuda:0', grad_fn=<AddBackward0>)",
        "[[2.0, 2.0], [0.0, 0.0]]",
    ],
)
def test_what_is_printed_can_be_pasted(run: Run, text: str) -> None:
    assert run("softmax", text).ok() == "0.5,0.5\n0.5,0.5\n"
    assert run("softmax", *text.split()).ok() == "0.5,0.5\n0.5,0.5\n"


@pytest.mark.parametrize("text", ["tensor([1.0000, 1.0000])", "array([1, 1])", "[1. 1.]"])
def test_a_vector_that_is_printed_can_be_pasted(run: Run, text: str) -> None:
    assert run("softmax", text).ok() == "0.5,0.5\n"


@pytest.mark.parametrize(
    ("args", "data", "found"),
    [
        ([], SPREADSHEET, "stdin: csv, delimiter ';', header, 2 columns: cat, dog"),
        ([], b"1 2\n", "stdin: csv, delimiter ' ', no header, 2 columns"),
        ([], b"1\n2\n", "stdin: csv, delimiter ',', no header, 1 column; read downwards"),
        (["-k", "1"], R_CSV, "stdin: csv, delimiter ',', header, 2 columns: cat, dog; kept: 1"),
        (["-c", "3,1"], b"1\t2\t3\n", "stdin: csv, delimiter '\\t', no header, 2 columns: 3, 1"),
        ([], b"[1,2]\n", "stdin: JSON, lists, 2 columns"),
        (["-k", "a"], b'{"a":1,"b":2}\n', "stdin: JSON, objects, 1 column: b; kept: a"),
        ([], b'{"logits":[1,2]}\n', "stdin: JSON, objects with 'logits', 2 columns"),
        (["1,2", "3,4"], b"", "arguments: 2 vectors, 2 numbers each"),
        (["1", "2", "3"], b"", "arguments: 1 vector, 3 numbers"),
    ],
)
def test_what_was_found_is_said(run: Run, args: list[str], data: bytes, found: str) -> None:
    done = run("softmax", "-v", *args, stdin=data)
    assert (done.status, done.err) == (0, f"softmax-cli: {found}\n")
    assert done.out == run("softmax", *args, stdin=data).ok()


def test_what_was_found_of_an_array_and_of_a_target(run: Run) -> None:
    file = io.BytesIO()
    np.save(file, np.asfortranarray(np.ones((2, 3), "f4")))
    assert run("softmax", "--verbose", stdin=file.getvalue()).err == (
        "softmax-cli: stdin: npy, float32 of shape (2, 3), Fortran order, 3 columns\n"
    )
    done = run("xent", "-v", "--target-column", "is", stdin="a,b,is\n1,1,a\n")
    assert done.err.endswith("header, 2 columns: a, b; target: is\n")


@pytest.mark.parametrize("mark", ["NA", "n/a", "null", "?", "#N/A"])
def test_a_missing_number_in_the_first_row_makes_no_header(run: Run, mark: str) -> None:
    text = f"1,{mark},0\n2,3,0\n"
    assert run("hardmax", stdin=text).fails(1) == f"stdin:1:2: '{mark}' is not a number"
    assert run("hardmax", "--invalid", "nan", stdin=text).out == "nan\n1\n"


def test_packed_files_are_told_by_their_first_bytes(run: Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", np.eye(2))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"1,2\n"))
    assert "a zip archive" in run("softmax", "-i", "a.npz", cwd=tmp_path).fails(1)
    assert "zcat" in run("softmax", "-i", "a.csv.gz", cwd=tmp_path).fails(1)


def test_lines_in_an_argument_are_no_list(run: Run) -> None:
    assert "line's end" in run("softmax", "1,2\n3,4").fails(1)
    assert run("hardmax", "[1,\n 2,\n 3]").ok() == "2\n"
    assert run("hardmax", "[1. 2.\n 3.]").ok() == "2\n"
