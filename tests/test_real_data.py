"""The digits and the iris table that scikit-learn ships, through the command line."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests import digits
from tests.conftest import Run

TOLERANCE = 1e-12


class Fitted:
    """A classifier's scores as CSV with a header, and what scikit-learn makes of them."""

    def __init__(self, data: object, prefix: str) -> None:
        features, self.labels = data.data, data.target  # type: ignore[attr-defined]
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        model.fit(features, self.labels)
        self.probabilities = model.predict_proba(features)
        self.predictions = model.predict(features)
        self.loss = log_loss(self.labels, self.probabilities)
        self.names = [f"{prefix}{name}" for name in data.target_names]  # type: ignore[attr-defined]
        text = io.StringIO()
        text.write(",".join(["label", *self.names]) + "\n")
        for label, scores in zip(self.labels, model.decision_function(features), strict=True):
            text.write(",".join([self.names[label], *map(repr, scores.tolist())]) + "\n")
        self.csv = text.getvalue()


@pytest.fixture(scope="module", params=["digits", "iris"])
def fitted(request: pytest.FixtureRequest) -> Fitted:
    if request.param == "digits":
        return Fitted(load_digits(), "d")
    return Fitted(load_iris(), "")


def table(text: str) -> tuple[list[str], NDArray[np.float64]]:
    header, *lines = text.splitlines()
    return header.split(","), np.array([line.split(",") for line in lines], float)


def test_softmax_is_predict_proba(run: Run, fitted: Fitted) -> None:
    header, probabilities = table(run("softmax", "-c", "2-", stdin=fitted.csv).ok())
    assert header == fitted.names
    assert probabilities == pytest.approx(fitted.probabilities, abs=TOLERANCE, rel=TOLERANCE)


def test_hardmax_is_predict(run: Run, fitted: Fitted) -> None:
    header, winners = table(run("hardmax", "-c", "2-", stdin=fitted.csv).ok())
    assert header == ["index"]
    assert winners[:, 0].tolist() == fitted.predictions.tolist()
    names = run("hardmax", "-c", "2-", "--as", "name", stdin=fitted.csv).ok().splitlines()
    assert names[1:] == [fitted.names[i] for i in fitted.predictions]


def test_xent_is_log_loss(run: Run, fitted: Fitted) -> None:
    args = ("xent", "--target-column", "label")
    _, mean = table(run(*args, "--reduction", "mean", stdin=fitted.csv).ok())
    assert mean[0, 0] == pytest.approx(fitted.loss, abs=TOLERANCE)
    _, losses = table(run(*args, stdin=fitted.csv).ok())
    own = fitted.probabilities[np.arange(len(fitted.labels)), fitted.labels]
    assert losses[:, 0] == pytest.approx(-np.log(own), abs=TOLERANCE)


def test_xent_of_the_probabilities_is_the_same(run: Run, fitted: Fitted) -> None:
    rows = zip(fitted.labels, fitted.probabilities.tolist(), strict=True)
    text = "".join(",".join([str(label), *map(repr, p)]) + "\n" for label, p in rows)
    args = ("xent", "--from", "probs", "--target-column", "1", "--reduction", "mean")
    assert run(*args, stdin=text).numbers()[0][0] == pytest.approx(fitted.loss, abs=TOLERANCE)


def test_worst_finds_most_of_the_swapped_labels(run: Run) -> None:
    scores, lines = digits.swapped()
    args = ("xent", "--target-column", "label", "--worst", str(len(lines)))
    found = run(*args, stdin=scores.csv()).ok().splitlines()[1:]
    worst = {int(line.split(",")[0]) for line in found}
    assert len(worst & set(lines.tolist())) > 0.8 * len(lines)


def test_counts_and_focal_factor_give_rare_classes_more_of_the_loss(run: Run) -> None:
    text = digits.unbalanced().csv()

    def rare_part(*args: str) -> float:
        done = run("xent", "--target-column", "label", "-f", "json", *args, stdin=text).ok()
        classes = json.loads(done)["summary"]["by_class"]
        return float(sum(of["share"] for of in classes[-2:]))

    counts = ",".join(map(str, digits.KEPT))
    plain, weighted, focal = (
        rare_part(),
        rare_part("--class-counts", counts),
        rare_part("--focal", "2"),
    )
    assert plain < 0.25 < focal < weighted
    assert weighted > 0.6
