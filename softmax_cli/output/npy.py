"""Results as an array that numpy loads."""

import io
import tempfile
from collections.abc import Mapping
from typing import IO, Any, Final

import numpy as np

from softmax_cli.errors import DataError, UsageError
from softmax_cli.output import file
from softmax_cli.output.fields import Layout, Records, Summary, Values
from softmax_cli.output.formats import Digits, Shape, Writer

_COPY_BYTES: Final = 1 << 20


class NpyWriter(Writer):
    """An array of shape (rows,) or (rows, classes), whose header is completed at the end.

    If standard output is not seekable, a temporary file holds the rows.
    """

    def __init__(self, layout: Layout, shape: Shape, digits: Digits) -> None:
        super().__init__(layout, shape, digits)
        if shape.kept:
            raise UsageError("-f npy holds only numbers, and --keep copies text")
        self._start = file.seekable_position()
        self._rows: IO[bytes] | None = None
        self._row: np.dtype[Any] | None = None  # the type of a row; None before the first one

    def encode(self, records: Records) -> bytes:
        if not records.count:
            return b""
        return self._bytes({key: self.layout.values(key, records) for key in self.layout.row})

    def write(self, piece: Any, vectors: int) -> None:
        if not piece:
            return
        if self._start is None:
            try:
                self._rows = self._rows or tempfile.TemporaryFile()  # noqa: SIM115
                self._rows.write(piece)
            except OSError as error:
                raise DataError(f"can't use a temporary file: {error.strerror}") from error
            return
        if file.position() == self._start:
            file.write(self._header(0))  # a placeholder
        file.write(piece)

    def close(self, summary: Summary | None) -> None:
        if self._rows is not None:
            with self._rows as rows:
                file.write(self._header(rows.tell()))
                rows.seek(0)
                while part := rows.read(_COPY_BYTES):
                    file.write(part)
        elif self._row is not None and self._start is not None:
            first = self._start + len(self._header(0))
            size = max(0, (file.position() or 0) - first)
            file.write_at(self._start, self._header(size))
            file.cut(first + size - size % self._row.itemsize)

    def reduce(self, key: str, value: float, summary: Summary) -> None:
        self.write(self._bytes({key: np.array([value])}), 1)
        self.close(summary)

    def _bytes(self, fields: Mapping[str, Values]) -> bytes:
        """Return the fields side by side, as float64 or int64."""
        columns = [self._numbers(key, values) for key, values in fields.items()]
        array = columns[0] if len(columns) == 1 else np.column_stack(columns)
        if len(columns) == 1 and self.shape.transposed and array.ndim == 2:
            # A lone column becomes an array of one dimension.
            array = array[0] if len(array) == 1 else array.T
        array = array.astype("<f8" if array.dtype.kind == "f" else "<i8", order="C")
        self._row = np.dtype((array.dtype, array.shape[1:]))
        return array.tobytes()

    def _numbers(self, key: str, values: Values) -> Values:
        """Return a field as numbers; as floats where one of them may be nan."""
        is_number = values.dtype.kind in "fiub"
        if self.shape.fills and not is_number:
            is_number = not any(isinstance(value, str | list) for value in values.flat)
        if not is_number:
            raise UsageError(f"-f npy holds only numbers, and {key} is text")
        return values.astype(np.float64) if self.shape.fills else values

    def _header(self, size: int) -> bytes:
        """Return the header for `size` bytes of rows; its length is the same for any size."""
        assert self._row is not None
        header = io.BytesIO()
        shape = (size // self._row.itemsize, *self._row.shape)
        fields = {"descr": self._row.base.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(header, fields)
        return header.getvalue()
