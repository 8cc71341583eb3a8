"""The digits and the iris table that scikit-learn ships, through the command line."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests import digits
from tests.conftest import Run


@pytest.mark.parametrize(("load", "prefix"), [(load_digits, "d"), (load_iris, "")])
def test_scikit_learn_agrees(run: Run, load: Callable[[], Any], prefix: str) -> None:
    data = load()
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit(data.data, data.target)
    exact = model.predict_proba(data.data)
    names = np.array([f"{prefix}{name}" for name in data.target_names])

    def csv(rows: Any) -> str:
        labelled = zip(names[data.target], rows.tolist(), strict=True)
        lines = [",".join([label, *map(repr, row)]) for label, row in labelled]
        return "\n".join([",".join(["label", *names]), *lines]) + "\n"

    def below_header(header: str, *args: str) -> np.ndarray:
        first, *lines = run(*args, stdin=scores).ok().splitlines()
        assert first == header
        return np.array([line.split(",") for line in lines])

    scores = csv(model.decision_function(data.data))
    shown = below_header(",".join(names), "softmax", "-c", "2-").astype(float)
    assert shown == pytest.approx(exact, abs=1e-12, rel=1e-12)
    winners = below_header("index", "hardmax", "-c", "2-").astype(int)
    assert (winners[:, 0] == model.predict(data.data)).all()
    assert (below_header("name", "hardmax", "-c", "2-", "--as", "name") == names[winners]).all()
    xent = ("xent", "--target-column", "label")
    each = below_header("loss", *xent).astype(float)[:, 0]
    own = exact[np.arange(len(exact)), data.target]
    assert each == pytest.approx(-np.log(own), abs=1e-12)
    mean = below_header("loss", *xent, "--reduction", "mean").astype(float)
    assert mean[0, 0] == pytest.approx(log_loss(data.target, exact), abs=1e-12)
    scores = csv(exact)
    again = below_header("loss", *xent, "--from", "probs").astype(float)[:, 0]
    assert again == pytest.approx(each, abs=1e-12)


def test_worst_finds_most_of_the_swapped_labels(run: Run) -> None:
    scores, lines = digits.swapped()
    found = run("xent", "--target-column", "label", "--worst", str(len(lines)), stdin=scores).ok()
    worst = {int(line.split(",")[0]) for line in found.splitlines()[1:]}
    assert len(worst & set(lines)) > 0.8 * len(lines)
