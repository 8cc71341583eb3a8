"""Columns that are copied to the output as they are."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Run
from tests.forked import ForkServer

ODD = 'id,a,b,"na,me"\n007,1,1,x\n"q""1",3,3,"y,z"\n 8 ,5,5,"two\nlines"\n'
TEXT = "id,a,b\nx,0.5,0.5\ny,0.25,0.75\n"
LABELLED = "id,a,b,is\nx,1,1,a\ny,1,1,b\nz,3,0,b\n"
XENT = "xent --target-column is -k id,is --base 2 -p 2"
OBJECTS = '{"id":17,"a":1,"b":1,"ok":true}\n{"ok":null,"b":2,"a":2,"id":"x"}\n'


@pytest.mark.parametrize(
    ("line", "text", "out"),
    [
        ("softmax -k 4,id", ODD, ('"na,me",id,a,b\nx,007,0.5,0.5\n"y,z","q""1",0.5,0.5\n'
         '"two\nlines", 8 ,0.5,0.5\n')),
        ("softmax -k 1", "1.50\t1\t1\n-0\t2\t2\n", "1.50,0.5,0.5\n-0,0.5,0.5\n"),
        ("hardmax -k 1", "7,7,6\n", "7,0\n"),
        ("softmax -k 3 -c 1-2,3 -p 3", "7,7,6\n", "6,0.422,0.422,0.155\n"),
        ("hardmax -k id --ties last", TEXT, "id,index\nx,1\ny,1\n"),
        ("kl -k id --against 0.5,0.5 -p 3", TEXT, "id,kl\nx,0\ny,0.131\n"),
        ("kl -k id -p 3", TEXT, "id,kl\nx,0.144\n"),
        (XENT, LABELLED, "id,is,loss\nx,a,1\ny,b,1\nz,b,4.4\n"),
        (f"{XENT} --worst 1", LABELLED,
         "id,is,line,loss,target,predicted,probability\nz,b,4,4.4,b,a,0.047\n"),
        ("softmax -k ok,id", OBJECTS, "ok,id,a,b\ntrue,17,0.5,0.5\nnull,x,0.5,0.5\n"),
        ("softmax -k 2", '[1,"é",1]\n[2,2.5,2]\n', "é,0.5,0.5\n2.5,0.5,0.5\n"),
        # The cells beside a column name the classes.
        ("softmax -k name", "name,logit\ncat,1\ndog,1\n", "name,probabilities\ncat,0.5\ndog,0.5\n"),
        ("softmax -k 1", "cat 1\ndog 1\n", "cat,0.5\ndog,0.5\n"),
        ("softmax -k id,name", "id,name,x\n7,a,1\n7,b,1\n",
         "id,name,probabilities\n7,a,0.5\n7,b,0.5\n"),
        ("softmax -k 1 --axis column", "cat,1,2\ndog,1,2\n", "cat,0.5,0.5\ndog,0.5,0.5\n"),
        ("softmax -k 1 --axis row", "cat,1,1\ndog,2,2\n", "cat,0.5,0.5\ndog,0.5,0.5\n"),
        ("hardmax -k 1", "cat,1\ndog,2\n", "dog\n"),
        ("hardmax -k 1 --as one-hot", "cat,1\ndog,2\n", "cat,0\ndog,1\n"),
        ("hardmax -k 1,2 --as name", "7,cat,1\n8,dog,2\n", "8 dog\n"),
        ("hardmax -k 1 --as name --names a,b", "cat,1\ndog,2\n", "b\n"),
        ("xent -k 1 -t dog -p 3", "cat,1\ndog,2\n", "0.313\n"),
        ("xent -k 1 -t dog --reduction mean -p 3", "cat,1\ndog,2\n", "0.313\n"),
        ("softmax -k 1 --sample 2 --seed 1", "cat,1\ndog,99\n", "dog\ndog\n"),
        ("kl -k 1 --axis column --base 2", "a,1,0.5\nb,0,0.5\n", "1.0\n"),
    ],
)  # fmt: skip
def test_cells_are_copied_as_they_stand(run: Run, line: str, text: str, out: str) -> None:
    assert run(*line.split(), stdin=text).ok() == out


def test_compare_copies_cells_too(run: Run) -> None:
    lines = run("compare", "-k", "id", stdin=TEXT).ok().splitlines()
    assert lines[0] == "id,row,method,dtype,temperature,status,digits,ulp_error,a,b"
    assert [line[:6] for line in lines[1::9]] == ["x,1,ha", "y,2,ha"]
    assert "first" in run("compare", "-k", "id", "-f", "table", stdin=TEXT).ok()


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_objects_have_them_under_a_key_of_their_own(run: Run, form: str) -> None:
    written = run("hardmax", "-f", form, "-k", "id,na", stdin="id,na,a,b\n7,inf,1,2\n").ok()
    assert json.loads(written)["keep"] == {"id": "7", "na": "inf"}
    written = run("hardmax", "-f", form, "-k", "1,2", stdin="x,y,1,2\n").ok()
    assert json.loads(written)["keep"] == {"column 1": "x", "column 2": "y"}
    written = run("hardmax", "-f", form, "-k", "1,2", stdin="x,x,a,b\nu,v,1,2\n").ok()
    assert json.loads(written)["keep"] == ["u", "v"]


def test_what_was_kept_can_be_kept_again_and_arrays_have_cells_too(
    run: Run, tmp_path: Path
) -> None:
    written = run("softmax", "-f", "jsonl", "-k", "id", "-c", "a,b", stdin=OBJECTS).ok()
    assert json.loads(written.splitlines()[0])["keep"] == {"id": 17}
    assert run("hardmax", "-k", "keep", stdin=written).status == 0
    again = run("xent", "-k", "id", "--from", "probs", "-t", "a", stdin=written)
    assert again.ok().startswith("17,")
    labelled = run("softmax", "-f", "json", "-k", "a", stdin="a,cat,dog\ncat,0,0\n").ok()
    assert (
        run("xent", "--from", "probs", "--target-column", "a", stdin=labelled).ok()[:5] == "0.693"
    )
    np.save(tmp_path / "a.npy", np.array([[17, 1, 1], [18, 2, 2]]))
    array = run("softmax", "-k", "1", "-i", "a.npy", cwd=tmp_path)
    assert array.ok() == "17,0.5,0.5\n18,0.5,0.5\n"


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_tables_have_them_in_front(run: Run, columns: str) -> None:
    env = {"COLUMNS": columns}
    text = "id,a,b,it\nfirst,1,1,None\n[red]2,2,2,x\n"
    many = run("softmax", "-f", "table", "-k", "id,it", stdin=text, env=env).ok()
    assert many.splitlines()[0].split()[0] == "id"
    assert "[red]2" in many
    assert "None" in many
    lone = run("hardmax", "-f", "table", "-k", "id,it", stdin=text[:24], env=env)
    assert lone.out.startswith(" id first   it None\n\n class")


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("softmax -k 1 1 2", 2, "--keep"),
        ("softmax -k 1 -f npy", 2, "holds only numbers"),
        ("softmax -c !1,2", 2, "! is for one item"),
        ("xent -t 0 -k 1 --reduction sum", 2, "--reduction"),
        ("kl --against 1,1 -k 1 --reduction sum", 2, "--reduction"),
        ("softmax -k is --header", 1, "no column named 'is'"),
        ("softmax -k 1-", 1, "no columns are left"),
    ],
)
def test_what_can_not_be_copied_is_refused(run: Run, line: str, status: int, message: str) -> None:
    assert message in run(*line.split(), stdin="x,1,1\nx,1,1\n").fails(status)


_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
_cells = _texts | st.sampled_from(["a long text " * 9, "é", "7", ""])


@given(st.lists(st.tuples(_cells, _cells), min_size=1, max_size=12))
@settings(max_examples=80)
def test_any_text_comes_out_as_it_went_in(server: ForkServer, rows: list[tuple[str, str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL if len(rows) % 2 else csv.QUOTE_MINIMAL)
    writer.writerow(["a", "first", "b", "second"])
    writer.writerows([1, first, 1, second] for first, second in rows)
    done = server.run(["softmax", "-k", "second,first"], text.getvalue().encode())
    table = list(csv.reader(io.StringIO(done.out.decode(), newline="")))
    assert table[0] == ["second", "first", "a", "b"]
    assert table[1:] == [[second, first, "0.5", "0.5"] for first, second in rows]


@pytest.mark.parametrize(
    ("args", "header", "number"),
    [
        ("softmax", "id,a,b", 1),
        ("hardmax", "a,Unnamed: 0,b", 2),
        ("xent -t 0", "a,b,Label", 3),
        ("softmax -k id", "id,a,b", 0),
        ("xent --target-column label", "a,b,label", 0),
        ("softmax --axis column", "id,a,b", 0),
        ("softmax -c !a", "id,a,b", 1),
        ("softmax -c id,a", "id,a,b", 0),
        ("softmax -c a -c b -k id", "id,a,b", 0),
    ],
)
def test_a_column_that_is_hardly_a_class(run: Run, args: str, header: str, number: int) -> None:
    done = run(*args.split(), stdin=f"{header}\n1,2,0\n2,3,1\n")
    assert (done.status, done.err.count("\n")) == (0, int(number > 0))
    assert (f"is read as a class (-k {number} copies it" in done.err) == (number > 0)
