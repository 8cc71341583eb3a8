"""Shards of an input: each piece's output is a piece of the whole's, and losses add up."""

import json
import math

import numpy as np
import pytest

from tests.conftest import Run

SOFTMAX = "softmax -d , --no-header -c 1-4"
XENT = "xent -d , --no-header --target-column 5 --reduction mean -f json"


def test_shards_add_up_to_the_whole(run: Run) -> None:
    random = np.random.default_rng(4)
    rows = zip(random.normal(size=(2000, 4)).tolist(), random.integers(0, 4, 2000), strict=True)
    lines = [f"{','.join(map(repr, row))},{label}\n" for row, label in rows]
    shards, whole = ["".join(lines[i : i + 300]) for i in range(0, 2000, 300)], "".join(lines)
    softmax, xent = SOFTMAX.split(), XENT.split()
    pieces = [run(*softmax, stdin=shard).ok() for shard in shards]
    assert "".join(pieces) == run(*softmax, stdin=whole).ok()
    summaries = [json.loads(run(*xent, stdin=shard).ok()) for shard in shards]
    total = json.loads(run(*xent, stdin=whole).ok())
    for key in ("rows", "weight_sum", "correct"):
        assert sum(summary[key] for summary in summaries) == total[key]
    # but for the rounding of each shard's sum
    loss = math.fsum(summary["loss_sum"] for summary in summaries)
    assert loss == pytest.approx(total["loss_sum"], rel=1e-15)
    assert loss / total["weight_sum"] == pytest.approx(total["mean"], rel=1e-15)
