"""Results as JSON: an object for a lone vector, rows and a summary for more, or JSON lines."""

from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any, Final

import orjson

from softmax_cli.output import file
from softmax_cli.output.fields import Layout, Records, Summary
from softmax_cli.output.formats import SHORTEST, Digits, Shape, Writer
from softmax_cli.output.numbers import plain, plain_values

# Lists of a number for each class
_OF_CLASSES: Final = frozenset({"logits", "probabilities", "log_probabilities", "one_hot"})


class JsonLinesWriter(Writer):
    """One JSON object a line, without a summary."""

    before, after = b"", b"\n"  # each object

    def encode(self, records: Records) -> bytes:
        # The sum is a copy without the spare memory at the end of orjson's bytes.
        return b"".join(self.before + item + self.after for item in self._objects(records))

    def write(self, piece: Any, vectors: int) -> None:
        file.write(piece)

    def reduce(self, key: str, value: float, summary: Summary) -> None:
        file.write(self._dump(summary) + b"\n")

    def _objects(self, records: Records) -> Iterator[bytes]:
        layout, kept, names = self.layout, self.shape.kept, self.shape.names
        columns: dict[str, Iterable[Any]] = {}
        if records.kept is not None and kept:
            cells = plain_values(records.kept.repeat(layout.records, axis=0), SHORTEST)
            is_named = len(set(kept)) == len(kept)
            columns["keep"] = (
                (dict(zip(kept, c, strict=True)) for c in cells) if is_named else cells
            )
        if names is not None and not _OF_CLASSES.isdisjoint(layout.fields):
            columns["classes"] = repeat(orjson.Fragment(orjson.dumps(names)))
        for key in layout.fields:
            columns[key] = plain_values(layout.values(key, records), self.digits)
        for values in zip(*columns.values(), strict=False):  # the classes have no end
            yield orjson.dumps(dict(zip(columns, values, strict=True)))

    def _dump(self, summary: Summary) -> bytes:
        return orjson.dumps(plain(dict(summary), self.digits))


class JsonWriter(JsonLinesWriter):
    """One JSON value; rows are written as they arrive, the first one with the second."""

    summarises = True
    before, after = b",\n", b""

    def __init__(self, layout: Layout, shape: Shape, digits: Digits) -> None:
        super().__init__(layout, shape, digits)
        self._count = 0
        self._begun = False
        self._waiting = b""  # objects, each after a comma and a newline

    def write(self, piece: Any, vectors: int) -> None:
        self._count += vectors * self.layout.records
        self._waiting += piece
        if self._count > 1:
            file.write(self._rows())

    def close(self, summary: Summary | None) -> None:
        if self._count == 1 and summary is not None:
            file.write(self._waiting.removeprefix(b",\n") + b"\n")
        elif self._count or summary is not None:
            end = b"" if summary is None else b',"summary":' + self._dump(summary)
            file.write(self._rows() + (b"\n]" if self._count else b"]") + end + b"}\n")

    def _rows(self) -> bytes:
        """Return the waiting objects, after the opening if it has not been written."""
        rows, self._waiting = self._waiting, b""
        if self._begun:
            return rows
        self._begun = True
        return b'{"rows":[' + rows.removeprefix(b",")
