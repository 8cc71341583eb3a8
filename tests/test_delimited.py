"""Rows of delimited text on standard input or in a file."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import COMMAND, Run, plain_environment

SOFTMAX_12 = [0.2689414213699951, 0.7310585786300049]


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
        (["softmax"], "x\n1\n1\n", "x\n0.5\n0.5\n"),
        (["hardmax"], "x\n1\n5\n", "index\n1\n"),
        (["softmax", "-c", "b"], "a,b\n9,1\n9,1\n", "b\n0.5\n0.5\n"),
        (["softmax", "--axis", "row"], "1\n2\n", "1.0\n1.0\n"),
        (["softmax", "--axis", "column"], "a,b\n1,2\n1,2\n", "a,b\n0.5,0.5\n0.5,0.5\n"),
        (["hardmax", "--axis", "column"], "1,2\n3,1\n", "1\n0\n"),
    ],
)
def test_headers_columns_and_axes(run: Run, args: list[str], text: str, out: str) -> None:
    assert run(*args, stdin=text).ok() == out


def test_one_column_is_one_vector_read_downwards(run: Run) -> None:
    column = run("softmax", stdin="1\n2\n3\n").numbers()
    assert column == [[0.09003057317038046], [0.24472847105479764], [0.6652409557748219]]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("3,1", "c,a\n0.8807970779778825,0.11920292202211755\n"),
        ("c,a", "c,a\n0.8807970779778825,0.11920292202211755\n"),
        ("2-", "b,c\n0.26894142136999505,0.7310585786300049\n"),
        ("2-3", "b,c\n0.26894142136999505,0.7310585786300049\n"),
    ],
)
def test_columns_by_name_number_and_range(run: Run, spec: str, expected: str) -> None:
    header, numbers = run("softmax", "-c", spec, stdin="a,b,c\n1,2,3\n").ok().splitlines()
    expected_header, expected_numbers = expected.splitlines()
    assert header == expected_header
    assert [float(x) for x in numbers.split(",")] == pytest.approx(
        [float(x) for x in expected_numbers.split(",")], rel=1e-15
    )


@pytest.mark.parametrize(
    ("args", "text", "message"),
    [
        (["-c", "dgo"], "cat,dog\n1,2\n", "did you mean 'dog'"),
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
        (["--input-format", "csv"], "[1,2,3]\n", "'[1' is not a number"),
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
        (b"1,2\n-inf,-inf\n", "stdin:2: every value is -inf"),
        (b"1,2\n3,\x1b[31m\n", "stdin:2:2: '\\x1b[31m' is not a number"),
        (b"1,2\n3,4\x00\n", "stdin:2:2: a NUL byte"),
    ],
)
def test_a_bad_row_is_named_and_the_rows_before_it_are_written(
    run: Run, text: bytes, message: str
) -> None:
    done = run("softmax", stdin=text)
    assert message in done.fails(1)
    assert done.out == "0.2689414213699951,0.7310585786300049\n"


def test_a_line_is_counted_with_its_comments(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("# made by hand\n\na,b\n1,2\n# more\n1,x\n")
    assert f"{path}:6:2: 'x'" in run("softmax", "-i", str(path)).fails(1)


def test_a_missing_file_and_a_folder(run: Run, tmp_path: Path) -> None:
    assert "No such file" in run("softmax", "-i", str(tmp_path / "none.csv")).fails(1)
    assert "Is a directory" in run("softmax", "-i", str(tmp_path)).fails(1)
    assert "Is a directory" in run("kl", "--against", str(tmp_path), stdin="1,0\n").fails(1)


@pytest.mark.parametrize(
    ("args", "first", "rows"),
    [
        ([], "", {"1,1\n\n": "0.5,0.5\n", "1,1\n": "0.5,0.5\n"}),
        (["-f", "jsonl", "--top-k", "1"], "", {"[1,1]\n": "{"}),
        (["--invalid", "nan"], "1,1\n2,2\n", {"1,1\n": "0.5,0.5\n", "?,1\n": "nan,nan\n"}),
        (["-f", "markdown"], "1,1\n", {"1,1\n": "| 2 | 0.5 | 0.5 |"}),
    ],
)
def test_a_row_does_not_wait_for_the_next(
    args: list[str], first: str, rows: dict[str, str]
) -> None:
    with subprocess.Popen(
        [COMMAND, "softmax", *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=plain_environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(first)
        for row, out in [*rows.items()] * (1 if "markdown" in args else 2):
            process.stdin.write(row)
            process.stdin.flush()
            while not (line := process.stdout.readline()).startswith(out):
                assert line
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_memory_does_not_grow_with_rows(tmp_path: Path) -> None:
    peaks = []
    for rows in (20_000, 200_000):
        path = tmp_path / f"{rows}.csv"
        path.write_text("0.25,-1.5,3\n" * rows)
        with path.open("rb") as file:
            process = subprocess.Popen(
                [COMMAND, "softmax"], stdin=file, stdout=subprocess.DEVNULL, env=plain_environment()
            )
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = status
        assert status == 0
        peaks.append(usage.ru_maxrss)
    assert peaks[1] < peaks[0] * 1.1


def test_what_is_wrong_is_told_where_it_is(run: Run) -> None:
    # A quote that never closes is an error and not the end
    text = 'a,b,note\n1,2,x\n3,4,"open\n5,6,z\n7,8,z\n'
    done = run("softmax", "-c", "a,b", stdin=text)
    assert "stdin:3: a quote that is never closed" in done.fails(1)
    assert done.out == "a,b\n0.2689414213699951,0.7310585786300049\n"
    # A bad cell at the end of a very wide row is found at once
    wide = ",".join(["1"] * 100_000)
    message = run("hardmax", "--ties", "first", stdin=f"{wide}\n{wide[:-1]}x\n").fails(1)
    assert "stdin:2:100000: 'x' is not a number" in message
