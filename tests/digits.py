"""Scores of a classifier on the digits that scikit-learn ships, with trouble put in on purpose.

``python -m tests.digits FOLDER`` writes swapped.csv into a folder, by default this one.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 5


def swapped() -> tuple[str, list[int]]:
    """Rows of CSV with a part of the labels wrong, and the lines of those.

    The logits are of a model that had not seen the row.
    """
    features, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng(SEED)
    wrong = np.sort(rng.choice(len(labels), round(0.05 * len(labels)), replace=False))
    labels[wrong] = (labels[wrong] + rng.integers(1, 10, len(wrong))) % 10
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=0.1))
    folds = StratifiedKFold(5, shuffle=True, random_state=SEED)
    logits = cross_val_predict(model, features, labels, cv=folds, method="decision_function")
    lines = ["label," + ",".join(f"d{i}" for i in range(10))]
    for label, row in zip(labels.tolist(), logits.tolist(), strict=True):
        lines.append(f"d{label}," + ",".join(f"{x:.6g}" for x in row))
    return "\n".join(lines) + "\n", (wrong + 2).tolist()


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    (folder / "swapped.csv").write_text(swapped()[0], encoding="utf-8")
