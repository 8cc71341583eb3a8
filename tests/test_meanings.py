"""What ties, infinities, sums and the like mean, where other programs disagree: a case a line."""

from __future__ import annotations

import math

import pytest

from tests.conftest import Run

LOG2, LOG4 = math.log(2), math.log(4)
# A command, what it writes to within 1e-14, and what it says: of an error, which writes nothing,
# or of a warning
CASES = {
    "a tie in hardmax is the first": ("hardmax 1 3 3", [1], "warning: arguments: a tie between cl"),
    "a tie can be the last": ("hardmax --ties last 1 3 3", [2], ""),
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
    "others are an error": ("xent --from probs 0.275,0.825 -t 0", [], "--normalize"),
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
