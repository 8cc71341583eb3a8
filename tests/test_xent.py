"""What is asked of a loss besides its value: a temperature, classes, tokens, perplexity."""

import json
from itertools import product

import mpmath
import pytest

from tests.conftest import Run
from tests.exactly import Reference, ulps

GRID = "2,1,0.1\n-3,0.5,7\n"


def test_a_temperature_divides_the_logits(run: Run) -> None:
    rows, temperature = [[2.0, 1, 0.1], [-3, 0.5, 7]], 1.7
    exact = [Reference.of_logits(row, temperature) for row in rows]
    ours = run("xent", "-t", "0", "-T", "1.7", stdin=GRID).numbers()
    gradients = run("xent", "-t", "0", "-T", "1.7", "--gradient", stdin=GRID).numbers()
    for q, (loss,), gradient in zip(exact, ours, gradients, strict=True):
        assert ulps(loss, -q.log_p[0]) <= 0.51
        for i, found in enumerate(gradient):
            by_logit = (-q.complement(0) if i == 0 else q.p[i]) / mpmath.mpf(temperature)
            assert ulps(found, by_logit) <= 0.51
    kl = run("kl", "--from", "logits", "--temperature", "1.7", stdin=GRID).numbers()
    assert ulps(kl[0][0], exact[0].kl(exact[1])) <= 1


@pytest.mark.parametrize("top", [1, 2, 3])
def test_top_k_accuracy_has_the_ties_of_scikit_learn(run: Run, top: int) -> None:
    rows = [(*scores, label) for scores in product((0, 1, 2), repeat=3) for label in range(3)]
    args = ["xent", "--target-column", "4", "--top", str(top), "-f", "json"]
    found = json.loads(run(*args, stdin="".join(f"{a},{b},{c},{y}\n" for a, b, c, y in rows)).ok())
    # np.argsort(scores, kind="stable")[::-1][:K]
    best = [sorted(range(3), key=lambda i: (row[i], i))[-top:] for row in rows]
    right = [row[3] in classes for row, classes in zip(rows, best, strict=True)]
    assert found["summary"]["correct"] == sum(right)
    assert found["summary"]["by_class"][1]["correct"] == sum(right[1::3])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("xent 2,1 -t 0 -T 0", "--temperature must be greater than 0"),
        ("xent 0.5,0.5 -t 0 -T 2 --from probs", "divides logits: give --from logits"),
        ("kl 0.5,0.5 0.1,0.9 -T 2", "divides logits: give --from logits"),
        ("xent 2,1 -t 0 -T 2 --sampled 3", "--sampled does not go with -T"),
        ("xent 2,1 -t 0 --top 2 --negative 3", "--top does not go with --negative"),
    ],
)
def test_wrong_usage(run: Run, line: str, message: str) -> None:
    assert message in run(*line.split()).fails(2)
