"""-o FILE: all of the output takes the old file's place, or nothing does."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import COMMAND, Ran, Run, plain_environment, run_command, run_in_terminal

OLD = "what was there\n"
HALVES = "0.5,0.5\n"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that is there already, alone in its directory."""
    file = tmp_path / "out.csv"
    file.write_text(OLD)
    return file


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of its own for the input."""
    return tmp_path_factory.mktemp("input")


def is_untouched(file: Path) -> bool:
    return file.read_text() == OLD and list(file.parent.iterdir()) == [file]


def test_all_of_it_takes_the_place_of_the_old_file(old: Path) -> None:
    assert run_command([str(COMMAND), "softmax", "1", "1", "-o", str(old)]).ok() == ""
    assert old.read_text() == HALVES
    assert list(old.parent.iterdir()) == [old]
    new = old.with_name("new.csv")
    assert run_command([str(COMMAND), "softmax", "1", "1", f"--output={new}"]).ok() == ""
    assert new.read_text() == HALVES
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(new.stat().st_mode) == 0o666 & ~mask


def test_the_old_one_is_there_until_the_end(old: Path) -> None:
    with started(old) as process:
        assert is_untouched(old) or old.read_text() == OLD
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=60) == 0
    assert old.read_text() == HALVES * 3


def started(file: Path) -> subprocess.Popen[bytes]:
    """A command that has begun to write, and waits for more rows."""
    process = subprocess.Popen(
        [str(COMMAND), "softmax", "-o", file],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=plain_environment(),
    )
    assert process.stdin is not None
    process.stdin.write(b"1,1\n" * 3)
    process.stdin.flush()
    written = Path(f"/proc/{process.pid}/fd/1")
    if written.exists():
        while not written.stat().st_size:
            assert process.poll() is None
            threading.Event().wait(0.01)
    return process


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGINT, {130}),
        (signal.SIGTERM, {143, -signal.SIGTERM}),
        (signal.SIGHUP, {129, -signal.SIGHUP}),
        (signal.SIGKILL, {-signal.SIGKILL}),
    ],
)
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc tells what is written")
def test_what_is_ended_before_its_time_leaves_the_old_one(
    old: Path, number: signal.Signals, status: set[int]
) -> None:
    with started(old) as process:
        process.send_signal(number)
        assert process.wait(timeout=60) in status
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert old.read_text() == OLD
    if number != signal.SIGKILL:  # after which nobody can remove the draft
        assert is_untouched(old)


def test_a_bad_row_leaves_the_old_one(old: Path, elsewhere: Path) -> None:
    rows = elsewhere / "rows.csv"
    rows.write_text("1,2\n" * 200_000 + "1,x\n")
    ran = run_command([str(COMMAND), "softmax", "-i", str(rows), "-j", "2", "-o", str(old)])
    assert "rows.csv:200001:2: 'x' is not a number" in ran.fails(1)
    assert is_untouched(old)


def test_a_full_disk_is_told_with_the_name_and_leaves_the_old_one(
    old: Path, elsewhere: Path
) -> None:
    rows = elsewhere / "rows.csv"
    rows.write_text("1,2\n" * 200_000)
    command = " ".join(
        f"'{word}'" for word in [str(COMMAND), "softmax", "-i", str(rows), "-j", "2"]
    )
    script = f"ulimit -f 1000; {command} -o '{old}'"
    assert run_command(["bash", "-c", script]).fails(1) == f"can't write {old}: File too large"
    assert is_untouched(old)


@pytest.mark.parametrize("format_", ["npy", "json", "table"])
def test_every_format_is_what_standard_output_gets(run: Run, old: Path, format_: str) -> None:
    args = ("softmax", "-f", format_, "1,2", "3,4")
    assert run(*args, "-o", str(old)).ok() == ""
    piped = subprocess.run([COMMAND, *args], capture_output=True, check=True)
    assert old.read_bytes() == piped.stdout


def test_the_file_may_be_the_input_shared_among_processes(run: Run, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rng = np.random.default_rng(0)
    np.savetxt(rows, rng.normal(size=(100_000, 3)), delimiter=",", fmt="%.6g")
    expected = run("softmax", "-i", str(rows)).ok()
    assert run("softmax", "-j", "2", "-i", str(rows), "-o", str(rows)).ok() == ""
    assert rows.read_text() == expected


def test_permissions_stay_and_links_lead_on(run: Run, old: Path) -> None:
    old.chmod(0o640)
    link, dangling = old.with_name("link"), old.with_name("dangling")
    link.symlink_to(old.name)
    dangling.symlink_to("new.csv")
    assert run("softmax", "1", "1", "-o", str(link)).ok() == ""
    assert run("softmax", "1", "1", "-o", str(dangling)).ok() == ""
    assert link.is_symlink()
    assert dangling.is_symlink()
    assert old.read_text() == old.with_name("new.csv").read_text() == HALVES
    assert stat.S_IMODE(old.stat().st_mode) == 0o640


def test_what_is_no_regular_file_is_written_directly(run: Run, tmp_path: Path) -> None:
    assert run("softmax", "1", "1", "-o", "/dev/null").ok() == ""
    assert run("softmax", "1", "1", "-o", "/dev/stdout").ok() == HALVES
    assert run("softmax", "1", "1", "-o", "-").ok() == HALVES
    script = "{ softmax-cli softmax 1 1 -o /dev/stdout; echo more; } > f; cat f"
    assert run_command(["bash", "-c", script], cwd=tmp_path).ok() == HALVES + "more\n"
    os.mkfifo(tmp_path / "pipe")
    script = "softmax-cli softmax 1 1 -o pipe & cat pipe; wait"
    assert run_command(["bash", "-c", script], cwd=tmp_path).ok() == HALVES
    if Path("/dev/full").exists():
        full = run("softmax", "1", "1", "-o", "/dev/full").fails(1)
        assert full == "can't write /dev/full: No space left on device"


def test_standard_output_may_be_closed(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("1,1\n")
    script = "softmax-cli softmax -i in.csv -o out.csv >&-; cat out.csv"
    assert run_command(["bash", "-c", script], cwd=tmp_path).ok() == HALVES


def test_what_can_not_be_a_file_is_one_error(run: Run, tmp_path: Path) -> None:
    def failure(path: str) -> str:
        return run("softmax", "1", "1", "-o", path, cwd=tmp_path).fails(1)

    assert failure(str(tmp_path)) == f"can't write {tmp_path}: Is a directory"
    assert failure("name/") == "can't write name/: Is a directory"
    assert failure("no/file") == "can't write no/file: No such file or directory"
    assert failure("") == "can't write '': No such file or directory"
    assert "can't write" in failure("a" * 300)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_file_or_directory_that_is_write_protected_is_one_error(run: Run, old: Path) -> None:
    old.chmod(0o444)
    args = ("softmax", "1", "1", "-o", str(old))
    assert run(*args).fails(1) == f"can't write {old}: Permission denied"
    old.chmod(0o644)
    old.parent.chmod(0o555)
    ran: Ran = run(*args)
    old.parent.chmod(0o755)
    assert ran.fails(1) == f"can't write {old}: Permission denied"
    assert is_untouched(old)


def test_usage_errors_touch_nothing(run: Run, old: Path) -> None:
    for words in (["1", "2,3"], ["1", "-T", "x"], ["1", "-i", "x"], ["-f", "npy", "-p", "3", "1"]):
        run("softmax", *words, "-o", str(old)).fails(2)
    run("xent", "1,2", "-o", str(old.with_name("new"))).fails(2)
    assert is_untouched(old)


def test_on_a_terminal_a_file_gets_csv_and_may_get_an_array(old: Path) -> None:
    assert run_in_terminal("softmax", "1", "1", "-o", str(old)).ok() == ""
    assert old.read_text() == HALVES
    assert run_in_terminal("softmax", "-f", "npy", "1", "1", "-o", str(old)).ok() == ""
    assert np.load(old).tolist() == [[0.5, 0.5]]


def test_the_answer_of_check_is_no_error(run: Run, old: Path) -> None:
    ran = run("compare", "--check", "1", "800", "-o", str(old))
    assert (ran.status, ran.out, ran.err) == (3, "", "")
    assert "overflow" in old.read_text()
