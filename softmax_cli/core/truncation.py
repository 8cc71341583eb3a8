"""Truncation of the tail of a softmax, as language models' samplers do it.

A class that is cut becomes a masked one, a logit of -inf, so that what is left is a softmax like
any other. Classes with equal logits are kept or cut together: a cut lies between two different
logits, whatever the classes' order. The winners are never cut.
"""

from __future__ import annotations

import numpy as np

from softmax_cli.core.doubledouble import DoubleDouble, Floats, running_sum
from softmax_cli.core.elementary import log
from softmax_cli.core.softmax import Logits, row_maxima


def truncate(
    logits: Floats,
    /,
    *,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    temperature: float = 1.0,
) -> Floats:
    """Logits, shape (rows, classes), with -inf for the classes that are cut.

    Keep the `top_k` largest and all that equal the last of them (Fan, Lewis and Dauphin,
    "Hierarchical neural story generation", 2018); of these the fewest whose probabilities sum to
    `top_p` at least, in (0, 1] (Holtzman et al., "The curious case of neural text degeneration",
    2020); of these those with at least `min_p` times the winner's probability, in [0, 1] (Nguyen
    et al., "Turning up the heat: min-p sampling", 2025). Raises `RowErrors` as `Logits` does.
    """
    row_maxima(logits.T)
    kept = logits
    if top_k is not None and top_k < logits.shape[1]:
        least = np.partition(kept, -top_k, axis=1)[:, -top_k]
        kept = np.where(kept >= least[:, None], kept, -np.inf)
    if top_p is not None and top_p < 1:
        least = _least_of_top_p(kept, top_p, temperature)
        kept = np.where(kept >= least[:, None], kept, -np.inf)
    if min_p:
        shifted = Logits(logits, temperature=temperature).shifted
        near = (shifted - log(DoubleDouble(min_p))).high >= 0
        kept = np.where(near.T, kept, -np.inf)
    return kept


def _least_of_top_p(logits: Floats, top_p: float, temperature: float) -> Floats:
    """The smallest logit among the fewest largest that have so much probability, shape (rows,).

    Sums are taken from the end that the cut is nearer to, in double-double, so that the cut is
    right also where a sum nearly equals `top_p`.
    """
    ordered = np.sort(logits, axis=1)[:, ::-1]
    terms = Logits(ordered, temperature=temperature).mass.plain()
    if top_p > 0.5:
        sums = running_sum(terms[::-1])[::-1]
        count = ((sums - sums[0] * (1 - top_p)).high > 0).sum(axis=0)  # 1 - top_p is exact
    else:
        sums = running_sum(terms)
        count = 1 + ((sums[:-1] - sums[-1] * top_p).high < 0).sum(axis=0)
    least: Floats = np.take_along_axis(ordered, count[:, None] - 1, axis=1)[:, 0]
    return least
