"""The fields of a divergence between pairs of distributions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from softmax_cli.core import divergences
from softmax_cli.flow.naming import class_names

if TYPE_CHECKING:
    from softmax_cli.core.probabilities import Distribution
    from softmax_cli.flow.computing import LazyFields
    from softmax_cli.messages import Notices


def divergence_fields(
    p: Distribution,
    q: Distribution,
    base: str,
    names: Sequence[str] | None,
    places: Sequence[str],
    notices: Notices,
    shown: Collection[str],
) -> LazyFields:
    """Each pair's divergences and entropies in the unit of a base.

    A class that makes one of the fields shown infinite is noted by name.
    """

    def note_infinite(of: Distribution, to: Distribution, a: str, b: str) -> None:
        impossible = divergences.impossible(of, to)
        infinite = np.flatnonzero(impossible.any(axis=1))
        if len(infinite):
            row = int(infinite[0])
            name = class_names(np.flatnonzero(impossible[row])[:1], names)[0]
            message = f"KL({a}||{b}) is inf: {a} has class {name} and {b} rules it out"
            notices.add(a, places[row], message, len(infinite))

    if not {"kl", "jeffreys"}.isdisjoint(shown):
        note_infinite(p, q, "P", "Q")
    if not {"reverse", "jeffreys"}.isdisjoint(shown):
        note_infinite(q, p, "Q", "P")

    return {
        "kl": lambda: divergences.kl_divergence(p, q, base=base),
        "reverse": lambda: divergences.kl_divergence(q, p, base=base),
        "jeffreys": lambda: divergences.jeffreys(p, q, base=base),
        "js": lambda: divergences.jensen_shannon(p, q, base=base),
        "entropy": lambda: p.entropy(base=base),
        "cross_entropy": lambda: divergences.cross_entropy(p, q, base=base),
        "p": p.probabilities,
        "q": q.probabilities,
        "terms": lambda: divergences.kl_terms(p, q, base=base),
    }
