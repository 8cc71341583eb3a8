"""Tables, as they stand on a terminal."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from rich.cells import cell_len

from tests.conftest import Run
from tests.terminal import run_in_terminal

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
WIDTHS = [40, 80, 200]
ROWS = "cat,dog,owl\n1,2,3\n4,5,6.5\n-1e-9,200,0\n"

SINGLE = [
    (["softmax", "1", "2", "3"], ["0.0900306", "0.244728", "0.665241", "3.40761", "0.832396"]),
    (["hardmax", "0.2", "0.3", "0.5"], ["0.2", "0.3", "0.5"]),
    (
        ["xent", "2,1,0.1", "-t", "0.7,0.2,0.1"],
        ["0.659001", "0.242433", "0.0985659", "-0.0409989", "0.807030", "2.24124"],
    ),
    (["kl", "0.36,0.48,0.16", "0.3,0.4,0.3"], ["0.0656358", "-0.100577", "0.0525727"]),
    (["compare", "1000", "1001", "1002"], ["0.0900306", "nan", "overflow", "425"]),
]


def plain(screen: str) -> str:
    return ESCAPES.sub("", screen)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("args", "numbers"), SINGLE, ids=lambda x: x[0] if x else "")
def test_no_digit_is_cut_at_any_width(args: list[str], numbers: list[str], width: int) -> None:
    screen = run_in_terminal(*args, columns=width).ok()
    words = plain(screen).split()
    for number in numbers:
        assert number in words, screen
    assert "…" not in screen
    assert max(cell_len(line) for line in plain(screen).splitlines()) <= width


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("command", ["softmax", "hardmax", "compare"])
def test_many_rows_at_any_width(command: str, width: int) -> None:
    screen = plain(run_in_terminal(command, columns=width, stdin=ROWS.encode()).ok())
    assert max(map(cell_len, screen.splitlines())) <= width
    assert "rows 3" in screen
    if command == "softmax":
        assert "1.3839e-87" in screen.split()


def test_a_vector_that_is_too_wide_for_a_terminal_of_ten_columns_keeps_its_digits() -> None:
    screen = plain(run_in_terminal("softmax", "1.23456", "2.34567", columns=10).ok())
    assert "0.247664" in screen.replace("\n", " ").split()


def test_a_terminal_gets_a_table_and_a_pipe_gets_csv(run: Run) -> None:
    assert "probability" in plain(run_in_terminal("softmax", "1", "2").ok())
    assert run("softmax", "1", "2").ok() == "0.26894142136999516,0.7310585786300049\n"
    assert run_in_terminal("softmax", "-f", "csv", "1", "1").ok() == "0.5,0.5\n"


def test_colour_and_the_words_that_turn_it_off_and_on(run: Run) -> None:
    args = ("softmax", "1", "2")
    assert "\x1b[32m" in run_in_terminal(*args).out
    assert "\x1b[32m" not in run_in_terminal(*args, env={"NO_COLOR": "1"}).out
    assert "\x1b" not in run_in_terminal(*args, env={"TERM": "dumb"}).out
    assert "\x1b" not in run(*args, "-f", "table").out
    assert "\x1b[32m" in run(*args, "-f", "table", env={"FORCE_COLOR": "1"}).out


def test_columns_sets_the_width() -> None:
    screen = run_in_terminal("softmax", "1", "2", columns=200, env={"COLUMNS": "40"}).ok()
    assert max(map(cell_len, plain(screen).splitlines())) <= 40


def test_an_ascii_terminal_gets_ascii(run: Run) -> None:
    table = run("softmax", "-f", "table", "1", "2", env={"PYTHONIOENCODING": "ascii"}).ok()
    assert table.isascii()
    assert "####" in table


def test_points_stand_under_one_another(run: Run) -> None:
    lines = run("softmax", "-f", "table", "--names", "a,b,c", "1", "2", "3").ok().splitlines()
    points = {line.index(".") for line in lines if re.match(r" [abc] .*\.", line)}
    assert len(points) == 1


def test_the_identity_adds_up_in_the_digits_shown(run: Run) -> None:
    for target in ("0.7,0.2,0.1", "1,0,0", "0.01,0.01,0.98", "0"):
        table = run("xent", "-f", "table", "2,1,0.1", "-t", target).ok()
        line = next(line for line in table.splitlines() if "H(P) + KL(P||Q) = H(P,Q)" in line)
        match = re.search(r"([\d.]+) \+ ([\d.]+) = ([\d.]+) nats", line)
        assert match is not None
        entropy, divergence, loss = map(float, match.groups())
        last_place = 10.0 ** -len(match[3].split(".")[1])
        assert abs(entropy + divergence - loss) < 0.5 * last_place
        assert len({len(number.split(".")[1]) for number in match.groups()}) == 1


def test_the_identity_of_a_tiny_or_infinite_loss_is_short(run: Run) -> None:
    tiny = run("xent", "-f", "table", "0", "-200", "-t", "0").ok()
    assert "0 + 1.3839e-87 = 1.3839e-87 nats" in tiny
    infinite = run("xent", "-f", "table", "0", "-inf", "-t", "1")
    assert "0 + inf = inf nats" in infinite.out


def test_the_base_is_named(run: Run) -> None:
    assert " bits" in run("xent", "-f", "table", "--base", "2", "1,2", "-t", "0").ok()
    assert " dits" in run("kl", "-f", "table", "--base", "10", "0.5,0.5", "0.2,0.8").ok()


def test_a_long_input_says_how_much_was_left_out(run: Run) -> None:
    rows = run("softmax", "-f", "table", stdin="1,2\n" * 1000).ok()
    assert "980 more rows" in rows
    assert "rows 1000" in rows
    classes = run("softmax", "-f", "table", stdin="\n".join(map(str, range(300)))).ok()
    assert "250 more classes" in classes
    wide = run("softmax", "-f", "table", stdin=(",".join(map(str, range(300))) + "\n") * 3).ok()
    assert "250 more classes" in wide
    assert "1 more rows" in wide


def test_names_are_shown_as_they_are_and_do_no_harm(run: Run) -> None:
    screen = run("softmax", "-f", "table", "--names", "[red]x,\x1b[31my,猫🐈", "1", "2", "3").ok()
    assert "[red]x" in screen
    assert "\\x1b[31my" in screen
    assert "\x1b" not in screen
    lines = [line for line in screen.splitlines() if "0." in line][:3]
    assert len({cell_len(line[: line.index(".")]) for line in lines}) == 1


def test_compare_says_what_overflowed_and_where(run: Run) -> None:
    table = run("compare", "-f", "table", "1000", "1001", "1002").ok()
    for dtype in ("float64", "float32", "float16"):
        assert f"naive {dtype}: exp(1000) = inf, inf/inf = nan" in table


def test_many_rows_are_summed_up_by_method(run: Run) -> None:
    table = run("compare", "-f", "table", stdin="1,2\n3,800\n1,-800\n").ok()
    line = next(line for line in table.splitlines() if "naive" in line and "float64" in line)
    assert line.split() == ["naive", "float64", "1", "2", "inf"]
    assert "exp(800) = inf" in table


def test_a_table_of_one_number_for_all(run: Run) -> None:
    table = run("xent", "-f", "table", "-t", "0", "--reduction", "mean", stdin="1,2\n2,1\n").ok()
    assert "mean 0.813262 nats" in table
    assert "denominator 2" in table


def test_rows_before_a_bad_one_are_shown(run: Run) -> None:
    done = run("softmax", "-f", "table", stdin="1,1\n2,x\n")
    assert "stdin:2:2" in done.fails(1)
    assert "0.5" in done.out


def test_a_terminal_as_input_is_a_usage_error_at_once() -> None:
    message = run_in_terminal("softmax", stdin=None).fails(2)
    assert "softmax 1 2 3" in message
    assert "-i FILE" in message


def test_a_table_of_all_the_winners_of_a_tie(run: Run) -> None:
    table = run("hardmax", "--ties", "all", "-f", "table", "2", "2", "1").ok()
    assert "winner 0, 1" in table
    rows = run("hardmax", "--ties", "all", "-f", "table", "--names", "a,b", "2 2", "1 2").ok()
    assert "a;b" in rows
    assert "[" not in rows


def test_a_comparison_too_wide_for_the_screen_shows_every_method_first(run: Run) -> None:
    table = run("compare", "-f", "table", ",".join(map(str, range(100)))).ok()
    methods = [line.split()[0] for line in table.splitlines()[2:10]]
    expected = ["hard", "linear", "naive", "naive", "naive", "shifted", "lse", "stable"]
    assert methods == expected
    assert "50 more classes" in table
    narrow = run("compare", "-f", "table", "1000", "1001", "1002", env={"COLUMNS": "40"}).ok()
    assert "stable float64" in narrow
    assert "0.665241" in narrow


def test_columns_that_are_vectors_keep_their_names(run: Run) -> None:
    table = run("softmax", "--axis", "column", "-f", "table", stdin="cat,dog\n1,2\n3,4\n").ok()
    assert [line.split()[0] for line in table.splitlines()[2:4]] == ["cat", "dog"]


LONG = "a class with a very long name indeed,another one that is long,short"
ODD = [
    "猫",
    "🐈",
    "e\u0301",
    "👨\u200d👩\u200d👧",
    "🇩🇪",
    "👍🏽",
    "❤\ufe0f",
    "สวัสดี",
    "م\u200cم",
]
# What would change the terminal or the line: escape codes of both kinds, a bell, a backspace, a
# carriage return, turns of direction, a line separator, a soft hyphen
HARMFUL = (
    '\x1b[31m,\x1b]0;title\x07,\x9b31m,a\x08b,"a\rb",\u202eb,\u2066b,\u200eb,a\u2028b,a\u00adb'
)


@pytest.mark.parametrize(
    "args",
    [
        ["softmax", "--names", LONG, "1", "2", "3"],
        ["xent", "--names", LONG, "1,2,3", "-t", "0.2,0.3,0.5"],
        ["xent", "--names", LONG, "3,2,1", "1,2,3", "-t", "0"],
        ["softmax", "--names", LONG, "1,2,3", "2,3,4"],
        ["compare", "--names", LONG, "1,2,3"],
        ["softmax", "--names", "x" * 500 + ",b", "1", "2"],
        ["softmax", "--names", "猫" * 70 + ",b", "1,2", "2,3"],
    ],
    ids=lambda args: f"{args[0]} {len(args)}",
)
def test_long_names_are_folded_and_no_digit_is(run: Run, args: list[str]) -> None:
    markdown = run(*args, "-f", "markdown").ok()
    numbers = set(re.findall(r"-?\b\d+\.\d{4,}(?:e-\d+)?", markdown))
    for width in (40, 80):
        table = run(*args, "-f", "table", env={"COLUMNS": str(width)}).ok()
        assert max(map(cell_len, table.splitlines())) <= width
        assert numbers <= set(table.split())
        if args[2] == LONG:
            assert set(LONG.partition(",")[0].split()) <= set(table.split())


def test_wide_combined_and_joined_characters_keep_the_columns_straight(run: Run) -> None:
    numbers = [f"{n}.5" for n in range(len(ODD))]
    lines = run("softmax", "-f", "table", "--names", ",".join(ODD), *numbers).ok().splitlines()
    shown = [next(line for line in lines if name in line) for name in ODD]
    assert len({cell_len(line[: line.index(".5")]) for line in shown}) == 1


def test_what_would_harm_a_terminal_is_spelt_out(run: Run) -> None:
    count = len(HARMFUL.split(","))
    vector = ",".join(map(str, range(count)))
    texts = [
        run("softmax", "-f", "table", "--names", HARMFUL, *map(str, range(count))).ok(),
        run("softmax", "-f", "table", "--names", HARMFUL, vector, vector).ok(),
        run("softmax", "-f", "markdown", "--names", HARMFUL, vector).ok(),
        run("xent", "-t", "none", stdin="\x1b[31m\n1\n").err,
        run("xent", "-t", "none", stdin=f"{HARMFUL}\n{vector}\n{vector}\n").err,
        run("softmax", "-c", "none", stdin=f"{HARMFUL}\n{vector}\n{vector}\n").err,
        run("hardmax", "--ties", "error", "--names", HARMFUL, ",".join("1" * count)).err,
        run("hardmax", "--names", HARMFUL, ",".join("1" * count)).err,
        run("softmax", HARMFUL).err,
        run("softmax", stdin=f"1,2\n1,{HARMFUL.partition(',')[0]}\n").err,
        run("softmax", f"--{HARMFUL}", "1").err,
        run("softmax", "-T", HARMFUL, "1").err,
        run("softmax", "-i", HARMFUL).err,
        run(HARMFUL).err,
        run("xent", "-t", "0", "--targets", "\x1b[31m[red]", "1,2").err,
    ]
    for text in texts:
        assert text
        assert text.replace("\n", "").isprintable(), ascii(text)


def test_markup_is_text(run: Run) -> None:
    names = "[red]a[/red],[bold,[link=x]y"
    table = run("softmax", "-f", "table", "--names", names, "1", "2", "3").ok()
    assert all(name in table for name in names.split(","))
    failure = run("xent", "-t", "red]", "--names", names, "1,2,3").fails(1)
    assert "'red]'" in failure


@pytest.mark.parametrize("columns", ["0", "-5", "x", "", "000"])
def test_a_width_that_is_none_is_passed_over(columns: str) -> None:
    screen = run_in_terminal("softmax", "1", "2", columns=100, env={"COLUMNS": columns}).ok()
    assert screen == run_in_terminal("softmax", "1", "2", columns=100).ok()


def test_a_dumb_terminal_has_a_width_too() -> None:
    for wide, told in ((40, {}), (200, {"COLUMNS": "40"})):
        screen = run_in_terminal(
            "softmax", "1", "2", columns=wide, env={"TERM": "dumb", **told}
        ).ok()
        assert max(map(cell_len, screen.splitlines())) <= 40
        assert "\x1b" not in screen


def test_a_pager_gets_the_width_of_the_terminal_and_colours_on_request(run: Run) -> None:
    assert run_in_terminal("softmax", "1", "2", env={"NO_COLOR": ""}).out.count("\x1b[32m")
    forced = run("softmax", "-f", "table", "1", "2", env={"FORCE_COLOR": "1"}).ok()
    less = ["less", "-R"]
    if shutil.which("less"):
        paged = subprocess.run(less, input=forced.encode(), capture_output=True, check=True)
        assert paged.stdout.decode() == forced
    assert (
        "\x1b[32m"
        not in run(
            "softmax", "-f", "table", "1", "2", env={"FORCE_COLOR": "1", "NO_COLOR": "1"}
        ).ok()
    )


def test_the_identity_has_no_digits_that_a_float_does_not_hold(run: Run) -> None:
    table = run("xent", "-p", "17", "-f", "table", "2,1,0.1", "-t", "0.7,0.2,0.1").ok()
    line = next(line for line in table.splitlines() if "H(P,Q)" in line)
    assert all(len(digits) <= 17 for digits in re.findall(r"0\.(\d+)", line))


def test_a_name_that_two_classes_have_is_refused_where_it_is_asked_for(run: Run) -> None:
    rows = "a,b,a\n1,2,3\n"
    assert (
        run("xent", "-t", "a", stdin=rows).fails(1).startswith("'a' is the name of classes 0 and 2")
    )
    assert "the name of columns 1 and 3" in run("softmax", "-c", "b,a", stdin=rows).fails(1)
    assert run("xent", "-t", "b", stdin=rows).ok()
    assert run("xent", "-t", "2", stdin=rows).ok() == "loss\n0.4076059644443803\n"
