"""Every quantity, given in every way, on every family of hard cases, against exact values."""

import json
import math
import re
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given

from softmax_cli.core import losses
from softmax_cli.core.divergences import jeffreys, jensen_shannon, kl_divergence
from softmax_cli.core.probabilities import Probabilities
from softmax_cli.core.softmax import Logits
from tests.conftest import Run
from tests.corpus import Case, Family, Vector, blocks, probabilities
from tests.exactly import Reference, ulps
from tests.quantities import BOUND, GIVEN, NEAREST, QUANTITIES, Judge

CASES = 20
FEW = 2
TEMPERED = ("logits", "two of logits", "parameters, label", "parameters, target")
TEMPERATURES = [1.0, 0.5, 7.3, 1e-3, 1e3, 1e-300, 1e300]


def at_any_temperature(family: Family) -> Family:
    def some(rng: np.random.Generator) -> Case:
        case = family(rng)
        is_given = case.temperature != 1
        return case if is_given else case._replace(temperature=float(rng.choice(TEMPERATURES)))

    return some


@pytest.mark.parametrize(
    ("given", "family"), [(name, family) for name in GIVEN for family in GIVEN[name].families]
)
def test_the_promise(given: str, family: str) -> None:
    kind = GIVEN[given]
    make = kind.families[family]
    count = FEW if "17,000" in family else CASES
    for block in blocks(at_any_temperature(make) if given in TEMPERED else make, count):
        pair = kind.ours(block)
        ours = {name: quantity.ours(pair) for name, quantity in QUANTITIES[given].items()}
        for row, case in enumerate(block):
            judge = Judge(given, case)
            for name, values in ours.items():
                error = judge.judge(name, values[row]).error
                assert error <= QUANTITIES[given][name].bound, f"{name} of {case}"


@pytest.mark.parametrize("given", GIVEN)
def test_neither_other_rows_nor_the_order_of_classes_change_a_digit(given: str) -> None:
    kind, changed, numbers = GIVEN[given], 0.0, 0
    families = [make for name, make in kind.families.items() if "17,000" not in name]
    for block in (block for make in families for block in blocks(make, CASES)):
        pair, alone = kind.ours(block), kind.ours(block[-1:])
        has_order = "tree" in given or block[0].objective.weights is not None
        backwards = kind.ours(block if has_order else [case.backwards() for case in block])
        for name, quantity in QUANTITIES[given].items():
            values = quantity.ours(pair)
            assert quantity.ours(alone).tobytes() == values[-1:].tobytes(), name
            # p - y is right, and so the same, in ulps of the larger of the two.
            if not has_order and (name != "gradient" or kind.q is None):
                found = quantity.ours(backwards)
                changed += (values != (found[:, ::-1] if found.ndim > 1 else found)).sum()
                numbers += values.size
    assert changed <= numbers / 200


def test_a_hundred_thousand_classes_are_right_too() -> None:
    size, spread = 100_000, 30.0
    vector = np.random.default_rng(size).normal(size=size) * spread
    with mpmath.workprec(200):
        truth = Reference.of_logits(vector)
        entropy = truth.entropy()
    ours = Logits(vector[None])
    some = [*range(0, size, size // 50), int(np.argmax(vector))]
    assert max(ulps(ours.probabilities()[0, i], truth.p[i]) for i in some) <= NEAREST
    assert max(ulps(ours.log_probabilities()[0, i], truth.log_p[i]) for i in some) <= NEAREST
    assert ulps(ours.entropy()[0], entropy) <= BOUND


def test_a_hundred_thousand_subnormal_terms_add_up() -> None:
    vector = np.full(100_000, -740.0)
    vector[0] = 0.0
    ours = Logits(vector[None])
    rest = 99_999 * mpmath.exp(-740)
    assert ulps(ours.log_probabilities()[0, 0], -mpmath.log1p(rest)) <= 1
    assert ulps(ours.entropy()[0], Reference.of_logits([0, -740]).entropy() * 99_999) <= 1


def test_differences_beyond_the_largest_float_come_back_by_the_temperature() -> None:
    for temperature, low in ((1, -np.inf), (1e10, -3e298)):
        ours = Logits(np.array([[1.5e308, -1.5e308]]), temperature=temperature)
        assert ours.log_probabilities()[0].tolist() == [0, low]


@given(probabilities(min_size=3, max_size=3))
def test_identical_inputs_are_exactly_zero_apart(a: Vector) -> None:
    for p in (Probabilities(a[None]), Logits(a[None])):
        for divergence in (kl_divergence, jeffreys, jensen_shannon):
            assert divergence(p, p)[0] == 0


@given(probabilities(min_size=3, max_size=3), probabilities(min_size=3, max_size=3))
def test_never_negative_and_js_at_most_log_two(a: Vector, b: Vector) -> None:
    p, q = Probabilities(a[None]), Probabilities(b[None])
    assert kl_divergence(p, q)[0] >= 0
    assert 0 <= jensen_shannon(p, q)[0] <= math.nextafter(math.log(2), 1)
    assert jensen_shannon(p, q)[0] == pytest.approx(jensen_shannon(q, p)[0], rel=1e-14)


def test_proportional_vectors_are_not_a_negative_distance_apart() -> None:
    p = np.array([8 / 9, 1 / 9])
    ours, other = (Probabilities(x[None], normalize=True) for x in (p, p * 0.7))
    assert 0 <= jensen_shannon(ours, other)[0] < 1e-60


@pytest.mark.parametrize(
    ("line", "column", "expected"),
    [
        # Values to check against; an often-copied text has 0.3006 for the fourth, which is wrong.
        ("kl --normalize 9,12,4 1,1,1", 0, 0.08529960131837057),
        ("kl --normalize 1,1,1 9,12,4", 0, 0.09745500678538763),
        ("softmax 1000,1001,1002", 2, 0.6652409557748219),
        ("softmax 0.2,0.3,0.5", 0, 0.2894331103942646),
        # The limits
        ("softmax -T 0 --log 1,3,3", 0, -math.inf),
        *((f"softmax -T 0 --breakdown {x}", 0, math.inf) for x in ("1,3,3", "1,inf,-inf")),
        ("softmax -T 0 --breakdown 1,3,3", 1, math.log(2)),
        ("softmax -T 0 --breakdown -1,-3", 0, -math.inf),
        ("softmax -T 0 --breakdown 0,0", 0, math.log(2)),
        ("softmax --breakdown 1,inf,-inf", 0, math.inf),
        ("softmax --breakdown 1,inf,-inf", 1, 0),
        # These were wrong once.
        ("kl --from logits 0" + ",-20" * 999 + " 0" + ",0" * 999, 0, 6.9077120381272089),
        ("xent 0.65,-0.7,-2.73 -t 0 --focal 2", 0, 0.013226576675117512),
        ("xent --from probs --normalize 5e-324,.5,.5 -t 0", 0, 744.4400719213812),
        ("kl --normalize .25,.5,.25 5e-324,.5,.5", 0, 185.59015759492536),
        ("kl --normalize --breakdown 1e-323,.75,.25 .2,.3,.5", 1, 148.49918373639517),
        ("kl --from logits --breakdown 0,-2000 0,-inf", 5, math.inf),
        ("kl --from logits --breakdown 0,-2000 1e308,-1e308", 5, 0),
        ("kl --from logits --breakdown 0,0 1e308,-1.7e308", 5, 1.35e308),
        ("kl --from logits --breakdown 1e300,1e-17,1,-1e308 1,-inf,-1,1e-300", 5, math.inf),
        ("kl --generalized 0,3 2,3", 0, 2),
        ("kl --generalized --divergence js 1.7e308,1.7e308 1e300,1e16", 0, 1.1783501106610978e308),
        ("kl --generalized --divergence reverse 1.7e308,1.7e308 1e300,1e16", 0, math.inf),
        ("xent --breakdown 0.1,0.10000000000000002 -t 1", 5, 1),
        ("xent -1e17,-7,-7 -t 0 --sampled 4 --seed 1", 0, 1e17),
        ("xent 1e308,-1e308 -t 1 --base 10", 0, 8.685889638065036e307),
        # Smoothed labels, which were rounded, against a prediction that all but agrees
        (
            "xent --label-smoothing 0.435 --breakdown 1.5885312276147867,0,0 -t 0",
            2,
            8.377926966319029e-38,
        ),
        # Subnormal ones, which were rounded twice
        ("xent 0,-740.3,-741.1,-741.9 -t 0 -w 3,1,1,1", 0, 1.537e-321),
        ("xent 0,24 -t 0 -w 0,3 --label-smoothing 0.1 --focal 29 --gradient", 0, 9.1450386004e-313),
        ("softmax --hierarchical 5,3,2,1,1 --log -735,734,733.5,735.1", 0, -5.625e-320),
        ("xent --hierarchical 5,3,2,1,1 -t 0 -735,734,733.5,735.1", 0, 5.625e-320),
        (
            "xent 0,-497.5989197531541 -t 1,7.862034589370612e-217 --breakdown",
            2,
            2.073470078068472e-252,
        ),
    ],
)
def test_known_answers(run: Run, line: str, column: int, expected: float) -> None:
    done = run(*line.split())
    assert float(done.out.splitlines()[-1].split(",")[column]) == expected
    assert "Warning" not in done.err


@pytest.mark.parametrize("target", ["1", "0.49999999999999994,0.5"])
def test_rounded_probabilities_do_not_decide_what_is_correct(run: Run, target: str) -> None:
    line = "xent 0.1,0.10000000000000002 0,1 -f json --reduction mean -t"
    assert json.loads(run(*line.split(), target).ok())["correct"] == 2


def test_a_finite_number_of_json_is_never_null(run: Run) -> None:
    line = "hardmax -f json -p 3 1.7976931348623157e308 0"
    assert json.loads(run(*line.split()).ok())["margin"] == 1.7976931348623157e308


def test_a_mean_is_the_float_nearest_to_the_exact_mean(run: Run) -> None:
    rng, weights = np.random.default_rng(11), [2, 1, 3, 0.1]
    labels, scores = np.sort(rng.integers(4, size=60)).tolist(), rng.normal(size=(60, 4)).tolist()
    table = "".join(
        f"{label},{','.join(map(str, row))}\n" for label, row in zip(labels, scores, strict=True)
    )
    args = ["xent", "--target-column", "1", "-f", "json", "-w", ",".join(map(str, weights))]
    result = json.loads(run(*args, stdin=table).ok())
    losses = [Fraction(each["loss"]) for each in result["rows"]]
    start, summary = 0, result["summary"]
    for group in summary["by_class"]:
        end = start + group["rows"]
        weight = group["rows"] * Fraction(weights[group["class"]])
        assert group["mean"] == float(sum(losses[start:end]) / weight)
        start = end
    assert summary["mean"] == float(sum(losses) / sum(Fraction(weights[i]) for i in labels))


def test_core_names_no_option() -> None:
    core = Path(losses.__file__).parent
    assert [path for path in core.glob("*.py") if re.search(r"--[a-z]", path.read_text())] == []
