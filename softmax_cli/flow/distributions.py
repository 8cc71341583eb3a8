"""Numbers as distributions, by what `--from` says they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from softmax_cli.core.probabilities import (
    SILENT,
    Distribution,
    Masses,
    Probabilities,
    from_log_probabilities,
    log_probability_sums,
)
from softmax_cli.core.softmax import Logits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softmax_cli.core.doubledouble import Floats
    from softmax_cli.messages import Notices


def distribution(
    values: Floats,
    kind: str,
    places: Sequence[str],
    notices: Notices,
    *,
    normalize: bool = False,
) -> Distribution:
    """Rows of logits, probs or logprobs as a distribution each, or of masses as they are.

    Raises
    ------
    RowError
        A row is no distribution.
    """
    if kind == "logits":
        return Logits(values)
    if kind == "masses":
        return Masses(values)
    if kind == "logprobs":
        logits = from_log_probabilities(values, normalize=normalize)
        if not normalize:
            note_sums(log_probability_sums(logits), places, notices)
        return logits
    probabilities = Probabilities(values, normalize=normalize)
    if not normalize:
        note_sums(probabilities.sums, places, notices)
    return probabilities


def note_sums(sums: Floats, places: Sequence[str], notices: Notices) -> None:
    """Note the rows whose sum is off by more than rounding to six digits explains."""
    off = np.flatnonzero(np.abs(sums - 1) > SILENT)
    if len(off):
        message = f"probabilities sum to {sums[off[0]]:.6g}; divided by it"
        notices.add("sum", places[int(off[0])], message, len(off))
