"""The worst error of the entmax family on hard vectors, beside its authors' package.

Run from the checkout, after the tests' installation: ``python -m tests.benchmarks.entmax``. The
package is measured where it is installed (``pip install -e '.[rivals]'``), in float64.
"""

import argparse
import importlib
import warnings
from collections.abc import Callable, Iterator

import mpmath
import numpy as np

from softmax_cli.core.entmax import Entmax
from tests.corpus import Vector
from tests.exactly import Mark, entmax_shares
from tests.quantities import Judgement

ALPHAS = (1 + 2.0**-40, 1.001, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 5.0, 11.0)
# Smaller ones, and what misses 1 by less, are counted among the zeros.
TINY = 1e-14
Shares = Callable[[Vector, float], Vector]


def package() -> Shares | None:
    """The shares by the package, if there is one."""
    try:
        entmax, torch = map(importlib.import_module, ("entmax", "torch"))
    except ImportError:
        return None

    def shares(vector: Vector, alpha: float) -> Vector:
        scores = torch.from_numpy(vector)
        exact = {1.5: entmax.entmax15, 2.0: entmax.sparsemax}.get(alpha)
        found = exact(scores, dim=-1) if exact else entmax.entmax_bisect(scores, alpha, dim=-1)
        values: Vector = found.numpy()
        return values

    return shares


def vectors(count: int) -> Iterator[Vector]:
    """Near, on an offset, on the very edge of the support, within a thousandth, far apart."""
    rng = np.random.default_rng(0)
    for number in range(count):
        size = int(rng.integers(2, 9))
        yield (
            rng.normal(size=size),
            rng.normal(size=size) / 10 + 1e6,
            rng.integers(0, 8, size=size) / 4.0,
            -rng.random(size) / 1000,
            rng.normal(size=size) * 10,
        )[number % 5]


def judgements(alpha: float, count: int, rival: Shares | None) -> list[Judgement]:
    """Of shares, logarithms, entropy, and the package's shares."""
    found = [Judgement(0.0, 0, 0)] * (4 if rival else 3)
    for vector in vectors(count):
        ours = Entmax(vector[None], alpha=alpha)
        truth = entmax_shares(vector, alpha)
        logs = [mpmath.log(exact) if exact else mpmath.ninf for exact in truth]
        entropy = -mpmath.fsum(p * log for p, log in zip(truth, logs, strict=True) if p)
        columns = [(ours.probabilities()[0], truth), (ours.log_probabilities()[0], logs)]
        columns += [
            (ours.entropy(), [entropy]),
            *([(rival(vector, alpha), truth)] if rival else []),
        ]
        for i, (values, exacts) in enumerate(columns):
            sizes = [entropy] if i == 2 else truth
            for value, exact, size in zip(values.tolist(), exacts, sizes, strict=True):
                if size > TINY and (i == 2 or size < 1 - TINY):
                    mark = Mark(exact)
                    found[i] += Judgement(mark.distance(value), value == mark.nearest, 1)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100, help="for each alpha (default 100)")
    count = parser.parse_args().cases
    warnings.simplefilter("ignore")
    rival = package()
    print("| alpha | share | logarithm | entropy |", "share, by the entmax package |" * bool(rival))
    print("|" + "---:|" * (5 if rival else 4))
    with mpmath.workprec(500):
        for alpha in ALPHAS:
            found = judgements(alpha, count, rival)
            cells = [f"{j.error:.2g}, {100 * j.nearest / max(1, j.numbers):.2f} %" for j in found]
            print(f"| {alpha:.13g} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
