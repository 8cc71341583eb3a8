"""What softmax reads as probabilities, the likeliest classes, and names in JSON and headers."""

import json
import re

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax_cli.core.tempered import Tempered
from tests.conftest import Run, run_in_terminal
from tests.corpus import Vector, probabilities, temperatures
from tests.exactly import Mark, Reference, ulps
from tests.test_tables import ESCAPES


@given(probabilities(), temperatures | st.sampled_from([1.0, 1e-15]))
@settings(max_examples=80)
def test_tempered_probabilities_have_every_digit(p: Vector, temperature: float) -> None:
    ours = Tempered(p[None], temperature=temperature)
    logs = [mpmath.log(x) if x else mpmath.ninf for x in map(mpmath.mpf, p.tolist())]
    truth = Reference.of_logits(logs, temperature)
    assert max(map(ulps, ours.probabilities()[0], truth.p)) <= 0.51
    assert max(map(ulps, ours.log_probabilities()[0], truth.log_p)) <= 0.51
    assert ulps(ours.entropy()[0], truth.entropy()) <= 1
    assert ulps(ours.perplexity()[0], mpmath.exp(truth.entropy())) <= 1
    scaled = [x / mpmath.mpf(temperature) for x in logs]
    largest = max(scaled)
    total = largest + mpmath.log(mpmath.fsum(mpmath.exp(x - largest) for x in scaled))
    if abs(largest) < 1e300:
        assert Mark(total, abs(largest)).distance(ours.logsumexp()[0]) <= 0.51


@pytest.mark.parametrize(
    ("line", "out"),
    [
        ("0.1 0.2 0.7", "0.1,0.2,0.7"),
        ("-T 0.5 -p 6 0.5 0.3 0.2", "0.657895,0.236842,0.105263"),
        ("-T 0 0.4 0.4 0.2", "0.5,0.5,0.0"),
        ("--log 1 0", "0.0,-inf"),
        ("--normalize 5 3", "0.625,0.375"),
        ("--normalize --breakdown -p 6 5 3 0",
         "logsumexp,entropy,perplexity,winner,probability\n2.07944,0.661563,1.93782,0,0.625"),
        ("--top-k 2 0.5 0.25 0.25 0", "0.5,0.25,0.25,0.0"),
        ("--top-p 0.8 0.5 0.3 0.2", "0.625,0.375,0.0"),  # though as floats they sum to less
        ("--min-p 0.6 -T 0.5 --temperature-first 0.5 0.3 0.2", "1.0,0.0,0.0"),
        ("--sample 3 --seed 1 0 1 0", "1,1,1"),
    ],
)  # fmt: skip
def test_probabilities_are_tempered_cut_and_drawn_from(run: Run, line: str, out: str) -> None:
    assert run("softmax", "--from", "probs", *line.split()).ok() == f"{out}\n"


def test_log_probabilities_are_logits_that_are_checked(run: Run) -> None:
    logs = ("-0.5108256237659907", "-0.916290731874155")
    args = ("softmax", "-T", "2", *logs)
    assert run(*args, "--from", "logprobs").ok() == run(*args).ok()
    shown = run(*args, "--from", "logprobs", "-f", "json").ok()
    assert '{"probabilities":' in shown  # and no logits, which the next command would read
    assert "given log p" in run(*args, "--from", "logprobs", "-f", "table").ok()
    off = run("softmax", "--from", "logprobs", "-0.5", "-0.93")
    assert off.err.endswith("probabilities sum to 1.00108; they were divided by it\n")


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("--from probs 5 3", 1, "sum to 8, not to 1 (--normalize divides by the sum)"),
        ("--from probs -- 1.5 -0.5", 1, "probability -0.5 of class 1 is negative"),
        ("--from logprobs 0 0", 1, "probabilities sum to 2"),
        ("--normalize 1 2", 2, "--normalize needs --from probs or --from logprobs"),
        ("--from probs --alpha 2 1 0", 2, "--alpha takes logits"),
        ("--top 3 0 1", 1, "--top 3: there are only 2 classes"),
        ("--top 1 --sample 2 0 1", 2, "--top does not go with --breakdown or --sample"),
        ("--from probs --hierarchical 1,2 0.5", 2, "--hierarchical does not go with --from"),
    ],
)
def test_what_softmax_does_not_take(run: Run, line: str, status: int, message: str) -> None:
    assert message in run("softmax", *line.split()).fails(status)


NAMED = "id,cat,dog,owl\nu,1,2,3\nv,9,4,4\n"


@pytest.mark.parametrize(
    ("line", "stdin", "out"),
    [
        ("--top 2 -p 3 1 2 3", "", "class,probability\n2,0.665\n1,0.245\n"),
        ("--top 2 --log -p 3 1 2 3", "", "class,log_probability\n2,-0.408\n1,-1.41\n"),
        ("--top 1 --top-k 1 2 2", "", "class,probability\n0,0.5\n"),
        ("--top 2 --alpha 2 0 9", "", "class,probability\n1,1.0\n0,0.0\n"),
        ("--top 1 -k id -p 3", NAMED, "id,row,class,probability\nu,1,owl,0.665\nv,2,cat,0.987\n"),
        ("--top 2 -p 1 -c 2-4", NAMED.rpartition("v")[0], "class,probability\nowl,0.7\ndog,0.2\n"),
        ("--top 1 -p 3 --axis column", "1,3\n2,2\n",
         "row,class,probability\n1,1,0.731\n2,0,0.731\n"),
        ("--top 1 -p 3 --hierarchical 5,3,1 1 2", "", "class,probability\n2,0.644\n"),
        ("--top 1 --names a,b -f json --decimals 3 1 2", "",
         '{"index":[1],"name":["b"],"probability":[0.731],"logsumexp":2.313,"entropy":0.582}\n'),
    ],
)  # fmt: skip
def test_the_likeliest_come_first(run: Run, line: str, stdin: str, out: str) -> None:
    assert run("softmax", *line.split(), stdin=stdin).ok() == out


def test_a_first_row_waits_only_for_the_second(run: Run) -> None:
    for rows, invalid, out in (
        ("1,2\n3,x\n", "error", "row,class,probability\n1,1,0.7310585786300049\n"),
        ("1,x\n3,3\n", "nan", "row,class,probability\n1,nan,nan\n2,0,0.5\n"),
        ("1,x\n3,3\n", "skip", "class,probability\n0,0.5\n"),
    ):
        args = ("--top", "1", "--no-header", "--invalid", invalid)
        assert run("softmax", *args, stdin=rows).out == out


def test_a_table_of_the_likeliest(run: Run) -> None:
    args = ("softmax", "--top", "2", "-f", "table", "-p", "3")
    lone = run(*args, "1", "2", "3").ok().splitlines()
    assert [line.split()[:3] for line in lone[2:4]] == [["2", "3", "0.665"], ["1", "2", "0.245"]]
    assert lone[4] == " … 1 more class, together probability 0.09"
    many = run(*args, "-c", "2-", stdin=NAMED + "w,0,0,0\n" * 18).ok().splitlines()
    assert [line.split()[:3] for line in many[2:4]] == [
        ["1", "owl", "0.665"],
        ["1", "dog", "0.245"],
    ]
    assert " … 10 more rows; -f csv shows all" in many


def test_names_of_classes_are_in_every_object_that_has_lists_for_them(run: Run) -> None:
    rows = "id,cat,dog\nu,0.25,0.75\nv,0.5,0.5\n"
    for words in ("softmax", "softmax --log", "hardmax --as one-hot", "compare", "xent -t 0"):
        lines = run(*words.split(), "-k", "1", "-f", "jsonl", stdin=rows).out.splitlines()
        assert all(line.partition(',"classes":["cat","dog"],')[1] for line in lines)
        whole = json.loads(run(*words.split(), "-k", "1", "-f", "json", stdin=rows).out)
        assert whole["rows"] == list(map(json.loads, lines))
    for words in ("softmax --top 1", "hardmax", "kl --against 0.5,0.5"):
        assert "classes" not in run(*words.split(), "-k", "1", "-f", "jsonl", stdin=rows).out
    assert "classes" not in run("softmax", "-f", "json", "1", "2").ok()


def test_a_prefix_tells_new_columns_from_copied_ones(run: Run) -> None:
    args = ("-k", "1-", "-c", "cat,dog")
    rows = "id,cat,dog\nu,2,2\n"
    for words, names in (("softmax", "p_cat,p_dog"), ("softmax --top 1", "p_class,p_probability")):
        out = run(*words.split(), *args, "--prefix", "p_", stdin=rows).ok()
        assert out.startswith(f"id,cat,dog,{names}\n")
    twice = run("softmax", *args, stdin=rows)
    assert twice.out == "id,cat,dog,cat,dog\nu,2,2,0.5,0.5\n"
    assert "warning: two columns are called 'cat': --prefix" in twice.err
    shown = run_in_terminal("softmax", "-k", "1", "--prefix", "p_", stdin=f"{rows}v,1,3\n".encode())
    assert ESCAPES.sub("", shown.ok()).split()[:5] == ["id", "p_cat", "p_dog", "entropy", "winner"]
    assert re.findall(r"\x1b\[32m *([\d.]+)", shown.out) == ["0.5", "0.880797"]
    refused = run("softmax", "--prefix", "p_", "-f", "json", "1", "2").fails(2)
    assert refused == "--prefix is for the names of columns, which json does not have"


def test_close_of_probabilities_is_half_of_the_winners(run: Run) -> None:
    for scores, word in (("0.5 0.26 0.24", "close"), ("0.5 0.25 0.25", "clear")):
        assert f"choice {word}" in run("hardmax", "-f", "table", *scores.split()).ok()
    rows = "1,2\n1,1.5\n5,4.4\n-3,1\n"
    counts = [
        json.loads(run("hardmax", "-f", "json", stdin=text).ok())["summary"]["close"]
        for text in (rows, run("softmax", stdin=rows).ok())
    ]
    assert counts == [2, 2]
