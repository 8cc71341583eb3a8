"""The mean loss and the perplexity of sequences, from the log-probabilities of their tokens."""

from __future__ import annotations

from typing import Final

import numpy as np

from softmax_cli.core.doubledouble import DoubleDouble
from softmax_cli.core.elementary import exp, in_base
from softmax_cli.errors import DataError, RowErrors
from softmax_cli.input.rows import Block
from softmax_cli.notices import Notices
from softmax_cli.output.fields import Layout
from softmax_cli.results.loss import Loss, RowLosses, columns_of, report_keys, summary_fields
from softmax_cli.results.targets import RowTargets
from softmax_cli.run.totals import ExactSum, Totals

_BREAKDOWN: Final = ("loss", "perplexity", "tokens")


class TokenResult(RowLosses):
    """The mean loss of each row of log-probabilities in nats, shape (rows, tokens)."""

    def __init__(self, block: Block, loss: Tokens) -> None:
        rows, tokens = block.values.shape
        super().__init__(block, RowTargets(np.zeros(rows, int), np.zeros(rows, bool)), loss)
        self.tokens = np.full(rows, tokens)
        nats = DoubleDouble(0.0 - block.values.T, np.zeros((tokens, rows)))
        mean = nats.sum() / float(tokens)
        self.of_tokens = in_base(nats, self._base)  # shape (tokens, rows)
        self.loss = in_base(mean, self._base)
        self.perplexity = exp(mean.plain()).rounded()

    def why_infinite(self, row: int) -> str:
        return f"the loss is inf: token {np.argmin(self.given[row]) + 1} has probability 0"


class Tokens(Loss):
    """Computes the losses of sequences; their mean is that of all tokens."""

    worst_keys = ("line", *_BREAKDOWN)
    reads_classes = False

    def compute(self, block: Block, notices: Notices) -> TokenResult:
        """Return the losses; raise `RowErrors` for rows with a number above 0."""
        wrong = {}
        for row, token in reversed(np.argwhere(block.values > 0).tolist()):  # a row's first wins
            number = f"log-probability {block.values[row, token]:.6g} of token {token + 1}"
            wrong[row] = DataError(f"{number} is greater than 0")
        if wrong:
            raise RowErrors(wrong)
        result = TokenResult(block, self)
        result.note_infinite(notices)
        return result

    def add_up(self, result: TokenResult) -> Totals:
        totals = super().add_up(result)
        totals.sums["loss"] = ExactSum(result.of_tokens)
        totals.counts["counted"] = result.of_tokens.size
        return totals

    def layout_of_rows(self) -> Layout:
        keys, lines = report_keys(self.report, _BREAKDOWN), columns_of(_BREAKDOWN, {})
        return Layout(keys, _BREAKDOWN, lines, summary=summary_fields(self.report))
