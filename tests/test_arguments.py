"""Vectors typed as arguments."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softmax_cli.errors import DataError, UsageError
from softmax_cli.input.arguments import parse_vectors
from softmax_cli.input.numbers import is_negative_value
from tests.conftest import Run


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
        (["[[1,", "2],", "[3,", "4]]", "(5 6)"], [[1, 2], [3, 4], [5, 6]]),
        (["7"], [[7]]),
        (["[7]"], [[7]]),
    ],
)
def test_numbers_and_lists(arguments: list[str], vectors: list[list[float]]) -> None:
    assert parse_vectors(arguments) == vectors


@given(st.lists(st.floats(allow_nan=False), min_size=2), st.sampled_from([",", ";", " ", ", "]))
def test_any_float_reads_back(numbers: list[float], separator: str) -> None:
    assert parse_vectors([separator.join(map(repr, numbers))]) == [numbers]


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
        (["1,2", "3,4,5"], "argument 2: a vector of length 3 where the first has length 2"),
    ],
)
def test_what_is_no_vector_is_named(arguments: list[str], message: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_vectors(arguments)
    assert message in caught.value.message


def test_a_mix_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="mix"):
        parse_vectors(["1", "2,3"])


@given(st.floats(max_value=-5e-324, allow_nan=False))
def test_every_negative_float_is_a_value(number: float) -> None:
    assert is_negative_value(repr(number))


@pytest.mark.parametrize("argument", ["-i", "-T", "--log", "-input", "-nano", "--", "-", "-e5"])
def test_options_are_no_values(argument: str) -> None:
    assert not is_negative_value(argument)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-1", "-2.5", "-1e-3", "-.5", "-inf", "-T", "2"],
        ["-T", "2", "-1", "-2.5", "-1e-3", "-.5", "-inf"],
        ["-1", "-T2", "-2.5", "-1e-3", "-.5", "-inf"],
        ["-1", "--temperature=2", "-2.5", "-1e-3", "-.5", "-inf"],
        ["-T", "2", "--", "-1", "-2.5", "-1e-3", "-.5", "-inf"],
        ["-T", "2", "-1,-2.5,-1e-3,-.5,-inf"],
    ],
)
def test_negative_numbers_need_no_dashes_before_or_after_options(
    run: Run, arguments: list[str]
) -> None:
    result = json.loads(run("softmax", "-f", "json", *arguments).ok())
    assert result["logits"] == [-1, -2.5, -1e-3, -0.5, "-inf"]
    assert result["probabilities"][0] == pytest.approx(0.22705139934638727)


def test_a_negative_list_as_an_options_value(run: Run) -> None:
    assert "class 0 is negative" in run("xent", "1,2", "-t", "-1,2").fails(1)
    assert run("xent", "--target", "0,1", "-1", "-2").numbers()[0][0] == pytest.approx(1.3132617)


@pytest.mark.parametrize("command", ["hardmax", "softmax", "xent", "kl", "compare"])
def test_typos_stay_errors_that_suggest(run: Run, command: str) -> None:
    message = run(command, "--precison", "2", "1", "-1e-3").fails(2)
    assert "--precision" in message


def test_lists_with_a_mix_or_another_length(run: Run) -> None:
    assert "mix" in run("softmax", "1", "2,3").fails(2)
    message = run("softmax", "1,2", "3,4,5").fails(1)
    assert "3" in message
    assert "2" in message


@pytest.mark.parametrize("option", [["-c", "1"], ["-d", ";"], ["--header"], ["--axis", "row"]])
def test_options_about_rows_are_errors_with_typed_vectors(run: Run, option: list[str]) -> None:
    assert "about rows" in run("softmax", *option, "1", "2").fails(2)


def test_empty_option_values_are_errors(run: Run) -> None:
    assert "''" in run("compare", "-T", "", "1", "2").fails(2)
    assert "''" in run("compare", "--dtype", "", "1", "2").fails(2)
    assert "empty" in run("softmax", "-c", "", "1", "2").fails(2)


def test_arguments_and_a_file_exclude_one_another(run: Run) -> None:
    assert "exclude" in run("softmax", "1", "2", "-i", "x.csv").fails(2)


def test_a_file_name_as_an_argument_is_told_of_the_option(run: Run) -> None:
    assert "-i FILE" in run("softmax", "scores.csv").fails(1)
