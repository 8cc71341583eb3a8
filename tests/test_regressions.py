"""Faults that were found by use and by reading, each named by what it guards."""

import os
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import click
import numpy as np
import pytest

from softmax_cli.cli import cli
from tests import fuzz
from tests.conftest import COMMAND, ROWS, Run, bash, plain_environment
from tests.forked import HANG, ForkServer
from tests.test_formats import lying
from tests.test_jobs import Piped
from tests.test_scripts import watched

HALVES = "0.5,0.5\n"
# The command, with a signal that raises an exception which nobody expects
RAISING = f"""
import runpy, signal, sys
def fail(*_):
    raise RuntimeError("not expected")
signal.signal(signal.SIGUSR1, fail)
sys.argv[0] = {str(COMMAND)!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_worst_of_columns_has_their_numbers_whatever_the_name_of_the_file(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "run7").write_text("1,5\n2,3\n")
    args = ["xent", "--axis", "column", "-t", "0", "--worst", "2", "-p", "3"]
    expected = "line,loss,target,predicted,probability\n1,1.31,0,1,0.269\n2,0.127,0,0,0.881\n"
    assert run(*args, stdin="1,5\n2,3\n").ok() == expected
    assert run(*args, "-i", "run7", cwd=tmp_path).ok() == expected


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_array_that_a_full_disk_cuts_can_be_loaded(
    large: Path, tmp_path: Path, jobs: str
) -> None:
    script = f"ulimit -f 777; softmax-cli softmax -f npy -j {jobs} -i {large} > out.npy"
    assert "File too large" in bash(script, tmp_path).fails(1)
    rows = np.load(tmp_path / "out.npy")
    whole = bash(f"softmax-cli softmax -f npy -i {large} -o whole.npy", tmp_path)
    assert whole.ok() == ""
    assert 0 < len(rows) < ROWS
    assert np.array_equal(rows, np.load(tmp_path / "whole.npy")[: len(rows)])


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("name", ["old.npy", "old.csv"])
def test_a_full_disk_leaves_the_old_file(large: Path, tmp_path: Path, name: str, jobs: str) -> None:
    (tmp_path / name).write_bytes(b"old")
    script = f"ulimit -f 1000; softmax-cli softmax -j {jobs} -i {large} -o {name}"
    assert bash(script, tmp_path).fails(1).endswith(": File too large")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize(("files", "jobs"), [("24", "2"), ("24", "32"), ("14", "2")])
def test_few_open_files_allow_fewer_processes(
    run: Run, large: Path, tmp_path: Path, files: str, jobs: str
) -> None:
    expected = run("softmax", "-p", "3", "-i", str(large), "-j", "1").ok()
    for source in (f"-i {large}", f"< {large}", f"< <(cat {large})"):
        script = f"exec {source if source[0] == '<' else ''}; ulimit -n {files}"
        named = source if source[0] == "-" else ""
        done = bash(f"{script}; softmax-cli softmax -p 3 -j {jobs} {named}", tmp_path)
        assert done.ok() == expected


def test_a_child_that_is_not_ours_may_end_before_ours(large: Path, tmp_path: Path) -> None:
    expected = bash(f"softmax-cli softmax -p 3 -i {large} -j 1", tmp_path).ok()
    script = f"(exit 7) & exec softmax-cli softmax -p 3 -i {large} -j 2"
    assert bash(script, tmp_path).ok() == expected


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_exception_that_nobody_expects_is_seen(tmp_path: Path, jobs: int) -> None:
    """Also if it comes up in one of several processes."""
    words = [sys.executable, "-c", RAISING]
    piped = Piped(b"1.5,2.25,3.125\n" * 300_000, tmp_path, jobs, words)
    piped.wait_for(300_000)
    os.kill((piped.workers or [piped.process.pid])[0], signal.SIGUSR1)
    assert piped.process.wait(timeout=HANG) == 1
    error = piped.end()
    assert "Traceback" in error
    assert error.rstrip().endswith("RuntimeError: not expected")


@pytest.mark.parametrize(("command", "footer"), [("softmax", 2), ("compare", 0)])
def test_a_table_shows_all_rows_before_a_bad_one(run: Run, command: str, footer: int) -> None:
    rows = "1,2\n3,800\n"
    whole = run(command, "-f", "table", stdin=rows).ok().splitlines()
    done = run(command, "-f", "table", stdin=f"{rows}1,x\n5,6\n")
    assert done.fails(1).startswith("stdin:3:2: ")
    assert done.out.splitlines() == whole[: len(whole) - footer]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_beside_a_progress_bar_is_as_quiet_and_leaves_whole_rows(
    tmp_path: Path, jobs: str
) -> None:
    begun = "for _ in {1..1200}; do [ -s out ] && break; sleep 0.1; done"
    script = f"trap 'true' INT; ({begun}; sleep 2; kill -INT 0) & yes 1.25,-3.75 | '{COMMAND}'"
    screen = watched(
        f'set -m; bash -c "{script} softmax -j {jobs} > out"; echo $? > status', tmp_path
    )
    assert " rows, " in screen
    assert "Traceback" not in screen
    assert screen.split("\r")[-1].replace("^C", "").strip() == ""
    assert (tmp_path / "status").read_text() == "130\n"
    written, row = (tmp_path / "out").read_bytes(), b"0.9933071490757152,0.0066928509242848554\n"
    assert written.count(row) * len(row) == len(written) > 0


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_that_is_ignored_stays_so(large: Path, tmp_path: Path, jobs: str) -> None:
    """As of a job in the background of a script, and of nohup's SIGHUP."""
    expected = bash(f"softmax-cli softmax -p 3 -i {large} -j 1", tmp_path).ok()
    script = f"trap '' INT HUP; (cat {large}; sleep 1) | {COMMAND} softmax -p 3 -j {jobs} > out"
    with subprocess.Popen(["bash", "-c", script], cwd=tmp_path, start_new_session=True) as process:
        while not (tmp_path / "out").exists() or not (tmp_path / "out").stat().st_size:
            time.sleep(0.01)
        for number in (signal.SIGINT, signal.SIGHUP):
            os.killpg(process.pid, number)
        assert process.wait(timeout=HANG) == 0
    assert (tmp_path / "out").read_text() == expected


def test_a_byte_order_mark_is_one_at_the_start_alone(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    cell = "\ufeff" + 80 * "k"
    path.write_text("first,1,1\n" + f"{cell},1,1\n" * 100_000)
    expected = "first,0.5,0.5\n" + f"{cell},0.5,0.5\n" * 100_000
    for jobs in ("1", "2"):
        assert run("softmax", "-k", "1", "-j", jobs, "-i", str(path)).ok() == expected
        assert run("softmax", "-k", "1", "-j", jobs, stdin=path.read_bytes()).ok() == expected


@pytest.mark.parametrize(
    ("args", "text", "out"),
    [
        ("-k 4 -c 1-2", '"2";"2";"1";"multi\nline"\n"1";"1";"3";"x"\n', '"multi\nline",{}x,{}'),
        ("-k 1,4 -c 3,3", 'a|"x"|0005|"multi\r\nline"\nb|"y"|6|z\n', 'a,"multi\r\nline",{}b,z,{}'),
        ("-c 1-2", '\ufeff"n0\n#"|"n1 ""x"\n1|1\n', '"n0\n#","n1 ""x"\n{}'),
        ("-c 1-2", 'a \'b "c\n,,"\n1 1 x\n', "a,'b\n{}"),
        ("-c 2,3 -k 1", '"a ""|" 1  1\n"b,"   2 2\n', '"a ""|",{}"b,",{}'),
        ("-c 2,3 -k 1", '  "b \r\n  c\t" 0  0\n a 1\t1\n', '"b \r\n  c\t",{}a,{}'),
        ("-c 2,2", "\"a 'b\"   1\naa', 2\n", "{}{}"),
    ],
)
def test_delimiters_and_quoted_cells_are_found_beside_line_ends_and_blanks(
    run: Run, args: str, text: str, out: str
) -> None:
    done = run("softmax", "--axis", "row", *args.split(), stdin=text)
    assert done.ok() == out.replace("{}", "0.5,0.5\n")


HEADER = lying("(3, 2)", 0)
ENDS = b"1e300,1,2\n1.7e308,-1.7e308,2\n-inf,1e308,1\n1,inf,-inf\n"  # of the range of numbers
MASSES = b"1.7e308,1.7e308\n5e-324,1e-300\n0,1.7e308\n"


@pytest.mark.parametrize(
    ("args", "data"),
    [
        ("xent -t 1 --invalid nan", b"1,1\nx,1\n1,-inf\n"),
        ("xent -t 0.5,0.51 --from probs --invalid skip", b"0.5,0.501\nx,1\n1,0\n"),
        ("kl --against q.csv", b"0.5,0.5\n0.5,0.5\n0.5,0.501\n"),
        ("kl --against q.csv --axis column --invalid skip", b"-1,-1,-1\n1,x,1\n2,2,2\n"),
        ("softmax -f table -j 2 --hierarchical 3,2,1", b"1,2\n" * 100),
        ("compare --check --invalid nan -f markdown", b"1,2\n" * 3 + b"inf,inf\n"),
        ("xent -t 0 --sampled 2 --repeat 3 --seed 1 --breakdown", ENDS),
        ("xent -t 1 --negative 2 --seed 1 --breakdown", ENDS),
        ("xent -t 0 --focal 2 -w 1e308,1e308,1 --gradient", ENDS),
        ("xent -t 2 --base 2 --breakdown", ENDS),
        ("kl --from logits --breakdown --base 2 --against 1e300,-inf,2", ENDS),
        *(("kl --generalized --against " + q, MASSES) for q in ("1e300,1e16", "1.7e308,1.7e308")),
        *(("softmax", b) for b in (b"PK\3\4", b"PAR1", b"Pa,R\n1,2\n", b"\xef\xbb\xbf", b"BZ")),
        *(("softmax", lying(shape, 2)) for shape in (f"({9**40},)", f"(2, {9**40})")),
        *(("softmax", HEADER + bytes(size)) for size in (0, 8, 40, 48, 56)),
        *(("softmax", HEADER[:size]) for size in (1, 5, 9, 40)),
        ("softmax", HEADER.replace(b"False", b"True") + bytes(40)),
        ("softmax --invalid nan", HEADER + b"\xff" * 24),
        ("softmax", b'[1,2]\n[1,"x"]\n[3'),
    ],
)
def test_hostile_input_warns_of_nothing_else_in_pieces_of_any_size(
    server: ForkServer, tmp_path: Path, args: str, data: bytes
) -> None:
    """And ends with one error, or none: a warning of numpy's would be an exception here."""
    (tmp_path / "q.csv").write_text("0.5,0.501\n0.5,0.5\n0.5,0.5\n")
    whole = server.run(args.split(), data, plain_environment(), tmp_path)
    assert fuzz.problem_of(whole) is None
    for size in (1, 3, 7, 64):
        pieces = server.run(args.split(), data, plain_environment(), tmp_path, read_bytes=size)
        assert pieces == whole


@pytest.mark.parametrize("name", fuzz.OPTIONS)
def test_the_fuzzer_knows_every_option_and_choice(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    lines = [" ".join(line) for line in fuzz.COMMANDS if line[0] == name]
    known = " ".join([*lines, fuzz.OPTIONS[name], fuzz.SHARED, "-i", ""])
    for option in command.params:
        if isinstance(option, click.Option):
            choices = option.type.choices if isinstance(option.type, click.Choice) else [""]
            sides = [option.opts, option.secondary_opts or option.opts]
            for opts, choice in product(sides, choices):
                assert any(f" {opt} {choice}".rstrip() + " " in known for opt in opts), opts


def test_a_subnormal_logit_has_the_same_digits_beside_any_other_row(run: Run) -> None:
    alone, beside = "-1.01224e-319,0\n", "-1.01224e-319,0\n1e300,0\n"
    first = run("compare", "-T", "10", "-f", "csv", stdin=alone).ok()
    assert run("compare", "-T", "10", "-f", "csv", stdin=beside).ok().startswith(first)


def test_bars_to_both_sides_stay_on_their_line(run: Run) -> None:
    for columns in range(38, 50):
        command = ("kl", "--normalize", "9,12,4", "10,10,5", "-f", "table")
        lines = run(*command, env={"COLUMNS": str(columns)}).ok().splitlines()
        assert [line.split()[:1] for line in lines[2:6]] == [["0"], ["1"], ["2"], []]
