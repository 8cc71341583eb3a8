"""Markdown, as a reader of GitHub's flavour shows it."""

from __future__ import annotations

import csv
import io
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.conftest import Run
from tests.forked import ForkServer


class _Page(HTMLParser):
    """The tables and paragraphs of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.right: list[bool] = []
        self.paragraphs: list[str] = []
        self.tags: set[str] = set()
        self._into: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._into = self.tables[-1][-1]
            if tag == "th" and len(self.tables) == 1:
                self.right.append(("style", "text-align:right") in attrs)
        elif tag == "p":
            self.paragraphs.append("")
            self._into = self.paragraphs

    def handle_data(self, data: str) -> None:
        if self._into is not None and data != "\n":
            self._into[-1] += data


def page(text: str) -> _Page:
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)
    parsed = _Page()
    parsed.feed(html)
    assert parsed.tags <= {"table", "thead", "tbody", "tr", "th", "td", "p"}, unescape(html)
    return parsed


def test_one_vector_has_a_line_for_each_class(run: Run) -> None:
    shown = page(run("softmax", "-f", "markdown", "--names", "cat,dog", "1", "2").ok())
    assert shown.tables == [
        [["class", "logit", "probability"], ["cat", "1", "0.268941"], ["dog", "2", "0.731059"]]
    ]
    assert shown.right == [False, True, True]
    assert shown.paragraphs == [
        "logsumexp 2.31326, entropy 0.582203 nats, perplexity 1.78998, winner dog"
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


def test_names_are_shown_as_they_are(run: Run) -> None:
    names = ["a|b", "__init__", "[x](y)", "<b>", "a_b", "`c`", "*d*", "\\", "&amp;", "~~e~~"]
    listed = ",".join(names)
    args = ("-f", "markdown", "--names", listed, *map(str, range(len(names))))
    shown = page(run("softmax", *args).ok())
    assert [row[0] for row in shown.tables[0][1:]] == names
    rows = page(
        run("softmax", "-f", "markdown", stdin=f"{listed}\n" + "0,1,2,3,4,5,6,7,8,9\n" * 2).ok()
    )
    assert rows.tables[0][0][1:-2] == names
    odd = run("softmax", "-f", "markdown", "--names", 'x,"two\nlines\x1b[31m"', "1", "2").ok()
    assert "| two\\\\nlines\\\\x1b\\[31m | 2 |" in odd


@given(
    st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1), min_size=1)
)
@settings(max_examples=50)
def test_any_printable_name_comes_through(loaded_server: ForkServer, names: list[str]) -> None:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="").writerow(names)
    scores = ",".join(map(str, range(len(names))))
    args = ["softmax", "-f", "markdown", "--names", line.getvalue(), f"[{scores}]"]
    done = loaded_server.run(args)
    assert (done.status, done.err) == (0, b"")
    shown = page(done.out.decode())
    assert [row[0] for row in shown.tables[0][1:]] == names
