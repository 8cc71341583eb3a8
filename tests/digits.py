"""Scores of a classifier on the digits that scikit-learn ships, with trouble put in on purpose."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 5
SWAPPED = 0.05
# So many of each digit are kept where they are to be unbalanced.
KEPT = [170, 170, 170, 170, 170, 170, 170, 170, 12, 12]


class Scores(NamedTuple):
    """Labels, and logits for each class from a model that had not seen the row."""

    labels: NDArray[np.intp]
    logits: NDArray[np.float64]

    def csv(self) -> str:
        """A column of labels and one for each digit."""
        lines = ["label," + ",".join(f"d{i}" for i in range(10))]
        for label, row in zip(self.labels.tolist(), self.logits.tolist(), strict=True):
            lines.append(f"d{label}," + ",".join(f"{x:.6g}" for x in row))
        return "\n".join(lines) + "\n"


def _scored(features: NDArray[np.float64], labels: NDArray[np.intp]) -> Scores:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=0.1))
    folds = StratifiedKFold(5, shuffle=True, random_state=SEED)
    logits = cross_val_predict(model, features, labels, cv=folds, method="decision_function")
    return Scores(labels, logits)


def swapped() -> tuple[Scores, NDArray[np.intp]]:
    """All digits with a part of the labels wrong, and the lines of those in the CSV."""
    features, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng(SEED)
    wrong = np.sort(rng.choice(len(labels), round(SWAPPED * len(labels)), replace=False))
    labels[wrong] = (labels[wrong] + rng.integers(1, 10, len(wrong))) % 10
    return _scored(features, labels), wrong + 2


def unbalanced() -> Scores:
    """Digits of which two are rare."""
    features, labels = load_digits(return_X_y=True)
    rows = np.concatenate(
        [np.flatnonzero(labels == digit)[:count] for digit, count in enumerate(KEPT)]
    )
    return _scored(features[rows], labels[rows])


def main() -> None:
    """Write swapped.csv, swapped.lines and unbalanced.csv into a folder, by default this one."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    scores, lines = swapped()
    (folder / "swapped.csv").write_text(scores.csv(), encoding="utf-8")
    (folder / "swapped.lines").write_text(
        "".join(f"{n}\n" for n in lines.tolist()), encoding="utf-8"
    )
    (folder / "unbalanced.csv").write_text(unbalanced().csv(), encoding="utf-8")


if __name__ == "__main__":
    main()
