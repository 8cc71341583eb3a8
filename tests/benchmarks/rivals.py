"""The same quantities as people get them from other libraries, each library's best way."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.corpus import Case, Vector

Values = float | Vector
Methods = dict[str, dict[str, Callable[[Case], Values]]]


def _one_hot(case: Case) -> Vector:
    values: Vector = np.eye(len(case.p))[case.label]
    return values


def _normalized(p: Vector) -> Vector:
    values: Vector = p / p.sum()
    return values


def _naive_softmax(x: Vector) -> Vector:
    exponentials = np.exp(x)
    values: Vector = exponentials / exponentials.sum()
    return values


def _naive_entropy(p: Vector) -> float:
    return float(-np.sum(p * np.log(p)))


def _naive_kl(p: Vector, q: Vector) -> float:
    return float(np.sum(p * np.log(p / q)))


def _naive_js(p: Vector, q: Vector) -> float:
    middle = (p + q) / 2
    return (_naive_kl(p, middle) + _naive_kl(q, middle)) / 2


def numpy_naive() -> Methods:
    """The textbook's formulas."""

    def softmax(c: Case) -> Vector:
        return _naive_softmax(c.p / c.temperature)

    def pair(c: Case) -> tuple[Vector, Vector]:
        return _normalized(c.p), _normalized(c.q)

    def soft(c: Case) -> tuple[Vector, Vector]:
        return _naive_softmax(c.p), _naive_softmax(c.q)

    def divergences(two: Callable[[Case], tuple[Vector, Vector]]) -> dict[str, Any]:
        return {
            "KL": lambda c: _naive_kl(*two(c)),
            "Jeffreys": lambda c: _naive_kl(*two(c)) + _naive_kl(*two(c)[::-1]),
            "Jensen-Shannon": lambda c: _naive_js(*two(c)),
        }

    return {
        "logits": {
            "softmax": softmax,
            "log-softmax": lambda c: np.log(softmax(c)),
            "logsumexp": lambda c: float(np.log(np.sum(np.exp(c.p / c.temperature)))),
            "entropy": lambda c: _naive_entropy(softmax(c)),
            "perplexity": lambda c: float(np.exp(_naive_entropy(softmax(c)))),
            "cross-entropy": lambda c: float(-np.log(softmax(c)[c.label])),
            "gradient": lambda c: softmax(c) - _one_hot(c),
        },
        "probabilities": {
            "entropy": lambda c: _naive_entropy(_normalized(c.p)),
            "cross-entropy": lambda c: float(-np.log(_normalized(c.p)[c.label])),
            "gradient": lambda c: _normalized(c.p) - _one_hot(c),
            **divergences(pair),
        },
        "two of logits": divergences(soft),
        "a target": {
            "cross-entropy": lambda c: float(-np.sum(_normalized(c.p) * np.log(soft(c)[1]))),
            "KL": lambda c: _naive_kl(_normalized(c.p), soft(c)[1]),
            "gradient": lambda c: soft(c)[1] - _normalized(c.p),
            "perplexity": lambda c: float(np.exp(-np.sum(_normalized(c.p) * np.log(soft(c)[1])))),
        },
    }


def scipy_functions() -> Methods:
    """scipy.special, scipy.stats.entropy and scipy.spatial.distance.jensenshannon."""
    special = importlib.import_module("scipy.special")
    entropy = importlib.import_module("scipy.stats").entropy
    distance = importlib.import_module("scipy.spatial.distance").jensenshannon

    def softmax(c: Case) -> Vector:
        values: Vector = special.softmax(c.p / c.temperature)
        return values

    def logs(c: Case) -> Vector:
        values: Vector = special.log_softmax(c.p / c.temperature)
        return values

    def pair(c: Case) -> tuple[Vector, Vector]:
        return c.p, c.q

    def soft(c: Case) -> tuple[Vector, Vector]:
        return special.softmax(c.p), special.softmax(c.q)

    def divergences(two: Callable[[Case], tuple[Vector, Vector]]) -> dict[str, Any]:
        return {
            "KL": lambda c: entropy(*two(c)),
            "Jeffreys": lambda c: entropy(*two(c)) + entropy(*two(c)[::-1]),
            "Jensen-Shannon": lambda c: distance(*two(c)) ** 2,
        }

    def cross_entropy(c: Case) -> float:
        p = _normalized(c.p)
        return float(-np.sum(np.where(p > 0, p * special.log_softmax(c.q), 0.0)))

    return {
        "logits": {
            "softmax": softmax,
            "log-softmax": logs,
            "logsumexp": lambda c: special.logsumexp(c.p / c.temperature),
            "entropy": lambda c: entropy(softmax(c)),
            "perplexity": lambda c: np.exp(entropy(softmax(c))),
            "cross-entropy": lambda c: -logs(c)[c.label],
            "gradient": lambda c: softmax(c) - _one_hot(c),
        },
        "probabilities": {
            "entropy": lambda c: entropy(c.p),
            "cross-entropy": lambda c: -np.log(_normalized(c.p)[c.label]),
            "gradient": lambda c: _normalized(c.p) - _one_hot(c),
            **divergences(pair),
        },
        "two of logits": divergences(soft),
        "a target": {
            "cross-entropy": cross_entropy,
            "KL": lambda c: entropy(c.p, special.softmax(c.q)),
            "gradient": lambda c: special.softmax(c.q) - _normalized(c.p),
            "perplexity": lambda c: np.exp(cross_entropy(c)),
        },
    }


def torch_functions() -> Methods:
    """torch.nn.functional, torch.distributions and autograd, all in float64."""
    torch = importlib.import_module("torch")
    functional = torch.nn.functional
    kl_divergence = torch.distributions.kl_divergence

    def tensor(x: Vector) -> Any:
        return torch.tensor(x, dtype=torch.float64)

    def logits(c: Case) -> Any:
        return tensor(c.p) / c.temperature

    def categorical(**given: Any) -> Any:
        return torch.distributions.Categorical(**given, validate_args=False)

    def gradient(x: Any, target: Any) -> Vector:
        x = x.clone().requires_grad_()
        functional.cross_entropy(x[None], target[None]).backward()
        values: Vector = x.grad.numpy()
        return values

    def divergences(two: Callable[[Case], tuple[Any, Any]]) -> dict[str, Any]:
        return {
            "KL": lambda c: float(kl_divergence(*two(c))),
            "Jeffreys": lambda c: float(kl_divergence(*two(c)) + kl_divergence(*two(c)[::-1])),
        }

    def soft_loss(c: Case) -> float:
        target = tensor(_normalized(c.p))
        return float(functional.cross_entropy(tensor(c.q)[None], target[None]))

    def soft_kl(c: Case) -> float:
        logs = functional.log_softmax(tensor(c.q), dim=0)
        return float(functional.kl_div(logs, tensor(_normalized(c.p)), reduction="sum"))

    return {
        "logits": {
            "softmax": lambda c: torch.softmax(logits(c), dim=0).numpy(),
            "log-softmax": lambda c: torch.log_softmax(logits(c), dim=0).numpy(),
            "logsumexp": lambda c: float(torch.logsumexp(logits(c), dim=0)),
            "entropy": lambda c: float(categorical(logits=logits(c)).entropy()),
            "perplexity": lambda c: float(categorical(logits=logits(c)).perplexity()),
            "cross-entropy": lambda c: float(
                functional.cross_entropy(logits(c)[None], torch.tensor([c.label]))
            ),
            "gradient": lambda c: gradient(logits(c), torch.tensor(c.label)),
        },
        "probabilities": {
            "entropy": lambda c: float(categorical(probs=tensor(c.p)).entropy()),
            "cross-entropy": lambda c: float(
                -categorical(probs=tensor(c.p)).log_prob(torch.tensor(c.label))
            ),
            **divergences(
                lambda c: (categorical(probs=tensor(c.p)), categorical(probs=tensor(c.q)))
            ),
        },
        "two of logits": divergences(
            lambda c: (categorical(logits=tensor(c.p)), categorical(logits=tensor(c.q)))
        ),
        "a target": {
            "cross-entropy": soft_loss,
            "KL": soft_kl,
            "gradient": lambda c: gradient(tensor(c.q), tensor(_normalized(c.p))),
            "perplexity": lambda c: float(np.exp(soft_loss(c))),
        },
    }
