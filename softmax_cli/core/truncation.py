"""Which classes are left where the tail of a softmax is cut off, as language models' samplers do.

A cut class becomes a masked one, a logit of -inf, so that what is left is a softmax like any other.
Classes with equal logits are kept or cut together: a cut lies between two different logits, and
no cut depends on the classes' order. The winners are never cut.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core.arithmetic import Floats, running_sum_parts, two_product
from softmax_cli.core.logits import Logits, check_rows

# More than two floats hold
_DIGITS: Final = Context(prec=50)


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
    RowError
        As for `Logits`.
    """
    maximum = logits.max(axis=1)
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

    Sums are taken from the end that the cut is nearer to, and with what they round away, so that
    only the last digit of an exponential is left to decide about a mass that nearly equals its
    part of the whole.
    """
    ordered = np.sort(logits, axis=1)[:, ::-1]
    terms = Logits(ordered, temperature=temperature).exponentials
    if mass > 0.5:
        high, low = (part[::-1] for part in running_sum_parts(terms[::-1]))
        tail = 1 - mass  # exact
        count = (_excess(high, low, high[0], low[0], tail) > 0).sum(axis=0)
    else:
        high, low = running_sum_parts(terms)
        total_high, total_low = high[-1], low[-1]
        count = 1 + (_excess(high[:-1], low[:-1], total_high, total_low, mass) < 0).sum(axis=0)
    least: Floats = np.take_along_axis(ordered, count[:, None] - 1, axis=1)[:, 0]
    return least


def _excess(
    high: Floats, low: Floats, total_high: Floats, total_low: Floats, part: float
) -> Floats:
    """A sum minus a part of the total, each given in two floats."""
    product, error = two_product(total_high, part)
    return (high - product) + (low - (error + total_low * part))


def _near_winner(logits: Floats, part: float, temperature: float) -> NDArray[np.bool_]:
    """Whether exp((logit - maximum) / temperature) >= part, by the logarithm in two floats."""
    logarithm = Decimal(part).ln(_DIGITS)
    high = float(logarithm)
    low = float(logarithm - Decimal(high))
    distribution = Logits(logits, temperature=temperature)
    near: NDArray[np.bool_] = (distribution.gap - high) + (distribution.residue - low) >= 0
    return near.T
