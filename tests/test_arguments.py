"""Vectors typed as arguments."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax_cli.cli import COMMANDS
from tests.conftest import Run
from tests.forked import ForkServer

TYPOS = ["-x", "--lgo", "-input", "-nano", "-e5"]
ABOUT_ROWS = [["-c", "1"], ["-d", ";"], ["--header"], ["--axis", "row"]]


@pytest.mark.parametrize(
    ("arguments", "vectors"),
    [
        (["1", "2", "3"], [[1, 2, 3]]),
        (["1,", "2,", "3"], [[1, 2, 3]]),
        (["1,2,3"], [[1, 2, 3]]),
        (["1 2\t3"], [[1, 2, 3]]),
        (["1;2; 3"], [[1, 2, 3]]),
        (["[1, 2, 3]", "(4 5 6)"], [[1, 2, 3], [4, 5, 6]]),
        (["[1,", "2,", "3]"], [[1, 2, 3]]),
        (["[0.1 0.2\n 0.3]"], [[0.1, 0.2, 0.3]]),
        (["tensor([1.0000, 2.0000], dtype=torch.float64)"], [[1, 2]]),
        (["array([1., 2.])"], [[1, 2]]),
        (["-1", "-.5", "-1e-3", "-inf", "+Infinity"], [[-1, -0.5, -1e-3, -math.inf, math.inf]]),
        (["[[1. 2.]\n [3. 4.]]"], [[1, 2], [3, 4]]),
        (["array([[1., 2.],\n       [3., 4.]])"], [[1, 2], [3, 4]]),
        (["tensor([[1.0000, 2.0000],\n        [3.0000, 4.0000]], grad_fn=<A>)"], [[1, 2], [3, 4]]),
        (["[[1,", "2],", "[3,", "4]]", "[5", "6]"], [[1, 2], [3, 4], [5, 6]]),
        (
            ["tensor([[1.,", "2.],", "[3.,", "4.]],", "device='cuda:0',", "grad_fn=<A>)"],
            [[1, 2], [3, 4]],
        ),
        (["-1", "-.5", "-T", "2"], [[-1, -0.5]]),
        (["-T", "2", "-1", "-.5"], [[-1, -0.5]]),
        (["-1", "-T2", "-.5"], [[-1, -0.5]]),
        (["-1", "--temperature=2", "-.5"], [[-1, -0.5]]),
        (["-T", "2", "--", "-1", "-.5"], [[-1, -0.5]]),
        (["-T", "2", "-1,-.5"], [[-1, -0.5]]),
        (["1 2; -3 4", "5,6"], [[1, 2], [-3, 4], [5, 6]]),
        (["1,2\n3,4\n\n"], [[1, 2], [3, 4]]),
        (["1;2\n3;4"], [[1, 2], [3, 4]]),
        (["1\n2\n3\n"], [[1, 2, 3]]),
        (["[1. 2.]\n[3. 4.]"], [[1, 2], [3, 4]]),
    ],
)
def test_numbers_and_lists(run: Run, arguments: list[str], vectors: list[list[float]]) -> None:
    lines = run("softmax", "-f", "jsonl", *arguments).ok().splitlines()
    assert [list(map(float, json.loads(line)["logits"])) for line in lines] == vectors


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2),
    st.sampled_from([",", ";", " ", ", "]),
    st.floats(max_value=-5e-324, allow_nan=False, allow_infinity=False),
)
@settings(max_examples=50)
def test_any_float_reads_back_and_a_negative_one_is_no_option(
    server: ForkServer, numbers: list[float], separator: str, negative: float
) -> None:
    for args, vector in (
        ([separator.join(map(repr, numbers))], numbers),
        ([repr(negative), "-T", "1", repr(negative), "2"], [negative, negative, 2]),
    ):
        done = server.run(["softmax", "-f", "jsonl", *args])
        assert json.loads(done.out)["logits"] == vector


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["1", "abc"], "argument 2: 'abc' is not a number"),
        (["1,abc,3"], "argument 1, value 2: 'abc' is not a number"),
        (["1_000"], "argument 1: '1_000' is not a number"),
        (["nan", "1"], "argument 1: 'nan' is not a number"),
        (["1,,2"], "argument 1, value 2: empty"),
        ([""], "argument 1: empty"),
        (["[]"], "argument 1: an empty list"),
        (["[[1,2],[3,4],[[5,6]]]"], "argument 1: a list within a list"),
        (["[[1,2],[3,4,5]]"], "argument 2: a vector of length 3 where the first has length 2"),
        (["[[1,2],3]"], "argument 1: a list within a list"),
        (["tensor(1.)"], "argument 1: 'tensor(1.)' is not a number"),
        (["1 2;;3 4"], "argument 2: an empty list"),
        (["1 2\n3"], "argument 2: a vector of length 1 where the first has length 2"),
        (["1,2", "3,4,5"], "argument 2: a vector of length 3 where the first has length 2"),
    ],
)
def test_what_is_no_vector_is_named(run: Run, arguments: list[str], message: str) -> None:
    assert message in run("softmax", *arguments).fails(1)


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        (["softmax", "1", "2,3"], 2, "mix"),
        *((["softmax", typo, "1", "2"], 2, typo[:2]) for typo in TYPOS),
        *(([name, "--precison", "2", "1"], 2, "--precision") for name in COMMANDS),
        *((["softmax", *option, "1", "2"], 2, "needs rows") for option in ABOUT_ROWS),
        (["compare", "-T", "", "1", "2"], 2, "''"),
        (["compare", "--dtype", "", "1", "2"], 2, "''"),
        (["softmax", "-c", "", "1", "2"], 2, "empty"),
        (["softmax", "1", "2", "-i", "x.csv"], 2, "not both"),
        (["softmax", "1", "2", "-o"], 2, "'-o' requires an argument"),
        (["softmax", "scores.csv"], 1, "-i FILE"),
    ],
)
def test_arguments_and_options_that_do_not_fit(
    run: Run, args: list[str], status: int, message: str
) -> None:
    assert message in run(*args).fails(status)
