"""Which classes are left where the tail of a softmax is cut off, as language models' samplers do.

A cut class becomes a masked one, a logit of -inf, so that what is left is a softmax like any other.
Classes with equal logits are kept or cut together: a cut lies between two different logits, and
no cut depends on the classes' order. The winners are never cut.
"""

from __future__ import annotations

import numpy as np

from softmax_cli.core.doubledouble import Bools, DoubleDouble, Floats, log, quiet, running_sum
from softmax_cli.core.softmax import Logits, check_rows


def truncate(
    logits: Floats,
    /,
    *,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    temperature: float = 1.0,
) -> Floats:
    """Logits with -inf for the classes that are cut.

    Parameters
    ----------
    logits : array, shape (rows, classes)
        As for `Logits`.
    top_k : int, optional
        Keep so many of the largest, and all that equal the last of them (Fan, Lewis and Dauphin,
        "Hierarchical neural story generation", 2018).
    top_p : float, optional
        Of these keep the fewest whose probabilities sum to this at least, in (0, 1] (Holtzman et
        al., "The curious case of neural text degeneration", 2020).
    min_p : float, optional
        Of these keep those with at least this part of the winner's probability, in [0, 1] (Nguyen
        et al., "Turning up the heat: min-p sampling", 2025).
    temperature : float
        Divides the logits before probabilities are taken for `top_p` and `min_p`.

    Raises
    ------
    RowErrors
        As for `Logits`.
    """
    maximum = logits.max(axis=1, initial=-np.inf)
    if not np.isfinite(maximum).all():
        check_rows(logits.T, maximum)
    kept = logits
    if top_k is not None and top_k < logits.shape[1]:
        least = np.partition(kept, -top_k, axis=1)[:, -top_k]
        kept = _from(kept, least)
    if top_p is not None and top_p < 1:
        kept = _from(kept, _least_of_mass(kept, top_p, temperature))
    if min_p:
        kept = np.where(_near_winner(logits, min_p, temperature), kept, -np.inf)
    return kept


def _from(logits: Floats, least: Floats) -> Floats:
    return np.where(logits >= least[:, None], logits, -np.inf)


def _least_of_mass(logits: Floats, mass: float, temperature: float) -> Floats:
    """The smallest logit among the fewest largest that hold so much of the probability, (rows,).

    Sums are taken from the end that the cut is nearer to, and in two parts, so that it is right
    also where a mass nearly equals its part of the whole.
    """
    ordered = np.sort(logits, axis=1)[:, ::-1]
    with quiet():
        terms = Logits(ordered, temperature=temperature).mass.plain()
        if mass > 0.5:
            sums = running_sum(terms[::-1])[::-1]
            count = ((sums - sums[0] * (1 - mass)).high > 0).sum(axis=0)  # 1 - mass is exact
        else:
            sums = running_sum(terms)
            count = 1 + ((sums[:-1] - sums[-1] * mass).high < 0).sum(axis=0)
    least: Floats = np.take_along_axis(ordered, count[:, None] - 1, axis=1)[:, 0]
    return least


def _near_winner(logits: Floats, part: float, temperature: float) -> Bools:
    """Whether exp((logit - maximum) / temperature) >= part, by the logarithm in two parts."""
    with quiet():
        shifted = Logits(logits, temperature=temperature).shifted
        near: Bools = (shifted - log(DoubleDouble(part))).high >= 0
    return near.T
