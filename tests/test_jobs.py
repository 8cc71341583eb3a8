"""Several processes write what one would, and end as one would."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import COMMAND, ROWS, Ran, Run, bash, plain_environment
from tests.forked import HANG


def same_for_any_jobs(run: Run, path: Path, command: list[str]) -> Ran:
    """What one process does, and what several do, of a file and of a pipe."""
    one = run(*command, "-i", str(path), "-j", "1")
    assert run(*command, "-i", str(path), "-j", "3")[1:] == one[1:]
    piped = run(*command, "-j", "2", stdin=path.read_bytes())
    assert (piped.status, piped.out, piped.err.replace("stdin", str(path))) == one[1:]
    return one


def _with(large: Path, tmp_path: Path, line: int, text: str) -> Path:
    """The same with one line, counted from 1, replaced."""
    lines = large.read_text().splitlines(keepends=True)
    lines[line - 1] = text
    path = tmp_path / "other.csv"
    path.write_text("".join(lines))
    return path


def _children(process: subprocess.Popen[bytes]) -> list[int]:
    try:
        text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    except FileNotFoundError:
        return []
    return list(map(int, text.split()))


def _workers(process: subprocess.Popen[bytes], count: int) -> list[int]:
    """The processes at work, once they are all there."""
    while len(found := _children(process)) < count:
        assert process.poll() is None
        time.sleep(0.001)
    return found


def _assert_gone(pids: list[int]) -> None:
    for _ in range(12_000):
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return
        time.sleep(0.01)
    raise AssertionError(pids)


@pytest.mark.parametrize(
    "command",
    [
        ["softmax"],
        ["softmax", "-f", "jsonl", "--log"],
        ["softmax", "-c", "3,1", "-p", "4"],
        ["xent", "-t", "1", "--breakdown"],
        ["hardmax", "--header", "--as", "name"],
        ["softmax", "-f", "json", "--decimals", "3"],
        ["xent", "-t", "1", "--reduction", "mean"],
        ["xent", "--target-column", "1", "--names", "a,b,c", "--reduction", "sum", "-f", "json"],
        ["kl", "--from", "logits", "--against", "1,2,3,4", "--breakdown"],
        ["kl", "--from", "logits", "--against", "1,-inf,3,4", "--reduction", "mean"],
        ["kl", "--from", "logits", "--against", "LARGE", "--breakdown"],
        ["softmax", "-f", "table"],
        ["xent", "-t", "1", "-f", "table"],
        ["xent", "--target-column", "1", "--names", "a,b,c", "--worst", "7", "-f", "json"],
        ["xent", "--target-column", "1", "--names", "a,b,c", "--by-class", "--top", "2"],
        ["softmax", "--top-k", "3", "--top-p", "0.9", "--min-p", "0.1"],
        ["softmax", "--sample", "3", "--seed", "11"],
        ["softmax", "--alpha", "1.5"],
        ["hardmax", "--no-header", "-k", "4,1"],
        ["xent", "-t", "1", "--negative", "2", "--seed", "8"],
        ["softmax", "-c", "2-", "--hierarchical", "5,3,2,1"],
        ["xent", "-c", "2-", "-t", "1", "--hierarchical", "5,3,2,1"],
    ],
    ids=" ".join,
)
def test_what_comes_out_does_not_depend_on_jobs(run: Run, large: Path, command: list[str]) -> None:
    command = [str(large) if word == "LARGE" else word for word in command]
    assert same_for_any_jobs(run, large, command).out


def test_counts_of_all_parts_add_up(run: Run, large: Path) -> None:
    args = ("xent", "--target-column", "1", "--names", "a,b,c", "--reduction", "sum", "-f", "json")
    summary = json.loads(run(*args, "-i", str(large)).ok())
    assert [of["rows"] for of in summary["by_class"]] == [13_334, 13_333, 13_333]
    assert summary["rows"] == summary["weight_sum"] == ROWS


@pytest.mark.parametrize("form", ["csv", "table", "json"])
def test_nor_does_what_compare_says(run: Run, large: Path, tmp_path: Path, form: str) -> None:
    """Which numbers rows, and has several processes for few of them."""
    lines = large.read_bytes().splitlines(keepends=True)[:600]
    lines[99] = b"\n# nothing\n"
    lines[400] = b"800,1,2,3\n"
    path = tmp_path / "some.csv"
    path.write_bytes(b"".join(lines))
    assert same_for_any_jobs(run, path, ["compare", "-f", form, "--check"]).status == 3


def test_nor_do_arrays(run: Run, large: Path, tmp_path: Path) -> None:
    files = [tmp_path / "1.npy", tmp_path / "2.npy"]
    for jobs, file in enumerate(files, 1):
        run("softmax", "-i", str(large), "-j", str(jobs), "-f", "npy", "-o", str(file)).ok()
    assert files[0].read_bytes() == files[1].read_bytes()
    assert np.load(files[1]).shape == (ROWS, 4)


def test_an_array_that_breaks_off_can_be_loaded(large: Path, tmp_path: Path) -> None:
    path = _with(large, tmp_path, 30_000, "1,2,x,4\n")
    assert bash(f"softmax-cli softmax -f npy -j 2 -i {path} > out.npy", tmp_path).status == 1
    assert np.load(tmp_path / "out.npy").shape == (29_999, 4)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (ROWS - 10, "1,2,abc,4\n"),
        (25_000, "1,2,3\n"),
        (25_000, "-inf,-inf,-inf,-inf\n"),
        (25_000, '"1",2,3,4\n'),
        (25_000, '1,2,3,"4\n5"\n'),
        (25_000, '1,2,3,"4" \n'),
        (25_000, '1,2,"3"x,"4\n'),
        (25_000, '1,2,3"\n4",5,6,7\n'),
        (25_000, '# "nothing\n'),
        (25_000, "# nothing\n"),
        (25_000, "\n\n.5,1.,+1,1e400\n"),
        (ROWS, "1,2,3,4"),
        (ROWS, "1,2,3,x"),
    ],
)
def test_nor_do_odd_rows_and_errors(
    run: Run, large: Path, tmp_path: Path, line: int, text: str
) -> None:
    path = _with(large, tmp_path, line, text)
    assert "a tie between classes" in same_for_any_jobs(run, path, ["hardmax"]).err


@pytest.mark.parametrize("invalid", ["error", "nan", "skip"])
def test_nor_do_quotes_in_every_row(run: Run, tmp_path: Path, invalid: str) -> None:
    odd = {i: ["x,?,1\n", "x,1\n", "x,-inf,-inf\n"][i % 3] for i in range(21_077, ROWS, 997)}
    odd |= {20_000: '"a ""b""",2,3\n', 30_000: '"two\n, lines",2,x\n', 35_000: '"c",1,"2"\n'}
    lines = [odd.get(i, f'"name {i}, {"x" * 80}",{i % 7},-1.5\n') for i in range(ROWS)]
    path = tmp_path / "quoted.csv"
    path.write_text("".join(lines))
    one = same_for_any_jobs(run, path, ["softmax", "-c", "2-", "-k", "1", "--invalid", invalid])
    if invalid == "nan":
        assert one.out.count("\n") == ROWS + 1
        assert f"{len(odd) - 2} rows can't be used" in one.err
    assert ('"two\n, lines"' in one.out) == (invalid == "nan")


@pytest.mark.parametrize("invalid", ["error", "nan", "skip"])
@pytest.mark.parametrize("line", [2, 100, 2500])
def test_a_bad_row_just_before_the_processes_begin_hides_no_other(
    run: Run, large: Path, tmp_path: Path, line: int, invalid: str
) -> None:
    path = _with(large, tmp_path, line, "1,2,x,4\n")
    one = same_for_any_jobs(run, path, ["softmax", "--invalid", invalid])
    assert one.out.count("\n") == {"error": line - 1, "nan": ROWS, "skip": ROWS - 1}[invalid]


def test_lines_and_sums_too_long_for_a_pipe_do_not_stop_the_processes(
    run: Run, large: Path, tmp_path: Path
) -> None:
    path = tmp_path / "wide.csv"
    row = ",".join(f"{i % 7}.{i:09}" for i in range(60_000))
    path.write_text(f"{row}\n" * 14)
    same_for_any_jobs(run, path, ["softmax"]).ok()
    same_for_any_jobs(run, large, ["xent", "-t", "1", "--worst", "5000"]).ok()


def test_standard_input_is_divided_from_where_it_stands(large: Path) -> None:
    one, two = (
        bash(f"{{ read -r; softmax-cli softmax -j {jobs}; }} < {large}").ok() for jobs in (1, 2)
    )
    assert one == two
    assert one.count("\n") == ROWS - 1


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_full_disk_leaves_whole_rows_and_an_error(
    run: Run, large: Path, tmp_path: Path, jobs: str
) -> None:
    whole = run("softmax", "-i", str(large)).ok()
    done = bash(f"ulimit -f 1001; softmax-cli softmax -j {jobs} -i {large} > out.csv", tmp_path)
    assert done.fails(1) == "can't write to standard output: File too large"
    written = (tmp_path / "out.csv").read_text()
    assert len(written) > 1_000_000
    assert written.endswith("\n")
    assert whole.startswith(written)


class Piped:
    """The command, and a pipe into it that stays open once all of a text has gone, or a file."""

    def __init__(
        self,
        source: bytes | Path,
        tmp_path: Path,
        jobs: int = 2,
        command: Sequence[str] = (str(COMMAND),),
    ) -> None:
        text = source if isinstance(source, bytes) else b""
        named = ["-i", str(source)] if isinstance(source, Path) else []
        # Read by another descriptor: a shared one would move where the command writes.
        self._out = tmp_path / "out.csv"
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(
                [*command, "softmax", "-j", str(jobs), *named],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.PIPE,
                env=plain_environment(),
            )
        if text:
            self.send(text)
        self.workers = _workers(self.process, jobs) if jobs > 1 else []

    def send(self, text: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def wait_for(self, count: int) -> bytes:
        """The output, once it has so many lines."""
        for _ in range(12_000):
            text = self._out.read_bytes()
            if text.count(b"\n") >= count:
                return text
            time.sleep(0.01)
        raise AssertionError(count)

    def end(self) -> str:
        """What it has said."""
        _, error = self.process.communicate(timeout=HANG)
        _assert_gone(self.workers)
        return error.decode()


def test_rows_of_a_pipe_come_back_though_it_stays_open(large: Path, tmp_path: Path) -> None:
    piped = Piped(large.read_bytes(), tmp_path, jobs=3)
    for count in range(ROWS, ROWS + 5):
        whole = piped.wait_for(count)
        assert whole.count(b"\n") == count
        piped.send(b"1,1,1,1\n")
    assert piped.wait_for(ROWS + 5).endswith(b"\n0.25,0.25,0.25,0.25\n")
    assert piped.end() == ""
    assert piped.process.returncode == 0


@pytest.mark.parametrize("is_idle", [False, True])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_killed_process_leaves_whole_rows_and_an_error(
    run: Run, large: Path, tmp_path: Path, number: int, is_idle: bool
) -> None:
    piped = Piped(large.read_bytes() if is_idle else large, tmp_path, jobs=3)
    if is_idle:
        piped.wait_for(ROWS)
    os.kill(piped.workers[number], signal.SIGKILL)
    assert piped.process.wait(timeout=HANG) == 1
    message = piped.end()
    assert message.startswith("softmax-cli: error: a worker process was ended by SIGKILL")
    assert message.count("\n") == 1
    written = (tmp_path / "out.csv").read_text()
    assert written[-1:] in ("", "\n")
    assert run("softmax", "-i", str(large)).ok().startswith(written)


@pytest.mark.parametrize("is_idle", [False, True])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_the_first(
    large: Path, tmp_path: Path, signum: signal.Signals, is_idle: bool
) -> None:
    piped = Piped(large.read_bytes() if is_idle else large, tmp_path)
    if is_idle:
        piped.wait_for(ROWS)
    piped.process.send_signal(signum)
    assert piped.process.wait(timeout=HANG) == (130 if signum == signal.SIGINT else -signum)
    assert piped.end() == ""


def test_a_bad_row_ends_a_wait_for_a_pipe(large: Path, tmp_path: Path) -> None:
    piped = Piped(large.read_bytes(), tmp_path)
    piped.wait_for(ROWS)
    piped.send(b"1,2,x,4\n")
    assert piped.process.wait(timeout=HANG) == 1
    assert piped.end() == f"softmax-cli: error: stdin:{ROWS + 1}:3: 'x' is not a number\n"
