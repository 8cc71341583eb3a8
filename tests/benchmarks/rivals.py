"""The same quantities as people get them from other libraries, each library's best way."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.corpus import Case, Vector

Values = float | Vector
Methods = dict[str, dict[str, Callable[[Case], Values]]]


def _one_hot(case: Case) -> Vector:
    return np.where(np.arange(len(case.p)) == case.label, 1.0, 0.0)


def _normalized(p: Vector) -> Vector:
    values: Vector = p / p.sum()
    return values


def _methods(
    softmax: Callable[[Vector], Vector],
    log_softmax: Callable[[Vector], Vector],
    logsumexp: Callable[[Vector], float],
    entropy: Callable[[Vector], float],
    kl: Callable[[Vector, Vector], float],
    js: Callable[[Vector, Vector], float],
    prepared: Callable[[Vector], Vector],
) -> Methods:
    """Every quantity by a library's functions of arrays, which may divide by the sum themselves."""

    def logits(c: Case) -> Vector:
        return c.p / c.temperature

    def pair(c: Case) -> tuple[Vector, Vector]:
        return prepared(c.p), prepared(c.q)

    def soft(c: Case) -> tuple[Vector, Vector]:
        return softmax(c.p), softmax(c.q)

    def soft_loss(c: Case) -> float:
        p = _normalized(c.p)
        return float(-np.sum(np.where(p > 0, p * log_softmax(c.q), 0.0)))

    def divergences(two: Callable[[Case], tuple[Vector, Vector]]) -> dict[str, Any]:
        return {
            "KL": lambda c: kl(*two(c)),
            "Jeffreys": lambda c: kl(*two(c)) + kl(*two(c)[::-1]),
            "Jensen-Shannon": lambda c: js(*two(c)),
        }

    return {
        "logits": {
            "softmax": lambda c: softmax(logits(c)),
            "log-softmax": lambda c: log_softmax(logits(c)),
            "logsumexp": lambda c: logsumexp(logits(c)),
            "entropy": lambda c: entropy(softmax(logits(c))),
            "perplexity": lambda c: float(np.exp(entropy(softmax(logits(c))))),
            "cross-entropy": lambda c: -log_softmax(logits(c))[c.label],
            "gradient": lambda c: softmax(logits(c)) - _one_hot(c),
        },
        "probabilities": {
            "entropy": lambda c: entropy(prepared(c.p)),
            "cross-entropy": lambda c: -np.log(_normalized(c.p)[c.label]),
            "gradient": lambda c: _normalized(c.p) - _one_hot(c),
        },
        "two of probabilities": divergences(pair),
        "two of logits": divergences(soft),
        "a target": {
            "cross-entropy": soft_loss,
            "KL": lambda c: kl(prepared(c.p), softmax(c.q)),
            "gradient": lambda c: softmax(c.q) - _normalized(c.p),
            "perplexity": lambda c: float(np.exp(soft_loss(c))),
        },
    }


def numpy_naive() -> Methods:
    """The textbook's formulas."""

    def softmax(x: Vector) -> Vector:
        return _normalized(np.exp(x))

    def kl(p: Vector, q: Vector) -> float:
        return float(np.sum(p * np.log(p / q)))

    return _methods(
        softmax,
        lambda x: np.log(softmax(x)),
        lambda x: float(np.log(np.sum(np.exp(x)))),
        lambda p: float(-np.sum(p * np.log(p))),
        kl,
        lambda p, q: (kl(p, (p + q) / 2) + kl(q, (p + q) / 2)) / 2,
        _normalized,
    )


def scipy_functions() -> Methods:
    """scipy.special, scipy.stats.entropy and scipy.spatial.distance.jensenshannon."""
    special = importlib.import_module("scipy.special")
    entropy = importlib.import_module("scipy.stats").entropy
    distance = importlib.import_module("scipy.spatial.distance").jensenshannon
    return _methods(
        special.softmax,
        special.log_softmax,
        special.logsumexp,
        entropy,
        entropy,
        lambda p, q: distance(p, q) ** 2,
        lambda p: p,
    )


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
        },
        "two of probabilities": divergences(
            lambda c: (categorical(probs=tensor(c.p)), categorical(probs=tensor(c.q)))
        ),
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
