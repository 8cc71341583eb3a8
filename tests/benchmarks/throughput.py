"""Softmax of the rows of a CSV file, from file to file, beside other programs.

Run from the checkout, after the tests' installation: ``python -m tests.benchmarks.throughput``.
polars, duckdb, mawk and scipy take part where they are installed. Each is a process of its own that
reads normal logits of spread 3, ten a row, and writes probabilities, either so that they read back
as the same float64 or with 6 decimals; its start is counted, as a user waits for it too. It prints
a Markdown table: the medians of runs in turns, each time as a multiple of this program's, the
processor time of all processes, and the most memory that they held together at once, which is
measured in a run of its own.
"""

import argparse
import importlib.util
import os
import shlex
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

WIDTH: Final = 10
SIZES: Final = (50_000, 500_000)
_CHUNK: Final = 10_000
_DECIMALS: Final = 6
_NAMES: Final = [f"c{i}" for i in range(WIDTH)]

_POLARS = f"""
import sys
import polars as pl
names = {_NAMES}
rows = pl.scan_csv(sys.argv[1], has_header=False, schema={{name: pl.Float64 for name in names}})
largest = pl.max_horizontal(*names)
rows = rows.select([(pl.col(name) - largest).exp().alias(name) for name in names])
rows = rows.select([pl.col(name) / pl.sum_horizontal(*names) for name in names])
decimals = int(sys.argv[3]) if sys.argv[3:] else None
rows.sink_csv(sys.argv[2], include_header=False, float_precision=decimals)
"""

_DUCKDB = f"""
import sys
import duckdb
names = {_NAMES}
columns = ", ".join(f"{{name}}: 'DOUBLE'" for name in names)
exponentials = ", ".join(f"exp({{name}} - greatest({{', '.join(names)}})) AS {{name}}"
                         for name in names)
total = " + ".join(names)
form = f"DECIMAL(18, {{sys.argv[3]}})" if sys.argv[3:] else "DOUBLE"
shares = ", ".join(f"({{name}} / ({{total}}))::{{form}}" for name in names)
duckdb.sql("SET enable_progress_bar = false")
duckdb.sql(f"COPY (SELECT {{shares}} FROM (SELECT {{exponentials}} FROM read_csv("
           f"'{{sys.argv[1]}}', header = false, auto_detect = false, columns = {{{{{{columns}}}}}}"
           f"))) TO '{{sys.argv[2]}}' (FORMAT csv, HEADER false)")
"""

_SCIPY = """
import sys
import numpy as np
from scipy.special import softmax
rows = np.loadtxt(sys.argv[1], delimiter=",")
form = f"%.{sys.argv[3]}f" if sys.argv[3:] else "%.17g"
np.savetxt(sys.argv[2], softmax(rows, axis=1), delimiter=",", fmt=form)
"""

_MAWK = """{
    m = $1; for (i = 2; i <= NF; i++) if ($i > m) m = $i
    s = 0; for (i = 1; i <= NF; i++) { e[i] = exp($i - m); s += e[i] }
    for (i = 1; i < NF; i++) printf form ",", e[i] / s
    printf form "\\n", e[NF] / s
}"""


def _programs(source: Path, target: Path, decimals: int | None) -> dict[str, list[str]]:
    """The command lines of what is installed."""
    files = [str(source), str(target)]
    digits = [] if decimals is None else [str(decimals)]
    ours = [str(COMMAND), "softmax", *(["--decimals", *digits] if digits else [])]
    piped = f"cat {shlex.quote(files[0])} | {shlex.join(ours)}"
    programs = {
        "softmax-cli": [*ours, "-i", files[0]],
        "softmax-cli -j 1": [*ours, "-i", files[0], "-j", "1"],
        "softmax-cli behind cat": ["sh", "-c", piped],
    }
    scripts = {
        "polars: scan_csv, horizontal expressions, sink_csv": ("polars", _POLARS),
        "duckdb: read_csv with types, COPY": ("duckdb", _DUCKDB),
        "numpy and scipy: loadtxt, softmax, savetxt": ("scipy", _SCIPY),
    }
    for name, (module, script) in scripts.items():
        if importlib.util.find_spec(module) is not None:
            programs[name] = [sys.executable, "-c", script, *files, *digits]
    if shutil.which("mawk"):
        form = "form=%.17g" if decimals is None else f"form=%.{decimals}f"
        programs["mawk: printf"] = ["mawk", "-F", ",", "-v", form, _MAWK, files[0]]
    return programs


def _write_rows(path: Path, rows: int) -> None:
    random = np.random.default_rng(SEED)
    with path.open("w") as file:
        for start in range(0, rows, _CHUNK):
            logits = random.normal(size=(min(_CHUNK, rows - start), WIDTH)) * 3
            file.writelines(",".join(map(repr, row)) + "\n" for row in logits.tolist())


def _started(command: list[str], target: Path) -> subprocess.Popen[bytes]:
    """A program that writes into a file, which it may open itself."""
    if str(target) in command:
        return subprocess.Popen(command)
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
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print("| rows | digits | program | seconds | times ours | processor seconds | MB |")
    print("|---:|---|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "logits.csv", Path(folder) / "probabilities.csv"
        for rows in options.rows:
            _write_rows(source, rows)
            for decimals in (None, _DECIMALS):
                programs = _programs(source, target, decimals)
                digits = "all" if decimals is None else f"{decimals} decimals"
                unit = 0.0 if decimals is None else 10.0**-decimals
                _compare(f"{rows:,} | {digits}", programs, target, options.rounds, unit)


def _compare(
    case: str, commands: dict[str, list[str]], target: Path, rounds: int, tolerance: float
) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    times = medians({n: partial(_run, commands[n], target, seconds[n]) for n in commands}, rounds)
    right = None
    for name, command in commands.items():
        peak = _peak(command, target)
        written = np.loadtxt(target, delimiter=",", max_rows=1000)
        right = written if right is None else right
        np.testing.assert_allclose(written, right, rtol=1e-13, atol=tolerance)
        ratio = times[name] / times["softmax-cli"]
        print(
            f"| {case} | {name} | {times[name]:.2f} | {ratio:.2f} "
            f"| {statistics.median(seconds[name][1:]):.2f} | {peak:.0f} |"
        )


if __name__ == "__main__":
    main()
