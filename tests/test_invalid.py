"""Rows that can't be used: an error, a row of nan, or left out."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Run, bash
from tests.test_formats import npy

# One of each kind among rows that can be used
BAD = [
    *(b"3,abc", b"3,", b"5", b"6,7,8", b"nan,3", b"\xff,1"),
    *(b"1,\x00", b'"x"y,2', b"-inf,-inf", b"inf,inf", b"1,\r2"),
]
LINES = [b"a,b", b"1,1", *BAD[:6], b"2,2", *BAD[6:], b"3,3"]
TEXT = b"".join(line + b"\n" for line in LINES)
FIRST = "11 rows can't be used, the first at stdin:3:2: 'abc' is not a number"


def warned(run: Run, *args: str, stdin: str | bytes = TEXT, warning: str = FIRST) -> str:
    done = run(*args, stdin=stdin)
    assert (done.status, done.err) == (0, f"softmax-cli: warning: {warning}\n"), done
    return done.out


@pytest.mark.parametrize(
    ("command", "header", "good"),
    [
        (["softmax"], "a,b", "0.5,0.5"),
        (["hardmax", "--ties", "last"], "index", "1"),
        (["hardmax", "--ties", "last", "--as", "name"], "index", "b"),
        (["xent", "-t", "b", "--base", "2"], "loss", "1.0"),
        (["kl", "--from", "logits", "--against", "0,0"], "kl", "0.0"),
    ],
    ids=" ".join,
)
def test_every_command_fills_or_skips(run: Run, command: list[str], header: str, good: str) -> None:
    header = "name" if "name" in command else header
    nan = ",".join(["nan"] * len(good.split(",")))
    assert warned(run, *command, "--invalid", "skip").splitlines() == [header, good, good, good]
    assert warned(run, *command, "--invalid", "nan").splitlines() == (
        [header, good, *[nan] * 6, good, *[nan] * 5, good]
    )


def test_compare_has_the_number_and_the_methods_of_a_row_of_nan(run: Run) -> None:
    lines = warned(run, "compare", "--invalid", "nan", "-f", "jsonl").splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["row"] for record in records] == [n for n in range(1, 15) for _ in range(9)]
    assert {(r["method"], r["dtype"]) for r in records if r["row"] == 2} == {
        (r["method"], r["dtype"]) for r in records if r["row"] == 1
    }
    assert records[9]["probabilities"] == ["nan", "nan"]
    out = warned(run, "compare", "--invalid", "skip")
    assert {line.split(",")[0] for line in out.splitlines()[1:]} == {"1", "8", "14"}
    assert " rows 3" in warned(run, "compare", "--invalid", "skip", "-f", "table")


def test_sums_leave_such_rows_out(run: Run) -> None:
    for invalid in ("nan", "skip"):
        args = ("xent", "-t", "0", "--invalid", invalid)
        summary = json.loads(warned(run, *args, "--reduction", "mean", "-f", "json"))
        assert (summary["rows"], summary["mean"]) == (3, pytest.approx(np.log(2)))
        written = warned(run, "softmax", "--invalid", invalid, "-f", "json")
        assert json.loads(written)["summary"]["rows"] == 3
        worst = warned(run, *args, "--worst", "9")
        assert [row.split(",")[0] for row in worst.splitlines()] == ["line", "2", "9", "15"]


def test_arrays_of_nan(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(TEXT)
    for command, expected in (("softmax", 0.5), ("hardmax --ties last", 1.0)):
        done = bash(f"softmax-cli {command} -f npy --invalid nan < in.csv > out.npy", tmp_path)
        assert done.status == 0
        array = np.load(tmp_path / "out.npy")
        assert array.dtype == np.float64
        rows = array.reshape(14, -1)
        assert np.isnan(rows[1:7]).all()
        assert (rows[[0, 7, 13]] == expected).all()
    assert "is text" in run(
        "hardmax", "--as", "name", "-f", "npy", "--invalid", "nan", stdin=TEXT
    ).err  # fmt: skip
    file = io.BytesIO()
    np.save(file, np.array([[np.nan, 1.0], [2.0, 2.0]]))
    warning = "1 row can't be used, at stdin:1:1: 'nan' is not a number"
    args = ("softmax", "--invalid", "nan")
    assert warned(run, *args, stdin=file.getvalue(), warning=warning) == "nan,nan\n0.5,0.5\n"


def test_rows_of_json_and_kept_cells(run: Run) -> None:
    # Json lines go on behind one that is none
    text = '[1,1]\n[1,\n{"a":1}\n[1]\n[null,1]\n3\n[2,2]\n'
    warning = "5 rows can't be used, the first at stdin:2: no JSON: expecting value at character 4"
    out = warned(run, "softmax", "--invalid", "skip", stdin=text, warning=warning)
    assert out == "0.5,0.5\n0.5,0.5\n"
    text = '{"id":1,"x":1,"y":1}\n{"id":2,"x":1}\n{"id":3,"x":"b","y":1}\n[]\n'
    warning = "3 rows can't be used, the first at stdin:2: no key: 'y'"
    out = warned(run, "softmax", "-k", "id", "--invalid", "nan", stdin=text, warning=warning)
    assert out == "id,x,y\n1,0.5,0.5\n2,nan,nan\n3,nan,nan\n,nan,nan\n"


def test_pairs_stay_in_step(run: Run, tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("1,0\n0.5,x\n0.5,0.5\n2,2\n0.25,0.75\n")
    (tmp_path / "labels").write_text("0\n1\ncat\n7\n1\n")
    text = "?,1\n0.5,0.5\n0.5,0.5\n0.5,0.5\n0.25,0.75\n"
    args = ("kl", "--against", str(tmp_path / "q.csv"))
    warning = "3 rows can't be used, the first at stdin:1:1: '?' is not a number"
    assert warned(run, *args, "--no-header", "--invalid", "skip", stdin=text, warning=warning) == (
        "0.0\n0.0\n"
    )
    assert warned(run, *args, "--no-header", "--invalid", "nan", stdin=text, warning=warning) == (
        "nan\nnan\n0.0\nnan\n0.0\n"
    )
    more = ("xent", "--targets", str(tmp_path / "labels"), "--base", "2", "--no-header")
    assert warned(run, *more, "--invalid", "nan", stdin=text.replace("25", "5").replace("75", "5"),
        warning=warning) == "nan\n1.0\nnan\nnan\n1.0\n"  # fmt: skip


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("1,1\n1,1,1\n", "0.5,0.5\nnan,nan\n"),
        ("-inf,-inf\n1,1\n", "nan,nan\n0.5,0.5\n"),
    ],
)  # fmt: skip
def test_the_first_row_may_be_the_bad_one(run: Run, text: str, out: str) -> None:
    done = run("softmax", "--invalid", "nan", stdin=text.encode("latin-1"))
    assert (done.status, done.out) == (0, out)
    assert "can't be used" in done.err


def test_what_can_not_be_left_out(run: Run) -> None:
    # None that can be used is an error
    for invalid in ("nan", "skip"):
        done = run("softmax", "--invalid", invalid, stdin="-inf,-inf\n-inf,-inf\n")
        assert done.fails(1).startswith("none of 2 rows can be used, the first at stdin:1: every")
        assert "stdin:2:1: empty" in run("softmax", "--invalid", invalid, stdin="a,b\n,1\n").fails(
            1
        )
    # What is no row stays an error
    done = run("softmax", "--invalid", "skip", stdin='1,1\n?,1\n1,"2\n')
    assert done.status == 1
    assert done.out == "0.5,0.5\n"
    assert done.err.splitlines()[-1] == (
        "softmax-cli: error: stdin:3: a quote that is never closed"
    )
    assert "no rows" in run("softmax", "--invalid", "skip", stdin="").fails(1)


def test_lone_columns_and_warnings(run: Run) -> None:
    # A lone column is read without its bad cells
    warning = "1 row can't be used, at stdin:2:1: 'x' is not a number"
    args = ("softmax", "--invalid", "skip", "--no-header")
    assert warned(run, *args, stdin="1\nx\n1\n", warning=warning) == "0.5\n0.5\n"
    assert "'x'" in run("softmax", "--invalid", "nan", stdin="1\nx\n1\n").fails(1)
    # Warnings about rows are counted once
    done = run("hardmax", "--invalid", "skip", stdin="1,1\ninf,inf\n2,2\n-inf,-inf\n3,3\n")
    assert "stdin:1: a tie" in done.err
    assert "(and 2 more)" in done.err


def test_a_first_target_that_is_no_list_of_numbers_may_be_left_out(
    run: Run, tmp_path: Path
) -> None:
    targets = tmp_path / "t.txt"
    targets.write_text("[x,1]\n[0.5,0.5]\n[1,0]\n")
    command = ["xent", "--targets", str(targets)]
    assert run(*command, stdin="1,1\n1,1\n1,1\n").fails(1).startswith(f"{targets}:1")
    done = run(*command, "--invalid", "skip", stdin="1,1\n1,1\n1,1\n")
    assert (done.status, done.out.count("\n")) == (0, 2)
    assert "1 row can't be used" in done.err


@pytest.mark.parametrize("invalid", ["error", "nan", "skip"])
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[0.5, 0.5], [0.5, "nan"]], "{}:2:2: 'nan' is not a number"),
        ([[0.5, "nan"], [0.5, "nan"]], "{}:1:2: 'nan' is not a number"),
        ([[0.5, 0.5], [0.5, -0.5]], "{}:2: probability -0.5 of class 1 is negative"),
        ([[0.5, "nan"]], "only one vector: "),
        ([[0.5, 0.5], [0.5, "nan"], [0.5, 0.5]], "more than two vectors: "),
    ],
)
def test_faults_of_p_and_q_are_told_in_the_same_words_for_any_input(
    run: Run, tmp_path: Path, rows: list[list[float | str]], message: str, invalid: str
) -> None:
    lines = [json.dumps(row) for row in rows]
    texts = ["\n".join(lines), f"[{','.join(lines)}]", "\n".join(lines).replace('"', "")]
    texts[2] = texts[2].replace("[", "").replace("]", "")
    for data in (*map(str.encode, texts), npy(np.array(rows, float))):
        (tmp_path / "in").write_bytes(data)
        for name, args in (("in", ("-i", "in")), ("stdin", ())):
            done = run("kl", "--invalid", invalid, *args, stdin=data, cwd=tmp_path)
            assert done.fails(1 if "{}" in message else 2).startswith(message.format(name))
            assert done.out == ("nan\n" if invalid == "nan" and "{}" in message else "")
