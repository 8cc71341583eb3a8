"""The worst error of every quantity on families of hard cases, beside other libraries.

Run from the checkout, after the tests' installation: ``python -m tests.benchmarks.accuracy``.
It prints two Markdown tables: of all families of each quantity, and of each family. Each says how
many of the numbers are the nearest floats, too.
"""

import argparse
import math
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tests.benchmarks import rivals
from tests.corpus import SEED, Case, blocks
from tests.quantities import GIVEN, QUANTITIES, Judge, Judgement

RIVALS: dict[str, Callable[[], rivals.Methods]] = {
    "numpy, naive": rivals.numpy_naive,
    "scipy": rivals.scipy_functions,
    "torch": rivals.torch_functions,
}
# Families of many classes, whose exact values take long, and a part of the number of cases for them
LONG = {
    "33 to 17,000 classes": 1 / 40,
    "just under 1/2 of 33 to 256": 1 / 4,
    "concentrated against diffuse": 1 / 4,
    "sparse, many classes": 1 / 4,
}
ALL_DIGITS = 2.0**52


# By the method that is judged
Scores = defaultdict[str, Judgement]


class Line(NamedTuple):
    """One line of the table: each method's score."""

    given: str
    quantity: str
    family: str
    scores: Scores


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


def measure(given: str, values: int, others: Others) -> Iterator[Line]:
    """Lines of each family, for so many values of each quantity in all."""
    families = GIVEN[given].families
    parts = {family: LONG.get(family, 1) for family in families}
    for family, make in families.items():
        count = math.ceil(values * parts[family] / sum(parts.values()))
        scores = {name: _no_scores() for name in QUANTITIES[given]}
        for block in blocks(make, count):
            _judge(given, block, others, scores)
        for quantity, of_methods in scores.items():
            yield Line(given, quantity, family, of_methods)


def _no_scores() -> Scores:
    return defaultdict(lambda: Judgement(0.0, 0, 0))


def _judge(given: str, block: list[Case], others: Others, scores: dict[str, Scores]) -> None:
    pair = GIVEN[given].ours(block)
    ours = {name: quantity.ours(pair) for name, quantity in QUANTITIES[given].items()}
    for row, case in enumerate(block):
        judge = Judge(given, case)
        for name, computed in ours.items():
            values = {"softmax-cli": computed[row]}
            for rival, methods in others.items():
                method = (methods or {}).get(given, {}).get(name)
                if method is not None:
                    values[rival] = method(case)
            for source, value in values.items():
                scores[name][source] += judge.judge(name, value)


def _text(score: Judgement | None) -> str:
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
    return f"{text}, {100 * score.nearest / score.numbers:.2f} %"


def _print(lines: Sequence[Line], others: Others) -> None:
    names = ["softmax-cli", *others]
    print("|", " | ".join(["given", "quantity", "family", "values", *names]), "|")
    print("|---|---|---|---:|" + "---:|" * len(names))
    for line in lines:
        numbers = f"{line.scores['softmax-cli'].numbers:,}"
        errors = [
            "not installed"
            if name in others and others[name] is None
            else _text(line.scores.get(name))
            for name in names
        ]
        print("|", " | ".join([*line[:3], numbers, *errors]), "|")


def _all_families(lines: Sequence[Line]) -> list[Line]:
    merged: dict[tuple[str, str], Line] = {}
    for line in lines:
        known = merged.setdefault(line[:2], line._replace(family="all", scores=_no_scores()))
        for name, score in line.scores.items():
            known.scores[name] += score
    return list(merged.values())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--values", type=int, default=2000, help="of each quantity, at least (default 2000)"
    )
    parser.add_argument("--given", nargs="*", choices=GIVEN, default=[*GIVEN], help="default: all")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    others = _installed()
    with np.errstate(all="ignore"):
        lines = [
            line for given in arguments.given for line in measure(given, arguments.values, others)
        ]
    print(f"Worst error in ulps and share of nearest floats, seed {SEED}.\n")
    _print(_all_families(lines), others)
    print()
    _print(lines, others)


if __name__ == "__main__":
    main()
