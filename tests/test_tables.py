"""Tables as they stand on a terminal, and Markdown as a reader of GitHub's flavour shows it."""

import csv
import io
import re
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len

from tests.conftest import Run, run_in_terminal
from tests.forked import ForkServer

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
WIDTHS = [40, 80, 200]
RAMP = ",".join(map(str, range(300)))
ROWS = "cat,dog,owl\n1,2,3\n4,5,6.5\n-1e-9,200,0\n"

SINGLE = [
    (["softmax", "1", "2", "3"], ["0.0900306", "0.244728", "0.665241", "3.40761", "0.832396"]),
    (["hardmax", "0.2", "0.3", "0.5"], ["0.2", "0.3", "0.5"]),
    (
        ["xent", "2,1,0.1", "-t", "0.7,0.2,0.1"],
        ["0.659001", "0.242433", "0.0985659", "-0.0409989", "0.807030", "2.24124"],
    ),
    (["kl", "0.36,0.48,0.16", "0.3,0.4,0.3"], ["0.0656358", "-0.100577", "0.0525727"]),
    (["compare", "1000", "1001", "1002"], ["0.665241", "nan", "overflow", "425"]),
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
    assert "…" not in screen.replace("… 2 more classes", "")
    assert max(cell_len(line) for line in plain(screen).splitlines()) <= width


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("command", ["softmax", "hardmax", "compare"])
def test_many_rows_at_any_width(command: str, width: int) -> None:
    screen = plain(run_in_terminal(command, columns=width, stdin=ROWS.encode()).ok())
    assert max(map(cell_len, screen.splitlines())) <= width
    assert "rows 3" in screen
    if command == "softmax":
        assert "1.3839e-87" in screen.split()


def test_what_a_terminal_gets(run: Run) -> None:
    # A terminal gets a table and a pipe gets csv
    assert "probability" in plain(run_in_terminal("softmax", "1", "2").ok())
    assert run("softmax", "1", "2").ok() == "0.2689414213699951,0.7310585786300049\n"
    assert run_in_terminal("softmax", "-f", "csv", "1", "1").ok() == "0.5,0.5\n"
    # Colour and the words that turn it off and on
    args = ("softmax", "1", "2")
    assert "\x1b[32m" in run_in_terminal(*args).out
    assert "\x1b[32m" not in run_in_terminal(*args, env={"NO_COLOR": "1"}).out
    assert "\x1b" not in run_in_terminal(*args, env={"TERM": "dumb"}).out
    assert "\x1b" not in run(*args, "-f", "table").out
    assert "\x1b[32m" in run(*args, "-f", "table", env={"FORCE_COLOR": "1"}).out
    both = {"FORCE_COLOR": "1", "NO_COLOR": "1"}
    assert "\x1b[32m" not in run(*args, "-f", "table", env=both).ok()
    assert "\x1b[32m" in run_in_terminal(*args, env={"NO_COLOR": ""}).out


def test_points_stand_under_one_another(run: Run) -> None:
    lines = run("softmax", "-f", "table", "--names", "a,b,c", "1", "2", "3").ok().splitlines()
    points = {line.index(".") for line in lines if re.match(r" [abc] .*\.", line)}
    assert len(points) == 1


def test_the_identity(run: Run) -> None:
    # No digits that a float does not hold
    table = run("xent", "-p", "17", "-f", "table", "2,1,0.1", "-t", "0.7,0.2,0.1").ok()
    line = next(line for line in table.splitlines() if "H(P,Q)" in line)
    assert not re.search(r"\.\d{18}", line)
    # The identity adds up in the digits shown
    for target in ("0.7,0.2,0.1", "1,0,0", "0.01,0.01,0.98", "0"):
        table = run("xent", "-f", "table", "2,1,0.1", "-t", target).ok()
        line = next(line for line in table.splitlines() if "H(P) + KL(P||Q) = H(P,Q)" in line)
        match = re.search(r"([\d.]+) \+ ([\d.]+) = ([\d.]+) nats", line)
        assert match is not None
        entropy, divergence, loss = map(float, match.groups())
        last_place = 10.0 ** -len(match[3].split(".")[1])
        assert abs(entropy + divergence - loss) < 0.5 * last_place
        assert len({len(number.split(".")[1]) for number in match.groups()}) == 1
    # The identity of an infinite loss is short
    assert "0 + inf = inf nats" in run("xent", "-f", "table", "0", "-inf", "-t", "1").out


@pytest.mark.parametrize(
    ("line", "stdin", "shown"),
    [
        ("compare", "1,2\n3,800\n1,-800\n", ["naive float64 overflow 1 0.0 inf"]),
        ("xent -t 0 --reduction mean", "1,2\n2,1\n", ["mean 0.813262 nats", "denominator 2"]),
        ("hardmax --ties all 2 2 1", "", ["winner 0, 1"]),
        ("hardmax --ties all --names a,b", "2 2\n1 2\n", ["a;b"]),
        ("softmax --axis column", "cat,dog\n1,2\n3,4\n", [" cat 0.119203", " dog 0.119203"]),
        ("softmax", "1,2\n" * 1000, ["980 more rows", "rows 1000"]),
        ("softmax", RAMP.replace(",", "\n"), ["290 more classes, together probability 4.53999e-5"]),
        ("softmax", f"{RAMP}\n" * 3, ["292 more classes", "rounded to fit"]),
        ("xent 0 -200 -t 0", "", ["0 + 1.3839e-87 = 1.3839e-87 nats"]),
        ("softmax --names [red]a[/red],[bold,[link=x]y 1 2 3", "", ["[red]a[/red]", "[link=x]y"]),
    ],
)
def test_a_table_shows(run: Run, line: str, stdin: str, shown: list[str]) -> None:
    table = run(*line.split(), "-f", "table", stdin=stdin).ok()
    assert all(part in " ".join(table.replace("\n", " ").split()) for part in map(str.strip, shown))


def test_a_terminal_as_input_is_a_usage_error_at_once() -> None:
    message = run_in_terminal("softmax", stdin=None).fails(2)
    assert "softmax 1 2 3" in message
    assert "-i FILE" in message


@pytest.mark.parametrize(("classes", "width"), [(10, 80), (100, 80), (3, 60), (100, 40)])
def test_a_comparison_too_wide_for_the_screen_shows_the_winner(
    run: Run, classes: int, width: int
) -> None:
    vector = ",".join(map(str, range(1000, 1000 + classes)))
    table = run("compare", "-f", "table", vector, env={"COLUMNS": str(width)}).ok()
    lines = table.partition("method")[2].splitlines()[2:]
    methods = ["hard", "linear", *["naive"] * 4, "shifted", "lse", "stable"]
    assert [line.split()[0] for line in lines[:9]] == methods
    types = [line.split()[1] for line in lines if line.startswith(" naive ")]
    assert types == ["float64", "float32", "float16", "bfloat16"] * (2 if width == 40 else 1)
    assert f"{classes - 1} more classes" in table
    assert {"p", "winner", "overflow", "ok"} <= set(table.split())
    assert max(map(cell_len, table.splitlines())) <= width
    assert width != 80 or len(table.splitlines()) < 20


def test_many_classes_are_the_best_the_target_and_the_sum_of_the_others(run: Run) -> None:
    flat = ",".join("9" if i == 700 else "0" for i in range(1000))
    for line, last, others in (
        (f"softmax {flat}", "8 0 0.000109865", "990 more classes, together probability 0.108766"),
        (f"softmax --log {flat}", "8 0 -9.11626", "990 more classes, together probability"),
        (f"hardmax {flat}", "8 0 9", "990 more classes; -f csv shows all"),
        (f"xent -t 500 {flat}", "500 1 0 0.000109865 9.11626 9.11626 -0.99989",
         "989 more classes, together target 0, probability 0.108656, part of loss 0, gradient"),
        (f"kl --from logits {flat} {flat.replace('9', '0')}", "8 0.000109865 0.001 -0.000242637",
         "990 more classes, together P 0.108766, Q 0.99, P log(P/Q) -0.240211; -f csv shows all"),
    ):  # fmt: skip
        lines = run(*line.split(), "-f", "table").ok().splitlines()
        assert lines[2].split()[0] == "700"
        end = next(i for i, line in enumerate(lines) if line.startswith(" …"))
        assert " ".join(lines[end - 1].split()).startswith(last)
        assert others in " ".join(" ".join(lines[end:]).split())
    ramp = run("hardmax", "--top", "12", "-f", "table", ",".join(map(str, range(1000)))).ok()
    assert "… 988 more classes" in ramp


def test_bars_and_colours(run: Run) -> None:
    # A full bar is probability 1, and negative bars go left
    assert run("softmax", "0", "0", "-f", "table").ok().count("█") == 2 * 20
    table = run("kl", "0.4,0.6", "0.6,0.4", "-f", "table").ok().splitlines()
    assert table[2].index("░") < table[2].rindex("░") < table[3].index("█")
    # Winners, what is not finite, wrong predictions and the answer
    screen = run_in_terminal("softmax", "1,2", "3,1").ok()
    assert re.findall(r"\x1b\[32m([\d.]+)", screen) == ["0.731059", "0.880797"]
    screen = run_in_terminal("xent", "1,2", "3,1", "-t", "0").ok()
    assert re.findall(r"\x1b\[31m(\d)", screen) == ["1"]
    screen = run_in_terminal("compare", "1000", "1").ok()
    assert "\x1b[1mnaive breaks" in screen
    assert "\x1b[31mnan" in screen.replace(" ", "")


def test_rows_of_classes_too_wide_have_fewer_decimals_and_then_fewer_classes(run: Run) -> None:
    rows = "0.123456,2,3,1,0.5,0.25\n1,2,3,4,5,6.123456\n"
    first = {
        90: "0.0330268 0.215695 0.586319 0.0793496 0.048128 0.0374821",
        70: "0.0330 0.2157 0.5863 0.0793 0.0481 0.0375",
        64: "0.033 0.216 0.586 0.079 0.048 0.037",
        50: "0.033 0.216 … 0.037",
    }
    for width, shown in first.items():
        table = run("softmax", "-f", "table", stdin=rows, env={"COLUMNS": str(width)}).ok()
        lines = table.splitlines()
        assert lines[2].split()[1:-2] == shown.split()
        assert (" … rounded to fit; -f csv shows all digits" in lines) == (width < 90)
        assert (" … 3 more classes; -f csv shows all" in lines) == (width == 50)
    # Digits that were asked for stay
    table = run("softmax", "-f", "table", "-p", "4", stdin=rows, env={"COLUMNS": "64"}).ok()
    assert "0.03303 0.2157 … 0.04813 0.03748" in " ".join(table.split())


LONG = "a class with a very long name indeed,another one that is long,short"
ODD = ["猫", "🐈", "é", "👨\u200d👩\u200d👧", "🇩🇪", "👍🏽", "❤️", "สวัสดี", "م\u200cم"]
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


def test_markup_in_a_message_is_text(run: Run) -> None:
    assert "'red]'" in run("xent", "-t", "red]", "--names", "[red]a,b", "1,2").fails(1)


@pytest.mark.parametrize("columns", ["0", "-5", "x", "", "000"])
def test_a_width_that_is_none_is_passed_over(columns: str) -> None:
    screen = run_in_terminal("softmax", "1", "2", columns=100, env={"COLUMNS": columns}).ok()
    assert screen == run_in_terminal("softmax", "1", "2", columns=100).ok()


def test_columns_sets_the_width_and_a_dumb_terminal_has_one_too() -> None:
    args = ("softmax", "1", "2")
    for wide, told in ((40, {}), (200, {"COLUMNS": "40"})):
        screen = run_in_terminal(*args, columns=wide, env={"TERM": "dumb", **told}).ok()
        assert max(map(cell_len, screen.splitlines())) <= 40
        assert "\x1b" not in screen
        coloured = plain(run_in_terminal(*args, columns=wide, env=told).ok())
        assert max(map(cell_len, coloured.splitlines())) <= 40


def test_a_class_whose_name_is_a_number_or_that_of_another(run: Run) -> None:
    rows = "a,b,a\n1,2,3\n"
    assert "'a' is the name of several classes" in run("xent", "-t", "a", stdin=rows).fails(1)
    assert "the name of columns 1 and 3" in run("softmax", "-c", "b,a", stdin=rows).fails(1)
    assert run("xent", "-t", "2", stdin=rows).ok() == "loss\n0.4076059644443803\n"
    rows = "3,2,1,label\n1,2,3,1.0\n"  # of the class '1', not the index
    assert run("xent", "--target-column", "label", stdin=rows).ok() == "loss\n0.4076059644443803\n"


class Page(NamedTuple):
    """The tables of a page, each a list of rows of cells, and its paragraphs."""

    tables: list[list[list[str]]]
    paragraphs: list[str]


def page(text: str) -> Page:
    shown = Page([], [])
    opened = ""
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        if token.type == "table_open":
            shown.tables.append([])
        elif token.type == "tr_open":
            shown.tables[-1].append([])
        elif token.type == "inline":
            assert {child.type for child in token.children or ()} <= {"text", "text_special"}, text
            words = "".join(child.content for child in token.children or ())
            into = shown.paragraphs if opened == "p" else shown.tables[-1][-1]
            into.append(words)
        elif token.tag in ("p", "td", "th"):
            opened = token.tag
        else:
            assert token.tag in ("table", "thead", "tbody", "tr"), text
    return shown


def test_one_vector_has_a_line_for_each_class(run: Run) -> None:
    text = run("softmax", "-f", "markdown", "--names", "cat,dog", "1", "2").ok()
    shown = page(text)
    assert shown.tables == [
        [["class", "logit", "probability"], ["cat", "1", "0.268941"], ["dog", "2", "0.731059"]]
    ]
    assert text.splitlines()[1].replace("-", "") == "|  | : | : |"
    assert shown.paragraphs == [
        "winner dog, logsumexp 2.31326, entropy 0.582203 nats, perplexity 1.78998"
    ]


def test_many_rows_have_a_line_each_and_all_of_them(run: Run) -> None:
    args = ("xent", "-f", "markdown", "-p", "3", "--target-column", "y")
    rows = "cat,dog,y\n" + "2,1,cat\n0,3,cat\n" * 40
    shown = page(run(*args, stdin=rows).ok())
    assert shown.tables[0][0] == ["row", "loss", "probability", "target", "predicted", "perplexity"]
    assert len(shown.tables[0]) == 81
    assert shown.tables[0][80] == ["80", "3.05", "0.0474", "cat", "dog", "21.1"]
    assert shown.paragraphs[0].startswith("rows 80, mean 1.68 nats")
    assert shown.tables[1][1][:2] == ["cat", "80"]


@pytest.mark.parametrize(
    "args",
    [
        ["hardmax", "--ties", "all", "1,1", "1,2"],
        ["hardmax", "1", "2"],
        ["kl", "0.5,0.5", "0.25,0.75"],
        ["compare", "1000", "1"],
        ["compare", "1000,1", "1,2"],
        ["xent", "1,2", "-t", "0.3,0.7"],
        ["xent", "1,2", "2,3", "-t", "0", "--gradient"],
        ["xent", "1,2", "2,3", "-t", "0", "--worst", "1"],
        ["xent", "1,2", "2,3", "-t", "0", "--reduction", "mean"],
    ],
    ids=" ".join,
)
def test_the_cells_are_those_of_the_table(run: Run, args: list[str]) -> None:
    shown = page(run(*args, "-f", "markdown").ok())
    table = run(*args, "-f", "table", env={"COLUMNS": "200"}).ok()
    known = set(table.replace(",", " ").split())
    for row in (row for table in shown.tables for row in table):
        for cell in row:
            assert set(cell.replace(",", " ").split()) <= known, (cell, table)
    numbers = {word for line in shown.paragraphs for word in line.split() if word[:1].isdigit()}
    assert {number.rstrip(",") for number in numbers} <= known


@given(
    st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1), min_size=2)
)
@settings(max_examples=50)
def test_any_printable_name_comes_through(server: ForkServer, names: list[str]) -> None:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="").writerow(names)
    scores = ",".join(map(str, range(len(names))))
    args = ["softmax", "-f", "markdown", "--names", line.getvalue(), f"[{scores}]"]
    done = server.run(args)
    assert (done.status, done.err) == (0, b"")
    shown = page(done.out.decode())
    assert [row[0] for row in shown.tables[0][1:]] == names
    rows = page(server.run([*args, f"[{scores}]"]).out.decode())
    assert rows.tables[0][0][1:-2] == names


def test_a_line_end_in_a_name_is_spelt_out(run: Run) -> None:
    odd = run("softmax", "-f", "markdown", "--names", 'x,"two\nlines\x1b[31m"', "1", "2").ok()
    assert "| two\\\\nlines\\\\x1b\\[31m | 2 |" in odd
