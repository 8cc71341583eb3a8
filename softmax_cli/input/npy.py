"""Arrays as numpy saves them, in blocks of rows; never unpickled.

The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import ast
import math
import mmap
import re
import tempfile
from collections.abc import Iterator
from typing import IO, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_cli.errors import DataError
from softmax_cli.input.chunks import Opened
from softmax_cli.input.rows import Block, Places, Rows
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.shape import RowShape, cells_kept, check_axis, row_shape, turned

_MAGIC: Final = b"\x93NUMPY"
# Versions differ in the length of the header's length, and in the header's encoding.
_LENGTH_BYTES: Final = {1: 2, 2: 4, 3: 4}
_LONGEST_HEADER: Final = 10_000
# Byte order, kind and size of the numbers that are taken
_NUMBERS: Final = re.compile(r"[<>=|]?(?:f[248]|[iu][1248]|b1)\Z")
_BLOCK_VALUES: Final = 1 << 14
# An array in Fortran order is read in few wide blocks: each takes a piece of every column.
_STRIPE_VALUES: Final = 1 << 18


class _Header(NamedTuple):
    """What an array is: its numbers, the order they stand in, and where they begin."""

    dtype: np.dtype[Any]
    is_fortran: bool
    rows: int
    width: int
    length: int
    shape: tuple[int, ...]


def read_npy(settings: InputSettings, target_column: str | None, opened: Opened) -> Rows:
    """An array of one dimension as one vector, of two as a vector each row.

    Parameters
    ----------
    settings : InputSettings
    target_column : str or None
        The number of the column that holds each row's target.
    opened : Opened

    Raises
    ------
    DataError
        It is no array of numbers of one or two dimensions, or is shorter or longer than its
        header says.
    """
    source = _Bytes(opened)
    header = _header(source, opened, is_column=settings.axis == "column")
    shape = row_shape(settings, target_column, None, header.width, opened.name)
    check_axis(settings.axis, target_column)
    order = ", Fortran order" if header.is_fortran else ""
    form = f"npy, {header.dtype} of shape {header.shape}{order}"
    found = f"{form}, {shape.described(None, settings.axis or 'row')}"
    arrays_of = _stripes if header.is_fortran else _rows
    arrays = arrays_of(header, source, opened)
    blocks = _blocks(arrays, shape, opened.name)
    if settings.axis == "column":
        blocks = turned(blocks, opened.name, settings.invalid)
        return Rows(blocks, settings.names, downwards=True, opened=opened, found=found)
    kept = shape.kept_names(None)
    return Rows(blocks, settings.names, opened=opened, kept=kept, found=found)


class _Bytes:
    """Exactly as many bytes as are asked for, unless the input ends before."""

    def __init__(self, opened: Opened) -> None:
        self._pieces = opened.pieces()
        self._buffer = bytearray()

    def take(self, count: int) -> bytes:
        while len(self._buffer) < count and (piece := next(self._pieces, b"")):
            self._buffer += piece
        taken = bytes(memoryview(self._buffer)[:count])
        del self._buffer[:count]
        return taken

    def is_at_end(self) -> bool:
        return not self._buffer and not next(self._pieces, b"")

    def copy_to(self, file: IO[bytes], name: str) -> int:
        """Write all that is left, and say how much that was."""
        try:
            file.write(self._buffer)
            for piece in self._pieces:
                file.write(piece)
            file.flush()
        except OSError as error:
            raise DataError(f"can't copy {name} to a temporary file: {error.strerror}") from error
        return file.tell()


def _header(source: _Bytes, opened: Opened, *, is_column: bool) -> _Header:
    name = opened.name
    start = source.take(len(_MAGIC) + 2)
    if not start.startswith(_MAGIC) or len(start) < len(_MAGIC) + 2:
        raise DataError(f"{name}: no npy file: it does not begin with \\x93NUMPY and a version")
    version = start[-2]
    if version not in _LENGTH_BYTES:
        raise DataError(f"{name}: an npy file of version {version}, where 1 to 3 are known")
    size = int.from_bytes(source.take(_LENGTH_BYTES[version]), "little")
    text = source.take(min(size, _LONGEST_HEADER))
    if not 0 < len(text) == size:
        raise DataError(f"{name}: an npy header of {size} bytes that is not there")
    dtype, is_fortran, dimensions = _described(text, name)
    if len(dimensions) not in (1, 2):
        hint = "an array of one dimension is a vector, of two a vector each row"
        raise DataError(f"{name}: an array of {len(dimensions)} dimensions", hint)
    if 0 in dimensions:
        raise DataError(f"{name}: no rows: the array's shape is {dimensions}")
    shape = dimensions
    if len(dimensions) == 1:
        dimensions = (*dimensions, 1) if is_column else (1, *dimensions)
    length = len(start) + _LENGTH_BYTES[version] + size
    _check_size(opened, length, math.prod(dimensions) * dtype.itemsize)
    rows, width = dimensions
    return _Header(dtype, is_fortran and 1 not in dimensions, rows, width, length, shape)


def _described(text: bytes, name: str) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    """The type of the numbers, whether they stand in Fortran order, and the dimensions."""
    try:
        fields = ast.literal_eval(text.decode("latin-1").strip())
        kind, order, dimensions = fields["descr"], fields["fortran_order"], fields["shape"]
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as error:
        raise DataError(f"{name}: an npy header that can't be read") from error
    if not isinstance(kind, str) or not _NUMBERS.match(kind):
        hint = "integers, booleans and floats of 2, 4 and 8 bytes are taken"
        raise DataError(f"{name}: an array of {str(kind)[:40]!r}, which are not numbers", hint)
    lengths_are_fine = isinstance(dimensions, tuple) and all(
        type(length) is int and length >= 0 for length in dimensions
    )
    if not isinstance(order, bool) or not lengths_are_fine:
        raise DataError(f"{name}: an npy header that can't be read")
    return np.dtype(kind), order, dimensions


def _check_size(opened: Opened, length: int, count: int) -> None:
    """Compare what the header says with a regular file's size."""
    if opened.size is None:
        return
    there = opened.size - opened.offset - length
    if there != count:
        raise DataError(
            f"{opened.name}: {there} bytes of numbers where the header says {count}",
            "the file was cut short, or is not what its header says",
        )


def _rows(header: _Header, source: _Bytes, opened: Opened) -> Iterator[NDArray[Any]]:
    """Arrays of rows in C order; read, not mapped, as that is as fast and a file may shrink."""
    line = header.width * header.dtype.itemsize
    most = max(1, _BLOCK_VALUES // header.width)
    done = 0
    while done < header.rows:
        data = source.take(min(most, header.rows - done) * line)
        whole = len(data) // line
        if whole:
            yield np.frombuffer(data, header.dtype, whole * header.width).reshape(whole, -1)
        done += whole
        if whole * line != len(data) or not whole:
            raise DataError(f"{opened.name}: it ends in row {done + 1} of {header.rows}")
    if not source.is_at_end():
        raise DataError(f"{opened.name}: bytes behind the last of {header.rows} rows")


def _stripes(header: _Header, source: _Bytes, opened: Opened) -> Iterator[NDArray[Any]]:
    """Arrays of rows in Fortran order, from a memory map; a pipe is copied to a file before."""
    size = header.rows * header.width * header.dtype.itemsize
    with tempfile.TemporaryFile() as copy, opened.reading():
        file, start = opened.file.fileno(), opened.offset + header.length
        if opened.size is None:
            file, start = copy.fileno(), 0
            if source.copy_to(copy, opened.name) != size:
                raise DataError(f"{opened.name}: not the {size} bytes of its header's shape")
        mapped = mmap.mmap(file, start + size, access=mmap.ACCESS_READ)
        array: NDArray[Any] = np.ndarray(
            (header.rows, header.width), header.dtype, mapped, start, order="F"
        )
        most = max(1, _STRIPE_VALUES // header.width)
        for at in range(0, header.rows, most):
            if opened.size is not None:
                opened.file.seek(start + size * at // header.rows)  # for who asks how far we are
            stripe = np.ascontiguousarray(array[at : at + most])
            few = max(1, _BLOCK_VALUES // header.width)
            yield from (stripe[i : i + few] for i in range(0, len(stripe), few))
            if hasattr(mapped, "madvise"):
                mapped.madvise(mmap.MADV_DONTNEED)  # else all that was read stays in memory


def _blocks(arrays: Iterator[NDArray[Any]], shape: RowShape, name: str) -> Iterator[Block]:
    done = 0
    for array in arrays:
        block = _block(array, done, shape, name)
        is_nan = np.isnan(block.values)
        faults = {}
        for row in np.flatnonzero(is_nan.any(axis=1)).tolist():
            column = shape.chosen[int(is_nan[row].argmax())] + 1
            faults[row] = DataError(f"{block.places[row]}:{column}: 'nan' is not a number")
        yield block._replace(faults=faults)
        done += len(array)


def _block(array: NDArray[Any], done: int, shape: RowShape, name: str) -> Block:
    labels = kept = None
    if shape.kept:
        kept = cells_kept(array.take(shape.kept, axis=1).tolist())
    if shape.label is not None:
        column = array[:, shape.label]
        labels = list(map(str, (column.astype(int) if column.dtype == bool else column).tolist()))
    if not shape.takes_all():
        array = array.take(shape.chosen, axis=1)
    with np.errstate(invalid="ignore"):  # a nan that signals is found below as any other
        values = array.astype(np.float64)
    places = Places(name, range(done + 1, done + len(array) + 1))
    return Block(values, places, labels, shape.label_column(), kept=kept)
