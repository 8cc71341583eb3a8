"""Columns that are copied to the output as they are."""

from __future__ import annotations

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


def test_cells_are_copied_as_they_stand(run: Run) -> None:
    assert run("softmax", "-k", "4,id", stdin=ODD).ok() == (
        '"na,me",id,a,b\nx,007,0.5,0.5\n"y,z","q""1",0.5,0.5\n"two\nlines", 8 ,0.5,0.5\n'
    )
    assert run("softmax", "-k", "1", stdin="1.50\t1\t1\n-0\t2\t2\n").ok() == (
        "1.50,0.5,0.5\n-0,0.5,0.5\n"
    )


def test_what_is_kept_leaves_the_vector_unless_it_was_chosen(run: Run) -> None:
    text = "7,7,6\n"
    assert run("hardmax", "-k", "1", stdin=text).ok() == "7,0\n"
    assert run("softmax", "-k", "3", "-p", "3", stdin=text).ok() == "6,0.5,0.5\n"
    assert run("softmax", "-k", "3", "-c", "1-2,3", "-p", "3", stdin=text).ok() == (
        "6,0.422,0.422,0.155\n"
    )
    assert run("softmax", "-k", "1", stdin="x,1\ny,1\n").ok() == "x,1.0\ny,1.0\n"
    assert "no column is left" in run("softmax", "-k", "1-", stdin=text).fails(1)


def test_every_command_copies_cells(run: Run) -> None:
    text = "id,a,b\nx,0.5,0.5\ny,0.25,0.75\n"
    assert run("hardmax", "-k", "id", "--ties", "last", stdin=text).ok() == "id,index\nx,1\ny,1\n"
    assert run("kl", "-k", "id", "--against", "0.5,0.5", "-p", "3", stdin=text).ok() == (
        "id,kl\nx,0\ny,0.131\n"
    )
    assert run("kl", "-k", "id", "-p", "3", stdin=text).ok() == "id,kl\nx,0.144\n"
    labelled = "id,a,b,is\nx,1,1,a\ny,1,1,b\nz,3,0,b\n"
    xent = ("xent", "--target-column", "is", "-k", "id,is", "--base", "2", "-p", "2")
    assert run(*xent, stdin=labelled).ok() == "id,is,loss\nx,a,1\ny,b,1\nz,b,4.4\n"
    assert run(*xent, "--worst", "1", stdin=labelled).ok() == (
        "id,is,line,loss,target,predicted,probability\nz,b,4,4.4,b,a,0.047\n"
    )
    lines = run("compare", "-k", "id", stdin=text).ok().splitlines()
    assert lines[0] == "id,row,method,dtype,temperature,status,ulp_error,a,b"
    assert [line[:6] for line in lines[1::8]] == ["x,1,ha", "y,2,ha"]
    assert "first" in run("compare", "-k", "id", "-f", "table", stdin=text).ok()


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_objects_have_them_under_a_key_of_their_own(run: Run, form: str) -> None:
    written = run("hardmax", "-f", form, "-k", "id,na", stdin="id,na,a,b\n7,inf,1,2\n").ok()
    assert json.loads(written)["keep"] == {"id": "7", "na": "inf"}
    written = run("hardmax", "-f", form, "-k", "1,2", stdin="x,y,1,2\n").ok()
    assert json.loads(written)["keep"] == {"column 1": "x", "column 2": "y"}
    written = run("hardmax", "-f", form, "-k", "1,2", stdin="x,x,a,b\nu,v,1,2\n").ok()
    assert json.loads(written)["keep"] == ["u", "v"]


def test_json_and_arrays_have_cells_too(run: Run, tmp_path: Path) -> None:
    text = '{"id":17,"a":1,"b":1,"ok":true}\n{"ok":null,"b":2,"a":2,"id":"x"}\n'
    assert run("softmax", "-k", "ok,id", stdin=text).ok() == (
        "ok,id,a,b\ntrue,17,0.5,0.5\nnull,x,0.5,0.5\n"
    )
    assert json.loads(run("softmax", "-f", "jsonl", "-k", "id", "-c", "a,b", stdin=text).ok()
        .splitlines()[0])["keep"] == {"id": 17}  # fmt: skip
    written = run("softmax", "-f", "jsonl", "-k", "id", "-c", "a,b", stdin=text).ok()
    assert run("hardmax", "-k", "keep", stdin=written).status == 0
    assert run("softmax", "-k", "2", stdin='[1,"é",1]\n[2,2.5,2]\n').ok() == (
        "é,0.5,0.5\n2.5,0.5,0.5\n"
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


def test_what_can_not_be_copied_is_refused(run: Run) -> None:
    text = "x,1,1\nx,1,1\n"
    assert "--keep" in run("softmax", "-k", "1", "1", "2").fails(2)
    assert "holds numbers" in run("softmax", "-k", "1", "-f", "npy", stdin=text).fails(2)
    for command in (("xent", "-t", "0"), ("kl", "--against", "1,1")):
        done = run(*command, "-k", "1", "--reduction", "sum", stdin=text)
        assert "leaves none" in done.fails(2)
    assert "no rows" in run("softmax", "-k", "1", "--axis", "column", stdin=text).fails(2)
    assert "no column named 'is'" in run("softmax", "-k", "is", stdin="id,a\nx,1\n").fails(1)


_cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


@given(st.lists(st.tuples(_cells, _cells), min_size=1, max_size=12))
@settings(max_examples=80)
def test_any_text_comes_out_as_it_went_in(
    loaded_server: ForkServer, rows: list[tuple[str, str]]
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "first", "b", "second"])
    writer.writerows([1, first, 1, second] for first, second in rows)
    done = loaded_server.run(["softmax", "-k", "second,first"], text.getvalue().encode())
    table = list(csv.reader(io.StringIO(done.out.decode(), newline="")))
    assert table[0] == ["second", "first", "a", "b"]
    assert table[1:] == [[second, first, "0.5", "0.5"] for first, second in rows]
