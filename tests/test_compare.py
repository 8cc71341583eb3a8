"""The textbook's versions, wrong where they are wrong, the words for it, and temperatures."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from softmax_cli.core.textbook import Methods, right_digits, rounded
from softmax_cli.core.textbook import Reference as Softmax
from tests.conftest import Run, run_in_terminal
from tests.corpus import Vector, logits, temperatures
from tests.exactly import Reference, exacts
from tests.test_tables import ESCAPES

METHODS = ("hard", "linear", "naive", "shifted", "lse", "stable")
DTYPES = ("float64", "float32", "float16", "bfloat16")


@pytest.mark.parametrize(
    ("method", "scores", "dtype", "status", "reason"),
    [
        ("naive", [1000, 1001, 1002], "float64", "overflow", "exp(1000) = inf, inf/inf = nan"),
        ("naive", [1, 90], "float32", "overflow", "exp(90) = inf, inf/inf = nan"),
        ("naive", [1, 90], "bfloat16", "overflow", "exp(90) = inf, inf/inf = nan"),
        ("naive", [1, 12], "float16", "overflow", "exp(12) = inf, inf/inf = nan"),
        ("naive", [1e5, 1], "float16", "overflow", "100000 = inf in float16"),
        ("naive", [709.5, 709.5], "float64", "overflow", "sum = inf, 1.35499e+308/inf = 0"),
        ("naive", [-1000, -1001], "float64", "underflow", "exp(-1000) = 0, 0/0 = nan"),
        ("naive", [-744, -745], "float64", "underflow", "exp(-744) = 9.88131e-324, digits lost"),
        ("naive", [80, 80.2], "bfloat16", "inaccurate", "0.7 of 2.4 digits are right"),
        ("naive", [0, -800], "float64", "ok", ""),
        ("naive", [1, 2, 3], "float16", "ok", ""),
        ("linear", [1, 2, 3], "float64", "ok", ""),
        ("linear", [1, -1], "float64", "invalid", "1/0 = inf"),
        ("linear", [0, 0], "float64", "invalid", "0/0 = nan"),
        ("linear", [3, -1], "float64", "invalid", "-1/2 = -0.5, a negative share"),
        ("linear", [1e308, 1e308], "float64", "overflow", "sum = inf"),
        ("shifted", [0.1, 2**24 + 0.5, 2**24 + 1], "float32", "inaccurate",
         "0.3 of 7.2 digits are right"),
        ("lse", [0.1, 2**24 + 0.5, 2**24 + 1], "float32", "inaccurate", "the sum is 2"),
    ],
)  # fmt: skip
def test_a_method_says_where_it_broke(
    method: str, scores: list[float], dtype: str, status: str, reason: str
) -> None:
    outcome = Methods(np.array([scores], float)).run(method, dtype)
    assert (*outcome.statuses, *outcome.reasons) == (status, reason)
    assert outcome.probabilities.dtype == ("float32" if dtype == "bfloat16" else dtype)


def test_naive_is_the_textbooks_formula_and_nothing_else() -> None:
    scores = np.random.default_rng(1).normal(size=1000) * 5
    for dtype in ("float64", "float32", "float16"):
        with np.errstate(over="ignore", invalid="ignore"):
            powers = np.exp(scores.astype(dtype))
            expected = powers / powers.sum()
        outcome = Methods(scores[None]).run("naive", dtype)
        np.testing.assert_array_equal(outcome.probabilities[0], expected)


def test_hard_is_one_hot_with_the_first_of_a_tie() -> None:
    outcome = Methods(np.array([[1.0, 3.0, 3.0]])).run("hard", "float32")
    assert outcome.probabilities.tolist() == [[0, 1, 0]]


@given(logits())
@settings(max_examples=200)
def test_no_vector_breaks_a_method_with_an_exception(vector: Vector) -> None:
    methods = Methods(vector[None])
    for method in METHODS:
        for dtype in DTYPES:
            outcome = methods.run(method, dtype)
            (status,), (reason,) = outcome.statuses, outcome.reasons
            assert status in {"ok", "overflow", "underflow", "inaccurate", "invalid"}
            assert (status == "ok") == (reason == "")
            if status == "ok":  # it is a distribution, and close to the exact one
                most = float(right_digits(0.0, dtype))
                lost = min(3.0, most - 1)
                assert abs(math.fsum(outcome.probabilities[0]) - 1) <= 10 ** (lost - most) * 1.01
                assert (outcome.probabilities >= 0).all()
                assert not outcome.digits[0] <= most - lost
    assert methods.run("stable", "float64").ulp_errors[0] <= 4


@given(st.integers(1, 40).flatmap(lambda n: st.lists(logits(n, n), min_size=2, max_size=5)))
@settings(max_examples=50)
def test_rows_beside_each_other_are_as_alone(rows: list[Vector]) -> None:
    block = Methods(np.array(rows))
    alone = [Methods(row[None]) for row in rows]
    for method in METHODS:
        for dtype in DTYPES:
            together = block.run(method, dtype, 0.7)
            each = [methods.run(method, dtype, 0.7) for methods in alone]
            expected = np.concatenate([outcome.probabilities for outcome in each])
            np.testing.assert_array_equal(together.probabilities, expected)
            for got, lone in zip(
                together[1:], zip(*(o[1:] for o in each), strict=True), strict=True
            ):
                np.testing.assert_array_equal(got, [value for (value,) in lone])


@given(logits(), st.sampled_from(DTYPES), st.sampled_from(METHODS[2:]), temperatures)
@settings(max_examples=200)
def test_ulp_errors_are_those_of_the_worst_class(
    vector: Vector, dtype: str, method: str, temperature: float
) -> None:
    outcome = Methods(vector[None]).run(method, dtype, temperature)
    computed = outcome.probabilities[0]
    error = outcome.ulp_errors[0]
    if not np.isfinite(computed).all():
        assert error == math.inf
        return
    shares = Reference.of_logits(vector, temperature).p
    sizes = rounded(np.array([float(share) for share in shares]), dtype)
    units = (np.spacing(sizes).astype(float) * (65536 if dtype == "bfloat16" else 1)).tolist()
    triples = zip(exacts(computed), shares, exacts(units), strict=True)
    worst = max(abs(c - share) / unit for c, share, unit in triples)
    assert abs(error - worst) <= max(worst * 1e-9, 1e-9)


def test_ulp_errors_of_equal_shares_in_a_wide_row() -> None:
    softmax = Softmax(np.zeros((1, 4096)))
    for off, errors in ((0, [0]), (2.0**-64, [1])):
        assert softmax.worst_errors(np.full((1, 4096), 2.0**-12 + off), "float64") == errors


@given(st.floats(width=32, allow_nan=False))
@settings(max_examples=300)
def test_bfloat16_is_the_nearest_number_of_eight_bits(number: float) -> None:
    (found,) = rounded(np.array([number]), "bfloat16").tolist()
    if abs(number) >= 2.0**128 - 2.0**119:  # halfway between the largest one and the next
        assert found == math.copysign(math.inf, number)
        return
    unit = Fraction(2) ** max(math.frexp(number)[1] - 8, -133)
    assert Fraction(found) == round(Fraction(number) / unit) * unit


def test_what_is_no_softmax_has_no_ulp_error(run: Run) -> None:
    args = ("compare", "--dtype", "float64", "1", "2")
    records = json.loads(run(*args, "-f", "json").ok())["rows"][:2]
    assert {(r["status"], r["ulp_error"], r["digits"]) for r in records} == {("ok", "nan", "nan")}
    assert run(*args, "-f", "markdown").ok().count("| not softmax |  |  |\n") == 2


SWEEP = ("compare", "-T", "0.01,0.1,1,10,1e300")
LABELS = ["hard", "0.01", "0.1", "1", "10", "1e300", "linear"]


def sweep(*args: str, columns: int = 80) -> list[str]:
    screen = run_in_terminal(*SWEEP, *args, columns=columns).ok()
    lines = ESCAPES.sub("", screen).splitlines()
    assert max(map(cell_len, lines)) <= columns, screen
    return lines[next(i for i, line in enumerate(lines) if line.startswith(" T ")) :]


@pytest.mark.parametrize(
    ("count", "width"), [(3, 40), (3, 80), (10, 40), (10, 200), (300, 40), (300, 200)]
)
def test_a_line_for_each_temperature_at_any_width(count: int, width: int) -> None:
    lines = sweep(*(str(i * 7 % 10 / 4) for i in range(count)), columns=width)
    assert [line.split()[0] for line in lines[2:9]] == LABELS


def test_negative_scores_break_linear_and_it_is_said() -> None:
    lines = sweep("--", "-3", "0.5", "90")
    assert " linear gives no distribution in float64: -3/87.5" in "\n".join(lines)
    assert "nan" in next(line for line in lines if line.split()[0] == "linear").split()
    assert "░" in sweep("--", "-3", "1", "4")[8]


def test_classes_beyond_the_width_are_left_out_and_counted(run: Run) -> None:
    scores = [str(i % 50) for i in range(400)]
    lines = sweep(*scores, columns=60)
    heads = lines[0].split()
    assert (heads[0], heads[1], heads[-2], heads[-1]) == ("T", "0", "399", "entropy")
    shown = len(heads) - len(["T", "…", "entropy"])
    assert lines[9] == f" … {400 - shown} more classes; -f csv shows all"
    markdown = run(*SWEEP, "-f", "markdown", *scores).ok().splitlines()
    head = next(line for line in markdown if line.startswith("| T"))
    assert len(head.split("|")) == len(["", "T", "entropy", ""]) + 400


def test_compare_as_csv_and_json(run: Run) -> None:
    header, *lines = run("compare", "1000", "1001", "1002").ok().splitlines()
    assert header == "row,method,dtype,temperature,status,digits,ulp_error,0,1,2"
    statuses = {tuple(line.split(",")[1:3]): line.split(",")[4] for line in lines}
    broken = {key for key, status in statuses.items() if status != "ok"}
    assert broken == {("naive", dtype) for dtype in DTYPES}
    assert {method for method, _ in statuses} == set(METHODS)
    records = json.loads(run("compare", "-f", "json", "1000,1", "1,2").ok())
    assert list(records["rows"][0]) == [*header.split(",")[:-3], "reason", "probabilities"]
    naive = next(record for record in records["rows"] if record["method"] == "naive")
    assert naive["reason"] == "exp(1000) = inf, inf/inf = nan"
    assert naive["probabilities"] == ["nan", 0.0]
    assert records["summary"]["rows"] == 2
    counted = {(m["method"], m["dtype"]): m for m in records["summary"]["methods"]}
    assert {counted["naive", "float64"][key] for key in ("broken", "first_broken")} == {1}


def test_a_check_fails_where_naive_is_not_ok(run: Run) -> None:
    failed = run("compare", "--check", stdin="1,2\n800,2\n")
    assert (failed.status, failed.err) == (3, "")
    assert len(failed.out.splitlines()) == 1 + 2 * 9
    assert run("compare", "-T", "0.1,1", "--check", "--dtype", "float32", "1", "90").status == 3
    assert run("compare", "--check", "--dtype", "bf16", "80", "80.2").status == 3  # inaccurate
    assert run("compare", "--check", "1", "2").ok()


ROWS = "1,2,3\n20,1,2\n1,2,3\n1000,1,2\n"
BROKEN = "exp(1000) = inf, inf/inf = nan"


@pytest.mark.parametrize(
    ("line", "stdin", "first", "last"),
    [
        ("1 2 3", "", "every softmax method works here", "naive works up to x = 709"),
        ("1000 1001 1002", "", f"naive breaks in {', '.join(DTYPES[:3])} and bfloat16: {BROKEN}",
         "subtract the maximum first, as torch's F.softmax and F.log_softmax do."),
        ("--dtype fp32 0.1 16777216.5 16777217", "",
         f"naive breaks in float32: {BROKEN.replace('1000', '1.67772e+07')} shifted is inaccurate",
         "Rounding a large x loses digits"),
        ("--dtype half 1 inf", "", "naive breaks in float16: exp(inf) = inf", "inf - inf is nan"),
        ("-1000 -1001", "", "naive breaks in float64, ", "exp(x) has no digits left far below"),
        ("0 0", "", "every softmax", "linear gives no distribution in float64: 0/0 = nan"),
        ("-T 0.1,1 1 3", "", "naive breaks in float16 at T = 0.1: exp(30) = inf", "subtract"),
        ("--dtype fp16", ROWS, "naive breaks on 2 of 4 rows in float16, first row 2: exp(20) = inf",
         "exp(x) is inf above x = 709 in float64"),
        ("", "1,2\n" * 3, "every softmax method works on all 3 rows", "naive works up to x"),
    ],
)  # fmt: skip
def test_the_verdict_is_first_and_what_to_use_is_last(
    run: Run, line: str, stdin: str, first: str, last: str
) -> None:
    for width in (40, 80, 200):
        args = ("compare", *line.split(), "-f", "table")
        text = run(*args, stdin=stdin, env={"COLUMNS": str(width)}).ok()
        words = " ".join(text.split())
        assert words.startswith(first), text
        assert last in words.rpartition(" ok ")[2], text
        assert max(map(cell_len, text.splitlines())) <= width


def test_other_names_of_types_and_none_twice(run: Run) -> None:
    for names, meant in (
        ("fp16,half,f16,float16", ["float16"]),
        ("bf16,fp32,float,single,f32", ["bfloat16", "float32"]),
        ("double,fp64,f64", ["float64"]),
    ):
        lines = run("compare", "--dtype", names, "-T", "1,1", "1", "2").ok().splitlines()[1:]
        assert [line.split(",")[1:3] for line in lines] == [[m, d] for m in METHODS for d in meant]
