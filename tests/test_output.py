"""The digits that were asked for, arrays that numpy loads, and -o FILE: all of it or nothing."""

import io
import math
import os
import re
import signal
import stat
import subprocess
import time
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.conftest import COMMAND, Ran, Run, bash, run_command, run_in_terminal, started
from tests.forked import HANG, ForkServer

# Numbers that have the most digits, and such as lie halfway between two of few decimals
LONG = st.integers(1, 1020).map(lambda n: n / 1021)
HALFWAY = st.integers(-(10**6), 10**6).map(lambda n: n / 1024)
NUMBERS = st.one_of(
    st.floats(allow_nan=False), st.floats(0, 1), st.floats(-1e7, 1e7), HALFWAY, LONG
)


@st.composite
def falling_rows(draw: st.DrawFn) -> list[list[float]]:
    """Rows that hardmax --top copies: from the largest to the smallest, and with a maximum."""
    width = draw(st.integers(2, 5))
    kinds = st.one_of(st.just(NUMBERS), st.just(LONG)).flatmap(
        lambda kind: st.lists(kind, min_size=width, max_size=width)
    )
    rows = [sorted(row, reverse=True) for row in draw(st.lists(kinds, min_size=1, max_size=40))]
    rows = [row for row in rows if row[0] > -math.inf and row.count(math.inf) < 2]
    return rows or [[1.0] * width]


def digits(text: str) -> str:
    """The significant digits of a number."""
    return re.sub(r"e.*|[-.]", "", text).strip("0")


@given(
    falling_rows(),
    st.integers(0, 25),
    st.integers(1, 20),
    st.sampled_from([("csv", ","), ("tsv", "\t")]),
)
@settings(max_examples=60)
def test_numbers_have_the_digits_that_were_asked_for(
    server: ForkServer,
    rows: list[list[float]],
    decimals: int,
    significant: int,
    form: tuple[str, str],
) -> None:
    name, delimiter = form
    data = "".join(",".join(map(repr, row)) + "\n" for row in rows).encode()
    numbers = [x for row in rows for x in row]
    command = ["hardmax", "--ties", "first", "--as", "value", "--top", str(len(rows[0]))]
    command += ["--axis", "row", "--no-header", "-d", ",", "-f", name]

    def written(*args: str) -> list[str]:
        done = server.run([*command, *args], data)
        assert (done.status, done.err) == (0, b"")
        lines = done.out.decode().splitlines()
        assert [line.count(delimiter) for line in lines] == [len(row) - 1 for row in rows]
        return [cell for line in lines for cell in line.split(delimiter)]

    shortest = written()
    assert list(map(float, shortest)) == numbers
    assert list(map(digits, shortest)) == [digits(repr(x)) for x in numbers]
    fixed = written("--decimals", str(decimals))
    assert fixed == [f"{x:.{decimals}f}" for x in numbers]
    finite = [
        (x, Fraction(text)) for x, text in zip(numbers, fixed, strict=True) if abs(x) < math.inf
    ]
    assert all(abs(text - Fraction(x)) <= Fraction(1, 2 * 10**decimals) for x, text in finite)
    cut = written("-p", str(significant))
    assert list(map(float, cut)) == [float(f"{x:.{significant}g}") for x in numbers]
    assert not any(mark in text for mark in ("e+", "e0", "e-0") for text in cut)


def test_decimals_in_every_format(run: Run) -> None:
    assert run("softmax", "--decimals", "3", "1", "2", "3").ok() == "0.090,0.245,0.665\n"
    assert run("softmax", "--log", "--decimals", "1", "0,-1999.96").ok() == "0.0,-2000.0\n"
    assert run("hardmax", "--as", "value", "--decimals", "0", "2.5,-inf").ok() == "2\n"
    written = run("softmax", "-f", "json", "--decimals", "2", "1,2").ok()
    assert '"probabilities":[0.27,0.73]' in written
    assert " 0.269  " in run("softmax", "-f", "table", "--decimals", "3", "1,2").ok()
    breakdown = run("xent", "--breakdown", "--decimals", "2", "1,2", "-t", "0").ok()
    assert breakdown.splitlines()[1] == "1.31,0.00,1.31,3.72,0.27,1"


def array_of(server: ForkServer, *args: str, stdin: bytes = b"") -> NDArray[Any]:
    done = server.run([*args, "-f", "npy"], stdin)
    assert (done.status, done.err) == (0, b"")
    array: NDArray[Any] = np.load(io.BytesIO(done.out), allow_pickle=False)
    return array


@pytest.mark.parametrize(
    ("args", "shape", "kind"),
    [
        (["softmax", "1,2,3", "3,4,5"], (2, 3), "float64"),
        (["softmax", "1,2,3"], (1, 3), "float64"),
        (["hardmax", "1,2,3", "4,3,2"], (2,), "int64"),
        (["hardmax", "--as", "one-hot", "1,2,3", "4,3,2"], (2, 3), "int64"),
        (["xent", "-t", "0", "1,2,3", "4,3,2"], (2,), "float64"),
        (["xent", "-t", "0", "--breakdown", "1,2,3", "4,3,2"], (2, 6), "float64"),
        (["xent", "-t", "0", "--reduction", "mean", "1,2,3", "4,3,2"], (1,), "float64"),
        (["kl", "0.5,0.5", "0.25,0.75"], (1,), "float64"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_arrays_hold_what_csv_says(
    run: Run, server: ForkServer, tmp_path: Path, args: list[str], shape: tuple[int, ...], kind: str
) -> None:
    array = array_of(server, *args)
    assert (array.shape, array.dtype.name) == (shape, kind)
    lines = [line for line in run(*args).ok().splitlines() if not line.startswith("loss")]
    text = np.array([[float(cell) for cell in line.split(",")] for line in lines])
    assert np.array_equal(array.reshape(text.shape), text)
    words = " ".join(f"'{arg}'" for arg in args)
    for sign in (">", ">>"):
        script = f"softmax-cli {words} -f npy {sign} 'a{sign}.npy'"
        assert bash(script, tmp_path).ok() == ""
        assert np.array_equal(np.load(tmp_path / f"a{sign}.npy"), array)


def test_a_vector_read_downwards_comes_back_as_one(server: ForkServer) -> None:
    assert array_of(server, "softmax", stdin=b"1\n1\n1\n1\n").tolist() == [0.25] * 4
    columns = array_of(server, "softmax", "--axis", "column", stdin=b"1,1,1\n1,1,1\n")
    assert columns.shape == (2, 3)


def test_a_terminal_gets_no_array() -> None:
    assert "terminal" in run_in_terminal("softmax", "-f", "npy", "1", "2").fails(2)


OLD = "what was there\n"
HALVES = "0.5,0.5\n"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that is there already, alone in its directory."""
    file = tmp_path / "out.csv"
    file.write_text(OLD)
    return file


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


def begun(file: Path) -> tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]:
    """A command that has begun to write, the pipe into it, and that from its errors."""
    process, rows, _, errors = started("softmax", "-o", str(file))
    rows.write(b"1,1\n" * 3)
    written = Path(f"/proc/{process.pid}/fd/1")
    while written.exists() and not written.stat().st_size:
        assert process.poll() is None
        time.sleep(0.01)
    return process, rows, errors


def test_the_old_one_is_there_until_the_end(old: Path) -> None:
    process, rows, _ = begun(old)
    with process:
        assert old.read_text() == OLD
        rows.close()
        assert process.wait(timeout=HANG) == 0
    assert old.read_text() == HALVES * 3


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
    process, _, errors = begun(old)
    with process:
        process.send_signal(number)
        assert process.wait(timeout=HANG) in status
        assert errors.read() == b""
    assert old.read_text() == OLD
    if number != signal.SIGKILL:  # after which nobody can remove the draft
        assert is_untouched(old)


def test_a_bad_row_leaves_the_old_one(run: Run, old: Path) -> None:
    done = run("softmax", "-j", "2", "-o", str(old), stdin="1,2\n" * 200_000 + "1,x\n")
    assert done.fails(1).startswith("stdin:200001:2: 'x' is not a number")
    assert is_untouched(old)


_BY_SUFFIX = {"p.tsv": "tsv", "p.jsonl": "jsonl", "p.MD": "markdown", "p.npy": "npy", "csv": "csv"}
_BY_SUFFIX |= {"p.json": "json"}


@pytest.mark.parametrize(("name", "format_"), _BY_SUFFIX.items())
def test_the_suffix_chooses_the_format(run: Run, tmp_path: Path, name: str, format_: str) -> None:
    words = ["softmax", "-f", format_, "1,2"]
    piped = subprocess.run([COMMAND, *words], capture_output=True, check=True)
    assert run("softmax", "1,2", "-o", str(tmp_path / name)).ok() == ""
    assert (tmp_path / name).read_bytes() == piped.stdout
    assert run("softmax", "1,2", "-f", "csv", "-o", str(tmp_path / name)).ok() == ""
    assert (tmp_path / name).read_text().count(",") == 1


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
    both = bash("{ softmax-cli softmax 1 1 -o /dev/stdout; echo more; } > f; cat f", tmp_path)
    assert both.ok() == HALVES + "more\n"
    os.mkfifo(tmp_path / "pipe")
    assert bash("softmax-cli softmax 1 1 -o pipe & cat pipe; wait", tmp_path).ok() == HALVES
    if Path("/dev/full").exists():
        full = run("softmax", "1", "1", "-o", "/dev/full").fails(1)
        assert full == "can't write /dev/full: No space left on device"


def test_standard_output_may_be_closed(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("1,1\n")
    done = bash("softmax-cli softmax -i in.csv -o out.csv >&-; cat out.csv", tmp_path)
    assert done.ok() == HALVES


def test_what_can_not_be_a_file_is_one_error(run: Run, tmp_path: Path) -> None:
    def failure(path: str) -> str:
        return run("softmax", "1", "1", "-o", path, cwd=tmp_path).fails(1)

    assert failure(str(tmp_path)) == f"can't write {tmp_path}: Is a directory"
    assert failure("name/") == "can't write name/: No such file or directory"
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
