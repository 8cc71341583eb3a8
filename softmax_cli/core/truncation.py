"""Truncation of unlikely classes before sampling: top-k, top-p and min-p."""

import numpy as np

from softmax_cli.core.doubledouble import DoubleDouble, Floats, running_sum
from softmax_cli.core.elementary import log
from softmax_cli.core.softmax import Logits, row_maxima


def truncate(
    scores: Floats,
    /,
    *,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    temperature: float = 1.0,
    kind: type[Logits] = Logits,
) -> Floats:
    """Return scores, shape (rows, classes), with -inf for the classes that are truncated.

    They are logits, or probabilities with `Tempered` as their `kind`.

    Keep the `top_k` largest, and all equal to the last of them (Fan, Lewis and Dauphin,
    "Hierarchical neural story generation", 2018); of these the fewest whose probabilities sum to
    at least `top_p`, in (0, 1] (Holtzman et al., "The curious case of neural text degeneration",
    2020); of these those with at least `min_p`, in [0, 1], times the winner's probability (Nguyen
    et al., "Turning up the heat: min-p sampling", 2025). Equal scores are kept or cut together,
    and winners are never cut. Raises `RowErrors` as `Logits` does.
    """
    row_maxima(scores.T)
    kept = scores
    if top_k is not None and top_k < scores.shape[1]:
        least = np.partition(kept, -top_k, axis=1)[:, -top_k]
        kept = np.where(kept >= least[:, None], kept, -np.inf)
    if top_p is not None and top_p < 1:
        least = _least_of_top_p(kept, top_p, kind, temperature)
        kept = np.where(kept >= least[:, None], kept, -np.inf)
    if min_p:
        shifted = kind(scores, temperature=temperature).shifted
        near = (shifted - log(DoubleDouble(min_p))).high >= 0
        kept = np.where(near.T, kept, -np.inf)
    return kept


def _least_of_top_p(scores: Floats, top_p: float, kind: type[Logits], temperature: float) -> Floats:
    """Return the smallest score that top-p truncation keeps, shape (rows,).

    Sums are in double-double and start from the end nearer to the cut, so that the cut is correct
    even where a sum nearly equals `top_p`.
    """
    ordered = np.sort(scores, axis=1)[:, ::-1]
    terms = kind(ordered, temperature=temperature).mass.plain()
    if top_p > 0.5:
        sums = running_sum(terms[::-1])[::-1]
        count = ((sums - sums[0] * (1 - top_p)).high > 0).sum(axis=0)  # 1 - top_p is exact
    else:
        sums = running_sum(terms)
        count = 1 + ((sums[:-1] - sums[-1] * top_p).high < 0).sum(axis=0)
    least: Floats = np.take_along_axis(ordered, count[:, None] - 1, axis=1)[:, 0]
    return least
