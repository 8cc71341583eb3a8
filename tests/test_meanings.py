"""What ties, infinities, sums and the like mean, where other programs disagree: a test a line."""

from __future__ import annotations

import json
import math

import pytest

from tests.conftest import Run


def numbers(line: str) -> list[float]:
    return [float(cell) for cell in line.strip().split(",")]


def test_tie_in_hardmax_is_the_first_with_a_warning(run: Run) -> None:
    done = run("hardmax", "1", "3", "3")
    assert (done.status, done.out) == (0, "1\n")
    assert "a tie between classes 1, 2" in done.err
    assert run("hardmax", "--ties", "last", "1", "3", "3").ok() == "2\n"


def test_nan_in_logits_is_an_error_at_its_place(run: Run) -> None:
    done = run("softmax", stdin="1,2\n3,nan\n")
    assert done.fails(1).startswith("stdin:2:2: ")
    assert numbers(done.out) == pytest.approx([0.26894142136999516, 0.7310585786300049], rel=1e-15)


def test_minus_infinity_is_a_masked_class(run: Run) -> None:
    assert numbers(run("softmax", "0", "-inf", "0").ok()) == [0.5, 0, 0.5]
    assert run("softmax", "--log", "0", "-inf", "0").ok().split(",")[1] == "-inf"
    one = json.loads(run("softmax", "-f", "json", "0", "-inf", "0").ok())
    assert one["entropy"] == math.log(2)


def test_all_minus_infinity_is_no_distribution(run: Run) -> None:
    assert "every value is -inf" in run("softmax", "-inf", "-inf").fails(1)


def test_one_infinity_is_the_limit(run: Run) -> None:
    assert numbers(run("softmax", "5", "inf", "-inf").ok()) == [0, 1, 0]


def test_two_infinities_are_an_error(run: Run) -> None:
    assert "2 values are inf" in run("softmax", "inf", "1", "inf").fails(1)


def test_zero_times_the_logarithm_of_zero_is_zero(run: Run) -> None:
    assert numbers(run("kl", "0,1", "0.5,0.5").ok()) == [pytest.approx(math.log(2), abs=1e-15)]
    assert numbers(run("kl", "0,0.5,0.5", "0,0.5,0.5").ok()) == [0]


def test_p_where_q_is_zero_is_infinite_and_the_class_is_named(run: Run) -> None:
    done = run("kl", "0.5,0.5", "1,0")
    assert (done.status, done.out) == (0, "inf\n")
    assert "class 1" in done.err


@pytest.mark.parametrize("source", ["probs", "logprobs"])
@pytest.mark.parametrize(
    ("factor", "status", "told"),
    [(1 + 1e-7, 0, ""), (1 + 1e-3, 0, "1.001"), (1.1, 1, "--normalize")],
)
def test_sums_near_one_are_divided_by(
    run: Run, source: str, factor: float, status: int, told: str
) -> None:
    values = [0.25 * factor, 0.75 * factor]
    shown = values if source == "probs" else [math.log(x) for x in values]
    done = run("xent", "--from", source, ",".join(map(repr, shown)), "-t", "0")
    assert done.status == status
    assert told in done.err
    assert bool(told) == bool(done.err)
    if status == 0:
        assert float(done.out) == pytest.approx(-math.log(0.25), rel=1e-14)


def test_probabilities_are_never_clipped(run: Run) -> None:
    done = run("xent", "--from", "probs", "1,0", "-t", "1")
    assert (done.status, done.out) == (0, "inf\n")
    assert "the loss is inf" in done.err
    tiny = run("xent", "--from", "probs", "1,1e-300", "-t", "1").ok()
    assert float(tiny) == pytest.approx(300 * math.log(10), rel=1e-15)


def test_negative_probabilities_and_targets_are_errors(run: Run) -> None:
    assert "negative" in run("kl", "-0.5,1.5", "0.5,0.5").fails(1)
    assert "negative" in run("xent", "1,2", "-t", "-0.5,1.5").fails(1)


def test_a_label_out_of_range_is_an_error_with_the_range(run: Run) -> None:
    assert "0 to 2" in run("xent", "1,2,3", "-t", "3").fails(1)


def test_temperature_divides_and_zero_is_the_limit(run: Run) -> None:
    halves = numbers(run("softmax", "-T", "2", "2", "4").ok())
    assert halves == numbers(run("softmax", "1", "2").ok())
    assert numbers(run("softmax", "-T", "0", "1", "3", "3").ok()) == [0, 0.5, 0.5]
    assert "-1" in run("softmax", "-T", "-1", "1", "2").fails(2)


@pytest.mark.parametrize(("base", "unit"), [("e", "nats"), ("2", "bits"), ("10", "dits")])
def test_the_base_is_the_unit_and_the_table_names_it(run: Run, base: str, unit: str) -> None:
    divisor = {"e": 1.0, "2": math.log(2), "10": math.log(10)}[base]
    loss = run("xent", "--base", base, "0,0", "-t", "0").ok()
    assert float(loss) == pytest.approx(math.log(2) / divisor, rel=1e-15)
    assert unit in run("xent", "--base", base, "-f", "table", "0,0", "-t", "0").ok()


def test_kl_is_summed_over_classes_and_then_reduced_over_rows(run: Run) -> None:
    rows = "0.5,0.5\n0.9,0.1\n"
    each = [float(x) for x in run("kl", "--against", "0.2,0.8", stdin=rows).ok().split()]
    assert len(each) == 2
    for reduction, expected in (("sum", math.fsum(each)), ("mean", math.fsum(each) / 2)):
        done = run("kl", "--against", "0.2,0.8", "--reduction", reduction, stdin=rows).ok()
        assert float(done) == pytest.approx(expected, rel=1e-15)


def test_naive_is_wrong_where_the_textbook_is(run: Run) -> None:
    report = run("compare", "1000", "0")
    naive = next(line for line in report.ok().splitlines() if ",naive,float64," in line)
    assert ",overflow," in naive
    assert naive.split(",")[6:] == ["nan", "0.0"]
