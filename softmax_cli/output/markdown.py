"""Results as tables of GitHub-flavoured Markdown."""

import re
from collections.abc import Sequence
from typing import Any, Final

from softmax_cli.notices import visible
from softmax_cli.output import file
from softmax_cli.output.fields import Column, Layout, Summary
from softmax_cli.output.formats import Digits, Shape
from softmax_cli.output.view import Part, Table, ViewWriter, number_texts, word_texts

_RULES: Final = {"text": "---", "status": "---", "mark": ":---:"}
# Characters to escape; an underscore within a word needs no escape.
_SPECIAL: Final = re.compile(r"[\\`*|<&\[~$]|(?<![^\W_])_|_(?![^\W_])")


class MarkdownWriter(ViewWriter):
    """The tables of a terminal, without bars, but with all rows.

    Rows are written as they arrive, once a second one shows that there is no lone vector.
    """

    def __init__(self, layout: Layout, shape: Shape, digits: Digits) -> None:
        super().__init__(layout, shape, digits)
        self._lines = 0

    def show(self, parts: Sequence[Part]) -> None:
        file.write("\n".join(map(self._text, parts)).encode())

    def write(self, piece: Any, vectors: int) -> None:
        super().write(piece, vectors)
        if self.layout.summary_only or (self.layout.classes and self.lone() is not None):
            return
        for columns, _ in self.pieces:
            table = self.table(columns, self._lines)
            file.write(self._table(table, has_head=not self._lines).encode())
            self._lines += len(columns[0].values)
        self.pieces = []

    def close(self, summary: Summary | None) -> None:
        if self.pieces:
            self.show(self.page(summary))
        else:
            file.write("".join("\n" + self._text(part) for part in self.below(summary)).encode())

    def _text(self, part: Part) -> str:
        match part:
            case Table():
                return self._table(part)
            case list():
                words = ", ".join(map(" ".join, part))
            case (left, right):
                words = f"{left}: {right}"
            case str():
                words = visible(part)
        return _escaped(words) + "\n"

    def _table(self, table: Table, *, has_head: bool = True) -> str:
        columns = [column for column in table.columns if column.style not in ("bar", "instead")]
        lines: list[Sequence[str]] = []
        if has_head:
            lines.append([_escaped(visible(column.title)) for column in columns])
            # Row numbers are right-aligned, as other numbers are.
            rule = "---:" if columns[0].title in ("row", "line") else "---"
            lines.append([rule, *(_RULES.get(column.style, "---:") for column in columns[1:])])
        lines += zip(*map(self._cells, columns), strict=True)
        return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)

    def _cells(self, column: Column) -> list[str]:
        if column.style == "mark":
            return ["●" if value > 0 else "" for value in column.values]
        if column.is_number:
            return number_texts(column, self.digits)
        return [_escaped(text) for text in word_texts(column.values)]


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)
