"""The worst error of every quantity on every family of hard cases, beside other libraries.

Run from the checkout, after the tests' installation: ``python -m tests.benchmarks.accuracy``.
It prints two Markdown tables, the worst family of each quantity and then all of them.
"""

from __future__ import annotations

import argparse
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tests.benchmarks import rivals
from tests.corpus import SEED, Case, cases
from tests.quantities import GIVEN, QUANTITIES, Judge, Values

RIVALS: dict[str, Callable[[], rivals.Methods]] = {
    "numpy, naive": rivals.numpy_naive,
    "scipy": rivals.scipy_functions,
    "torch": rivals.torch_functions,
}
# Their exact values take seconds.
LONG = "33 to 17,000 classes"
ALL_DIGITS = 2.0**52


class Line(NamedTuple):
    """One line of the table: each method's worst error in ulps, nan where there is no number."""

    given: str
    quantity: str
    family: str
    errors: dict[str, float]


class _Unavailable(dict[str, dict[str, Callable[[Case], Values]]]):
    """A library that is not installed."""


def _installed() -> dict[str, rivals.Methods]:
    found: dict[str, rivals.Methods] = {}
    for name, methods in RIVALS.items():
        try:
            found[name] = methods()
        except ImportError:
            found[name] = _Unavailable()
    return found


def measure(count: int, others: dict[str, rivals.Methods]) -> Iterator[Line]:
    """Lines for so many cases of each family."""
    for given in (name for name in GIVEN if name != "log-probabilities"):
        for family, make in GIVEN[given].families.items():
            worst: dict[str, dict[str, float]] = {name: {} for name in QUANTITIES[given]}
            for case in cases(make, count if family != LONG else max(1, count // 40)):
                _judge(given, case, others, worst)
            for quantity, errors in worst.items():
                yield Line(given, quantity, family, errors)


def _judge(
    given: str,
    case: Case,
    others: dict[str, rivals.Methods],
    worst: dict[str, dict[str, float]],
) -> None:
    pair, judge = GIVEN[given].ours(case), Judge(given, case)
    for name, quantity in QUANTITIES[given].items():
        values = {"softmax-cli": quantity.ours(pair)}
        for rival, methods in others.items():
            if name in methods.get(given, {}):
                values[rival] = methods[given][name](case)
        for method, computed in values.items():
            error = max(judge.error(name, computed), 0.0)
            worst[name][method] = max(worst[name].get(method, 0.0), error)


def _text(error: float | None) -> str:
    if error is None:
        return "-"
    if math.isinf(error):
        return "no number"
    if error >= ALL_DIGITS:
        return "all digits"
    return f"{error:.1f}" if error < 100 else f"{error:,.0f}" if error < 1e6 else f"{error:.1e}"


def _print(lines: Sequence[Line], others: dict[str, rivals.Methods]) -> None:
    names = ["softmax-cli", *others]
    labels = (
        ["given", "quantity", "family"]
        if any(line.family for line in lines)
        else ["given", "quantity"]
    )
    print("|", " | ".join([*labels, *names]), "|")
    print("|" + "---|" * len(labels) + "---:|" * len(names))
    for line in lines:
        errors = [
            "not installed"
            if isinstance(others.get(name), _Unavailable)
            else _text(line.errors.get(name))
            for name in names
        ]
        print("|", " | ".join([*filter(None, line[:3]), *errors]), "|")


def _worst_families(lines: Sequence[Line]) -> list[Line]:
    merged: dict[tuple[str, str], Line] = {}
    for line in lines:
        known = merged.setdefault((line.given, line.quantity), line._replace(family="", errors={}))
        for name, error in line.errors.items():
            known.errors[name] = max(known.errors.get(name, 0.0), error)
    return list(merged.values())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=200, help="of each family (default 200)")
    count = parser.parse_args().cases
    warnings.simplefilter("ignore")
    others = _installed()
    with np.errstate(all="ignore"):
        lines = list(measure(count, others))
    print(f"Worst error in ulps of {count} cases of each family, seed {SEED}.\n")
    _print(_worst_families(lines), others)
    print()
    _print(lines, others)


if __name__ == "__main__":
    main()
