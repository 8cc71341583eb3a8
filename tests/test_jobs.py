"""Several processes write what one would, and end as one would."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import COMMAND, Run, plain_environment

ROWS = 40_000
LINE = f"{{0}},{{0}}.{0:060},-1.25{0:060},0.{{1:060}}\n"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 8 MB of rows, every one of them plain."""
    path = tmp_path_factory.mktemp("jobs") / "large.csv"
    path.write_text("".join(LINE.format(i % 3, i) for i in range(ROWS)))
    return path


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
    for _ in range(1000):
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
        ["xent", "--target-column", "1", "--names", "a,b,c"],
        ["hardmax", "--header", "--as", "name"],
        ["softmax", "-f", "json", "--decimals", "3"],
        ["xent", "--from", "logits", "-t", "0", "-f", "json", "-p", "6"],
        ["xent", "-t", "1", "--reduction", "mean"],
        ["xent", "--target-column", "1", "--names", "a,b,c", "--reduction", "sum", "-f", "json"],
        ["kl", "--from", "logits", "--against", "1,2,3,4", "--breakdown"],
        ["kl", "--from", "logits", "--against", "1,-inf,3,4", "--reduction", "mean"],
    ],
    ids=" ".join,
)
def test_what_comes_out_does_not_depend_on_jobs(run: Run, large: Path, command: list[str]) -> None:
    one = run(*command, "-i", str(large), "-j", "1")
    assert one.out
    for jobs in ("2", "3"):
        many = run(*command, "-i", str(large), "-j", jobs)
        assert many[1:] == one[1:]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (ROWS - 10, "1,2,abc,4\n"),
        (25_000, "1,2,3\n"),
        (25_000, "-inf,-inf,-inf,-inf\n"),
        (25_000, '"1",2,3,4\n'),
        (25_000, '1,2,3,"4\n5"\n'),
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
    one = run("hardmax", "-i", str(path), "-j", "1")
    assert "a tie between classes" in one.err
    assert run("hardmax", "-i", str(path), "-j", "3")[1:] == one[1:]


def test_standard_input_is_divided_from_where_it_stands(large: Path) -> None:
    outputs = []
    for jobs in (1, 2):
        script = f"{{ read -r; {COMMAND} softmax -j {jobs}; }} < {large}"
        outputs.append(subprocess.check_output(["bash", "-c", script], env=plain_environment()))
    assert outputs[0] == outputs[1]
    assert outputs[0].count(b"\n") == ROWS - 1


@pytest.mark.parametrize("number", [0, 1])
def test_a_killed_process_leaves_whole_rows_and_an_error(
    run: Run, large: Path, tmp_path: Path, number: int
) -> None:
    whole = run("softmax", "-i", str(large)).ok()
    with (
        (tmp_path / "out.csv").open("wb") as out,
        subprocess.Popen(
            [COMMAND, "softmax", "-j", "2", "-i", large],
            stdout=out,
            stderr=subprocess.PIPE,
            env=plain_environment(),
        ) as process,
    ):
        workers = _workers(process, 2)
        os.kill(workers[number], signal.SIGKILL)
        assert process.wait(timeout=30) == 1
        assert process.stderr is not None
        message = process.stderr.read().decode()
    assert message.startswith("softmax-cli: error: a process at work was ended by SIGKILL")
    assert message.count("\n") == 1
    written = (tmp_path / "out.csv").read_text()
    assert written.endswith("\n")
    assert whole.startswith(written)
    _assert_gone(workers)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_the_first(large: Path, tmp_path: Path, signum: signal.Signals) -> None:
    with (
        (tmp_path / "out.csv").open("wb") as out,
        subprocess.Popen(
            [COMMAND, "softmax", "-j", "2", "-i", large], stdout=out, env=plain_environment()
        ) as process,
    ):
        workers = _workers(process, 2)
        process.send_signal(signum)
        assert process.wait(timeout=30) == (130 if signum == signal.SIGINT else -signum)
    _assert_gone(workers)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_full_disk_leaves_whole_rows_and_an_error(
    run: Run, large: Path, tmp_path: Path, jobs: str
) -> None:
    whole = run("softmax", "-i", str(large)).ok()
    script = f"ulimit -f 1001; exec {COMMAND} softmax -j {jobs} -i {large} > out.csv"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=plain_environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == b"softmax-cli: error: can't write to standard output: File too large\n"
    written = (tmp_path / "out.csv").read_text()
    assert len(written) > 1_000_000
    assert written.endswith("\n")
    assert whole.startswith(written)


def test_a_closed_pipe_ends_all_in_silence(large: Path) -> None:
    script = f"{COMMAND} softmax -j 2 -i {large} | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script],
        env=plain_environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.endswith(b"\n141\n")
    assert done.stdout.count(b"\n") == 2
    assert done.stderr == b""


def test_a_pipe_is_read_by_one(run: Run, large: Path) -> None:
    piped = run("softmax", "-j", "2", stdin=large.read_bytes()).ok()
    assert piped == run("softmax", "-j", "2", "-i", str(large)).ok()


def test_jobs_are_a_number_from_1_up(run: Run) -> None:
    assert "'-j'" in run("softmax", "-j", "0", "1").fails(2)
