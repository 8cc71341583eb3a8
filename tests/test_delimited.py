"""Rows of delimited text, on standard input or in a file, of any dialect and any program."""

import io
import random
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Run, started, usage
from tests.forked import HANG
from tests.fuzz import Fuzzer

SOFTMAX_12 = [0.2689414213699951, 0.7310585786300049]
AB_HALVES = "a,b\n0.5,0.5\n0.5,0.5\n"
ABC = "a,b,c\n1,2,3\n"
BC, CA = "0.2689414213699951,0.7310585786300049", "0.8807970779778824,0.11920292202211756"


@pytest.mark.parametrize(
    "text",
    [
        "1,2\n3,4\n",
        "1,2\n3,4",
        "1, 2\r\n3, 4\r\n",
        "\ufeff1,2\n3,4\n",
        "1\t2\n3\t4\n",
        "1;2\n3;4\n",
        "1|2\n3|4\n",
        "1 2\n3 4\n",
        "  1   2  \n 3 \t 4\n",
        '"1","2"\n"3","4"\n',
        "\n# a comment, with a comma\n1,2\n\n  # another\n3,4\n\n",
    ],
)
def test_every_dialect_reads_the_same(run: Run, text: str) -> None:
    assert run("softmax", stdin=text).numbers() == [SOFTMAX_12, SOFTMAX_12]


@pytest.mark.parametrize(
    "text",
    ["a,b\n1,2\n", '"a";"b"\n1;2\n', "a b\n1 2\n", '"a","b"\r\n1,2\r\n', "# x\na\tb\n1\t2\n"],
)
def test_a_header_is_found_and_comes_back(run: Run, text: str) -> None:
    assert run("softmax", stdin=text).ok() == "a,b\n0.2689414213699951,0.7310585786300049\n"


@pytest.mark.parametrize(
    ("args", "text", "out"),
    [
        (["softmax", "--header"], "2019,2020\n1,1\n", "2019,2020\n0.5,0.5\n"),
        (["hardmax", "--as", "name", "--names", "x,y"], "a,b\n1,2\n", "name\ny\n"),
        (["softmax"], '"a, b",c\n1,1\n', '"a, b",c\n0.5,0.5\n'),
        (["softmax"], '"a\n# b",c\n1,1\n', '"a\n# b",c\n0.5,0.5\n'),
        (["softmax", "-c", "2,3", "--header"], "2,1,3\n1,9,1\n", "2,3\n0.5,0.5\n"),
        (["softmax", "-c", "2-"], ",0,1\n0,1,1\n1,1,1\n", "0,1\n0.5,0.5\n0.5,0.5\n"),
        *((["softmax", "-c", spec], ABC, f"c,a\n{CA}\n") for spec in ("3,1", "c,a")),
        *((["softmax", "-c", spec], ABC, f"b,c\n{BC}\n") for spec in ("2-", "2-3")),
        # mlr --icsv --ojson cat; csvjson; numpy.savetxt(header="a b")
        (["softmax"], '[\n{\n  "a": 2,\n  "b": 2\n},\n{\n  "a": 0,\n  "b": 0\n}\n]\n', AB_HALVES),
        (["softmax"], '[{"a":2,"b":2},{"a":0,"b":0}]\n', AB_HALVES),
        (["softmax"], "# a b\n2.00e+00 2.00e+00\n", "0.5,0.5\n"),
        (["softmax"], "1\n2\n", BC.replace(",", "\n") + "\n"),
        (["softmax"], "x\n1\n1\n", "x\n0.5\n0.5\n"),
        (["hardmax"], "x\n1\n5\n", "index\n1\n"),
        (["softmax", "-c", "b"], "a,b\n9,1\n9,1\n", "b\n0.5\n0.5\n"),
        (["softmax", "--axis", "column"], "a,b\n1,2\n1,2\n", "a,b\n0.5,0.5\n0.5,0.5\n"),
        (["hardmax", "--axis", "column"], "1,2\n3,1\n", "1\n0\n"),
    ],
)
def test_headers_columns_and_axes(run: Run, args: list[str], text: str, out: str) -> None:
    assert run(*args, stdin=text).ok() == out


@pytest.mark.parametrize(
    ("args", "text", "message"),
    [
        (["-c", "dgo"], "cat,dog\n1,2\n", "did you mean 'dog'"),
        (["-c", "cat:owl"], "cat,dog\n1,2\n", "no column named 'owl'"),
        (["-c", "5"], "1,2\n", "stdin: no column 5: the input has 2"),
        (["-c", "2-5"], "1,2\n", "no columns 2-5: the input has 2"),
        (["--no-header"], "a,b\n1,2\n", "'a' is not a number"),
        ([], "", "no rows"),
        ([], "\n\n", "no rows"),
        ([], "# nothing\n", "no rows"),
        ([], "a,b\n", "no rows"),
        ([], '"1","2', "never closed"),
        ([], '"1","2"x\n', "stdin:1: text behind a closing quote"),
        ([], "1,,3\n4,5,6\n", "stdin:1:2: empty"),
        ([], '1 1\n0 "1\n2"\n', "stdin:2:2: '1\\n2' is not a number"),
        ([], "1,2\r3,4\r", "carriage return"),
    ],
)
def test_what_can_not_be_read_is_told(run: Run, args: list[str], text: str, message: str) -> None:
    assert message in run("softmax", *args, stdin=text).fails(1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"1,2\n3,abc\n", "stdin:2:2: 'abc' is not a number"),
        (b"1,2\n3,\n", "stdin:2:2: empty"),
        (b"1,2\n3\n", "stdin:2:2: a row of length 1 where 2 is expected"),
        (b"1,2\n3,4,5\n", "stdin:2:3: a row of length 3 where 2 is expected"),
        (b"1,2\n3,nan\n", "stdin:2:2: 'nan' is not a number"),
        (b"1,2\n3,1_0\n", "stdin:2:2: '1_0' is not a number"),
        (b"1,2\n3,\xff\n", "stdin:2:2: invalid UTF-8"),
        (b"1,2\n-inf,-inf\n", "stdin:2: every value is -inf: there is no class left"),
        (b"1,2\n3,\x1b[31m\n", "stdin:2:2: '\\x1b[31m' is not a number"),
        (b"1,2\n3,4\x00\n", "stdin:2:2: a NUL byte"),
        (b"1,2\n\x00\n", "stdin:2:1: a NUL byte"),
        (b'1,2\n1,"\xff\n1"\n', "stdin:2:2: invalid UTF-8"),
        (b'1,2\n1,"\xff\n1\n', "stdin:2:2: invalid UTF-8"),
        (b"1,2\n" + b"9" * 3_000_000 + b"x,1\n", "stdin:2:1: '999"),
        (b"1,2\n" + b"1," * 1_000_000 + b"\n", "stdin:2:3: a row of length 1000001 where 2"),
        (b'1,2\n"' + b"a" * 1_000_000 + b"\n", "stdin:2: a quote that is never closed"),
    ],
)
def test_a_bad_row_is_named_and_the_rows_before_it_are_written(
    run: Run, text: bytes, message: str
) -> None:
    done = run("softmax", stdin=text)
    error = done.fails(1)
    assert error.startswith(message)
    assert len(error) < 300
    assert done.out == "0.2689414213699951,0.7310585786300049\n"


def test_a_missing_file_and_a_folder(run: Run, tmp_path: Path) -> None:
    assert "No such file" in run("softmax", "-i", str(tmp_path / "none.csv")).fails(1)
    assert "Is a directory" in run("softmax", "-i", str(tmp_path)).fails(1)
    assert "Is a directory" in run("kl", "--against", str(tmp_path), stdin="1,0\n").fails(1)


@pytest.mark.parametrize(
    ("line", "first", "rows"),
    [
        ("softmax", "", {"1,1\n\n": "0.5,0.5\n", "1,1\n": "0.5,0.5\n"}),
        ("softmax -f jsonl --top-k 1", "", {"[1,1]\n": "{"}),
        ("softmax --invalid nan", "1,1\n2,2\n", {"1,1\n": "0.5,0.5\n", "?,1\n": "nan,nan\n"}),
        ("compare", "", {"800,1\n": "1,hard", "1,2\n": "2,hard"}),
    ],
)
def test_a_row_does_not_wait_for_the_next(line: str, first: str, rows: dict[str, str]) -> None:
    process, pipe, out, _ = started(*line.split())
    with process:
        pipe.write(first.encode())
        for row, expected in [*rows.items()] * (1 if line == "compare" else 2):
            pipe.write(row.encode())
            while not (written := out.readline()).startswith(expected.encode()):
                assert written
        pipe.close()
        assert process.wait(timeout=HANG) == 0


def test_memory_does_not_grow_with_rows(tmp_path: Path) -> None:
    peaks = []
    for rows in (20_000, 200_000):
        path = tmp_path / f"{rows}.csv"
        path.write_text("0.25,-1.5,3\n" * rows)
        with path.open("rb") as file:
            peaks.append(usage("softmax", stdin=file).ru_maxrss)
    assert peaks[1] < peaks[0] * 1.1


def test_a_bad_cell_at_the_end_of_a_very_wide_row_is_told(run: Run) -> None:
    wide = ",".join(["1"] * 100_000)
    message = run("hardmax", "--ties", "first", stdin=f"{wide}\n{wide[:-1]}x\n").fails(1)
    assert "stdin:2:100000: 'x' is not a number" in message


@pytest.mark.parametrize("seed", range(4))
def test_rows_are_those_of_csv_and_float(tmp_path: Path, seed: int) -> None:
    with closing(Fuzzer(tmp_path)) as fuzzer:
        problems = [fuzzer.of_table(random.Random(f"{seed} {number}")) for number in range(60)]
    assert "\n\n".join(filter(None, problems)) == ""


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
        "stdin:2:1: 'x' is not a number (-k 1 copies this column, -c '!1' leaves it out)"
    )
    assert run("softmax", stdin=b"1,nan\n").fails(1) == "stdin:1:2: 'nan' is not a number"
    for line, data in ((2, COMMAS), (1, b"1,5;2,5\r\n0,5;1,25\r\n")):
        why = "'1,5' is not a number (--decimal , reads decimal commas)"
        assert run("softmax", stdin=data).fails(1) == f"stdin:{line}:1: {why}"


@pytest.mark.parametrize(
    ("args", "data", "found"),
    [
        ([], SPREADSHEET, "stdin: csv, delimiter ';', header, columns: cat, dog"),
        ([], b"1\n2\n", "stdin: csv, delimiter ',', no header, columns: 1; read downwards"),
        (["-k", "1"], R_CSV, "stdin: csv, delimiter ',', header, columns: cat, dog; kept: 1"),
        (["-c", "3,1"], b"1\t2\t3\n", "stdin: csv, delimiter '\\t', no header, columns: 3, 1"),
        ([], b"[1,2]\n", "stdin: JSON, lists, columns: 1, 2"),
        (["-k", "a"], b'{"a":1,"b":2,"c":3}\n', "stdin: JSON, objects, columns: b, c; kept: a"),
        ([], b'{"logits":[1,2]}\n', "stdin: JSON, objects with 'logits', columns: 1, 2"),
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
        "softmax-cli: stdin: npy, float32 of shape (2, 3), Fortran order, columns: 1, 2, 3\n"
    )
    done = run("xent", "-v", "--target-column", "is", stdin="a,b,is\n1,1,a\n")
    assert done.err.endswith("header, columns: a, b; target: is\n")


@pytest.mark.parametrize("mark", ["NA", "n/a", "null", "?", "#N/A"])
def test_a_missing_number_in_the_first_row_makes_no_header(run: Run, mark: str) -> None:
    text = f"1,{mark},0\n2,3,0\n"
    assert run("hardmax", stdin=text).fails(1) == f"stdin:1:2: '{mark}' is not a number"
    assert run("hardmax", "--invalid", "nan", stdin=text).out == "nan\n1\n"
