"""Shards of an input: each piece's output is a piece of the whole's, and losses add up."""

import importlib.util
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import bash, plain_environment
from tests.forked import HANG

SOFTMAX = "softmax-cli softmax -d , --no-header -c 1-4"
XENT = "softmax-cli xent -d , --no-header --target-column 5 --reduction mean -f json"

SPARK = """
import json, os, sys
from pyspark import SparkConf, SparkContext

conf = SparkConf().setMaster("local[2]").set("spark.ui.enabled", "false")
with SparkContext(conf=conf) as spark:
    lines = spark.textFile(sys.argv[1], 4)
    environment = {"PATH": os.environ["PATH"]}
    piped = [lines.pipe(c, env=environment, checkCode=True).collect() for c in sys.argv[2:]]
    print(json.dumps([lines.getNumPartitions(), *piped]))
"""

needs_parallel = pytest.mark.skipif(
    shutil.which("parallel") is None, reason="GNU parallel is not installed"
)
needs_spark = pytest.mark.skipif(
    shutil.which("java") is None or importlib.util.find_spec("pyspark") is None,
    reason="Spark needs java and pyspark, and one of them is not installed",
)


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20,000 rows of four scores and a class."""
    random = np.random.default_rng(4)
    file = tmp_path_factory.mktemp("shards") / "scores.csv"
    rows = zip(random.normal(size=(20_000, 4)).tolist(), random.integers(0, 4, 20_000), strict=True)
    file.write_text("".join(f"{','.join(map(repr, row))},{label}\n" for row, label in rows))
    return file


def whole(command: str, scores: Path) -> str:
    """What one process makes of all rows."""
    return bash(f"{command} -i '{scores}'").ok()


def check_summaries(lines: list[str], scores: Path) -> None:
    """Sums over shards are the whole's, but for the rounding of each shard's sum."""
    assert len(lines) > 1
    shards = [json.loads(line) for line in lines]
    total = json.loads(whole(XENT, scores))
    for key in ("rows", "weight_sum", "correct"):
        assert sum(shard[key] for shard in shards) == total[key]
    loss = math.fsum(shard["loss_sum"] for shard in shards)
    assert loss == pytest.approx(total["loss_sum"], rel=1e-15)
    assert loss / total["weight_sum"] == pytest.approx(total["mean"], rel=1e-15)


@needs_parallel
def test_parallel_gives_the_bytes_of_one_process(scores: Path) -> None:
    parallel = "parallel --will-cite --pipe --keep-order --block 200k"
    assert bash(f"{parallel} {SOFTMAX} < '{scores}'").ok() == whole(SOFTMAX, scores)
    check_summaries(bash(f"{parallel} {XENT} < '{scores}'").ok().splitlines(), scores)


@needs_spark
def test_spark_gives_the_bytes_of_one_process(scores: Path) -> None:
    environment = plain_environment(
        {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    )
    done = subprocess.run(
        [sys.executable, "-c", SPARK, str(scores), SOFTMAX, XENT],
        capture_output=True,
        text=True,
        env=environment,
        timeout=HANG,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    partitions, rows, summaries = json.loads(done.stdout)
    assert partitions >= 4
    assert "".join(row + "\n" for row in rows) == whole(SOFTMAX, scores)
    check_summaries(summaries, scores)
