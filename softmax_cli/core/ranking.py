"""Functions of the order of a row's scores: the winner, the ranking, and truncation."""

from typing import Final

import numpy as np

from softmax_cli.core.doubledouble import Bools, DoubleDouble, Floats, Indices, running_sum
from softmax_cli.core.elementary import log
from softmax_cli.core.softmax import Logits, row_maxima

# With a smaller margin the runner-up's softmax probability is more than half of the winner's.
CLOSE: Final = float(np.log(2))  # rounded down


def hardmax(scores: Floats, /) -> tuple[Floats, Bools, Floats]:
    """Return the largest score of each row, the classes that have it, and their margin.

    Scores and winners have the shape (rows, classes). The margin, from the winner to the runner-up,
    is 0 for a tie and inf for a lone class. Raises `RowErrors` as `Logits` does.
    """
    value = row_maxima(scores.T)
    winners = scores == value[:, None]
    runner_up = np.where(winners, -np.inf, scores).max(axis=1, initial=-np.inf)
    margin = np.where(winners.sum(axis=1) > 1, 0.0, value - runner_up)
    return value, winners, margin


def is_among_best(scores: Floats, classes: Indices, count: int, /) -> Bools:
    """Return whether a class of each row is one of its `count` best, shape (rows,).

    Of equal scores the later is the better, as in scikit-learn's `top_k_accuracy_score`.
    """
    own = scores[np.arange(len(classes)), classes][:, None]
    is_later = np.arange(scores.shape[1]) > classes[:, None]
    better = (scores > own) | ((scores == own) & is_later)
    return np.asarray(np.count_nonzero(better, axis=1) < count)


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
