"""Results as JSON: an object for a lone vector, rows and a summary for more, or JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import orjson

from softmax_cli.output import stdout
from softmax_cli.output.numbers import plain, plain_values
from softmax_cli.output.results import Layout, Shape
from softmax_cli.output.settings import SHORTEST, Digits

if TYPE_CHECKING:
    from softmax_cli.output.results import Fields, Summary


class _ObjectWriter:
    """What the two JSON formats share: a vector's fields as an object."""

    def __init__(self, layout: Layout, shape: Shape, digits: Digits) -> None:
        self.fields = frozenset(layout.object) | ({"kept"} if shape.kept else set())
        self._keys = layout.object
        self._kept = shape.kept
        self._digits = digits

    def _objects(self, fields: Fields) -> Iterator[bytes]:
        columns = [plain_values(fields[key], self._digits) for key in self._keys]
        rows = zip(*columns, strict=True)
        objects = (dict(zip(self._keys, values, strict=True)) for values in rows)
        if self._kept:
            kept = plain_values(fields["kept"], SHORTEST)
            for cells, item in zip(kept, objects, strict=True):
                yield orjson.dumps({"keep": self._named(cells), **item})
        else:
            yield from map(orjson.dumps, objects)

    def _named(self, cells: list[object]) -> object:
        """Copied cells by their columns' names, or a list where two have the same."""
        if len(set(self._kept)) < len(self._kept):
            return cells
        return dict(zip(self._kept, cells, strict=True))

    def _dump(self, value: object) -> bytes:
        return orjson.dumps(plain(value, self._digits))

    def reduce(self, field: str, value: float, summary: Summary) -> None:
        """Write the summary alone."""
        stdout.write(self._dump(dict(summary)) + b"\n")


class JsonWriter(_ObjectWriter):
    """One JSON value; rows are written as they come, all but a first that may be alone."""

    summarises = True
    streams = True

    def __init__(self, layout: Layout, shape: Shape, digits: Digits) -> None:
        super().__init__(layout, shape, digits)
        self._first: bytes | None = None
        self._many = False

    def write(self, fields: Fields) -> None:
        """Write the objects, but hold back the first until a second makes it one of many."""
        for text in self.texts(fields):
            stdout.write(text)

    def texts(self, fields: Fields) -> Iterator[bytes]:
        """What is written of some vectors, each with the comma before it."""
        objects = list(self._objects(fields))
        if self._first is None and objects:
            self._first = objects.pop(0)
        if not objects:
            return
        if not self._many:
            objects.insert(0, b'{"rows":[\n' + (self._first or b""))
            yield b",\n".join(objects)
            self._many = True
        else:
            yield b"".join(b",\n" + item for item in objects)

    def is_settled(self) -> bool:
        """Whether there are many, and so the next follows another."""
        return self._many

    def count_in(self, vectors: int) -> None:
        """Do nothing: there were many before."""

    def close(self, summary: Summary | None) -> None:
        """Write the lone object, or the end of many with the summary, if there is one."""
        if summary is None and self._first is not None:
            stdout.write((b"" if self._many else b'{"rows":[\n' + self._first) + b"\n]}\n")
        elif self._many and summary is not None:
            stdout.write(b'\n],"summary":' + self._dump(dict(summary)) + b"}\n")
        elif self._first is not None:
            stdout.write(self._first + b"\n")
        elif summary is not None:  # every row was left out
            stdout.write(b'{"rows":[],"summary":' + self._dump(dict(summary)) + b"}\n")


class JsonLinesWriter(_ObjectWriter):
    """One JSON object a line, without a summary."""

    summarises = False
    streams = True

    def write(self, fields: Fields) -> None:
        """Write the objects."""
        for text in self.texts(fields):
            stdout.write(text)

    def texts(self, fields: Fields) -> Iterator[bytes]:
        """What is written of some vectors."""
        yield b"".join(item + b"\n" for item in self._objects(fields))

    def is_settled(self) -> bool:
        """True: each line stands for itself."""
        return True

    def count_in(self, vectors: int) -> None:
        """Do nothing: a line does not hang on those before it."""

    def close(self, summary: Summary | None) -> None:
        """Write nothing: JSON lines hold rows alone."""
