"""Hierarchical softmax and estimated losses as a user runs them, and estimates from draws alone."""

import itertools
import json
import math
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax_cli.core.hierarchical import scattered
from softmax_cli.core.sampling import Sampler, log_uniform, proportional
from softmax_cli.core.softmax import Logits
from tests.conftest import Run
from tests.corpus import Vector, logits
from tests.exactly import Exact, ulps
from tests.quantities import BOUND

COUNTS = "5,3,2,1"  # codes 0, 11, 101, 100; the root is node 2
NODES = "0.5,-1,2"
TEN = "3,1,2,0,0.5,-1,1,2.5,-3,0"
PETS = "cat,dog,owl,label\n2,1,0,cat\n0,3,1,dog\n1,0,2,cat\n1,2,3,?\n"


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


TREE = [
    sigmoid(2),
    sigmoid(-2) * sigmoid(1),
    sigmoid(-2) * sigmoid(-1) * sigmoid(-0.5),
    sigmoid(-2) * sigmoid(-1) * sigmoid(0.5),
]


def test_hierarchical_softmax_gives_the_leaves_probabilities(run: Run) -> None:
    args = ["softmax", "--hierarchical", COUNTS, NODES]
    assert run(*args).numbers()[0] == pytest.approx(TREE, rel=1e-15)
    logs = run(*args, "--log").numbers()[0]
    assert logs == pytest.approx([math.log(p) for p in TREE], rel=1e-14)
    one = json.loads(run(*args, "-f", "json").ok())
    assert one["codes"] == ["0", "11", "101", "100"]
    assert one["scores"] == [0.5, -1.0, 2.0]
    assert one["entropy"] == pytest.approx(-sum(p * math.log(p) for p in TREE), rel=1e-14)


def test_names_and_header_are_those_of_the_classes(run: Run, tmp_path: Path) -> None:
    rows = "a,b,c\n0.5,-1,2\n0,0,0\n"
    args = ["softmax", "--hierarchical", COUNTS, "-p", "4"]
    header, _, last = run(*args, stdin=rows).ok().splitlines()
    assert (header, last) == ("0,1,2,3", "0.5,0.25,0.125,0.125")
    assert run(*args, "--names", "w,x,y,z", stdin=rows).ok().startswith("w,x,y,z\n")
    wrong = run(*args, "--names", "x,y,z", stdin=rows).fails(1)
    assert "--names gives 3 names for 4 classes" in wrong
    counts = tmp_path / "counts.csv"
    counts.write_text("the,of,and,to\n5,3,2,1\n")
    named = run("softmax", "--hierarchical", str(counts), stdin=rows).ok()
    assert named.startswith("the,of,and,to\n")


@pytest.mark.parametrize(
    ("counts", "target"),
    [
        *((counts, "2") for counts in ("5\n3\n2\n1\n", "5 3 2 1\n", "[5,3,2,1]", "5,3,2,1")),
        ("the,5\nof,3\nand,2\nto,1\n", "and"),
        ("the 5\nof 3\nand 2\nto 1\n", "and"),
        ("w,n\nthe,5\nof,3\nand,2\n2,1\n", "and"),
        ('{"the":5,"of":3,"and":2,"to":1}', "and"),
    ],
)
def test_counts_of_a_file_may_name_the_classes(
    run: Run, tmp_path: Path, counts: str, target: str
) -> None:
    (tmp_path / "counts").write_text(counts)
    np.save(tmp_path / "counts.npy", np.array([5, 3, 2, 1]))
    for source in ("counts", "-", "counts.npy"):
        label = "2" if source == "counts.npy" else target
        args = ("xent", "--hierarchical", source, NODES, "-t", label)
        loss = run(*args, stdin=counts, cwd=tmp_path).numbers()[0][0]
        assert loss == pytest.approx(-math.log(TREE[2]), rel=1e-14)


def test_a_column_of_scores_is_one_vector(run: Run) -> None:
    down = run("softmax", "--hierarchical", COUNTS, "--axis", "column", stdin="0.5\n-1\n2\n").ok()
    assert [float(line) for line in down.splitlines()] == pytest.approx(TREE, rel=1e-15)


def test_the_loss_of_a_path(run: Run) -> None:
    args = ["xent", "--hierarchical", COUNTS, NODES, "-t"]
    for label, p in enumerate(TREE):
        assert run(*args, str(label)).numbers()[0][0] == pytest.approx(-math.log(p), rel=1e-14)
    one = json.loads(run(*args, "2", "-f", "json").ok())
    assert (one["code"], one["touched"]) == ("101", 3)
    bits = run(*args, "2", "--base", "2").numbers()[0][0]
    assert bits == pytest.approx(-math.log2(TREE[2]), rel=1e-14)
    gradient = run(*args, "1", "--gradient").ok()
    assert gradient.startswith("0.0,")
    assert run(*args, "2", "--breakdown").ok().startswith("loss,probability,touched\n")


def test_paths_of_rows_with_labels(run: Run, tmp_path: Path) -> None:
    rows = "n0,n1,n2,label\n0.5,-1,2,cat\n0.5,-1,2,owl\n1,2,3,?\n"
    names = ["--names", "cat,dog,owl,eel", "--ignore", "?"]
    args = ["xent", "--hierarchical", COUNTS, "--target-column", "label", *names]
    cat, owl = -math.log(TREE[0]), -math.log(TREE[2])
    losses = [float(x) for x in run(*args, stdin=rows).ok().split()[1:]]
    assert losses == pytest.approx([cat, owl, 0], rel=1e-14)
    mean = run(*args, "--reduction", "mean", stdin=rows).ok().split()[1]
    assert float(mean) == pytest.approx((cat + owl) / 2, rel=1e-14)
    summary = json.loads(run(*args, "-f", "json", stdin=rows).ok())["summary"]
    assert (summary["rows"], summary["ignored"], summary["weight_sum"]) == (3, 1, 2)
    assert summary["touched_mean"] == 2
    worst = run(*args, "--worst", "1", stdin=rows).ok().splitlines()
    assert worst[1].startswith("3,4.41426668274130")
    gradient = run(*args, "--gradient", stdin=rows).ok().splitlines()
    assert gradient[0] == "n0,n1,n2"
    assert gradient[1].startswith("0.0,0.0,-0.11920292202211")
    assert gradient[3] == "0.0,0.0,0.0"
    labels = tmp_path / "labels.txt"
    labels.write_text("label\nowl\ncat\n")
    beside = ["xent", "--hierarchical", COUNTS, "--targets", str(labels), *names]
    assert len(run(*beside, stdin="0.5,-1,2\n0.5,-1,2\n").ok().splitlines()) == 2


def test_infinite_and_bad_paths(run: Run) -> None:
    # An infinite path loss is told
    done = run("xent", "--hierarchical", COUNTS, "0,0,inf", "-t", "1")
    assert (done.status, done.out) == (0, "inf\n")
    assert "warning: arguments: the loss is inf: a branch on the path to class 1" in done.err
    # Off the path it is nobody's business.
    assert run("xent", "--hierarchical", COUNTS, "inf,0,0", "-t", "1").ok()
    # Rows before a bad label are written
    args = ["xent", "--hierarchical", COUNTS, "--target-column", "4", "--no-header"]
    done = run(*args, stdin="0,0,0,1\n0,0,0,7\n")
    assert len(done.out.splitlines()) == 1
    assert "stdin:2:4: label 7 is out of range: the classes are 0 to 3" in done.fails(1)


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_a_lone_vector_is_shown_as_a_row_of_many(run: Run, columns: str) -> None:
    args = ["xent", "--hierarchical", COUNTS, NODES, "-t", "2", "-f", "table"]
    table = run(*args, env={"COLUMNS": columns}).ok()
    for shown in ("0.0121034", "101", "mean 4.41427 nats"):
        assert shown in table
    tree = run("softmax", "--hierarchical", COUNTS, NODES, "-f", "table", env={"COLUMNS": columns})
    assert "0.0871443" in tree.ok()


@pytest.mark.parametrize("method", ["--negative", "--sampled"])
def test_an_estimate_is_made_of_its_draws_alone(run: Run, method: str) -> None:
    args = ["xent", TEN, "-t", "0", method, "6", "--noise", "log-uniform", "--seed", "3"]
    one = json.loads(run(*args, "-f", "json", "--gradient").ok())
    z = [float(x) for x in TEN.split(",")]
    others = [k for k in one["drawn"] if k != 0]
    assert len(one["drawn"]) == 6
    assert one["touched"] == 1 + len(set(others)) < 10
    if method == "--negative":
        loss = -math.log(sigmoid(z[0])) - sum(math.log(sigmoid(-z[k])) for k in others)
        assert one["cross_entropy"] == run("xent", TEN, "-t", "0").numbers()[0][0]
    else:
        q = [math.log((k + 2) / (k + 1)) / math.log(11) for k in range(10)]
        loss = math.log(math.exp(z[0]) + sum(math.exp(z[k]) / (6 * q[k]) for k in others)) - z[0]
        assert one["exact"] == run("xent", TEN, "-t", "0").numbers()[0][0]
    assert one["loss"] == pytest.approx(loss, rel=1e-13)
    assert {k for k, g in enumerate(one["gradient"]) if g} == {0, *others}
    assert run(*args).numbers() == [[one["loss"]]]


def test_a_seed_repeats_the_draws_whatever_comes_after_a_row(run: Run) -> None:
    rows = "".join(f"{i % 7},{i % 5},{i % 3},{i % 11}\n" for i in range(3000))
    args = ["xent", "-t", "1", "--sampled", "3", "--seed", "8", "--no-header"]
    whole = run(*args, stdin=rows).ok()
    assert whole == run(*args, stdin=rows).ok()
    assert whole != run(*args[:-2], "9", "--no-header", stdin=rows).ok()
    few = "".join(line + "\n" for line in rows.splitlines()[:40])
    assert whole.startswith(run(*args, stdin=few).ok())


def test_estimates_of_rows_with_names(run: Run) -> None:
    args = ["xent", "--target-column", "label", "--ignore", "?", "--sampled", "5", "--seed", "1"]
    document = json.loads(run(*args, "-f", "json", stdin=PETS).ok())
    assert [row["target"] for row in document["rows"]] == ["cat", "dog", "cat", "ignored"]
    assert set(document["rows"][0]["drawn"]) <= {"cat", "dog", "owl"}
    assert document["rows"][3]["loss"] == 0
    exact = json.loads(run(*args[:5], "-f", "json", stdin=PETS).ok())["summary"]
    assert document["summary"]["exact_mean"] == exact["mean"]
    assert document["summary"]["weight_sum"] == 3
    gradient = run(*args, "--gradient", stdin=PETS).ok().splitlines()
    assert gradient[0] == "cat,dog,owl"
    assert gradient[-1] == "0.0,0.0,0.0"


def test_noise_of_a_file_is_matched_by_name(run: Run, tmp_path: Path) -> None:
    noise = tmp_path / "noise.csv"
    noise.write_text("owl,cat,dog\n1e9,1,1\n")
    args = ["xent", "-t", "cat", "--sampled", "5", "--seed", "1", "-f", "json"]
    done = run(*args, "--noise", str(noise), stdin="cat,dog,owl\n1,2,3\n")
    assert json.loads(done.ok())["drawn"] == ["owl"] * 5
    wrong = run(*args, "--noise", str(noise), stdin="cat,dog,eel\n1,2,3\n").fails(1)
    assert "'owl'" in wrong


@pytest.mark.parametrize("repeat", [[], ["--repeat", "50"]])
def test_estimates_are_shown_whole(run: Run, repeat: list[str]) -> None:
    args = ["xent", TEN, "-t", "0", "--sampled", "5", "--seed", "1", "-p", "5", *repeat, "-f"]
    found = json.loads(run(*args, "json").ok())
    keys = ["loss", *(["standard_error"] if repeat else []), "exact"]
    for columns in ("40", "80", "200"):
        table = run(*args, "table", env={"COLUMNS": columns}).ok()
        assert all(str(found[key]) in table for key in keys)


def test_a_masked_class_costs_nothing_and_a_masked_target_all(run: Run) -> None:
    assert run("xent", "1,-inf", "-t", "0", "--sampled", "9", "--seed", "1").ok() == "0.0\n"
    done = run("xent", "1,-inf", "-t", "1", "--sampled", "9", "--seed", "1", "--gradient")
    assert done.out == "1.0,-1.0\n"
    assert "the estimate is inf" in done.err
    assert run("xent", "inf,2", "-t", "0", "--sampled", "9", "--seed", "1").ok() == "0.0\n"
    assert np.isinf(float(run("xent", "inf,2", "-t", "1", "--sampled", "99").out))


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("xent --hierarchical 5,3,2,1 1,2 -t 0", 1, "length 2 where a tree of 4 classes needs 3"),
        ("xent --hierarchical 5,3,2,1 1 -t 0", 1, "length 1 where a tree of 4 classes needs 3"),
        ("xent --hierarchical 5,0,2 1,2 -t 0", 1, "count 2 is 0, and counts must be finite"),
        ("xent --hierarchical 5,inf 1 -t 0", 1, "and counts must be finite and greater"),
        ("xent --hierarchical 5,x 1 -t 0", 1, "'x' is not a number"),
        ("xent --hierarchical [5] 1 -t 0", 1, "one count"),
        ("xent --hierarchical nowhere.csv 1 -t 0", 1, "nowhere.csv"),
        ("xent --hierarchical - -t 0", 2, "standard input can't be both"),
        ("xent --hierarchical 5,3,2 1,2 -t 0.5,0.2,0.3", 2, "not distributions"),
        ("xent --hierarchical 5,3,2 1,2 -w 1,2,3 -t 0", 2, "does not go with --weights"),
        ("xent --hierarchical 5,3,2 1,2 --from probs -t 0", 2, "--from"),
        ("xent --hierarchical 5,3,2 1,2 --sampled 3 -t 0", 2, "give only one"),
        ("xent --hierarchical 5,3,2 1,2 --seed 3 -t 0", 2, "--seed needs --negative or --sampled"),
        ("xent --noise uniform 1,2 -t 0", 2, "--noise needs --negative or --sampled"),
        ("xent --repeat 3 1,2 -t 0", 2, "--repeat needs --negative or --sampled"),
        ("xent --sampled 3 --noise unifrom 1,2 -t 0", 1, "--noise takes counts as a list or a"),
        ("xent --sampled 0 1,2 -t 0", 2, "'--sampled'"),
        ("xent --sampled 3 --repeat 1 1,2 -t 0", 2, "'--repeat'"),
        ("xent --sampled 3 --repeat 2 --gradient 1,2 -t 0", 2, "--gradient"),
        ("xent --sampled 3 --worst 2 1,2 -t 0", 2, "--sampled does not go with --worst"),
        ("xent --sampled 3 --noise 1,2,3 1,2 -t 0", 1, "--noise has 3 numbers"),
        ("xent --negative 3 --noise 1,-2 1,2 -t 0", 1, "--noise: count 2 is -2"),
        ("xent --negative 3 --focal 2 1,2 -t 0", 2, "does not go with --focal"),
        ("xent --sampled 3 -inf,-inf -t 0", 1, "every value is -inf"),
        (
            "softmax --hierarchical 5,3,2 -T 2 1,2",
            2,
            "--hierarchical does not go with --temperature",
        ),
        ("softmax --hierarchical 5,3,2,1", 1, "stdin:1: length 2"),
        ("softmax --hierarchical -", 2, "standard input"),
        ("softmax --hierarchical - 1,2", 1, "2 rows of 2 numbers (counts must be one row or one"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, line: str, status: int, message: str) -> None:
    done = run(*line.split(), stdin="1,2\n3,4\n")
    assert message in done.fails(status)
    assert done.out == ""


NOISES = {
    "uniform": np.full(4, 0.25),
    "log-uniform": log_uniform(4),
    "counts": proportional(np.array([1e300, 5e299, 1e299, 3e299])),
}
SCORES = np.array([0.3, -1.2, 2.5, 0.9])


def sampler_of(noise: Vector, draws: int, *, is_negative: bool) -> Sampler:
    return Sampler(noise, draws, is_negative, np.random.Generator(np.random.PCG64(7)))


def every_draw(label: int, draws: int) -> np.ndarray:
    """A label before all sequences of draws, shape (1 + draws, sequences)."""
    return np.array([(label, *drawn) for drawn in itertools.product(range(4), repeat=draws)]).T


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("label", [0, 2])
@pytest.mark.parametrize("draws", [1, 3])
def test_over_all_draws_the_normaliser_is_exact_and_so_is_the_negative_loss(
    name: str, label: int, draws: int
) -> None:
    read = every_draw(label, draws)
    chances = NOISES[name][read[1:]].prod(axis=0)
    sampler = sampler_of(NOISES[name], draws, is_negative=False)
    sampled = sampler.estimate(SCORES[read], read).loss()
    normaliser = math.fsum(chances * np.exp(sampled + SCORES[label]))
    assert normaliser == pytest.approx(np.exp(SCORES).sum(), rel=1e-14)
    # log is concave: the loss itself is too small on average.
    assert math.fsum(chances * sampled) < Logits(SCORES[None]).surprisals()[0, label]
    sampler = sampler_of(NOISES[name], draws, is_negative=True)
    negative = math.fsum(chances * sampler.estimate(SCORES[read], read).loss())
    expected = sampler.expected_negative_loss(SCORES[None], np.array([label]))
    assert negative == pytest.approx(expected[0], rel=1e-14)


@settings(max_examples=60)
@given(logits(min_size=4, max_size=8), st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_estimates_are_right_to_one_ulp(scores: Vector, picks: list[int]) -> None:
    noise = log_uniform(len(scores))
    read = np.array([0, *picks])[:, None]
    others = [pick for pick in picks if pick != 0]
    target = scores[0]
    with mpmath.workprec(2600):
        terms = [
            mpmath.exp(mpmath.mpf(float(scores[k])) - mpmath.mpf(float(target)))
            / mpmath.mpf(float(len(picks) * noise[k]))
            for k in others
            if float(scores[k]) - float(target) > -1e5
        ]
        sampler = sampler_of(noise, len(picks), is_negative=False)
        sampled = sampler.estimate(scores[read], read).loss()[0]
        assert ulps(sampled, mpmath.log(1 + mpmath.fsum(terms))) <= BOUND
        costs = [-log_sigmoid(target), *(-log_sigmoid(-scores[k]) for k in others)]
        negative = sampler._replace(is_negative=True).estimate(scores[read], read).loss()[0]
        assert ulps(negative, mpmath.fsum(costs)) <= BOUND


def log_sigmoid(x: float) -> Exact:
    power = mpmath.exp(-abs(mpmath.mpf(float(x)))) if abs(x) < 1e5 else mpmath.mpf(0)
    return min(mpmath.mpf(float(x)), 0) - mpmath.log(1 + power)


def test_masked_and_far_scores_are_limits() -> None:
    sampler = sampler_of(np.array([0.5, 0.5]), 1, is_negative=False)
    read = np.array([[0], [1]])

    def loss(target: float, score: float) -> float:
        made = sampler.estimate(np.array([[target], [score]]), read)
        assert np.isfinite(made.gradient()).all()
        assert made.gradient().sum() == pytest.approx(0)
        return float(made.loss()[0])

    assert loss(0.0, -np.inf) == 0
    assert loss(-np.inf, 0.0) == np.inf
    assert loss(-1e308, 1e308) == np.inf
    assert loss(0.0, 1e300) == 1e300
    assert loss(1e300, 0.0) == 0
    assert loss(1.1003377300000001e16, 9.2343754142e18) == 9.2343754142e18 - 1.1003377300000001e16
    made = sampler.estimate(np.array([[-np.inf], [-np.inf]]), read)
    assert made.loss()[0] == np.inf
    assert made.gradient().tolist() == [[0], [0]]


@pytest.mark.parametrize("is_negative", [False, True])
def test_gradients_are_those_of_the_estimates(is_negative: bool) -> None:
    read = np.array([[0], [1], [3], [1], [0], [3]])
    sampler = sampler_of(NOISES["log-uniform"], 5, is_negative=is_negative)

    def loss(scores: Vector) -> float:
        return float(sampler.estimate(scores[read], read).loss()[0])

    ours = scattered(sampler.estimate(SCORES[read], read).gradient(), read, 4)
    assert is_negative or ours.sum() == pytest.approx(0, abs=1e-15)
    steps = np.eye(4) * 1e-6
    numeric = [(loss(SCORES + step) - loss(SCORES - step)) / 2e-6 for step in steps]
    assert ours[0] == pytest.approx(numeric, abs=1e-9)
    assert ours[0, 2] == 0


def test_noise() -> None:
    for noise in NOISES.values():
        assert math.fsum(noise) == pytest.approx(1, rel=1e-15)
    as_tensorflow = [(math.log(k + 2) - math.log(k + 1)) / math.log(1001) for k in range(1000)]
    assert log_uniform(1000) == pytest.approx(as_tensorflow, rel=1e-12)
    assert NOISES["counts"][0] == pytest.approx(10 / 19, rel=1e-15)
    drawn = sampler_of(NOISES["counts"], 40000, is_negative=True).read(np.array([2]))[1:, 0]
    assert np.bincount(drawn) / 40000 == pytest.approx(NOISES["counts"], abs=0.01)


def test_trials_in_parts_give_the_moments_of_all() -> None:
    count, label, noise = 100_000, np.array([2]), NOISES["counts"]
    sampler = sampler_of(noise, 1, is_negative=False)
    means, errors, _ = sampler.trials(SCORES[None], label, count)
    again, labels = sampler_of(noise, 1, is_negative=False), np.full(count, 2)
    read = again.read(labels)
    losses = again.estimate(SCORES[read], read).loss()
    assert means[0, 0] == pytest.approx(losses.mean(), rel=1e-12)
    assert errors[0, 0] == pytest.approx(losses.std(ddof=1) / math.sqrt(count), rel=1e-9)
