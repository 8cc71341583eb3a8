"""The worst error of every quantity on every family of hard cases, beside other libraries.

The first table also says how many of the numbers are the nearest floats.

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
from tests.quantities import GIVEN, QUANTITIES, Judge, Judgement

RIVALS: dict[str, Callable[[], rivals.Methods]] = {
    "numpy, naive": rivals.numpy_naive,
    "scipy": rivals.scipy_functions,
    "torch": rivals.torch_functions,
}
# Their exact values take seconds.
LONG = "33 to 17,000 classes"
ALL_DIGITS = 2.0**52


class Line(NamedTuple):
    """One line of the table: each method's score."""

    given: str
    quantity: str
    family: str
    scores: dict[str, Judgement]


# The libraries' methods, or none of one that is not installed
Others = dict[str, rivals.Methods | None]


def _installed() -> Others:
    found: Others = {}
    for name, methods in RIVALS.items():
        try:
            found[name] = methods()
        except ImportError:
            found[name] = None
    return found


def measure(count: int, others: Others) -> Iterator[Line]:
    """Lines for so many cases of each family."""
    for given in (name for name in GIVEN if name != "log-probabilities"):
        for family, make in GIVEN[given].families.items():
            scores: dict[str, dict[str, Judgement]] = {name: {} for name in QUANTITIES[given]}
            for case in cases(make, count if family != LONG else max(1, count // 40)):
                _judge(given, case, others, scores)
            for quantity, of_methods in scores.items():
                yield Line(given, quantity, family, of_methods)


def _judge(given: str, case: Case, others: Others, scores: dict[str, dict[str, Judgement]]) -> None:
    pair, judge = GIVEN[given].ours(case), Judge(given, case)
    for name, quantity in QUANTITIES[given].items():
        values = {"softmax-cli": quantity.ours(pair)}
        for rival, methods in others.items():
            method = (methods or {}).get(given, {}).get(name)
            if method is not None:
                values[rival] = method(case)
        for source, computed in values.items():
            score = judge.judge(name, computed)
            known = scores[name].get(source)
            scores[name][source] = known + score if known else score


def _text(score: Judgement | None, *, short: bool) -> str:
    if score is None:
        return "-"
    error = score.error
    if math.isinf(error):
        text = "no number"
    elif error >= ALL_DIGITS:
        text = "all digits"
    elif error < 100:
        text = f"{error:.2f}"
    else:
        text = f"{error:,.0f}" if error < 1e6 else f"{error:.1e}"
    return text if short else f"{text}, {100 * score.nearest / score.numbers:.2f} %"


def _print(lines: Sequence[Line], others: Others) -> None:
    names = ["softmax-cli", *others]
    by_family = any(line.family for line in lines)
    labels = ["given", "quantity", *(["family"] if by_family else [])]
    print("|", " | ".join([*labels, *names]), "|")
    print("|" + "---|" * len(labels) + "---:|" * len(names))
    for line in lines:
        errors = [
            "not installed"
            if name in others and others[name] is None
            else _text(line.scores.get(name), short=by_family)
            for name in names
        ]
        print("|", " | ".join([*filter(None, line[:3]), *errors]), "|")


def _worst_families(lines: Sequence[Line]) -> list[Line]:
    merged: dict[tuple[str, str], Line] = {}
    for line in lines:
        known = merged.setdefault((line.given, line.quantity), line._replace(family="", scores={}))
        for name, score in line.scores.items():
            known.scores[name] = known.scores[name] + score if name in known.scores else score
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
    print(f"Worst error in ulps of {count} cases of each family, seed {SEED}; nearest floats.\n")
    _print(_worst_families(lines), others)
    print()
    _print(lines, others)


if __name__ == "__main__":
    main()
