"""The worst error of the entmax family on hard vectors, beside its authors' package.

Run from the checkout, after the tests' installation: ``python -m tests.benchmarks.entmax``. The
package is measured where it is installed (``pip install -e '.[rivals]'``), in float64.
"""

from __future__ import annotations

import argparse
import importlib
import warnings
from collections.abc import Callable, Iterator

import mpmath
import numpy as np

from softmax_cli.core.entmax import Entmax
from tests.corpus import Vector
from tests.exactly import entmax_shares, ulps

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


def worst(alpha: float, count: int, rival: Shares | None) -> list[float]:
    """The worst error in ulps of shares, logarithms, entropy, and of the package's shares."""
    errors = [0.0] * (4 if rival else 3)
    for vector in vectors(count):
        ours = Entmax(vector[None], alpha=alpha)
        found = [ours.probabilities()[0], ours.log_probabilities()[0]]
        theirs = rival(vector, alpha) if rival else vector
        truth = entmax_shares(vector, alpha)
        for i, exact in enumerate(truth):
            if TINY < exact < 1 - TINY:
                errors[0] = max(errors[0], ulps(found[0][i], exact))
                errors[1] = max(errors[1], ulps(found[1][i], mpmath.log(exact)))
                if rival:
                    errors[3] = max(errors[3], ulps(theirs[i], exact))
        entropy = -mpmath.fsum(p * mpmath.log(p) for p in truth if p)
        if entropy > TINY:
            errors[2] = max(errors[2], ulps(ours.entropy()[0], entropy))
    return errors


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
            errors = worst(alpha, count, rival)
            print(f"| {alpha:.13g} |", " | ".join(f"{e:.2g}" for e in errors), "|", flush=True)


if __name__ == "__main__":
    main()
