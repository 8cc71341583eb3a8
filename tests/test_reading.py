"""Input as people have it: packed, printed by numpy and torch, with names or decimal commas."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Run, started, usage

PACKINGS = [gzip.compress, bz2.compress, lzma.compress]
THIRDS = ["0.2,0.3,0.5\n" * 3, "[0.2,0.3,0.5]\n" * 3, '[{"a":0.2,"b":0.3,"c":0.5}]']


@pytest.mark.parametrize("pack", PACKINGS)
def test_packed_input_reads_as_what_is_in_it(
    run: Run, tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    array = io.BytesIO()
    np.save(array, np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]))
    for data in [*map(str.encode, THIRDS), array.getvalue(), b"\xef\xbb\xbfcat,dog\n1,2\n3,4"]:
        (tmp_path / "packed").write_bytes(pack(data))
        plain = run("softmax", stdin=data)
        assert run("softmax", stdin=pack(data))[1:] == plain[1:]
        assert run("softmax", "-i", "packed", cwd=tmp_path).out == plain.out != ""
    rows, two = THIRDS[0].encode(), pack(b"0.2,0.3") + pack(b",0.5\n") * 2
    assert run("softmax", stdin=pack(rows) * 2 + bytes(8)).out == run("softmax", stdin=rows * 2).out
    assert "stdin:2:1: empty" in run("softmax", stdin=two).fails(1)
    (tmp_path / "packed").write_bytes(pack(rows))
    for line in ("kl --against packed", "xent --from probs --targets packed"):
        assert run(*line.split(), stdin=rows, cwd=tmp_path).ok()
    (tmp_path / "packed").write_bytes(pack(b"cat 3\ndog 2\nowl 1\n"))
    tree = run("softmax", "--hierarchical", "packed", "-f", "tsv", "0,0", cwd=tmp_path)
    assert tree.ok() == "0.5\t0.25\t0.25\n"


@pytest.mark.parametrize("pack", PACKINGS)
def test_rows_before_the_damage_in_a_packed_file_are_written(
    run: Run, pack: Callable[[bytes], bytes]
) -> None:
    rows = np.random.default_rng(0).integers(0, 9, (9000, 3))
    data = pack("".join("{},{},{}\n".format(*row) for row in rows.tolist()).encode())
    whole = run("hardmax", "--ties", "first", stdin=data).ok()
    cut = run("hardmax", "--ties", "first", stdin=data[:-5])
    assert cut.fails(1).endswith(("data ends too early", "check"))
    assert whole.startswith(cut.out)
    assert cut.out or pack is bz2.compress  # whose block is 900 kB
    damaged = run("hardmax", stdin=data[:40] + b"damaged" + data[47:])
    assert damaged.fails(1)
    wrong = run("hardmax", "--ties", "first", stdin=gzip.compress(data)[:-1] + b"x")
    assert wrong.fails(1)


def test_the_rows_of_packed_input_appear_as_they_arrive() -> None:
    process, pipe, out, _ = started("softmax")
    packer = zlib.compressobj(wbits=31)
    with process:
        for _ in range(3):
            pipe.write(packer.compress(b"1,1\n") + packer.flush(zlib.Z_SYNC_FLUSH))
            assert out.readline() == b"0.5,0.5\n"
        pipe.write(packer.flush())
        pipe.close()
        assert process.wait(timeout=120) == 0


def test_memory_does_not_grow_with_what_is_packed(tmp_path: Path) -> None:
    peaks = []
    for rows in (20_000, 400_000):
        path = tmp_path / f"{rows}.gz"
        path.write_bytes(gzip.compress(b"0.25,-1.5,3\n" * rows))
        peaks.append(usage("hardmax", "-i", str(path)).ru_maxrss)
    assert peaks[1] < peaks[0] * 1.1


def test_an_npz_file_of_one_array_is_that_array(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    for save in (np.savez, np.savez_compressed):
        save(path, np.array([[1.0, 1.0], [2.0, 2.0]], order="F"))
        assert run("softmax", "-i", str(path)).ok() == "0.5,0.5\n0.5,0.5\n"
    assert "in a pipe: give it with -i FILE" in run("softmax", stdin=path.read_bytes()).fails(1)
    path.write_bytes(path.read_bytes()[:-9])
    assert "a damaged zip archive" in run("softmax", "-i", str(path)).fails(1)
    np.savez(path, x=np.eye(2), y=np.eye(3))
    message = run("softmax", "-i", str(path)).fails(1)
    assert (
        "2 arrays: x.npy, y.npy (unzip -p FILE x.npy | softmax-cli ... takes one of them)"
        in message
    )


def test_files_that_can_not_be_read_are_told_by_their_first_bytes(run: Run, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    message = run("softmax", "-i", "book.xlsx", cwd=tmp_path).fails(1)
    assert "a zip archive, and no .npz (save an Excel file as CSV" in message
    for data, message in (
        (gzip.compress(gzip.compress(b"1,2\n")), "packed twice"),
        (b"PAR1\x15\x04", "a Parquet file: duckdb or pandas turn it into CSV"),
        (pickle.dumps([1, 2]), "a Python pickle"),
    ):
        assert message in run("softmax", stdin=data).fails(1)


CLASSES = '{"classes":["cat","dog"],"logits":[1,2]}\n'


@pytest.mark.parametrize("text", [CLASSES, f'{{"rows":[{CLASSES}],"summary":{{}}}}'])
def test_classes_in_json_name_the_classes(run: Run, text: str) -> None:
    assert run("hardmax", "--as", "name", stdin=text).ok() == "dog\n"
    assert run("hardmax", "--names", "a,b", stdin=text).ok() == "b\n"
    assert run("xent", "-t", "cat", "-p", "3", stdin=text).ok() == "1.31\n"


def test_classes_in_json_must_be_names_and_those_of_the_first_row(run: Run) -> None:
    other = CLASSES + '{"logits":[2,1]}\n{"classes":["dog","cat"],"logits":[2,1]}\n'
    done = run("hardmax", "--as", "name", stdin=other)
    assert (done.out, done.fails(1)) == (
        "dog\ncat\n",
        "stdin:3: classes other than those of the first row",
    )
    for odd in ('"classes":2', '"classes":["a"]', '"classes":[1,2]'):
        assert run("hardmax", "--as", "name", stdin=f'{{{odd},"logits":[1,2]}}').ok() == "1\n"


@pytest.mark.parametrize(
    ("args", "header"),
    [
        (["-c", "cat:owl"], "cat,dog,owl"),
        (["-c", "owl,cat:dog"], "owl,cat,dog"),
        (["-c", "!label,!1"], "cat,dog,owl,a:b"),
        (["-c", "cat:owl,!dog"], "cat,owl"),
        (["-c", "3:4"], "dog,owl"),
        (["-c", "a:b,dog"], "a:b,dog"),
        (["-c", "dog:a:b", "--target-column", "label"], "dog,owl,a:b"),
        (["-k", "id", "-c", "!label"], "id,cat,dog,owl,a:b"),
        (["-k", "1-2", "-c", "!label"], "id,cat,dog,owl,a:b"),
        (["-k", "!cat:a:b"], "id,label,cat,dog,owl,a:b"),
    ],
)
def test_ranges_of_names_and_all_but(run: Run, args: list[str], header: str) -> None:
    text = "id,cat,dog,owl,a:b,label\n7,1,1,1,1,2\n"
    command = ["xent", "--gradient"] if "--target-column" in args else ["softmax"]
    assert run(*command, *args, stdin=text).ok().startswith(header + "\n")
    assert run("softmax", "-c", "!1", stdin="9,1,1\n").ok() == "0.5,0.5\n"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("owl:cat", "no columns owl:cat: 'cat' comes first"),
        ("!id", "no column named 'id'"),
        ("cat,!1-", "no columns are left"),
    ],
)
def test_ranges_that_there_are_not(run: Run, columns: str, message: str) -> None:
    assert message in run("softmax", "-c", columns, stdin="cat,dog,owl\n1,2,3\n").fails(1)


def test_rows_of_a_named_column_and_a_first_line_can_be_skipped(run: Run) -> None:
    done = run("softmax", "-k", "1", "--invalid", "skip", stdin="cat,1\nowl,x\ndog,1\n")
    assert (done.status, done.out) == (0, "cat,0.5\ndog,0.5\n")
    assert "1 row can't be used" in done.err
    done = run("softmax", "--invalid", "skip", stdin="{bad\n[1,1]\n[2,2]\n")
    assert done.out == "0.5,0.5\n0.5,0.5\n"  # JSON lines, the first of which is none


@pytest.mark.parametrize("array", [np.arange(3.0), np.random.default_rng(0).normal(size=(3, 40))])
@pytest.mark.parametrize("form", ["{}", "tensor({!s}, device='cuda:0', grad_fn=<AddBackward0>)"])
def test_what_is_printed_can_be_piped(run: Run, array: np.ndarray, form: str) -> None:
    expected = [list(map(float, map(str, row))) for row in np.atleast_2d(array)]
    with np.printoptions(floatmode="unique"):
        for printed in (str(array), repr(array), np.array2string(array, separator=", ")):
            text = form.format(printed.removeprefix("array(").removesuffix(")"))
            lines = run("softmax", "-f", "jsonl", stdin=text).ok().splitlines()
            assert [json.loads(line)["logits"] for line in lines] == expected


@pytest.mark.parametrize(
    ("text", "rows", "message"),
    [
        ("[1.  2. ... 9.]", 0, "stdin: an abbreviated print (print all of it"),
        ("[[1. 2.]\n [3. 4.]\n ...\n [5. 6.]]", 0, "stdin: an abbreviated print"),
        ("[[1. 2.\n  3.]\n [4. 5.\n  6.]\n [x 8 9]]", 2, "stdin:3:1: 'x' is not a number"),
        ("[[1. 2.]\n [3.]]", 1, "stdin:2:2: a row of length 1 where 2 is expected"),
        *(
            (text, 0, "stdin: not one array as numpy or torch print it")
            for text in ("[[1. 2.]\n [3. 4.]", "[[1. 2.]\n this [3. 4.]]", "[[[1. 2.]]]")
        ),
    ],
)
def test_what_is_wrong_in_a_print(run: Run, text: str, rows: int, message: str) -> None:
    done = run("softmax", stdin=text)
    assert message in done.fails(1)
    assert done.out.count("\n") == rows


@pytest.mark.parametrize(
    ("args", "text", "out"),
    [
        ("", "0,5;0,5\n1;1\n", "0.5,0.5\n0.5,0.5\n"),
        ("", "cat\tdog\r\n1,5\t1,5\r\n", "cat,dog\n0.5,0.5\n"),
        ("", "0,5 0,5\n", "0.5,0.5\n"),
        ("", "0,5\n0,5\n", "0.5\n0.5\n"),
        ("", '"a","b"\n"0,5","0,5"\n', "a,b\n0.5,0.5\n"),
        ("-k 1", "a, b;0,5;1\n1,5;0,5;0,5\n", None),
        ("-k 1", "1,5;0,5;0,5\n", '"1,5",0.5,0.5\n'),
    ],
)
def test_decimal_commas(run: Run, args: str, text: str, out: str | None) -> None:
    done = run("softmax", "--decimal", ",", *args.split(), stdin=text).ok()
    assert done == out if out else done.startswith('"a, b",0.37')


@pytest.mark.parametrize(
    ("args", "text", "status", "message"),
    [
        ("--decimal ,", "0,5;1\n1.000;1\n", 1, "'1.000' is not a number"),
        ("--decimal ,", "0,5;1\n1,x;1\n", 1, "stdin:2:1: '1,x' is not a number"),
        ("", '"0,25","0,5"\n', 1, "'0,25' is not a number (--decimal , reads decimal commas)"),
        ("--decimal , -d ,", "", 2, "needs another delimiter than the comma"),
        ("--decimal , --input-format jsonl", "", 2, "and --decimal are for delimited text"),
    ],
)
def test_decimal_commas_that_are_refused(
    run: Run, args: str, text: str, status: int, message: str
) -> None:
    assert message in run("softmax", *args.split(), stdin=text).fails(status)


def test_a_column_of_labels_is_told(run: Run) -> None:
    text = "cat,dog,label\n1,2,cat\n"
    target = run("xent", "-c", "cat:dog", "-t", "label", stdin=text).fails(1)
    assert "a column, and no class (--target-column label takes" in target
    assert "'cat' is not a number (-k 3 copies this column" in run("softmax", stdin=text).fails(1)


@pytest.mark.parametrize(
    ("line", "text", "told"),
    [
        ("softmax 7", "", "arguments: one number is one class, of probability 1: give all"),
        ("compare 7", "", "arguments: one number is one class"),
        ("softmax --axis row", "1\n2\n3\n", "stdin:1: one number is one class"),
        ("hardmax", "[1]\n[2]\n", "stdin:1: one number"),
        ("softmax", "1\n", "stdin: one number is one class, of probability 1: give all of them"),
        ("xent --target-column is", "x,is\n1,0\n", "stdin:2: one number is one class"),
        ("softmax", "1\n2\n", ""),
        ("softmax --hierarchical 1,2 3", "", ""),
        ("xent --hierarchical 1,2 -t 0 3", "", ""),
        ("xent --tokens --axis row", "-1\n-0.5\n", ""),
    ],
)
def test_vectors_of_one_class_are_warned_about_once(
    run: Run, line: str, text: str, told: str
) -> None:
    done = run(*line.split(), stdin=text)
    assert (done.status, done.err.count("\n")) == (0, int(bool(told)))
    assert done.err.startswith(f"softmax-cli: warning: {told}" if told else "")
