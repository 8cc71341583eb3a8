"""Results as tables of GitHub-flavoured Markdown."""

import re
from collections.abc import Sequence
from typing import Final

from softmax_cli.messages import visible
from softmax_cli.output import file
from softmax_cli.output.view import Part, Table, ViewWriter, cell_texts

# Characters to escape; an underscore within a word needs no escape.
_SPECIAL: Final = re.compile(r"[\\`*|<&\[~$]|(?<![^\W_])_|_(?![^\W_])")


class MarkdownWriter(ViewWriter):
    """The tables of a terminal, without bars, but with more rows and all classes."""

    def show(self, parts: Sequence[Part]) -> None:
        file.write("\n".join(map(self._text, parts)).encode())

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

    def _table(self, table: Table) -> str:
        columns = [column for column in table.columns if column.style not in ("bar", "instead")]
        titles = [_escaped(visible(column.title)) for column in columns]
        rules = ["---:" if column.is_number else "---" for column in columns]
        cells = [map(_escaped, cell_texts(column, self.digits)) for column in columns]
        lines = [titles, rules, *zip(*cells, strict=True)]
        rows = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        return f"{rows}\n{table.more}\n" if table.more else rows


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)
