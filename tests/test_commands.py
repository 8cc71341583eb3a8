"""Each command as a user runs it, in the formats that scripts read; what ties and the like mean."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Run, run_in_terminal
from tests.corpus import Vector, logits
from tests.forked import ForkServer
from tests.test_tables import ESCAPES

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
        ("softmax 1000 1001 1002", "",
         "0.09003057317038046,0.24472847105479764,0.6652409557748219\n"),
        # 0.665 and 0.245 at T = 1; 0.867 alone at T = 0.5.
        ("softmax --top-p 0.8 -T 0.5 -p 6 3 2 1", "", "0.880797,0.119203,0\n"),
        ("softmax --top-p 0.8 -T 0.5 --temperature-first 3 2 1", "", "1.0,0.0,0.0\n"),
        ("softmax --top-p 0.7 -p 3 3 2 1", "", "0.731,0.269,0\n"),
        ("softmax --top-k 2 --top-p 0.7 3 2 1", "", "1.0,0.0,0.0\n"),
        ("softmax -p 3 1 2 3", "", "0.09,0.245,0.665\n"),
        ("softmax -f tsv 1 1", "", "0.5\t0.5\n"),
        ("hardmax --names cat,dog 1 2", "", "dog\n"),
        ("softmax --breakdown --names cat,dog -p 6 3 3", "",
         "logsumexp,entropy,perplexity,winner,probability\n3.69315,0.693147,2,cat,0.5\n"),
        ("softmax --breakdown --alpha 2 -p 6 1 1.5 0", "",
         "entropy,perplexity,winner,probability\n0.562335,1.75477,1,0.75\n"),
        ("xent --names a,b,c 2,1,0.1 -t a", "", LOSS),
        ("xent 2,1,0.1 -t 1,0,0", "", LOSS),
        ("xent --from probs 0.3,0.4,0.3 -t 1", "", "0.916290731874155\n"),
        ("xent --from probs 0.3333333,0.3333333,0.3333333 -t 0 -p 6", "", "1.09861\n"),
        ("xent --from probs --normalize 5,5 -t 0 -p 6", "", "0.693147\n"),
        ("xent --names 2,1,0 0,0,9 -t 2 -p 3", "", "9\n"),  # a name wins over an index
        ("xent --names 2,1,0 0,0,9 -t 0 -p 3", "", "0.000247\n"),
    ],
)  # fmt: skip
def test_what_comes_out(run: Run, line: str, stdin: str, out: str) -> None:
    assert run(*line.split(), stdin=stdin).ok() == out


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("hardmax --ties error 2 2 1", 1, "tie"),
        ("hardmax --ties split --as index 1 1", 2, "--as index"),
        ("hardmax --top 3 --ties all 1 2 3", 2, "--ties all"),
        ("hardmax --top 3 --ties split 1 2 3", 2, "--ties split"),
        ("hardmax --top 3 1 2", 1, "2 classes"),
        ("hardmax --top 0 1", 2, "'--top'"),
        ("hardmax --top 2 --ties error 1 9 5 5", 1, "a tie between classes 2, 3"),
        ("hardmax --top 2 --ties error 1 9 9", 1, "a tie between classes 1, 2"),
        ("softmax -p 0 1", 2, "'-p'"),
        ("softmax -p x 1", 2, "'x' is not a valid whole number"),
        ("xent 1,2 -t 0 --worst 1.5", 2, "'1.5' is not a valid whole number"),
        ("softmax --seed 1 1 2", 2, "--sample"),
        ("softmax --sample 0 1 2", 2, "--sample"),
        ("softmax --sample 1 --seed -1 1 2", 2, "--seed"),
        *((f"softmax --top-k {bad} 1 2", 2, "--top-k") for bad in ("0", "x")),
        *((f"softmax --top-p {bad} 1 2", 2, "--top-p") for bad in ("0", "1.01", "nan")),
        *((f"softmax --min-p {bad} 1 2", 2, "--min-p") for bad in ("-0.1", "2")),
        ("softmax --temperature-first 1 2", 2, "--temperature-first"),
        *((f"softmax -T {bad} 1 2", 2, "temperature") for bad in ("-1", "nan", "inf", "x")),
        ("softmax --names a,b 1 2 3", 1, "2 names for 3 classes"),
        ("softmax --log --breakdown 1 2", 2, "--breakdown does not go with --log or --sample"),
        ("compare --dtype float33 1", 2, "float33"),
        ("sofmax 1", 2, "did you mean 'softmax'"),
        ("argmax 1", 2, "no such command 'argmax' (use softmax-cli hardmax)"),
        ("softmax --temp 2 1", 2, "no such option '--temp' (did you mean '--temperature'?)"),
        ("softmax --mean 1 2", 2, "no such option '--mean' (use --reduction mean)"),
        ("softmax -o p.csv.gz 1 2", 2, "output is not packed"),
        ("xent 1,2", 2, "--target"),
        ("xent 1,2 -t 0 --target-column 1", 2, "--target"),
        ("xent 1,2 -t -1", 1, "out of range"),
        ("xent 1,2 -t dog", 1, "'dog' is not a class"),
        ("xent 1,2 -t 0.5", 1, "'0.5' is not a class"),
        ("xent 1,2 -t 1,0,0", 1, "--target has 3 numbers, and the rows have 2 classes"),
        ("xent 1,2 -t 0.5,0.2", 1, "sum to 0.7, not to 1 (--normalize divides by the sum)"),
        ("xent --breakdown --gradient 1,2 -t 0", 2, "go with --gradient"),
        ("xent --breakdown --reduction mean 1,2 -t 0", 2, "--reduction"),
        ("xent --gradient --reduction mean 1,2 -t 0", 2, "(divide each row's by the `weight_sum`"),
        ("xent 1,2 -t 0 -w 1,2,3", 1, "--weights has 3 numbers, and the rows have 2 classes"),
        ("xent 1,2 -t 0 --targets 0", 2, "give only one of -t TARGET, --target-column COL"),
        ("xent 1,2 -t 0 -w 0=1,0=2", 1, "each of the 2 classes one number (not given: 1)"),
        ("xent 1,2 -t 0 -w -1,2", 1, "negative"),
        ("xent 1,2 -t 0 --class-counts 0,2", 1, "greater than 0"),
        ("xent 1,2 -t 0 --beta 0.9", 2, "--class-counts"),
        ("xent 1,2 -t 0 -w 1,1 --class-counts 1,1", 2, "not both"),
        ("xent 1,2 -t 0.5,0.5 --ignore 0", 2, "labels"),
        *((f"xent 2,1 -t 0 --focal {bad}", 2, "--focal") for bad in ("-1", "nan", "inf", "x")),
        ("xent 1,2 -t 0 --targets x", 2, "one of"),
        ("xent --targets -", 2, "both"),
        ("xent 1,2 --targets nowhere.txt", 1, "can't read nowhere.txt"),
        ("kl --against -", 2, "both"),
        ("kl --generalized --normalize 1,2 1,2", 2, "--generalized"),
        ("kl --normalize 0,0 1,1", 1, "every probability is 0"),
        ("xent 1,2 -t 0 --worst 2 --reduction sum", 2, "--reduction"),
        ("softmax -j 0 1", 2, "'-j'"),
        ("softmax -p 3 --decimals 3 1", 2, "give --precision or --decimals, not both"),
        ("softmax --decimals -1 1", 2, "'--decimals'"),
        ("softmax -f npy --decimals 3 1 2", 2, "--decimals"),
        ("softmax -f npy -p 3 1 2", 2, "--precision"),
        ("hardmax -f npy --as name 1 2", 2, "name is text"),
        ("compare -f npy 1 2", 2, "is text"),
        ("kl 0.5,0.5", 2, "--against"),
        ("kl 1 2", 2, "--against"),
        ("kl 0.5,0.5 0.5,0.5 0.5,0.5", 2, "more than two"),
        ("kl 0.5,0.5 0.2,0.2", 1, "argument 2: probabilities sum to 0.4, not to 1 (--norm"),
        ("kl 0.5,inf 0.5,0.5", 1, "not finite"),
        ("kl 0.5,0.5 --against 1,0,0", 1, "--against has 3 numbers"),
        ("kl 0.5,0.5 --against 1,1", 1, "--against: probabilities sum to 2, not to 1 (--norm"),
    ],
)
def test_what_is_refused(run: Run, line: str, status: int, message: str) -> None:
    assert message in run(*line.split()).fails(status)


def test_no_far_guess_for_an_unknown_option(run: Run) -> None:
    assert run("softmax", "--base", "2", "1").fails(2).endswith("no such option '--base'")


@pytest.mark.parametrize(
    ("line", "rows", "warns"),
    [
        ("softmax", "0.2,0.8\n0.5,0.5\n0.7,0.3\n", True),
        ("xent -t 0 --reduction mean", "0.2,0.8\n0.5,0.5\n0.7,0.301\n", True),
        ("softmax --from probs", "0.2,0.8\n0.5,0.5\n0.7,0.3\n", False),
        ("softmax", "0.2,0.8\n0.5,0.5\n0.7,0.4\n", False),
        ("softmax", "0,1\n1,0\n0,1\n", False),
    ],
)
def test_probabilities_read_as_logits(run: Run, line: str, rows: str, warns: bool) -> None:
    done = run(*line.split(), stdin=rows)
    assert (done.status, "give --from probs" in done.err) == (0, warns)


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


def test_softmax_json_of_more_than_one_vector(run: Run) -> None:
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


def test_losses_of_rows(run: Run) -> None:
    by_number = run("xent", "--target-column", "3", "-p", "6", stdin="2,1,0\n0,3,1.0\n")
    assert by_number.ok() == "0.313262\n0.0485874\n"
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
    assert "stdin:5:4: 'cow' is not a class" in done.fails(1)
    assert len(done.out.splitlines()) == 4
    done = run("xent", "--target-column", "3", stdin="1,2,0\n1,2,7\n")
    assert "stdin:2:3: label 7 is out of range: the classes are 0 to 1" in done.fails(1)


def test_kl(run: Run) -> None:
    p, q = KL
    expected = run("kl", p, q).ok()
    assert float(expected) == pytest.approx(0.05257273)
    assert run("kl", stdin=f"{p}\n{q}\n").ok() == expected
    assert run("kl", p, "--against", q).ok() == expected
    assert run("kl", "--against", q, stdin=f"{p}\n{q}\n").ok() == f"{expected}0.0\n"
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
        (["0.5,0.5", "1,0"], "kl", "class b has probability 0 in Q, but not in P"),
        (["0.5,0.5", "1,0"], "jeffreys", "class b has probability 0 in Q"),
        (["0.5,0.5", "1,0"], "reverse", ""),
        (["0.5,0.5", "1,0"], "js", ""),
        (["1,0", "0.5,0.5"], "reverse", "class b has probability 0 in P"),
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


def test_without_arguments_the_help_is_shown(run: Run) -> None:
    assert run("--help").ok().startswith("Usage: softmax-cli")
    assert run("--version").ok().startswith("softmax-cli, version ")
    bare = run()
    assert bare.status == 2
    assert "Commands:" in bare.err


LOG2, LOG4 = math.log(2), math.log(4)
# A command, what it writes to within 1e-14, and what it says: of an error, which writes nothing,
# or of a warning
CASES = {
    "a tie in hardmax is the first": ("hardmax 1 3 3", [1], "warning: arguments: a tie between cl"),
    "so in many": ("hardmax 1" + ",1" * 499, [0], "classes 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 490 m"),
    "-inf is a masked class": ("softmax 0 -inf 0", [0.5, 0, 0.5], ""),
    "and its logarithm -inf": ("softmax --log 0 -inf 0", [-LOG2, -math.inf, -LOG2], ""),
    "which entropy leaves out": ("xent 0,-inf,0 -t 0.5,0,0.5", [LOG2], ""),
    "all -inf is no distribution": ("softmax -inf -inf", [], "every value is -inf"),
    "one inf is the limit": ("softmax 5 inf -inf", [0, 1, 0], ""),
    "two are an error": ("softmax inf 1 inf", [], "2 values are inf"),
    "0 log 0 is 0": ("kl 0,1 0.5,0.5", [LOG2], ""),
    "also where q is 0": ("kl 0,0.5,0.5 0,0.5,0.5", [0], ""),
    "p > 0 where q is 0 is inf": ("kl 0.5,0.5 1,0", [math.inf], "class 1"),
    "no probability is clipped": ("xent --from probs 1,0 -t 1", [math.inf], "the loss is inf"),
    "nor if tiny": ("xent --from probs 1,1e-300 -t 1", [300 * math.log(10)], ""),
    "probabilities are no less than 0": ("kl -0.5,1.5 0.5,0.5", [], "negative"),
    "nor are targets": ("xent 1,2 -t -0.5,1.5", [], "negative"),
    "a label has a range": ("xent 1,2,3 -t 3", [], "0 to 2"),
    "a temperature divides": ("softmax -T 2 0 1.3862943611198906", [1 / 3, 2 / 3], ""),
    "and 0 is the limit": ("softmax -T 0 1 3 3", [0, 0.5, 0.5], ""),
    "sums within 1e-6 are 1": ("xent --from probs 0.250000025,0.750000075 -t 0", [LOG4], ""),
    "within 1e-2 too, but told": ("xent --from probs 0.25025,0.75075 -t 0", [LOG4], "1.001"),
    "others are an error": ("xent --from probs 0.275,0.825 -t 0", [], "not to 1 (--normalize"),
    "logarithms as well": ("xent --from logprobs -1.3,-0.2 -t 0", [], "--normalize"),
    "and may be told": ("xent --from logprobs -1.385294861286557,-0.286682572618447 -t 0", [LOG4],
                        "1.001"),
    "--base 2 is in bits": ("xent --base 2 0,0 -t 0", [1], ""),
    "and 10 in dits": ("xent --base 10 0,0 -t 0", [math.log10(2)], ""),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_meaning(run: Run, case: str) -> None:
    line, numbers, told = CASES[case]
    done = run(*line.split())
    if numbers:
        assert [float(x) for x in done.out.split(",")] == pytest.approx(numbers, rel=1e-14)
        assert done.status == 0
        assert bool(told) == bool(done.err)
    else:
        done.fails(1)
    assert told in done.err


def test_kl_is_summed_over_classes_and_then_reduced_over_rows(run: Run) -> None:
    rows = "0.5,0.5\n0.9,0.1\n"
    each = [float(x) for x in run("kl", "--against", "0.2,0.8", stdin=rows).ok().split()]
    assert len(each) == 2
    for reduction, expected in (("sum", math.fsum(each)), ("mean", math.fsum(each) / 2)):
        done = run("kl", "--against", "0.2,0.8", "--reduction", reduction, stdin=rows).ok()
        assert float(done) == pytest.approx(expected, rel=1e-15)


def test_the_table_names_the_unit(run: Run) -> None:
    for base, unit in (("e", "nats"), ("2", "bits"), ("10", "dits")):
        assert f" {unit}" in run("xent", "--base", base, "-f", "table", "0,0", "-t", "0").ok()
        assert f" {unit}" in run("kl", "--base", base, "-f", "table", "0.25,0.75", "0.5,0.5").ok()


ROWS = "a,b,c\n1,2,3\n3,3,1\n9,2,2\n"


@given(st.lists(logits(min_size=4, max_size=4), min_size=1, max_size=20), st.booleans())
@settings(max_examples=40)
def test_the_order_is_that_of_a_stable_sort_and_close_is_half_of_the_winners_probability(
    server: ForkServer, rows: list[Vector], last: bool
) -> None:
    text = "".join(",".join(map(repr, row.tolist())) + "\n" for row in rows).encode()
    ties = ["--ties", "last" if last else "first", "--no-header"]
    done = server.run(["hardmax", "--top", "4", *ties], text)
    for line, row in zip(done.out.decode().splitlines(), rows, strict=True):
        order = sorted(range(4), key=lambda i: (-row[i], -i if last else i))
        assert line == ",".join(map(str, order))
    with np.errstate(over="ignore"):
        gaps = [float(np.diff(np.sort(row))[-1]) for row in rows]
    if all(abs(gap - np.log(2)) > 1e-9 for gap in gaps):
        written = server.run(["hardmax", "-f", "json", *ties], text).out
        close = json.loads(written).get("summary", {}).get("close")
        assert close == sum(gap < np.log(2) for gap in gaps) or len(rows) == 1


def test_the_best_in_order_in_every_form(run: Run) -> None:
    args = ("hardmax", "--top", "2", "0.2", "0.5", "0.3", "--names", "cat,dog,owl")
    assert run(*args, "--as", "index").ok() == "1,2\n"
    assert run(*args).ok() == run(*args, "--as", "name").ok() == "dog,owl\n"
    assert run(*args, "--as", "value").ok() == "0.5,0.3\n"
    assert run(*args, "--as", "one-hot").ok() == "0,1,1\n"
    assert run(*args, "-f", "json").ok() == (
        '{"index":[1,2],"name":["dog","owl"],"value":[0.5,0.3],"margin":0.2,"ties":[]}\n'
    )
    assert run("hardmax", "--top", "1", "3", "4").ok() == "1\n"
    assert run("hardmax", "--top", "2", stdin="4\n6\n5\n").ok() == "1\n2\n"


def test_a_header_names_places_and_not_classes(run: Run) -> None:
    args = ("hardmax", "--top", "2", "--ties", "last")
    assert run(*args, stdin=ROWS).ok() == "index_1,index_2\n2,1\n1,0\n0,2\n"
    assert run(*args, "--as", "one-hot", stdin=ROWS).ok() == "a,b,c\n0,1,1\n1,1,0\n1,0,1\n"


def test_ties_matter_for_the_first_place_and_at_the_edge(run: Run) -> None:
    assert run("hardmax", "--top", "3", "--ties", "error", "9", "2", "2").ok() == "0,1,2\n"
    warned = run("hardmax", "--top", "2", stdin=ROWS)
    assert warned.out == "index_1,index_2\n2,1\n0,1\n0,1\n"
    assert "stdin:3: a tie between classes a, b" in warned.err
    assert "(and 1 more)" in warned.err


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_table_of_the_best_has_them_on_top(width: int) -> None:
    many = b"\n".join(b"%d" % i for i in range(1000))
    done = run_in_terminal("hardmax", "--top", "3", columns=width, stdin=many).ok()
    screen = ESCAPES.sub("", done)
    lines = [line.split() for line in screen.splitlines()[2:6]]
    assert lines == [["999", "999", "●", "0"], ["998", "998", "●", "1"], ["997", "997", "●", "2"],
                     ["996", "996", "3"]]  # fmt: skip
    assert "best 999, 998, 997" in screen
    assert "margin to the runner-up 1" in screen


def test_a_close_choice_is_marked_and_counted(run: Run) -> None:
    assert "choice close" in run("hardmax", "-f", "table", "1", "1.69").ok()
    assert "choice clear" in run("hardmax", "-f", "table", "1", "1.7").ok()
    rows = run("hardmax", "-f", "table", stdin="1,1.69\n1,1.7\n").ok().splitlines()
    assert [line.count("●") for line in rows[2:4]] == [1, 0]
    assert rows[-1].split() == ["rows", "2", "ties", "0", "close", "1"]
    summary = json.loads(run("hardmax", "-f", "json", stdin="1,1.69\n1,1.7\n").ok())["summary"]
    assert summary == {"rows": 2, "ties": 0, "close": 1}
