"""Weights, smoothing, the focal factor, targets and reductions: exact values, users and rivals."""

import itertools
import json
import math
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

from softmax_cli.core import losses
from softmax_cli.core.losses import Objective
from softmax_cli.core.probabilities import Probabilities
from tests.conftest import Run
from tests.exactly import Reference, exacts, weighted_loss


@pytest.mark.parametrize("focal", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weights", [None, [0.3, 1.7, 2.5]])
def test_the_gradient_is_the_derivative_of_the_loss(
    weights: list[float] | None, smoothing: float, focal: float
) -> None:
    """Of exact numbers, which test_accuracy compares the program's with."""
    case = Objective(None if weights is None else np.array(weights), smoothing, focal)
    with mpmath.workprec(2600):
        vector, target, step = exacts([0.5, 2, -37]), exacts([0.25, 0, 0.75]), mpmath.mpf(2) ** -800
        found = weighted_loss(Reference.of_logits(vector), target, case).gradient
        for i in range(3):
            ends = [[x + move * (i == j) for j, x in enumerate(vector)] for move in (step, -step)]
            up, down = (weighted_loss(Reference.of_logits(end), target, case).total for end in ends)
            assert abs((up - down) / (2 * step) - found[i]) < 1e-200


def test_a_class_of_weight_zero_costs_nothing_even_where_it_is_ruled_out() -> None:
    case = Objective(np.array([0.0, 1.0]))
    prediction = Probabilities(np.array([[0.0, 1.0]]))
    soft = Probabilities(np.array([[0.5, 0.5]])), Probabilities(np.array([[1.0, 0.0]]))
    for targets in (np.array([0]), *soft):
        assert losses.loss(prediction, targets, case)[0] == 0


PETS = "cat,dog,owl,label\n2,1,0,cat\n0,3,1,dog\n1,0,2,cat\n1,1,1,?\n"
SCORES = "2,1,0\n0,3,1\n1,0,2\n"


def below_header(text: str) -> list[list[float]]:
    """The numbers of the lines after the first."""
    return [[float(cell) for cell in line.split(",")] for line in text.splitlines()[1:]]


# The losses of PETS, whose first and third row have the same scores in another order
_ONE, _TWO = (math.log(sum(map(math.exp, scores))) for scores in ((2, 1, 0), (0, 3, 1)))
CAT, DOG, WRONG = _ONE - 2, _TWO - 3, _ONE - 1


def test_weights_and_class_counts(run: Run) -> None:
    # Weights multiply the loss and divide the mean
    rows = PETS.replace("1,1,1,?\n", "")
    args = ["xent", "--target-column", "label", "-w", "2,3,4"]
    each = [x for (x,) in below_header(run(*args, stdin=rows).ok())]
    assert each == pytest.approx([2 * CAT, 3 * DOG, 2 * WRONG], rel=1e-14)
    mean = float(run(*args, "--reduction", "mean", stdin=rows).ok().split()[-1])
    assert mean == pytest.approx(math.fsum(each) / 7, rel=1e-14)
    # Class counts weigh by inverse frequency or effective number
    args = ["xent", "1,2,3", "-t", "0"]
    plain = float(run(*args).ok())
    args += ["--class-counts", "10,20,40"]
    inverse = float(run(*args).ok())
    assert inverse == pytest.approx(plain * 3 * 4 / 7, rel=1e-14)
    effective = (1 - 0.9) / (1 - 0.9 ** np.array([10, 20, 40]))
    expected = plain * 3 * effective[0] / effective.sum()
    assert float(run(*args, "--beta", "0.9").ok()) == pytest.approx(expected, rel=1e-13)
    assert float(run(*args, "--beta", "1").ok()) == inverse
    assert float(run(*args, "--beta", "0.999999999999").ok()) == pytest.approx(inverse, rel=1e-8)
    assert float(run(*args, "--beta", "0").ok()) == pytest.approx(plain)


def test_ignored_rows(run: Run) -> None:
    # Ignored rows have no loss and no part in the denominator
    args = ["xent", "--target-column", "label", "--ignore", "?"]
    assert below_header(run(*args, stdin=PETS).ok())[-1] == [0.0]
    assert run(*args, "--gradient", stdin=PETS).ok().splitlines()[-1] == "0.0,0.0,0.0"
    summary = json.loads(run(*args, "-f", "json", stdin=PETS).ok())["summary"]
    assert (summary["rows"], summary["ignored"], summary["weight_sum"]) == (4, 1, 3)
    assert summary["accuracy"] == pytest.approx(2 / 3)
    mean = float(run(*args, "--reduction", "mean", stdin=PETS).ok().split()[-1])
    assert mean == pytest.approx((CAT + DOG + WRONG) / 3, rel=1e-14)
    # a number that is not a class, as torch has it
    args = ["xent", "--target-column", "3", "--ignore", "-100", "--no-header"]
    assert run(*args, stdin="1,2,0\n1,2,-100\n").numbers()[1] == [0.0]
    # All ignored has no mean
    args = ["xent", "--target-column", "label", "--ignore", "?", "--reduction"]
    rows = "a,b,label\n1,2,?\n"
    assert "every row is ignored" in run(*args, "mean", stdin=rows).fails(1)
    assert float(run(*args, "sum", stdin=rows).ok().split()[-1]) == 0


@pytest.mark.parametrize(
    "targets",
    [
        *("0\n1\n0\n", "0.0\n1.0\n0.0\n", "label\n0\n1\n0\n", "1,0,0\n0,1,0\n1,0,0\n"),
        *("0\r\n1\r\n0", "[1, 0, 0]\n[0 1 0]\n[1;0;0]\n"),
        'polar bear\n"big, bad wolf"\npolar bear\n',
    ],
)
def test_targets_from_a_file(run: Run, tmp_path: Path, targets: str) -> None:
    (tmp_path / "targets").write_text(targets, newline="")
    rows = 'polar bear,"big, bad wolf",owl\n' + SCORES
    done = run("xent", "--targets", "targets", stdin=rows, cwd=tmp_path)
    assert [x for (x,) in below_header(done.ok())] == pytest.approx([CAT, DOG, WRONG], rel=1e-14)


@pytest.mark.parametrize(
    ("targets", "message", "rows"),
    [
        ("0\n1\n", "has no row for stdin:4", 2),
        ("0\n1\n0\n1\n", "targets.txt:4: one row more", 3),
        ("[0.5,,0.5]\n", "targets.txt:1:2: empty where a number is expected", 0),
        ("[1,0,0]\n[]\n", "targets.txt:2:1: empty where a number is expected", 1),
        ("0\n1\n7\n", "targets.txt:3: label 7 is out of range", 2),
        ("0\nx\n0\n", "targets.txt:2: 'x' is not a class", 1),
        ("0.5,0.5\n0.5,0.5\n", "targets.txt:1 has 2 numbers", 0),
        ("0,1,0\n0,2,0\n0,1,0\n", "targets.txt:2: probabilities sum to 2", 1),
        ("0,1,0\n0,-1,2\n0,1,0\n", "targets.txt:2: probability -1", 1),
        ("", "no rows", 0),
        ("cat\ndgo\ncat\n", "targets.txt:2: 'dgo' is not a class (did you mean 'dog'?)", 1),
        ("1,0,0\n1\n1,0,0\n", "targets.txt:2:2: a row of length 1", 1),
        ("label\n0\n1\n", "its first line, 'label', was taken for a header", 2),
        ("[1, 0, 0]\n[1, 0]\n", "targets.txt:2:3: a row of length 2 where 3 is expected", 1),
    ],
)
def test_a_bad_target_is_named_by_its_own_place(
    run: Run, tmp_path: Path, targets: str, message: str, rows: int
) -> None:
    (tmp_path / "targets.txt").write_text(targets)
    named = "cat,dog,owl\n" + SCORES
    done = run("xent", "--targets", "targets.txt", stdin=named, cwd=tmp_path)
    assert message in done.fails(1)
    assert done.out.removeprefix("loss\n").count("\n") == rows


def test_the_worst_rows_and_the_classes(run: Run) -> None:
    # The worst rows with their line numbers
    args = ["xent", "--target-column", "label", "--ignore", "?", "--worst", "2"]
    assert run(*args, "-p", "6", stdin=PETS).ok() == (
        "line,loss,target,predicted,probability\n"
        "4,1.40761,cat,owl,0.244728\n"
        "2,0.407606,cat,cat,0.665241\n"
    )
    whole = json.loads(run(*args, "-f", "json", stdin=PETS).ok())
    assert [row["line"] for row in whole["rows"]] == [4, 2]
    assert whole["summary"]["rows"] == 4
    # Many rows end in the loss of each class
    args = ["xent", "--target-column", "label", "--ignore", "?", "-f"]
    table = run(*args, "table", stdin=PETS).ok()
    assert [line.split() for line in table.splitlines()[-2:]] == [
        ["cat", "2", "0.907606", "0.914438", "0.5"],
        ["dog", "1", "0.169846", "0.0855622", "1"],
    ]
    classes = json.loads(run(*args, "json", stdin=PETS).ok())["summary"]["by_class"]
    assert [(of["class"], of["rows"], of["correct"]) for of in classes] == [
        ("cat", 2, 1),
        ("dog", 1, 1),
    ]
    # A class's mean has no weights, and its part of the loss has
    weighted = run(*args, "json", "-w", "2,3,4", stdin=PETS).ok()
    of_cat = json.loads(weighted)["summary"]["by_class"][0]
    assert of_cat["mean"] == pytest.approx((CAT + WRONG) / 2, rel=1e-14)
    part = 2 * (CAT + WRONG) / (2 * (CAT + WRONG) + 3 * DOG)
    assert of_cat["share"] == pytest.approx(part, rel=1e-14)


def test_kl_against_a_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "q.csv"
    file.write_text("0.4,0.6\n0.2,0.8\n")
    rows = "0.5,0.5\n0.1,0.9\n"
    each = run("kl", "--against", str(file), stdin=rows).numbers()
    assert each == [
        run("kl", p, q).numbers()[0]
        for p, q in zip(rows.split(), file.read_text().split(), strict=True)
    ]
    rows += "0.4,0.6000000000000001\n1e-320,1\n"
    fixed = run("kl", "--breakdown", "--against", "0.4,0.6", stdin=rows).ok()
    for count in (1, 4):
        file.write_text("0.4,0.6\n" * count)
        assert fixed == run("kl", "--breakdown", "--against", str(file), stdin=rows).ok()
    file.write_text("0.4,0.6\n0.2,1.8\n")
    broken = run("kl", "--against", str(file), stdin=rows)
    assert f"{file}:2: probabilities sum to 2" in broken.fails(1)
    assert len(broken.out.splitlines()) == 1


def test_columns_with_names_are_matched_by_them(run: Run, tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("c,b,a\n0.2,0.3,0.5\n0.1,0.2,0.7\n")
    (tmp_path / "r.csv").write_text("c,b,x\n0.2,0.3,0.5\n")
    rows = "a,b,c\n0.5,0.3,0.2\n0.7,0.2,0.1\n"
    done = run("kl", "--against", "q.csv", stdin=rows, cwd=tmp_path)
    assert done.ok() == "kl\n0.0\n0.0\n"
    wrong = run("kl", "--against", "r.csv", stdin=rows, cwd=tmp_path).fails(1)
    assert "r.csv: 'x' is not a column of the input" in wrong
    soft = run("xent", "--targets", "q.csv", "--from", "probs", stdin=rows, cwd=tmp_path)
    own = run("xent", "0.5,0.3,0.2", "--from", "probs", "-t", "0.5,0.3,0.2").ok()
    assert soft.ok().splitlines()[1] == own.strip()


def test_an_ignored_first_label_is_a_target(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("?\n1\n0\n")
    args = ["xent", "--targets", "t.txt", "--ignore", "?"]
    assert run(*args, stdin=SCORES, cwd=tmp_path).numbers()[0] == [0.0]


def test_the_gradient_in_every_format(run: Run) -> None:
    args = ["xent", "--target-column", "label", "--ignore", "?", "--gradient", "-p", "6"]
    for reduction in ("none", "sum"):
        for form in ("table", "json", "jsonl", "csv"):
            assert "0.244728" in run(*args, "--reduction", reduction, "-f", form, stdin=PETS).ok()


def test_ignored_rows_are_not_among_the_worst(run: Run) -> None:
    args = ["xent", "--target-column", "label", "--worst", "3", "-p", "3"]
    some = run(*args, "--ignore", "dog", stdin=PETS.replace("?", "dog")).ok()
    assert [line.split(",")[2] for line in some.splitlines()] == ["target", "cat", "cat"]
    ignored = "a,b,label\n1,2,?\n"
    none = run(*args, "--ignore", "?", "-f", "json", stdin=ignored).ok()
    assert json.loads(none)["rows"] == []


@pytest.mark.parametrize(
    "line",
    [
        *(f"xent 2,1,-inf -t 2 -f {form}" for form in ("csv", "json", "table", "markdown")),
        "xent --hierarchical 3,2,1 -t 1 --gradient -f json inf,inf",
    ],
)
def test_an_infinite_loss_is_counted_once(run: Run, line: str) -> None:
    done = run(*line.split())
    assert done.err.count("the loss is inf") == 1
    assert "more" not in done.err


def csv(rows: Any) -> str:
    return "".join(",".join(map(repr, row)) + "\n" for row in np.asarray(rows).tolist())


@pytest.mark.parametrize("kind", ["labels", "ignored", "distributions"])
def test_torch_agrees_on_every_combination(run: Run, tmp_path: Path, kind: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    random = np.random.default_rng(3)
    logits, labels = random.normal(size=(12, 4)) * 4, random.integers(0, 4, 12)
    weights, soft = random.uniform(0.1, 3, 4), random.dirichlet(np.ones(4), 12)
    labels = np.where((labels == 0) & (kind == "ignored"), -100, labels)
    targets = soft if kind == "distributions" else labels
    (tmp_path / "targets").write_text(csv(targets.reshape(12, -1)))
    for weighted, smoothing, reduction in itertools.product(
        (True, False), (0.0, 0.1, 0.7), ("none", "sum", "mean")
    ):
        theirs = torch.nn.functional.cross_entropy(
            torch.tensor(logits),
            torch.tensor(targets),
            weight=torch.tensor(weights) if weighted else None,
            label_smoothing=smoothing,
            reduction=reduction,
        ).numpy()
        options = ["--label-smoothing", str(smoothing), "--reduction", reduction]
        options += ["-w", ",".join(map(repr, weights.tolist()))] if weighted else []
        options += ["--ignore", "-100"] if kind == "ignored" else []
        command = ["xent", "--targets", "targets", "--no-header", *options]
        done = run(*command, stdin=csv(logits), cwd=tmp_path)
        ours = np.loadtxt(done.ok().splitlines(), ndmin=1)
        assert ours == pytest.approx(np.ravel(theirs), rel=1e-11, abs=1e-14)
