"""What a program does with the rows of a CSV file, from file to file, beside other programs.

Run from the checkout, after the tests' installation: ``python -m tests.benchmarks.throughput``.
polars, duckdb, mawk and scipy take part where they are installed. Each is a process of its own that
reads normal logits of spread 3, and writes their softmax, so that it reads back as the same float64
or with 6 decimals, or the mean cross-entropy; all must give the same numbers. Its start is counted,
as a user waits for it too. The script prints a Markdown table: the medians of runs in turns, this
program's time as a multiple of each, the processor time of all processes, and the most memory that
they held together at once, which is measured in a run of its own.
"""

import argparse
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from tests.benchmarks import medians
from tests.conftest import COMMAND
from tests.corpus import SEED

# The number of classes, and what is done with them
TASKS: Final = (
    (10, "softmax"),
    (10, "softmax --decimals 6"),
    (1_000, "softmax"),
    (100_000, "softmax"),
    (2, "softmax -k label"),
    (100, "softmax -k label"),
    (10, "xent --target-column label --reduction mean"),
)
_LONG: Final = 500  # rows of more columns are read as lists

# The beginning of every script
_ARGUMENTS: Final = """
import sys
source, target, task, width, kept, decimals = sys.argv[1:]
kept, names = kept.split(), [f"c{i}" for i in range(int(width))]
decimals = int(decimals) if decimals else None
"""

_POLARS: Final = """
import polars as pl
types = dict.fromkeys(kept, pl.Int64) | dict.fromkeys(names, pl.Float64)
rows = pl.scan_csv(source, has_header=bool(kept), schema=types)
rows = rows.with_columns(pl.max_horizontal(names).alias("largest"))
exponentials = [(pl.col(name) - pl.col("largest")).exp() for name in names]
if task == "xent":
    total = pl.sum_horizontal(exponentials)
    chosen = pl.coalesce([pl.when(pl.col("label") == i).then(n) for i, n in enumerate(names)])
    rows = rows.select((pl.col("largest") + total.log() - chosen).mean())
else:
    rows = rows.select(*kept, *exponentials).with_columns(pl.sum_horizontal(names).alias("total"))
    rows = rows.select(*kept, *(pl.col(name) / pl.col("total") for name in names))
rows.sink_csv(target, include_header=bool(kept), float_precision=decimals)
"""

_POLARS_LISTS: Final = """
import polars as pl
x, whole = pl.col("x"), {"separator": "\\1"}
rows = pl.scan_csv(source, has_header=False, schema={"x": pl.String}, quote_char=None, **whole)
rows = rows.select(x.str.split(",").cast(pl.List(pl.Float64)))
rows = rows.select((x - x.list.max()).list.eval(pl.element().exp()))
rows = rows.select((x / x.list.sum()).cast(pl.List(pl.String)).list.join(","))
rows.sink_csv(target, include_header=False, quote_style="never", **whole)
"""

_DUCKDB: Final = """
import duckdb
columns = {name: "BIGINT" for name in kept} | {name: "DOUBLE" for name in names}
rows = (f"SELECT *, greatest({', '.join(names)}) AS largest FROM read_csv('{source}', "
        f"header = {bool(kept)}, auto_detect = false, columns = {columns})")
if task == "xent":
    total = " + ".join(f"exp({name} - largest)" for name in names)
    rows = f"SELECT avg(largest + ln({total}) - [{', '.join(names)}][label + 1]) FROM ({rows})"
else:
    form = "DOUBLE" if decimals is None else f"DECIMAL(18, {decimals})"
    exponentials = [f"exp({name} - largest) AS {name}" for name in names]
    rows = f"SELECT {', '.join([*kept, *exponentials])} FROM ({rows})"
    rows = f"SELECT *, {' + '.join(names)} AS total FROM ({rows})"
    shares = [f"({name} / total)::{form} AS {name}" for name in names]
    rows = f"SELECT {', '.join([*kept, *shares])} FROM ({rows})"
duckdb.sql("SET enable_progress_bar = false")
duckdb.sql(f"COPY ({rows}) TO '{target}' (FORMAT csv, HEADER {bool(kept)})")
"""

_DUCKDB_LISTS: Final = """
import duckdb
rows = (f"SELECT string_split(line, ',')::DOUBLE[] AS x FROM read_csv('{source}', header = false, "
        "auto_detect = false, delim = '\\1', quote = '', escape = '', "
        "max_line_size = 100000000, columns = {line: 'VARCHAR'})")
rows = f"SELECT x, list_max(x) AS largest FROM ({rows})"
rows = f"SELECT list_transform(x, lambda y: exp(y - largest)) AS x FROM ({rows})"
rows = f"SELECT x, list_sum(x) AS total FROM ({rows})"
rows = f"SELECT array_to_string(list_transform(x, lambda y: y / total), ',') FROM ({rows})"
duckdb.sql("SET enable_progress_bar = false")
duckdb.sql(f"COPY ({rows}) TO '{target}' (HEADER false, QUOTE '', ESCAPE '', DELIMITER '\\1')")
"""

_SCIPY: Final = """
import numpy as np
from scipy.special import softmax
rows = np.loadtxt(source, delimiter=",")
np.savetxt(target, softmax(rows, axis=1), delimiter=",", fmt="%.17g")
"""

_MAWK: Final = """{
    m = $1; for (i = 2; i <= NF; i++) if ($i > m) m = $i
    s = 0; for (i = 1; i <= NF; i++) { e[i] = exp($i - m); s += e[i] }
    for (i = 1; i < NF; i++) printf "%.17g,", e[i] / s
    printf "%.17g\\n", e[NF] / s
}"""


def _programs(width: int, task: str, source: str, target: str) -> dict[str, list[str]]:
    """The command lines of what is installed."""
    command, *options = task.split()
    ours = [str(COMMAND), command, *options, "-i", source]
    programs = {"softmax-cli": ours, "softmax-cli -j 1": [*ours, "-j", "1"]}
    scripts = {"polars": _POLARS, "duckdb": _DUCKDB}
    if width > _LONG:
        scripts = {"polars": _POLARS_LISTS, "duckdb": _DUCKDB_LISTS}
    elif not options:
        scripts["scipy"] = _SCIPY
        if shutil.which("mawk"):
            programs["mawk"] = ["mawk", "-F", ",", _MAWK, source]
    kept, decimals = "label" if "label" in task else "", task.partition("--decimals ")[2]
    given = [source, target, command, str(width), kept, decimals]
    for name, script in scripts.items():
        if importlib.util.find_spec(name) is not None:
            programs[name] = [sys.executable, "-c", _ARGUMENTS + script, *given]
    return programs


def _write_rows(path: Path, rows: int, width: int, *, labelled: bool) -> None:
    random = np.random.default_rng(SEED)
    with path.open("w") as file:
        if labelled:
            file.write(",".join(["label", *(f"c{i}" for i in range(width))]) + "\n")
        for _ in range(rows):
            label = [int(random.integers(width))] if labelled else []
            logits = random.normal(size=width) * 3
            file.write(",".join(map(repr, label + logits.tolist())) + "\n")


def _started(command: list[str], target: Path) -> subprocess.Popen[bytes]:
    """A program that writes into a file: to its standard output, or by opening it itself."""
    with target.open("wb") as out:
        return subprocess.Popen(command, stdout=out)


def _run(command: list[str], target: Path, seconds: list[float]) -> None:
    """Run a program to its end, and add its processor seconds to a list."""
    process = _started(command, target)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    seconds.append(usage.ru_utime + usage.ru_stime)


def _peak(command: list[str], target: Path) -> float:
    """The most megabytes that all processes of a program held, shared pages counted once."""
    process = _started(command, target)
    most = 0.0
    while process.poll() is None:
        most = max(most, sum(map(_megabytes, _family(process.pid))))
        time.sleep(0.005)
    return most


def _family(pid: int) -> list[int]:
    """A process and its children's children."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(member for child in children for member in _family(int(child)))]


def _megabytes(pid: int) -> float:
    """A process's share of the memory it uses."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--values", type=int, default=5_000_000, help="logits in each file")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print("| rows x classes | task | program | seconds | ours / its | processor seconds | MB |")
    print("|---:|---|---|---:|---:|---:|---:|")
    for width, task in TASKS:
        with tempfile.TemporaryDirectory() as folder:
            _compare(width, task, max(1, options.values // width), Path(folder), options.rounds)


def _compare(width: int, task: str, rows: int, folder: Path, rounds: int) -> None:
    source, target, labelled = folder / "logits.csv", folder / "result.csv", "label" in task
    _write_rows(source, rows, width, labelled=labelled)
    commands = _programs(width, task, str(source), str(target))
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    times = medians({n: partial(_run, commands[n], target, seconds[n]) for n in commands}, rounds)
    right, tolerance = None, 1e-6 if "--decimals" in task else 0.0
    for name, command in commands.items():
        peak = _peak(command, target)
        written = np.loadtxt(target, delimiter=",", skiprows=int(labelled), max_rows=1000)
        right = written if right is None else right
        np.testing.assert_allclose(written, right, rtol=1e-13, atol=tolerance)
        print(
            f"| {rows:,} x {width:,} | {task} | {name} | {times[name]:.2f} "
            f"| {times['softmax-cli'] / times[name]:.2f} "
            f"| {statistics.median(seconds[name][1:]):.2f} | {peak:.0f} |"
        )


if __name__ == "__main__":
    main()
