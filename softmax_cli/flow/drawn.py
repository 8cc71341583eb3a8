"""What a table, or JSON, shows of the draws behind an estimate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from softmax_cli.core.sampling import SampledSoftmax, scattered
from softmax_cli.flow.loss import counted
from softmax_cli.flow.naming import class_names, ragged

if TYPE_CHECKING:
    from softmax_cli.core.doubledouble import Floats
    from softmax_cli.core.losses import Labels
    from softmax_cli.core.sampling import Indices
    from softmax_cli.flow.computing import LazyFields
    from softmax_cli.flow.schemes import Scheme
    from softmax_cli.flow.targets import Truth
    from softmax_cli.output.results import Values

# The fields of single classes that were drawn, the target's first.
DRAWN: Final = frozenset(
    {"read", "read_scores", "times", "expected_times", "parts", "drawn", "gradient"}
)


def drawn_fields(
    scheme: Scheme,
    scores: Floats,
    labels: Labels,
    drawn: Indices,
    truth: Truth,
    unit: Callable[[Floats], Floats],
    names: Sequence[str] | None,
) -> LazyFields:
    """The fields of the classes that each row's estimate reads.

    Parameters
    ----------
    scheme : Scheme
    scores : array, shape (rows, classes)
    labels : array of int, shape (rows,)
    drawn : array of int, shape (rows, draws)
    truth : Truth
    unit : callable
        From nats to the logarithm's unit.
    names : sequence of str or None
    """

    def read(row: int) -> tuple[Indices, Indices]:
        """The target, then each other class, and how often each was drawn."""
        found, times = np.unique(drawn[row], return_counts=True)
        others = found != labels[row]
        hits = int(times[~others].sum())
        return np.append(labels[row], found[others]), np.append(hits, times[others])

    def each(made: Callable[[int, Indices, Indices], Values]) -> Callable[[], Values]:
        return lambda: ragged(made(row, *read(row)) for row in range(len(labels)))

    def parts(row: int, found: Indices, times: Indices) -> Floats:
        own = scores[row, found[:1]]
        others = scores[row, found][:, None]
        estimate = scheme.weighted(own, others, found[:1], found[:, None], times[:, None])
        if isinstance(estimate, SampledSoftmax):
            shares = estimate.shares()[:, 0]
            shares[0] = estimate.target_share()[0]
            return shares
        costs = estimate.parts()[:, 0]
        costs[0] = estimate.target_part()[0]
        return unit(costs)

    def gradient() -> Floats:
        estimate = scheme.estimate(scores, labels, drawn.T)
        if isinstance(estimate, SampledSoftmax):
            pulls, own = estimate.shares(), 0.0 - estimate.others_share()
        else:
            pulls, own = estimate.score_gradient(), estimate.target_gradient()
        result = scattered(pulls, drawn.T, scores.shape[1])
        result[np.arange(len(labels)), labels] = own
        return counted(truth, unit(result))

    return {
        "read": each(lambda _row, found, _times: class_names(found, names)),
        "read_scores": each(lambda row, found, _times: scores[row, found]),
        "times": each(lambda _row, _found, times: times),
        "expected_times": each(lambda _row, found, _times: scheme.expected(found)),
        "parts": each(parts),
        "drawn": lambda: ragged(class_names(of_row, names).tolist() for of_row in drawn),
        "gradient": gradient,
    }


def repeated_fields(
    fields: LazyFields,
    errors: Floats,
    normaliser: Floats,
    normaliser_error: Floats,
    *,
    is_negative: bool,
) -> LazyFields:
    """The fields of many estimates of each row, beside those of their mean.

    Parameters
    ----------
    fields : LazyFields
        With `loss`, `exact` and `difference`.
    errors : array, shape (rows,)
        The standard error of the mean loss.
    normaliser, normaliser_error : array, shape (rows,)
        The mean of the estimated sums of exponentials over the exact one, and its standard error.
    is_negative : bool
        Whether there are no such sums.
    """
    names = ["loss"] if is_negative else ["loss", "normaliser"]

    def of_each(of_loss: Floats, of_normaliser: Floats) -> Values:
        return ragged(np.stack([of_loss, of_normaliser], axis=1)[:, : len(names)])

    def distances() -> Values:
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = (fields["difference"]() / errors, (normaliser - 1) / normaliser_error)
        return of_each(*apart)

    return {
        "standard_error": lambda: errors,
        "normaliser": lambda: normaliser,
        "normaliser_standard_error": lambda: normaliser_error,
        "quantities": lambda: ragged([np.array(names)] * len(errors)),
        "means": lambda: of_each(fields["loss"](), normaliser),
        "standard_errors": lambda: of_each(errors, normaliser_error),
        "exacts": lambda: of_each(fields["exact"](), np.ones_like(normaliser)),
        "differences": lambda: of_each(fields["difference"](), normaliser - 1),
        "distances": distances,
    }
