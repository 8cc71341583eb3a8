"""Time of the core's softmax and log-softmax beside scipy's and torch's.

Run from the checkout, after the tests' installation: ``python -m tests.benchmarks.core``.
It prints a Markdown table: nanoseconds a value here, and the time here as a part of theirs.
"""

import importlib
from collections.abc import Callable
from functools import partial

import numpy as np

from softmax_cli.core.softmax import Logits
from tests.benchmarks import medians
from tests.corpus import SEED, Vector

FUNCTIONS: dict[str, Callable[[Vector], Vector]] = {
    "softmax": lambda x: Logits(x).probabilities(),
    "log_softmax": lambda x: Logits(x).log_probabilities(),
}
SHAPES = [(500_000, 10), (5_000, 1_000), (50, 100_000)]


def _scipy(name: str) -> Callable[[Vector], object]:
    function = getattr(importlib.import_module("scipy.special"), name)
    return lambda x: function(x, axis=1)


def _torch(name: str) -> Callable[[Vector], object]:
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    function = getattr(torch, name)
    return lambda x: function(torch.from_numpy(x), dim=1)


RIVALS = {"scipy": _scipy, "torch, one thread": _torch}


def _data(shape: tuple[int, int], kind: str) -> Vector:
    values: Vector = np.random.default_rng(SEED).normal(size=shape) * 3
    if kind == "a sure winner":
        values[:, 0] += 40
    return values


def main() -> None:
    """Measure and print."""
    print("| rows x classes | logits | function | ns a value |", *(f"{x} |" for x in RIVALS))
    print("|---|---|---|---:|" + "---:|" * len(RIVALS))
    for shape in SHAPES:
        for kind in ("normal, spread 3", "a sure winner"):
            for name in FUNCTIONS:
                _compare(name, shape, kind)


def _compare(name: str, shape: tuple[int, int], kind: str) -> None:
    data = _data(shape, kind)
    methods: dict[str, Callable[[], object]] = {"ours": partial(FUNCTIONS[name], data)}
    for rival, load in RIVALS.items():
        try:
            theirs = load(name)
        except ImportError:
            continue
        methods[rival] = partial(theirs, data)
    times = medians(methods)
    cells = [
        f"{times['ours'] / times[rival]:.2f}" if rival in times else "not installed"
        for rival in RIVALS
    ]
    rows, classes = shape
    nanoseconds = times["ours"] / data.size * 1e9
    print(
        f"| {rows:,} x {classes:,} | {kind} | {name} | {nanoseconds:.1f} |",
        *(f"{x} |" for x in cells),
    )


if __name__ == "__main__":
    main()
