"""Results as an array that numpy loads."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Final

import numpy as np

from softmax_cli.errors import DataError, UsageError
from softmax_cli.output import stdout
from softmax_cli.output.results import Layout, Shape

if TYPE_CHECKING:
    from softmax_cli.output.results import Fields, Summary, Values

# A header of one length for any number of rows, so that it can be written last
_HEADER_BYTES: Final = 128
_COPIED: Final = 1 << 20


class NpyWriter:
    """An array of shape (rows,) or (rows, classes), whose header is written when it ends.

    Where standard output can't go back to its beginning, a temporary file holds the rows until
    then.
    """

    summarises = False
    streams = True

    def __init__(self, layout: Layout, shape: Shape) -> None:
        self.fields = frozenset(layout.row)
        self._keys = layout.row
        self._shape = shape
        self._start = stdout.seekable_position()
        self._spool: IO[bytes] | None = None
        self._dtype = np.dtype(np.float64)
        self._rows = 0
        self._widths: tuple[int, ...] = ()

    def write(self, fields: Fields) -> None:
        """Write some vectors' numbers."""
        array = self._array(fields)
        if not self._rows:
            self._dtype, self._widths = array.dtype, array.shape[1:]
            if self._start is None:
                self._spool = _spool()
            else:
                stdout.write(self._header())  # for no rows, until it is known how many there are
        self._rows += len(array)
        data = array.tobytes()
        if self._spool is None:
            stdout.write(data)
            return
        try:
            self._spool.write(data)
        except OSError as error:
            raise _spooling(error) from error

    def texts(self, fields: Fields) -> Iterator[bytes]:
        """What is written of some vectors, once there is a header."""
        yield self._array(fields).tobytes()

    def is_settled(self) -> bool:
        """Whether it is written where it belongs, and what is."""
        return self._rows > 0 and self._spool is None

    def count_in(self, vectors: int) -> None:
        """Know of rows for the header."""
        self._rows += vectors

    def close(self, summary: Summary | None) -> None:
        """Write the header, of all rows that there were."""
        if not self._rows:
            return
        if self._spool is None:
            assert self._start is not None
            stdout.write_at(self._start, self._header())
            return
        with self._spool as spool:
            stdout.write(self._header())
            try:
                spool.seek(0)
                pieces = iter(lambda: spool.read(_COPIED), b"")
                for piece in pieces:
                    stdout.write(piece)
            except OSError as error:
                raise _spooling(error) from error

    def reduce(self, field: str, value: float, summary: Summary) -> None:
        """Write an array of one number."""
        self._keys = (field,)
        self.write({field: np.array([value])})
        self.close(summary)

    def _array(self, fields: Fields) -> Values:
        """The fields side by side, as float64 or int64."""
        columns = [self._numbers(key, fields[key]) for key in self._keys]
        if len(columns) == 1:
            array = columns[0]
            if self._shape.downwards and array.ndim == 2:
                # One vector is written as it can be read again.
                array = array[0] if len(array) == 1 else array.T
        else:
            array = np.column_stack(columns)
        return array.astype("<f8" if array.dtype.kind == "f" else "<i8", order="C")

    def _numbers(self, key: str, values: Values) -> Values:
        """A field as numbers; as floats where one of them may be nan."""
        if self._shape.fills and not any(isinstance(value, str) for value in values.flat):
            return values.astype(np.float64)
        if values.dtype.kind not in "fiub":
            raise UsageError(f"-f npy holds numbers, and {key} is text")
        return values

    def _header(self) -> bytes:
        shape = (self._rows, *self._widths)
        text = f"{{'descr': '{self._dtype.str}', 'fortran_order': False, 'shape': {shape}, }}"
        start = b"\x93NUMPY\x01\x00" + (_HEADER_BYTES - 10).to_bytes(2, "little")
        return (start + text.encode()).ljust(_HEADER_BYTES - 1) + b"\n"


def _spool() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise _spooling(error) from error


def _spooling(error: OSError) -> DataError:
    return DataError(f"can't use a temporary file: {error.strerror}")
