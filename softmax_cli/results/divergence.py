"""The divergences of pairs of distributions."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from softmax_cli.core import divergences
from softmax_cli.core.distribution import Distribution
from softmax_cli.core.doubledouble import Floats
from softmax_cli.input.rows import Block
from softmax_cli.messages import Notices
from softmax_cli.output.layout import Summary
from softmax_cli.results.class_names import Names, class_names
from softmax_cli.results.field_layout import Field, FieldLayout
from softmax_cli.results.pairs import pair_of
from softmax_cli.results.settings import UNITS
from softmax_cli.run.totals import Totals

_TITLES: Final = {
    "kl": "KL(P||Q)",
    "reverse": "KL(Q||P)",
    "jeffreys": "Jeffreys",
    "js": "JS",
    "entropy": "H(P)",
    "cross_entropy": "H(P,Q)",
}
# Of masses there are divergences alone
_OF_MASSES: Final = tuple(_TITLES)[:4]


class DivergenceResult:
    """Each pair's divergences and entropies in the unit of a base.

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
        return divergences.cross_entropy(self._p, self._q, base=self._base)

    @property
    def p(self) -> Floats:
        return self._p.probabilities()

    @property
    def q(self) -> Floats:
        return self._q.probabilities()

    @cached_property
    def terms(self) -> Floats:
        return divergences.kl_terms(self._p, self._q, base=self._base)


class Divergence:
    """Makes results of blocks; `shown` are the keys that are shown."""

    def __init__(
        self, kind: str, base: str, shown: frozenset[str], names: Names, *, normalize: bool
    ) -> None:
        self._kind = kind
        self._base = base
        self._shown = shown
        self._names = names
        self._normalize = normalize

    def __call__(self, block: Block, notices: Notices) -> DivergenceResult:
        """Return the divergences of a block; raise `RowErrors` for rows that have none."""
        p, q = pair_of(block, self._kind, notices, normalize=self._normalize)
        if {"kl", "jeffreys"} & self._shown:
            self._note_infinite(p, q, "P", "Q", block, notices)
        if {"reverse", "jeffreys"} & self._shown:
            self._note_infinite(q, p, "Q", "P", block, notices)
        return DivergenceResult(p, q, self._base)

    def _note_infinite(
        self, p: Distribution, q: Distribution, a: str, b: str, block: Block, notices: Notices
    ) -> None:
        impossible = divergences.impossible(p, q)
        rows = np.flatnonzero(impossible.any(axis=1))
        if len(rows):
            name = class_names(np.flatnonzero(impossible[rows[0]])[:1], self._names)[0]
            message = f"KL({a}||{b}) is inf: {a} has class {name} and {b} rules it out"
            notices.add(a, block.locations.at(int(rows[0])), message, len(rows))


def add_up(result: DivergenceResult, divergence: str) -> Totals:
    """Return the number of pairs and the sum of a divergence."""
    return Totals(len(result), {divergence: getattr(result, divergence)})


def summarise(totals: Totals, divergence: str) -> Summary:
    """Return the number of pairs, and the sum and mean of a divergence."""
    total, mean = totals.sum(divergence), totals.mean(divergence)
    return {"rows": totals.rows, f"{divergence}_sum": total, f"{divergence}_mean": mean}


def row_keys(divergence: str, *, breakdown: bool) -> tuple[str, ...]:
    """Return the columns of delimited text."""
    return tuple(_TITLES) if breakdown else (divergence,)


def shown_keys(row: tuple[str, ...], form: str) -> frozenset[str]:
    """Return the keys that a format shows."""
    return frozenset(row if form in ("csv", "tsv", "npy") else _TITLES)


def layout(row: tuple[str, ...], divergence: str, base: str, *, of_masses: bool) -> FieldLayout:
    """Return the layout of a divergence, or of all of them and the entropies."""
    unit, keys = UNITS[base], _OF_MASSES if of_masses else tuple(_TITLES)
    identity = [Field(key, _TITLES[key], unit) for key in ("entropy", "kl", "cross_entropy")]
    return FieldLayout(
        row,
        keys,
        [Field(key, _TITLES[key]) for key in keys],
        (
            Field("p", "P"),
            Field("q", "Q"),
            Field("terms", "P log(P/Q) - P + Q" if of_masses else "P log(P/Q)"),
            Field("terms", "", "bar"),
        ),
        footer=[Field(key, _TITLES[key], unit) for key in _OF_MASSES],
        identity=() if of_masses else identity,
        summary=(
            Field("rows", "rows"),
            Field(f"{divergence}_mean", f"mean {_TITLES[divergence]}", unit),
            Field(f"{divergence}_sum", "sum", unit),
        ),
    )
