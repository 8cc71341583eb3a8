"""Hard vectors and pairs: by family, the same for the same seed; and as hypothesis draws them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from softmax_cli.core.losses import Objective
from tests.exactly import Reference

Vector = NDArray[np.float64]
SEED = 20260722


class Case(NamedTuple):
    """One vector, or two, with what is asked of them."""

    p: Vector
    q: Vector
    label: int
    temperature: float = 1.0
    objective: Objective = Objective()

    @property
    def block(self) -> tuple[object, ...]:
        """What cases that are rows of one block have in common."""
        counts = b"" if len(self.q) == len(self.p) else self.q.tobytes()
        return len(self.p), counts, self.temperature, id(self.objective)

    def backwards(self) -> Case:
        """The same with the classes in the other order."""
        p, q = self.p[::-1], self.q[::-1]
        last = len(p) - 1 - self.label
        return self._replace(p=p, q=p if self.q is self.p else q, label=last)


Family = Callable[[np.random.Generator], Case]


def blocks(family: Family, count: int) -> list[list[Case]]:
    """So many cases of a family, in blocks."""
    found = [family(np.random.default_rng([SEED, number])) for number in range(count)]
    groups: dict[object, list[Case]] = {}
    for case in found:
        groups.setdefault(case.block, []).append(case)
    return list(groups.values())


def _size(rng: np.random.Generator) -> int:
    return int(rng.integers(1, 12))


def _case(rng: np.random.Generator, p: Vector, q: Vector | None = None, t: float = 1.0) -> Case:
    return Case(p, p if q is None else q, int(rng.choice(np.flatnonzero(p > -np.inf))), t)


def _near(rng: np.random.Generator) -> Case:
    return _case(rng, rng.normal(size=_size(rng)) * 3)


def _far(rng: np.random.Generator) -> Case:
    return _case(rng, rng.uniform(-350, 350, _size(rng)))


def _winner(rng: np.random.Generator) -> Case:
    logits = -rng.uniform(30, 745, _size(rng) + 1)
    logits[0] = 0.0
    return _case(rng, logits + rng.choice([0.0, 12.34, -700.1]))


def _anywhere(rng: np.random.Generator) -> Case:
    size = _size(rng)
    return _case(rng, rng.choice([-1.0, 1.0], size) * 10.0 ** rng.uniform(-5, 308.2, size))


def _offset(rng: np.random.Generator) -> Case:
    offset = rng.choice([1e3, -1e6, 1e9, 1e15, 1e300])
    return _case(rng, offset + rng.normal(size=_size(rng)) * 10.0 ** rng.uniform(-3, 2))


def _tied(rng: np.random.Generator) -> Case:
    return _case(rng, rng.choice([0.0, 1.5, -700.25, 1.4999999], _size(rng)))


def _equal(rng: np.random.Generator) -> Case:
    return _case(rng, np.full(_size(rng), rng.normal() * 10.0 ** rng.uniform(-300, 300)))


def _masked(rng: np.random.Generator) -> Case:
    logits = rng.normal(size=_size(rng) + 1) * rng.choice([1.0, 30.0, 300.0])
    logits[1:][rng.random(len(logits) - 1) < 0.4] = -np.inf
    return _case(rng, logits)


def _tempered(rng: np.random.Generator) -> Case:
    temperature = float(10.0 ** rng.uniform(-300, 300))
    scale = temperature * 10.0 ** rng.uniform(-2, 3)
    return _case(rng, rng.normal(size=_size(rng)) * scale, t=temperature)


def _wide(rng: np.random.Generator) -> Case:
    size = int(rng.choice([33, 1_000, 17_000]))
    return _case(rng, rng.normal(size=size) * rng.choice([0.1, 3.0, 30.0, 300.0]))


def _half(rng: np.random.Generator) -> Case:
    """A winner whose probability is just under 1/2."""
    logits = rng.normal(size=int(rng.integers(33, 257))) * rng.choice([0.0, 1.0])
    logits[0] = np.log(np.exp(logits[1:]).sum()) - 10.0 ** rng.uniform(-16, -1)
    return _case(rng, logits)


LOGITS: dict[str, Family] = {
    "spread 3": _near,
    "spread 700": _far,
    "a winner by 30 to 745": _winner,
    "anything up to 1e308": _anywhere,
    "offset 1e3 to 1e300": _offset,
    "ties": _tied,
    "all equal": _equal,
    "masked classes": _masked,
    "temperature 1e-300 to 1e300": _tempered,
    "33 to 17,000 classes": _wide,
    "just under 1/2 of 33 to 256": _half,
}


def _likely(rng: np.random.Generator, p: Vector, q: Vector) -> Case:
    return Case(p, q, int(rng.choice(np.flatnonzero(p))))


def _probabilities(rng: np.random.Generator, size: int, tails: list[float]) -> Vector:
    weights = rng.uniform(0.01, 1, size) * rng.choice(tails, size)
    weights[rng.integers(size)] = rng.uniform(0.5, 1)
    values: Vector = weights / weights.sum()
    return values


def _unrelated(rng: np.random.Generator) -> Case:
    size, tails = _size(rng), [1, 1e-3, 1e-17, 1e-200]
    return _likely(rng, _probabilities(rng, size, tails), _probabilities(rng, size, tails))


def _with_zeros(rng: np.random.Generator) -> Case:
    size = _size(rng)
    p, q = (_probabilities(rng, size, [1, 1e-3, 0, 0]) for _ in range(2))
    return _likely(rng, p, q)


def _printed(rng: np.random.Generator) -> Case:
    """Probabilities as a program prints them that has float32: they sum to 1.0000001 or so."""
    size = _size(rng)
    p, q = (
        np.array([float(str(x)) for x in _probabilities(rng, size, [1, 0.01]).astype(np.float32)])
        for _ in range(2)
    )
    return _likely(rng, p, q)


def _apart(distance: float) -> Family:
    def family(rng: np.random.Generator) -> Case:
        p = _probabilities(rng, _size(rng), [1, 1e-3, 1e-17])
        q = p * (1 + distance * rng.uniform(-0.9, 0.9, len(p)))
        return _likely(rng, p, q / q.sum())

    return family


def _subnormal(rng: np.random.Generator) -> Case:
    """Probabilities some of which are subnormal, and their multiples with any sum."""
    size, tails = _size(rng), [1, 1e-290, 1e-308, 1e-320, 5e-324]
    scales = rng.choice([1, 1, 1e-310, 1e-300, 1e300], 2)
    p, q = (_probabilities(rng, size, tails) * scale for scale in scales)
    return _likely(rng, p, q)


PROBABILITIES: dict[str, Family] = {
    "unrelated": _unrelated,
    "zeros": _with_zeros,
    "printed float32": _printed,
    "1 apart": _apart(1.0),
    "1e-2 apart": _apart(1e-2),
    "1e-8 apart": _apart(1e-8),
    "1e-15 apart": _apart(1e-15),
    "subnormal": _subnormal,
}


def _mass(pairs: Family) -> Family:
    def family(rng: np.random.Generator) -> Case:
        case, scales = pairs(rng), 10.0 ** rng.uniform(-5, 5, 2)
        return case._replace(p=case.p * scales[0], q=case.q * rng.choice(scales))

    return family


MASSES: dict[str, Family] = {name: _mass(family) for name, family in PROBABILITIES.items()}


def _two(one: Family) -> Family:
    def family(rng: np.random.Generator) -> Case:
        p = one(rng).p
        return _case(rng, p, rng.permutation(p) + rng.normal(size=len(p)))

    return family


def _moved(distance: float) -> Family:
    def family(rng: np.random.Generator) -> Case:
        p = rng.normal(size=_size(rng)) * rng.choice([1.0, 10.0, 200.0])
        return _case(rng, p, p + distance * rng.normal(size=len(p)))

    return family


def _concentrated(rng: np.random.Generator) -> Case:
    """P of one class or two, Q of all."""
    size = int(rng.choice([33, 100, 300]))
    p = rng.normal(size=size) + rng.choice([-20.0, -40.0, -np.inf])
    p[:2] = 0.0, rng.choice([p[1], np.log(3)])
    return _case(rng, p, rng.normal(size=size) * rng.choice([0.0, 0.1, 1.0]))


LOGIT_PAIRS: dict[str, Family] = {
    "spread 3": _two(_near),
    "spread 700": _two(_far),
    "a winner by 30 to 745": _two(_winner),
    "masked classes": _two(_masked),
    "33 to 17,000 classes": _two(_wide),
    "1 apart": _moved(1.0),
    "1e-2 apart": _moved(1e-2),
    "1e-8 apart": _moved(1e-8),
    "1e-15 apart": _moved(1e-15),
    "concentrated against diffuse": _concentrated,
}


def _logs_of(pairs: Family, *fields: str) -> Family:
    def family(rng: np.random.Generator) -> Case:
        case = pairs(rng)
        with np.errstate(divide="ignore"):
            return case._replace(**{field: np.log(getattr(case, field)) for field in fields})

    return family


LOG_PROBABILITIES: dict[str, Family] = {
    name: _logs_of(family, "p", "q") for name, family in PROBABILITIES.items()
}
TARGETS_OF_LOGS: dict[str, Family] = {
    name: _logs_of(family, "q") for name, family in PROBABILITIES.items()
}


def _soft(rng: np.random.Generator) -> Case:
    """A target of probabilities beside a prediction of logits."""
    p = _probabilities(rng, _size(rng), [1, 1e-3, 1e-17, 0])
    return _likely(rng, p, rng.normal(size=len(p)) * rng.choice([1.0, 10.0, 200.0]))


def _fitted(distance: float) -> Family:
    """A prediction that all but agrees with its target."""

    def family(rng: np.random.Generator) -> Case:
        p = _probabilities(rng, _size(rng), [1, 1e-3, rng.choice([1, 1e-17, 1e-200])])
        return _likely(rng, p, np.log(p) + distance * rng.normal(size=len(p)))

    return family


def _vast(rng: np.random.Generator) -> Case:
    """A prediction whose -log q may be past the largest float64, a part of which is not."""
    p = _probabilities(rng, _size(rng), [1, 0.1])
    return _likely(
        rng, p, rng.choice([-1.0, 1.0], len(p)) * 10.0 ** rng.uniform(300, 308.2, len(p))
    )


def _sparse(rng: np.random.Generator) -> Case:
    """A target of few classes, a prediction of many."""
    size = int(rng.choice([33, 100, 300]))
    p = np.zeros(size)
    p[:3] = _probabilities(rng, 3, [1, 1e-3, 1e-17, 0])
    return _likely(rng, p, rng.normal(size=size) * rng.choice([0.0, 0.1, 1.0, 10.0]))


TARGETS: dict[str, Family] = {
    "unrelated": _soft,
    "1e-2 apart": _fitted(1e-2),
    "1e-8 apart": _fitted(1e-8),
    "1e-15 apart": _fitted(1e-15),
    "logits up to 1e308": _vast,
    "sparse, many classes": _sparse,
}


def _smoothed(objective: Objective) -> Family:
    """A target that all but agrees with its prediction once it is smoothed."""

    def family(rng: np.random.Generator) -> Case:
        e, p = objective.smoothing, _probabilities(rng, _size(rng), [1, 1e-3, 1e-17])
        q = np.log((1 - e) * p + e / len(p))
        target = np.array([float(len(p) * x - e) for x in Reference.of_logits(q).p])
        return _likely(rng, np.maximum(target, 0), q)._replace(objective=objective)

    return family


SMOOTHED = {f"smoothing {e}": _smoothed(Objective(smoothing=e)) for e in (1e-3, 0.3, 0.5)}


def _objectives(*families: Family) -> dict[str, Family]:
    """Families of the losses of others, with some of their parameters."""

    def with_(*parameters: str) -> Family:
        def family(rng: np.random.Generator) -> Case:
            case = families[int(rng.integers(len(families)))](rng)
            weights = rng.uniform(0, 3, len(case.p)) * rng.choice([1, 1, 1e-9, 0], len(case.p))
            smoothing, focal = rng.choice([1e-9, 0.1, 0.3, 1]), 10.0 ** rng.uniform(-1, 2)
            every = {"weights": weights, "smoothing": smoothing, "focal": focal}
            return case._replace(objective=Objective(**{name: every[name] for name in parameters}))

        return family

    names = ("weights", "smoothing", "focal")
    return {"all three": with_(*names), **{name: with_(name) for name in names}}


def _tree(rng: np.random.Generator) -> Case:
    """Scores of a tree's inner nodes, and its counts."""
    counts = rng.integers(1, 1000, _size(rng) + 1).astype(float)
    scores = rng.normal(size=len(counts) - 1) * rng.choice([1e-9, 1, 10, 200])
    return Case(scores, counts, int(rng.integers(len(counts))))


LABEL_LOSSES = _objectives(_near, _far, _winner)
TARGET_LOSSES = _objectives(_soft, _soft, _soft, _sparse)
TREES: dict[str, Family] = {"up to 12 classes": _tree}


def _floats(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


@st.composite
def logits(draw: st.DrawFn, min_size: int = 1, max_size: int = 8) -> Vector:
    """Close, far apart, near a large offset, tied, or anything finite."""
    size = draw(st.integers(min_size, max_size))
    kind = draw(st.sampled_from(["near", "far", "offset", "gap", "tied", "any"]))

    def many(low: float, high: float) -> list[float]:
        return draw(st.lists(_floats(low, high), min_size=size, max_size=size))

    if kind == "near":
        numbers = many(-5, 5)
    elif kind == "far":
        numbers = many(-800, 800)
    elif kind == "offset":
        offset = draw(st.sampled_from([1e3, -1e6, 1e9, 1e15, 1e300]))
        numbers = [offset + x for x in many(-50, 50)]
    elif kind == "gap":
        below = many(30, 760)
        numbers = [0.0, *(-x for x in below[1:])]
    elif kind == "tied":
        numbers = [draw(st.sampled_from([0.0, 1.5, -700.25])) for _ in range(size)]
    else:
        numbers = many(-1.7e308, 1.7e308)
    return np.array(numbers)


@st.composite
def probabilities(draw: st.DrawFn, min_size: int = 1, max_size: int = 8) -> Vector:
    """Positive numbers that sum to 1 but for rounding, some of them tiny, some 0."""
    size = draw(st.integers(min_size, max_size))
    scale = st.sampled_from([1.0, 1e-3, 1e-17, 1e-200, 0.0])
    weights = [draw(_floats(0.01, 1)) * draw(scale) for _ in range(size)]
    weights[draw(st.integers(0, size - 1))] = draw(_floats(0.5, 1))
    values: Vector = np.array(weights) / np.sum(weights)
    return values


temperatures = st.sampled_from([1.0, 0.5, 0.1, 3.0, 7.3, 1e-3, 1e3, 1e-300, 1e300])
