"""Each command as a user runs it, in the formats that scripts read."""

from __future__ import annotations

import json
import math

import pytest

from tests.conftest import Run

PETS = "cat,dog,owl,label\n2,1,0,cat\n0,3,1,dog\n1,0,2,cat\n"


LOSS = "0.4170300162778335\n"  # of class 0 of the logits 2, 1, 0.1
KL = ("0.36,0.48,0.16", "0.3,0.4,0.3")


@pytest.mark.parametrize(
    ("line", "stdin", "out"),
    [
        ("hardmax 0.2 0.3 0.5", "", "2\n"),
        ("hardmax --as value 0.2 0.3 0.5", "", "0.5\n"),
        ("hardmax --as one-hot 0.2 0.3 0.5", "", "0,0,1\n"),
        ("hardmax --as name", "a,b\n1,2\n3,2\n", "name\nb\na\n"),
        ("hardmax -inf -5 -7", "", "1\n"),
        ("hardmax --ties first --as value 0 -0", "", "0.0\n"),
        ("hardmax --ties last --as value 0 -0", "", "-0.0\n"),
        ("hardmax --ties first 2 2 1", "", "0\n"),
        ("hardmax --ties last 2 2 1", "", "1\n"),
        ("hardmax --ties all 2 2 1", "", "0;1\n"),
        ("hardmax --ties split 2 2 1", "", "0.5,0.5,0.0\n"),
        ("softmax 1 2 3", "", "0.09003057317038046,0.24472847105479764,0.6652409557748219\n"),
        ("softmax 1000 1001 1002", "",
         "0.09003057317038046,0.24472847105479764,0.6652409557748219\n"),
        ("softmax -p 3 1 2 3", "", "0.09,0.245,0.665\n"),
        ("softmax -f tsv 1 1", "", "0.5\t0.5\n"),
        ("xent 2,1,0.1 -t 0", "", LOSS),
        ("xent --names a,b,c 2,1,0.1 -t a", "", LOSS),
        ("xent 2,1,0.1 -t 1,0,0", "", LOSS),
        ("xent --from probs 0.3,0.4,0.3 -t 1", "", "0.916290731874155\n"),
        ("xent --base 2 0,0,0,0 -t 3", "", "2.0\n"),
        ("xent --from probs 0.3333333,0.3333333,0.3333333 -t 0 -p 6", "", "1.09861\n"),
        ("xent --from probs --normalize 5,5 -t 0 -p 6", "", "0.693147\n"),
        ("xent --names 2,1,0 0,0,9 -t 2 -p 3", "", "9\n"),  # a name wins over an index
        ("xent --names 2,1,0 0,0,9 -t 0 -p 3", "", "0.000247\n"),
        ("compare --check 1 2", "", ""),
    ],
)  # fmt: skip
def test_what_comes_out(run: Run, line: str, stdin: str, out: str) -> None:
    written = run(*line.split(), stdin=stdin).ok()
    assert written == out if out else written


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("hardmax --ties error 2 2 1", 1, "tie"),
        ("hardmax --ties split --as index 1 1", 2, "--as index"),
        ("softmax -p 0 1", 2, "'-p'"),
        *((f"softmax -T {bad} 1 2", 2, "temperature") for bad in ("-1", "nan", "inf", "x")),
        ("softmax --names a,b 1 2 3", 1, "2 names for 3 classes"),
        ("compare --dtype float33 1", 2, "float33"),
        ("sofmax 1", 2, "did you mean 'softmax'"),
        ("xent 1,2", 2, "--target"),
        ("xent 1,2 -t 0 --target-column 1", 2, "--target"),
        ("xent 1,2 -t 2", 1, "out of range: the classes are 0 to 1"),
        ("xent 1,2 -t -1", 1, "out of range"),
        ("xent 1,2 -t dog", 1, "'dog' is no class"),
        ("xent 1,2 -t 0.5", 1, "'0.5' is no class"),
        ("xent 1,2 -t 1,0,0", 1, "length 3 where the rows have 2"),
        ("xent 1,2 -t 0.5,0.2", 1, "sum to 0.7"),
        ("xent 1,2 -t 1.5,-0.5", 1, "negative"),
        ("xent --from probs 1,2 -t 0", 1, "--normalize"),
        ("xent --breakdown --gradient 1,2 -t 0", 2, "exclude"),
        ("xent --breakdown --reduction mean 1,2 -t 0", 2, "--reduction"),
        ("kl 0.5,0.5", 2, "--against"),
        ("kl 1 2", 2, "--against"),
        ("kl 0.5,0.5 0.5,0.5 0.5,0.5", 2, "more than two"),
        ("kl 0.5,0.5 0.2,0.2", 1, "argument 2: probabilities sum to 0.4"),
        ("kl 0.5,0.5 --against 1,0,0", 1, "--against has length 3"),
        ("kl 0.5,0.5 --against 1,1", 1, "--against: probabilities sum to 2"),
    ],
)
def test_what_is_refused(run: Run, line: str, status: int, message: str) -> None:
    assert message in run(*line.split()).fails(status)


def test_hardmax_as_json(run: Run) -> None:
    one = json.loads(run("hardmax", "-f", "json", "1", "3", "2.5").ok())
    assert one == {"index": 1, "name": "1", "value": 3.0, "margin": 0.5, "ties": []}
    both = json.loads(run("hardmax", "--ties", "all", "-f", "json", "2", "2", "1").ok())
    assert both["index"] == both["ties"] == [0, 1]
    # too far apart to subtract
    assert json.loads(run("hardmax", "-f", "json", "1e308", "-1e308").ok())["margin"] == "inf"
    assert run("hardmax", "-f", "table", "1e308", "-1e308").ok()


def test_ties_of_hardmax(run: Run) -> None:
    # A tie is warned of
    warned = run("hardmax", "2", "2", "1")
    assert (warned.status, warned.out) == (0, "0\n")
    assert warned.err.startswith("softmax-cli: warning: ")
    assert warned.err.count("\n") == 1
    # A tie among many rows is told once with its place and count
    done = run("hardmax", stdin="1,2\n3,3\n4,4\n5,5\n")
    assert done.out == "1\n0\n0\n0\n"
    assert done.err.count("\n") == 1
    assert "stdin:2" in done.err
    assert "2 more" in done.err
    # Ties as error writes the rows before
    done = run("hardmax", "--ties", "error", stdin="1,2\n3,3\n")
    assert done.out == "1\n"
    assert "stdin:2: a tie" in done.fails(1)


def test_softmax_json_of_one_vector_and_of_more(run: Run) -> None:
    one = json.loads(run("softmax", "-f", "json", "0", "-inf").ok())
    assert one == {
        "logits": [0.0, "-inf"],
        "probabilities": [1.0, 0.0],
        "logsumexp": 0.0,
        "entropy": 0.0,
    }
    more = json.loads(run("softmax", "-f", "json", "1,1", "2,2").ok())
    assert [row["probabilities"] for row in more["rows"]] == [[0.5, 0.5]] * 2
    assert more["summary"]["rows"] == 2
    assert more["summary"]["entropy_mean"] == pytest.approx(math.log(2))
    lines = run("softmax", "-f", "jsonl", "--log", "1,1", "2,2").ok().splitlines()
    assert [json.loads(line)["log_probabilities"][0] for line in lines] == [-math.log(2)] * 2


def test_json_that_broke_off_is_valid_all_the_same(run: Run) -> None:
    for good in (1, 2, 3000):
        done = run("softmax", "-f", "json", stdin="1,2\n" * good + "3,x\n")
        assert done.status == 1
        assert len(json.loads(done.out)["rows"]) == good


def test_blocks_do_not_change_what_is_written(run: Run) -> None:
    rows = [f"{i % 7},{i / 3!r},{-i % 11}" for i in range(3000)]
    whole = run("softmax", stdin="\n".join(rows)).ok().splitlines()
    for at in (0, 1234, 2999):
        assert run("softmax", *rows[at].split(",")).ok().strip() == whole[at]


def test_losses_of_rows(run: Run) -> None:
    # Xent rows with their labels
    losses = run("xent", "--target-column", "label", stdin=PETS).ok().splitlines()
    assert losses[0] == "loss"
    assert [float(x) for x in losses[1:]] == pytest.approx([0.407606, 0.169846, 1.407606], abs=1e-6)
    mean = run("xent", "--target-column", "label", "--reduction", "mean", stdin=PETS).ok()
    assert float(mean.splitlines()[1]) == pytest.approx(0.661686, abs=1e-6)
    by_number = run("xent", "--target-column", "3", stdin="2,1,0\n0,3,1.0\n").numbers()
    assert [row[0] for row in by_number] == pytest.approx([0.313262, 0.0485874], abs=1e-6)
    # Xent summary
    args = ("xent", "--target-column", "label", "-f", "json")
    summary = json.loads(run(*args, stdin=PETS).ok())["summary"]
    assert summary["rows"] == summary["weight_sum"] == 3
    assert summary["correct"] == 2
    assert summary["mean"] == summary["loss_sum"] / 3
    assert json.loads(run(*args, "--reduction", "sum", stdin=PETS).ok()) == summary


def test_xent_breakdown_and_gradient(run: Run) -> None:
    breakdown = run("xent", "--breakdown", "2,1,0.1", "-t", "0.7,0.2,0.1").ok().splitlines()
    assert breakdown[0] == "loss,entropy,kl,perplexity,probability,predicted"
    loss, entropy, divergence, perplexity, _, predicted = map(float, breakdown[1].split(","))
    assert entropy + divergence == pytest.approx(loss, rel=1e-15)
    assert perplexity == pytest.approx(math.exp(loss))
    assert predicted == 0
    gradient = run("xent", "--gradient", "1,2,3", "-t", "2").numbers()[0]
    bits = run("xent", "--gradient", "--base", "2", "1,2,3", "-t", "2").numbers()[0]
    assert bits == pytest.approx([x / math.log(2) for x in gradient])
    assert gradient == pytest.approx([0.0900306, 0.2447285, -0.3347590], abs=1e-7)
    assert math.fsum(gradient) == pytest.approx(0, abs=1e-16)


def test_a_bad_label_is_named_with_its_row(run: Run) -> None:
    done = run("xent", "--target-column", "label", stdin=PETS + "1,1,1,cow\n")
    assert "stdin:5:4: 'cow' is no class" in done.fails(1)
    assert len(done.out.splitlines()) == 4
    done = run("xent", "--target-column", "3", stdin="1,2,0\n1,2,7\n")
    assert "stdin:2:3: label 7 is out of range: the classes are 0 to 1" in done.fails(1)


def test_kl(run: Run) -> None:
    # Kl of two vectors two rows and against
    p, q = KL
    expected = run("kl", p, q).ok()
    assert float(expected) == pytest.approx(0.05257273)
    assert run("kl", stdin=f"{p}\n{q}\n").ok() == expected
    assert run("kl", p, "--against", q).ok() == expected
    assert run("kl", "--against", q, stdin=f"{p}\n{q}\n").ok() == f"{expected}0.0\n"
    assert run("kl", "--reduction", "sum", "--against", q, stdin=f"{p}\n{p}\n").numbers()[0][
        0
    ] == pytest.approx(2 * float(expected))
    # Kl divergences and breakdown
    p, q = KL
    header, numbers = run("kl", "--breakdown", p, q).ok().splitlines()
    values = dict(zip(header.split(","), map(float, numbers.split(",")), strict=True))
    assert list(values) == ["kl", "reverse", "jeffreys", "js", "entropy", "cross_entropy"]
    assert values["entropy"] + values["kl"] == pytest.approx(values["cross_entropy"])
    assert values["kl"] + values["reverse"] == pytest.approx(values["jeffreys"])
    for name in ("kl", "reverse", "jeffreys", "js"):
        assert run("kl", "--divergence", name, p, q).numbers() == [[values[name]]]
    assert json.loads(run("kl", "-f", "json", p, q).ok()) == values
    # Kl of logits and log probabilities
    scores = run("kl", "--from", "logits", "2 1 0.1", "1 1 1", "--base", "2").numbers()[0][0]
    assert scores == pytest.approx(0.3633775292923881)
    shifted = run("kl", "--from", "logits", "1002 1001 1000.1", "5 5 5", "--base", "2").numbers()
    assert shifted[0][0] == pytest.approx(scores)


@pytest.mark.parametrize(
    ("vectors", "divergence", "warned"),
    [
        (["0.5,0.5", "1,0"], "kl", "P has class b"),
        (["0.5,0.5", "1,0"], "jeffreys", "P has class b"),
        (["0.5,0.5", "1,0"], "reverse", ""),
        (["0.5,0.5", "1,0"], "js", ""),
        (["1,0", "0.5,0.5"], "reverse", "Q has class b"),
        (["1,0", "0.5,0.5"], "kl", ""),
    ],
)
def test_an_infinite_divergence_names_the_class_and_no_other_does(
    run: Run, vectors: list[str], divergence: str, warned: str
) -> None:
    done = run("kl", "--names", "a,b", "--divergence", divergence, *vectors)
    assert (done.out == "inf\n") == bool(warned)
    assert warned in done.err
    assert bool(done.err) == bool(warned)


@pytest.mark.parametrize("q", ["inf,2", "-inf,2", "-1e308,1e308"])
def test_kl_of_extreme_logits_says_nothing_of_numpy(run: Run, q: str) -> None:
    done = run("kl", "--from", "logits", "--breakdown", "1e308,-1e308", q)
    assert "Warning" not in done.err
    assert done.status == 0


def test_compare_as_csv_and_json(run: Run) -> None:
    header, *lines = run("compare", "1000", "1001", "1002").ok().splitlines()
    assert header == "row,method,dtype,temperature,status,ulp_error,0,1,2"
    statuses = {tuple(line.split(",")[1:3]): line.split(",")[4] for line in lines}
    broken = {key for key, status in statuses.items() if status != "ok"}
    assert broken == {("naive", "float64"), ("naive", "float32"), ("naive", "float16")}
    assert {method for method, _ in statuses} == {
        "hard", "linear", "naive", "shifted", "lse", "stable",
    }  # fmt: skip
    records = json.loads(run("compare", "-f", "json", "1000,1", "1,2").ok())
    naive = next(record for record in records["rows"] if record["method"] == "naive")
    assert naive["reason"] == "exp(1000) = inf, inf/inf = nan"
    assert naive["probabilities"] == ["nan", 0.0]
    assert records["summary"]["rows"] == 2
    counted = {(m["method"], m["dtype"]): m for m in records["summary"]["methods"]}
    assert counted["naive", "float64"]["broken"] == 1
    assert counted["naive", "float64"]["first_broken"] == 1


def test_compare_in_a_sweep_and_with_a_check(run: Run) -> None:
    # Compare sweeps temperatures from hard to soft
    rows = json.loads(run("compare", "-f", "json", "-T", "0.01,1,100", "1,2,3").ok())["rows"]
    hard = next(row["probabilities"] for row in rows if row["method"] == "hard")
    stable = [row["probabilities"] for row in rows if row["method"] == "stable"]
    assert stable[0] == pytest.approx(hard, abs=1e-40)
    assert stable[2] == pytest.approx([1 / 3] * 3, abs=1e-2)
    # Compare check
    failed = run("compare", "--check", stdin="1,2\n800,2\n")
    assert (failed.status, failed.err) == (3, "")
    assert len(failed.out.splitlines()) == 1 + 2 * 8
    assert run("compare", "--check", "--dtype", "float32", "1", "90").status == 3


def test_without_arguments_the_help_is_shown(run: Run) -> None:
    assert run("--help").ok().startswith("Usage: softmax-cli")
    assert run("--version").ok().startswith("softmax-cli, version ")
    bare = run()
    assert bare.status == 2
    assert "Commands:" in bare.err


def test_a_tie_of_many_names_the_first(run: Run) -> None:
    tie = run("hardmax", ",".join("1" * 500)).err
    assert "a tie between classes 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 490 more; the first" in tie
