"""Rows of delimited text on standard input or in a file."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax_cli.input.delimited import read_delimited
from softmax_cli.input.settings import InputSettings
from tests.conftest import COMMAND, Run, plain_environment

SOFTMAX_12 = [0.26894142136999516, 0.7310585786300049]


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
    assert run("softmax", stdin=text).ok() == "a,b\n0.26894142136999516,0.7310585786300049\n"


def test_a_header_can_be_told(run: Run) -> None:
    assert run("softmax", "--header", stdin="2019,2020\n1,2\n").ok().startswith("2019,2020\n0.26")
    assert "'a' is not a number" in run("softmax", "--no-header", stdin="a,b\n1,2\n").fails(1)
    names = run("hardmax", "--as", "name", "--names", "x,y", stdin="a,b\n1,2\n").ok()
    assert names == "name\ny\n"


def test_a_header_with_a_comma_in_quotes_comes_back_in_quotes(run: Run) -> None:
    assert run("softmax", stdin='"a, b",c\n1,1\n').ok() == '"a, b",c\n0.5,0.5\n'


def test_a_quoted_name_may_hold_a_newline(run: Run) -> None:
    assert run("softmax", stdin='"a\n# b",c\n1,1\n').ok() == '"a\n# b",c\n0.5,0.5\n'


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


def test_an_exact_name_wins_over_a_number(run: Run) -> None:
    assert run("softmax", "-c", "2,3", "--header", stdin="2,1,3\n1,9,1\n").ok() == "2,3\n0.5,0.5\n"


def test_an_unknown_column_is_told_with_the_nearest(run: Run) -> None:
    assert "did you mean 'dog'" in run("softmax", "-c", "dgo", stdin="cat,dog\n1,2\n").fails(1)
    assert (
        run("softmax", "-c", "5", stdin="1,2\n").fails(1) == "stdin: no column 5: the input has 2"
    )
    assert "no columns 2-5: the input has 2" in run("softmax", "-c", "2-5", stdin="1,2\n").fails(1)


def test_one_column_is_one_vector_read_downwards(run: Run) -> None:
    column = run("softmax", stdin="1\n2\n3\n").numbers()
    assert column == [[0.09003057317038046], [0.24472847105479764], [0.6652409557748219]]
    assert run("softmax", stdin="x\n1\n1\n").ok() == "x\n0.5\n0.5\n"
    assert run("hardmax", stdin="x\n1\n5\n").ok() == "index\n1\n"
    assert run("softmax", "-c", "b", stdin="a,b\n9,1\n9,1\n").ok() == "b\n0.5\n0.5\n"
    assert run("softmax", "--axis", "row", stdin="1\n2\n").ok() == "1.0\n1.0\n"


def test_axis_column_makes_every_column_a_vector(run: Run) -> None:
    text = run("softmax", "--axis", "column", stdin="a,b\n1,2\n1,2\n").ok()
    assert text == "a,b\n0.5,0.5\n0.5,0.5\n"
    assert run("hardmax", "--axis", "column", stdin="1,2\n3,1\n").ok() == "1\n0\n"


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
    assert done.out == "0.26894142136999516,0.7310585786300049\n"


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "a,b\n"])
def test_no_rows_is_an_error(run: Run, text: str) -> None:
    assert "no rows" in run("softmax", stdin=text).fails(1)


def test_a_line_is_counted_with_its_comments(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("# made by hand\n\na,b\n1,2\n# more\n1,x\n")
    assert f"{path}:6:2: 'x'" in run("softmax", "-i", str(path)).fails(1)


def test_a_missing_file_and_a_folder(run: Run, tmp_path: Path) -> None:
    assert "No such file" in run("softmax", "-i", str(tmp_path / "none.csv")).fails(1)
    assert "Is a directory" in run("softmax", "-i", str(tmp_path)).fails(1)


def test_a_row_does_not_wait_for_the_next() -> None:
    with subprocess.Popen(
        [COMMAND, "softmax"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=plain_environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(3):
            process.stdin.write(b"1,2\n\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"0.26894142136999516,0.7310585786300049\n"
        process.stdin.close()
        assert process.wait(timeout=30) == 0


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


def _read(settings: InputSettings) -> list[list[float]]:
    return [row for block in read_delimited(settings).blocks for row in block.values.tolist()]


@given(
    st.lists(st.lists(st.floats(allow_nan=False), min_size=3, max_size=3), min_size=1, max_size=20),
    st.sampled_from([",", "\t", ";", "|", " "]),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_any_floats_in_any_dialect_read_back(
    rows: list[list[float]], delimiter: str, header: bool
) -> None:
    path = Path(tempfile.gettempdir()) / f"softmax-cli-test-{os.getpid()}.csv"
    lines = [delimiter.join(map(repr, row)) for row in rows]
    path.write_text("\n".join([delimiter.join("abc"), *lines] if header else lines))
    try:
        assert _read(InputSettings(path=str(path))) == rows
    finally:
        path.unlink()


def test_a_quote_that_never_closes_is_an_error_and_not_the_end(run: Run) -> None:
    text = 'a,b,note\n1,2,x\n3,4,"open\n5,6,z\n7,8,z\n'
    done = run("softmax", "-c", "a,b", stdin=text)
    assert "stdin:3: a quote that is never closed" in done.fails(1)
    assert done.out == "a,b\n0.26894142136999516,0.7310585786300049\n"
    assert "never closed" in run("softmax", stdin='"1","2').fails(1)


def test_an_empty_cell_in_the_first_row_makes_no_header(run: Run) -> None:
    assert "stdin:1:2: empty" in run("softmax", stdin="1,,3\n4,5,6\n").fails(1)
    assert (
        run("softmax", "-c", "2-", stdin=",0,1\n0,1,1\n1,1,1\n").ok() == "0,1\n0.5,0.5\n0.5,0.5\n"
    )


def test_a_bad_cell_at_the_end_of_a_very_wide_row_is_found_at_once(run: Run) -> None:
    wide = ",".join(["1"] * 100_000)
    message = run("hardmax", "--ties", "first", stdin=f"{wide}\n{wide[:-1]}x\n").fails(1)
    assert "stdin:2:100000: 'x' is not a number" in message


def test_a_header_alone_says_why_it_is_one(run: Run) -> None:
    assert "'[1' is not a number" in run(
        "softmax", "--input-format", "csv", stdin="[1,2,3]\n"
    ).fails(1)


def test_decimal_commas_are_refused_for_what_they_are(run: Run) -> None:
    message = run("softmax", stdin="a;b\n1,5;2,5\n").fails(1)
    assert "stdin:2:1: '1,5' is not a number" in message
    assert "point" in message


def test_old_carriage_returns_are_told(run: Run) -> None:
    assert "carriage return" in run("softmax", stdin="1,2\r3,4\r").fails(1)


def test_a_closed_pipe_ends_in_silence() -> None:
    script = f"set -o pipefail; yes 1,2 | {COMMAND} softmax | head -1"
    start = time.monotonic()
    done = subprocess.run(["bash", "-c", script], capture_output=True, timeout=60, check=False)
    assert done.stdout == b"0.26894142136999516,0.7310585786300049\n"
    assert done.stderr == b""
    assert done.returncode == 141
    assert time.monotonic() - start < 30
