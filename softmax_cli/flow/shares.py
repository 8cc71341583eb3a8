"""Rows of scores as probabilities: cut, at a temperature, and drawn from."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import numpy as np

from softmax_cli.core.softmax import Logits
from softmax_cli.flow.naming import class_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from softmax_cli.core.doubledouble import Floats
    from softmax_cli.core.entmax import Entmax
    from softmax_cli.flow.computing import LazyFields
    from softmax_cli.flow.settings import SamplingSettings, SoftmaxSettings, TruncationSettings
    from softmax_cli.input.rows import Block, Rows
    from softmax_cli.output.results import Values

# Draws that are held at once
_AT_ONCE: Final = 1 << 18


class Shares:
    """What the options make of scores.

    Parameters
    ----------
    settings : SoftmaxSettings
    truncation : TruncationSettings
    sampling : SamplingSettings
    names : sequence of str or None
        The classes' names.
    """

    def __init__(
        self,
        settings: SoftmaxSettings,
        truncation: TruncationSettings,
        sampling: SamplingSettings,
        names: Sequence[str] | None,
    ) -> None:
        self._settings = settings
        self._truncation = truncation
        self._draws = sampling.sample or 0
        self._seed = sampling.seed
        self._names = names

    # What a plain softmax does without is loaded when it is needed: that is felt at each start.

    @functools.cached_property
    def _generator(self) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(self._seed))

    def in_parts(self, rows: Rows) -> Rows:
        """The rows in blocks so small that their draws can be held."""
        return rows.in_parts(max(1, _AT_ONCE // max(1, self._draws)))

    def compute(self, block: Block) -> LazyFields:
        """A block's fields; draws go on where those of the block before ended.

        Raises
        ------
        RowError
            A row that has no softmax.
        """
        scores = block.values
        kept = self._truncated(scores)
        shares = self._distribution(kept)

        @functools.cache
        def samples() -> NDArray[np.intp]:
            from softmax_cli.core.sampling import draw

            uniforms = self._generator.random((len(scores), self._draws))
            return draw(shares.probabilities(), uniforms)

        fields: dict[str, Callable[[], Values]] = {
            "logits": lambda: scores,
            "probabilities": shares.probabilities,
            "log_probabilities": shares.log_probabilities,
            "support": lambda: (shares.probabilities() > 0).sum(axis=1),
            "entropy": shares.entropy,
            "perplexity": shares.perplexity,
            "winners": lambda: shares.winners,
            "winner": lambda: class_names(shares.winners.argmax(axis=1), self._names),
            "cut": lambda: np.where(kept == scores, "", "cut"),
            "remaining": lambda: (kept > -np.inf).sum(axis=1),
            "samples": lambda: class_names(samples(), self._names),
            "drawn": lambda: _counts(samples(), scores.shape[1]),
        }
        if isinstance(shares, Logits):
            fields["logsumexp"] = shares.logsumexp
        return fields

    def _distribution(self, scores: Floats) -> Logits | Entmax:
        alpha, temperature = self._settings.alpha, self._settings.temperature
        if alpha == 1:
            return Logits(scores, temperature=temperature)
        from softmax_cli.core.entmax import Entmax

        return Entmax(scores, alpha=alpha, temperature=temperature)

    def _truncated(self, scores: Floats) -> Floats:
        if not self._truncation.cuts:
            return scores
        from softmax_cli.core.truncation import truncate

        top_k, top_p, min_p, temperature_first = self._truncation
        temperature = self._settings.temperature if temperature_first else 1.0
        return truncate(scores, top_k=top_k, top_p=top_p, min_p=min_p, temperature=temperature)


def _counts(samples: NDArray[np.intp], classes: int) -> Values:
    """How often each class was drawn, shape (rows, classes)."""
    counts = np.zeros((len(samples), classes), dtype=int)
    np.add.at(counts, (np.arange(len(samples))[:, None], samples), 1)
    return counts
