"""Every quantity, given in every way, on every family of hard cases, against exact values."""

from __future__ import annotations

import pytest

from tests.corpus import cases
from tests.quantities import GIVEN, QUANTITIES, Judge

CASES = 20
FEW = 2


@pytest.mark.parametrize(
    ("given", "family"), [(name, family) for name in GIVEN for family in GIVEN[name].families]
)
def test_the_promise(given: str, family: str) -> None:
    kind = GIVEN[given]
    for case in cases(kind.families[family], FEW if "17,000" in family else CASES):
        pair, judge = kind.ours(case), Judge(given, case)
        for name, quantity in QUANTITIES[given].items():
            error = judge.judge(name, quantity.ours(pair)).error
            assert error <= quantity.bound_of(family), f"{name} of {case}"
