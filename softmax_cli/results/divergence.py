"""The divergences of pairs of distributions."""

from functools import cached_property
from typing import Final

import numpy as np

from softmax_cli.core import divergences, losses
from softmax_cli.core.doubledouble import Floats
from softmax_cli.core.probabilities import Distribution
from softmax_cli.input.rows import Block
from softmax_cli.messages import Notices
from softmax_cli.option_rules import UNITS, DivergenceSettings
from softmax_cli.output.fields import Field, Layout, Names, class_names
from softmax_cli.results.pairs import checked_against, distribution
from softmax_cli.run.pipeline import Computation

_TITLES: Final = {
    "kl": "KL(P||Q)",
    "reverse": "KL(Q||P)",
    "jeffreys": "Jeffreys",
    "js": "JS",
    "entropy": "H(P)",
    "cross_entropy": "H(P,Q)",
}
# Masses have only divergences
_OF_MASSES: Final = tuple(_TITLES)[:4]


class DivergenceResult:
    """The divergences and entropies of pairs, with logarithms to a base.

    Attributes have the shape (rows,), p, q and terms (rows, classes).
    """

    def __init__(self, p: Distribution, q: Distribution, base: str) -> None:
        self._p = p
        self._q = q
        self._base = base

    def __len__(self) -> int:
        return len(self._p.masked)

    @cached_property
    def kl(self) -> Floats:
        return divergences.kl_divergence(self._p, self._q, base=self._base)

    @cached_property
    def reverse(self) -> Floats:
        return divergences.kl_divergence(self._q, self._p, base=self._base)

    @cached_property
    def jeffreys(self) -> Floats:
        return divergences.jeffreys(self._p, self._q, base=self._base)

    @cached_property
    def js(self) -> Floats:
        return divergences.jensen_shannon(self._p, self._q, base=self._base)

    @cached_property
    def entropy(self) -> Floats:
        return self._p.entropy(base=self._base)

    @cached_property
    def cross_entropy(self) -> Floats:
        return losses.cross_entropy(self._q, self._p, base=self._base)

    @property
    def p(self) -> Floats:
        return self._p.probabilities()

    @property
    def q(self) -> Floats:
        return self._q.probabilities()

    @cached_property
    def terms(self) -> Floats:
        return divergences.kl_terms(self._p, self._q, base=self._base)


class Divergences(Computation):
    """Computes the divergences of pairs, and warns of infinite ones that are asked for."""

    def __init__(self, settings: DivergenceSettings, names: Names) -> None:
        self._settings = settings
        self._names = names
        self.averaged = (settings.divergence,)
        self._row = tuple(_TITLES) if settings.breakdown else (settings.divergence,)

    def compute(self, block: Block, notices: Notices) -> DivergenceResult:
        settings, others = self._settings, checked_against(block)
        kind = "masses" if settings.generalized else settings.kind
        form = kind, notices, settings.normalize, settings.temperature
        p, q = distribution(block, *form), distribution(others, *form)
        if others.values.strides[0] == 0:  # one vector for all rows; notices count it for each
            q = distribution(others.take(slice(1)), kind, Notices(), *form[2:])
        for key, a, b, one, other in (("kl", "P", "Q", p, q), ("reverse", "Q", "P", q, p)):
            if not {key, "jeffreys"}.intersection(self._row):
                continue
            rows, classes = np.nonzero(divergences.impossible(one, other))
            if len(rows):
                name, location = class_names(classes, self._names)[0], block.locations.at(rows[0])
                why = f"class {name} has probability 0 in {b}, but not in {a}"
                notices.add(a, location, f"KL({a}||{b}) is inf: {why}", len(np.unique(rows)))
        return DivergenceResult(p, q, settings.base)

    def layout(self) -> Layout:
        settings, unit = self._settings, UNITS[self._settings.base]
        total, of_masses = settings.divergence, settings.generalized
        keys = _OF_MASSES if of_masses else tuple(_TITLES)
        identity = [Field(key, _TITLES[key], unit) for key in ("entropy", "kl", "cross_entropy")]
        terms = Field("terms", "P log(P/Q) - P + Q" if of_masses else "P log(P/Q)")
        mean = Field(f"{total}_mean", f"mean {_TITLES[total]}", unit)
        return Layout(
            self._row,
            keys,
            [Field(key, _TITLES[key]) for key in keys],
            (Field("p", "P"), Field("q", "Q"), terms, Field("terms", "", "bar")),
            footer=[Field(key, _TITLES[key], unit) for key in _OF_MASSES],
            identity=() if of_masses else identity,
            summary=(Field("rows", "rows"), mean, Field(f"{total}_sum", "sum", unit)),
        )
