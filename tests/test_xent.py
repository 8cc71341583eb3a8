"""What is asked of a loss besides its value: a temperature, classes, tokens, perplexity."""

import json
import math
from itertools import product

import mpmath
import pytest

from tests.conftest import Run
from tests.exactly import Reference, ulps

GRID = "2,1,0.1\n-3,0.5,7\n"


def test_a_temperature_divides_the_logits(run: Run) -> None:
    p, q = (Reference.of_logits(row, 1.7) for row in ([2.0, 1, 0.1], [-3.0, 0.5, 7]))
    (loss,), _ = run("xent", "-t", "0", "-T", "1.7", stdin=GRID).numbers()
    assert ulps(loss, -p.log_p[0]) <= 0.51
    gradient, _ = run("xent", "-t", "0", "-T", "1.7", "--gradient", stdin=GRID).numbers()
    for found, by_quotient in zip(gradient, (-p.complement(0), p.p[1], p.p[2]), strict=True):
        assert ulps(found, by_quotient / mpmath.mpf(1.7)) <= 0.51
    kl = run("kl", "--from", "logits", "--temperature", "1.7", stdin=GRID).numbers()
    assert ulps(kl[0][0], p.kl(q)) <= 1


def test_negative_probabilities_hint_at_logits(run: Run) -> None:
    hint = "probability -1 of class 0 is negative (for logits add --from logits)"
    for line in ("kl -1,2 0.5,0.5", "kl 0.5,0.5 -1,2", "xent -1,2 -t 0 --from probs"):
        assert hint in run(*line.split()).fails(1)
    assert "--from" not in run("xent", "1,2", "-t", "-1,2").fails(1)


@pytest.mark.parametrize("top", [1, 2, 3])
def test_top_k_accuracy_has_the_ties_of_scikit_learn(run: Run, top: int) -> None:
    rows = [(*scores, label) for scores in product((0, 1, 2), repeat=3) for label in range(3)]
    args = ["xent", "--target-column", "4", "--top", str(top), "-f", "json"]
    found = json.loads(run(*args, stdin="".join(f"{a},{b},{c},{y}\n" for a, b, c, y in rows)).ok())
    best = [sorted(range(3), key=lambda i: (row[i], i))[-top:] for row in rows]
    right = [row[3] in classes for row, classes in zip(rows, best, strict=True)]
    assert found["summary"]["correct"] == sum(right)
    assert found["summary"]["by_class"][1]["correct"] == sum(right[1::3])


def test_by_class_has_the_rows_of_the_summary(run: Run) -> None:
    pets = "cat,dog,owl,label\n2,1,0,cat\n0,3,1,dog\n1,0,2,cat\n1,2,3,?\n"
    args = ["xent", "--target-column", "label", "--ignore", "?", "-w", "200,300,0.5", "-f"]
    summary = json.loads(run(*args, "json", stdin=pets).ok())["summary"]
    groups = summary.pop("by_class")
    found = json.loads(run(*args, "json", "--by-class", stdin=pets).ok())
    assert found == {"rows": groups, "summary": summary}
    header, *lines = run(*args, "csv", "--by-class", stdin=pets).ok().splitlines()
    assert header == "class,rows,mean,share,accuracy"
    for line, group in zip(lines, groups, strict=True):
        name, *cells = line.split(",")
        assert [name, *map(float, cells)] == [group[key] for key in header.split(",")]
    table = run(*args, "table", "--by-class", "-p", "2", stdin=pets).ok().splitlines()
    assert table[2].split() == ["cat", "2", "0.91", "0.88", "0.5"]
    assert "denominator 700 " in table[-2] + " "
    none = pets.replace("cat\n", "?\n").replace("dog\n", "?\n")
    assert run(*args, "csv", "--by-class", stdin=none).ok() == header + "\n"


@pytest.mark.parametrize("option", ["--weights", "--class-counts"])
def test_numbers_of_classes_by_name(run: Run, option: str) -> None:
    rows = 'cat,"big, bad",label\n2,1,cat\n0,3,1\n'
    args = ["xent", "--target-column", "label", option]
    listed = run(*args, "2,3", stdin=rows).ok()
    for named in ('cat=2,"big, bad"=3', '"big, bad"=3, cat=2', "1=3,cat=2"):
        assert run(*args, named, stdin=rows).ok() == listed
    for named, message in (
        *((text, f"{option}: give each of the 2 classes") for text in ("cat=2", "cat=2,cat=4")),
        ("cta=2,1=3", "'cta' is not a class (did you mean 'cat'?)"),
        ("cat=x,1=3", "class cat: 'x' is not a number"),
        ("cat,1=3", "class cat: empty where a number is expected"),
    ):
        assert message in run(*args, named, stdin=rows).fails(1)


def test_tokens_have_a_loss_and_a_perplexity(run: Run) -> None:
    args, rows = ["xent", "--tokens"], "-0.5,-1\n-0.25,0\n-2,-1e-3\n"
    whole = run(*args, "-f", "json", stdin=rows).ok()
    found, summary = json.loads(whole).values()
    assert [row["loss"] for row in found] == [0.75, 0.125, 1.0005]
    assert [row["perplexity"] for row in found] == [math.exp(row["loss"]) for row in found]
    assert [summary[key] for key in ("loss_sum", "weight_sum")] == [3.751, 6]
    # One number a line is one sequence, and has the mean of all tokens
    lone = json.loads(run(*args, "-f", "json", stdin=rows.replace(",", "\n")).ok())
    assert lone["loss"] == summary["mean"] == 3.751 / 6
    assert lone["perplexity"] == summary["perplexity"] == pytest.approx(math.exp(3.751 / 6))
    assert run(*args, "--worst", "1", "-p", "3", stdin=rows).ok().endswith("\n3,1,2.72,2\n")
    table = run(*args, "-f", "table", "--", "-0.5", "-1").ok().splitlines()
    assert table[2].split()[1:] == ["0.75", "2.117", "2"]


def test_bad_and_impossible_tokens_are_named(run: Run) -> None:
    bad = run("xent", "--tokens", stdin="-1,-2\n-1,0.5\n")
    assert bad.fails(1) == "stdin:2: log-probability 0.5 of token 2 is greater than 0"
    assert bad.out == "1.5\n"
    done = run("xent", "--tokens", stdin="-1,-inf\n-1e308,-1e308\n-1e-320,0\n")
    assert [float(line) for line in done.out.split()] == [math.inf, 1e308, 5e-321]
    assert done.err == "softmax-cli: warning: stdin:1: the loss is inf: token 2 has probability 0\n"


@pytest.mark.parametrize("base", ["e", "2", "10"])
def test_the_perplexity_of_the_mean(run: Run, base: str) -> None:
    args = ["xent", "-t", "0", "-w", "2,3,4", "--base", base, "--reduction", "mean", "-f", "json"]
    losses = [-q.log_p[0] for q in map(Reference.of_logits, ([2.0, 1, 0.1], [-3.0, 0.5, 7]))]
    summary = json.loads(run(*args, stdin=GRID).ok())
    assert summary["perplexity"] == pytest.approx(float(mpmath.exp(sum(losses) / 2)), rel=1e-14)


@pytest.mark.parametrize(
    ("line", "is_red"),
    [
        ("2,1,0.1 -t 1", True),
        ("2,1,0.1 -t 0", False),
        ("2,1,0.1 -t 0.2,0.7,0.1", True),
        ("2,1,0.1 -t 1 --top 2", False),
        ("2,1,0.1 -t 1 --ignore 1", False),
    ],
)
def test_a_wrong_prediction_is_red(run: Run, line: str, is_red: bool) -> None:
    shown = run("xent", *line.split(), "-f", "table", env={"FORCE_COLOR": "1"}).ok()
    assert ("31m0" in shown) == is_red


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("xent 2,1 -t 0 -T 0", "--temperature must be greater than 0"),
        ("xent 0.5,0.5 -t 0 -T 2 --from probs", "divides logits: give --from logits"),
        ("kl 0.5,0.5 0.1,0.9 -T 2", "divides logits: give --from logits"),
        ("xent 2,1 -t 0 -T 2 --sampled 3", "--sampled does not go with --temperature"),
        ("xent 2,1 -t 0 --top 2 --negative 3", "--negative does not go with"),
        ("xent 2,1 -t 0,1 --by-class", "--by-class needs class labels"),
        ("xent 2,1 -t 0 --by-class --worst 2", "--worst does not go with --by-class"),
        ("xent 2,1 -t 0 --by-class --reduction sum", "--by-class does not go with --reduction"),
        *(
            (f"xent -1 --tokens {other}", "--tokens")
            for other in ("-t 0", "--ignore 0", "-T 2", "--from probs", "--top 1", "--negative 2")
        ),
        ("xent -t 0 -k 1 --by-class", "--by-class has rows of classes"),
    ],
)
def test_wrong_usage(run: Run, line: str, message: str) -> None:
    assert message in run(*line.split()).fails(2)
