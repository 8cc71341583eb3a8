"""Numbers as distributions, by what `--from` says they are."""

from __future__ import annotations

import numpy as np

from softmax_cli.core.doubledouble import Floats
from softmax_cli.core.probabilities import SILENT, Distribution, Masses, Probabilities
from softmax_cli.core.softmax import Logits, from_log_probabilities
from softmax_cli.errors import RowErrors
from softmax_cli.input.rows import Block, Locations
from softmax_cli.messages import Notices


def distribution(
    block: Block, kind: str, notices: Notices, *, normalize: bool = False
) -> Distribution:
    """Return rows of logits, probs or logprobs as a distribution each, or of masses as they are.

    Sums that are off by more than rounding are noted. Raises `RowErrors` for other rows.
    """
    values = block.values
    if kind == "logits":
        return Logits(values)
    if kind == "masses":
        return Masses(values)
    if kind == "logprobs":
        logits = from_log_probabilities(values, normalize=normalize)
        if not normalize:
            note_sums(np.exp(logits.logsumexp()), block.locations, notices)
        return logits
    probabilities = Probabilities(values, normalize=normalize)
    if not normalize:
        note_sums(probabilities.sums, block.locations, notices)
    return probabilities


def distribution_of_other(
    block: Block, kind: str, notices: Notices, *, normalize: bool
) -> Distribution:
    """Return rows of another input as distributions; errors have their own location."""
    try:
        return distribution(block, kind, notices, normalize=normalize)
    except RowErrors as raised:
        for row, error in raised.errors.items():
            error.location = error.location or block.locations.at(row)
        raise


def note_sums(sums: Floats, locations: Locations, notices: Notices) -> None:
    """Note the rows whose sum is off by more than rounding to six digits explains."""
    off = np.flatnonzero(np.abs(sums - 1) > SILENT)
    if len(off):
        message = f"probabilities sum to {sums[off[0]]:.6g}; divided by it"
        notices.add("sum", locations.at(int(off[0])), message, len(off))
