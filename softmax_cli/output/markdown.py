"""Results as tables of GitHub-flavoured Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from softmax_cli.messages import visible
from softmax_cli.output import stdout
from softmax_cli.output.lines import class_lines, heads, kept_items, shown_fields, spread
from softmax_cli.output.numbers import texts
from softmax_cli.output.readable import (
    footer_words,
    identity_words,
    word_texts,
)
from softmax_cli.output.results import Column, Layout, Shape
from softmax_cli.output.settings import Digits

if TYPE_CHECKING:
    from softmax_cli.output.results import Fields, Item, Summary, Values

_RULES: Final = {"number": "---:", "rough": "---:", "mark": ":---:"}
_ROUGH: Final = Digits(significant=3)
# What Markdown would not show as it is; an underscore within a word it does.
_SPECIAL: Final = re.compile(r"[\\`*|<&\[~$]|(?<![^\W_])_|_(?![^\W_])")


class MarkdownWriter:
    """The columns of the tables, without bars, and below them what the tables have there.

    A line for each class of a lone vector; else one for each vector, as soon as it is known not to
    be alone, and all of them.
    """

    summarises = True
    streams = True

    def __init__(self, layout: Layout, shape: Shape, digits: Digits) -> None:
        self.fields = shown_fields(layout, shape)
        self._layout = layout
        self._shape = shape
        self._digits = digits
        self._first: Fields | None = None
        self._notes: list[str] = []
        self._count = 0

    def write(self, fields: Fields) -> None:
        """Write a line for each vector, but hold back a first that may be alone."""
        vectors = len(next(iter(fields.values())))
        if not self._count and vectors == 1 and self._layout.classes:
            self._first = fields
        else:
            if self._first is not None:
                self._lines(self._first, 0, 1)
                self._first = None
            self._lines(fields, self._count, self._count + vectors)
        self._count += vectors

    def close(self, summary: Summary | None) -> None:
        """Write the table of a lone vector, and what stands below either."""
        if self._first is not None:
            self._lone({key: values[0] for key, values in self._first.items()})
            return
        self._paragraphs(self._notes)
        if summary is not None:
            self._footer(self._layout.total, summary)
            self._groups(summary.get("by_class", []))

    def reduce(self, field: str, value: float, summary: Summary) -> None:
        """Write the summary alone."""
        self._write([_sentence(footer_words(self._layout.total, summary, self._digits))])

    def _lone(self, vector: Fields) -> None:
        columns = [c for c in self._layout.classes if c.field in vector and c.style != "bar"]
        count = len(vector[columns[0].field])
        title, names, order = class_lines(self._layout, self._shape, vector, count)
        kept, cells = kept_items(self._shape, vector)
        if kept:
            self._write([_escaped(_sentence(footer_words(kept, cells, self._digits))), ""])
        sorted_fields = {column.field: vector[column.field][order] for column in columns}
        self._table(title, [names[i] for i in order.tolist()], columns, sorted_fields)
        if self._layout.identity:
            words = identity_words(self._layout.identity, vector, self._digits)
            self._paragraphs([": ".join(words)])
        self._footer(self._layout.footer, vector)
        self._note(vector)
        self._paragraphs(self._notes)

    def _lines(self, fields: Fields, start: int, stop: int) -> None:
        title, labels = heads(self._layout, self._shape, fields, start, stop)
        parts = spread(self._layout, self._shape, fields)
        self._table(title, labels, parts.columns, parts.values, has_head=start == 0)
        self._note(fields)

    def _groups(self, groups: Sequence[Summary]) -> None:
        columns = self._layout.groups
        if groups and columns:
            fields = {c.field: np.array([group[c.field] for group in groups]) for c in columns}
            self._write([""])
            self._table("class", [str(group["class"]) for group in groups], columns, fields)

    def _table(
        self,
        label: str,
        labels: Sequence[str],
        columns: Sequence[Column],
        fields: Fields,
        *,
        has_head: bool = True,
    ) -> None:
        lines = []
        if has_head:
            titles = [label, *(column.title for column in columns)]
            lines = [_line([_escaped(visible(title)) for title in titles])]
            # The numbers of rows stand as numbers do.
            rules = ["---:" if label in ("row", "line") else "---"]
            lines.append(_line(rules + [_RULES.get(column.style, "---") for column in columns]))
        cells = [self._cells(column, fields[column.field]) for column in columns]
        heads = [_escaped(visible(name)) for name in labels]
        lines += [_line(line) for line in zip(heads, *cells, strict=True)]
        self._write(lines)

    def _cells(self, column: Column, values: Values) -> list[str]:
        if column.style == "mark":
            return ["●" if value > 0 else "" for value in values]
        if column.style in _RULES:
            return texts(values, _ROUGH if column.style == "rough" else self._digits)
        return [_escaped(text) for text in word_texts(values)]

    def _note(self, fields: Fields) -> None:
        words = fields.get(self._layout.notes or "")
        if words is not None:
            self._notes += [visible(str(word)) for word in np.ravel(words).tolist() if word]

    def _footer(self, items: Sequence[Item], values: Fields | Summary) -> None:
        if items:
            self._paragraphs([_sentence(footer_words(items, values, self._digits))])

    def _paragraphs(self, paragraphs: Sequence[str]) -> None:
        for paragraph in paragraphs:
            self._write(["", _escaped(paragraph)])

    def _write(self, lines: Sequence[str]) -> None:
        stdout.write("".join(f"{line}\n" for line in lines).encode())


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _sentence(words: Sequence[tuple[str, str]]) -> str:
    return ", ".join(" ".join(pair) for pair in words)
