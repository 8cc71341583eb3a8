"""Where scipy, torch and ONNX agree with one another, so do we; torch and ONNX where installed."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special, stats
from scipy.spatial import distance

from tests.conftest import Run
from tests.strategies import Vector

SIZE, ROWS = 4, 12
RANDOM = np.random.default_rng(3)
LOGITS = RANDOM.normal(size=(ROWS, SIZE)) * 4
LABELS = RANDOM.integers(0, SIZE, ROWS)
WEIGHTS = RANDOM.uniform(0.1, 3, SIZE)
REDUCTIONS = ["none", "sum", "mean"]


def some_distributions(rows: int) -> Vector:
    values = RANDOM.random((rows, SIZE)) + 0.01
    normal: Vector = values / values.sum(axis=1, keepdims=True)
    return normal


def csv(rows: Any) -> str:
    return "".join(",".join(map(repr, row)) + "\n" for row in np.asarray(rows).tolist())


def test_scipy_agrees_on_divergences(run: Run, tmp_path: Path) -> None:
    p, q = some_distributions(150), some_distributions(150)
    (tmp_path / "q.csv").write_text(csv(q))
    args = ("kl", "--against", str(tmp_path / "q.csv"), "--breakdown")
    header, *lines = run(*args, stdin=csv(p)).ok().splitlines()
    ours = dict(zip(header.split(","), np.loadtxt(lines, delimiter=",").T, strict=True))
    theirs = {
        "kl": stats.entropy(p, q, axis=1),
        "reverse": stats.entropy(q, p, axis=1),
        "js": distance.jensenshannon(p, q, axis=1) ** 2,
        "entropy": special.entr(p).sum(axis=1),
    }
    for name, expected in theirs.items():
        assert ours[name] == pytest.approx(expected, rel=1e-10, abs=1e-15)
    generalized = run(*args[:-1], "--generalized", stdin=csv(3 * p)).numbers()
    assert np.ravel(generalized) == pytest.approx(special.kl_div(3 * p, q).sum(axis=1), rel=1e-10)


def our_loss(run: Run, folder: Path, targets: str, options: list[str]) -> Vector:
    (folder / "targets").write_text(targets)
    command = ["xent", "--targets", "targets", "--no-header", *options]
    done = run(*command, stdin=csv(LOGITS), cwd=folder)
    return np.loadtxt(done.ok().splitlines(), ndmin=1)


@pytest.mark.parametrize("kind", ["labels", "ignored", "distributions"])
def test_torch_agrees_on_every_combination(run: Run, tmp_path: Path, kind: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    soft = some_distributions(ROWS)
    labels = np.where((LABELS == 0) & (kind == "ignored"), -100, LABELS)
    targets = csv(soft if kind == "distributions" else labels[:, None])
    for weighted, smoothing, reduction in itertools.product(
        (True, False), (0.0, 0.1, 0.7), REDUCTIONS
    ):
        theirs = torch.nn.functional.cross_entropy(
            torch.tensor(LOGITS),
            torch.tensor(soft if kind == "distributions" else labels),
            weight=torch.tensor(WEIGHTS) if weighted else None,
            label_smoothing=smoothing,
            reduction=reduction,
        ).numpy()
        options = ["--label-smoothing", str(smoothing), "--reduction", reduction]
        options += ["-w", ",".join(map(repr, WEIGHTS.tolist()))] if weighted else []
        options += ["--ignore", "-100"] if kind == "ignored" else []
        ours = our_loss(run, tmp_path, targets, options)
        assert ours == pytest.approx(np.ravel(theirs), rel=1e-11, abs=1e-14)


@pytest.mark.parametrize("weighted", [True, False])
def test_onnx_agrees(run: Run, tmp_path: Path, weighted: bool) -> None:
    name = "onnx.reference.ops.op_softmax_cross_entropy_loss"
    theirs = pytest.importorskip(name, reason="onnx is not installed").softmaxcrossentropy
    weights = WEIGHTS if weighted else None
    for reduction in REDUCTIONS:
        options = ["--reduction", reduction]
        options += ["-w", ",".join(map(repr, WEIGHTS.tolist()))] if weighted else []
        ours = our_loss(run, tmp_path, csv(LABELS[:, None]), options)
        expected = theirs(LOGITS, LABELS, weight=weights, reduction=reduction)
        assert ours == pytest.approx(np.ravel(np.asarray(expected)), rel=1e-6, abs=1e-7)
