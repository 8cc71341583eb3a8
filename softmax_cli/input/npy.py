"""Arrays as numpy saves them; never unpickled.

The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import io
import math
import mmap
import shutil
import tempfile
import tokenize
import warnings
from collections.abc import Iterator
from typing import IO, Any, Final, NamedTuple

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from softmax_cli.errors import DataError
from softmax_cli.input.columns import RowShape, row_shape
from softmax_cli.input.rows import Block, Locations, Rows, itself, opened
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.stream import Chunk, Input

# What numpy's evaluation of a header raises
_UNREADABLE: Final = (
    ValueError,
    SyntaxError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
    OverflowError,
    EOFError,
    MemoryError,
    RecursionError,
    tokenize.TokenError,
)
_LONGEST_HEADER: Final = 10_000
_CHUNK_VALUES: Final = 1 << 15
# An array in Fortran order is read in few wide blocks: each takes a piece of every column.
_STRIPE_VALUES: Final = 1 << 18


def read_npy(settings: InputSettings, target_column: str | None, source: Input) -> Rows:
    """Return an array of one dimension as one vector, of two as a vector each row."""
    name = source.name
    file = io.BufferedReader(_Pieces(source))
    dims, is_fortran, dtype, start = _read_header(file, name)
    if len(dims) not in (1, 2):
        hint = "an array of one dimension is a vector, of two a vector each row"
        raise DataError(f"{name}: an array of {len(dims)} dimensions", hint)
    if 0 in dims:
        raise DataError(f"{name}: no rows: the array's shape is {dims}")
    is_column = settings.axis == "column"
    rows, width = dims if len(dims) == 2 else (dims[0], 1) if is_column else (1, dims[0])
    size = rows * width * dtype.itemsize
    if source.size is not None and (there := source.size - source.offset - start) != size:
        raise DataError(
            f"{name}: {there} bytes of numbers where the header says {size}",
            "the file was cut short, or is not what its header says",
        )
    shape = row_shape(settings, target_column, None, width, name)
    table = _Table(name, dtype, rows, width, shape)
    form = f"npy, {dtype} of shape {dims}"
    settings = settings._replace(axis=settings.axis or "row")
    if is_fortran and 1 not in (rows, width):
        blocks = _fortran_blocks(table, file, source, start)
        return opened(blocks, itself, settings, shape, None, f"{form}, Fortran order", source)
    chunks = _row_chunks(table, file, source)
    return opened(chunks, table.parse, settings, shape, None, form, source)


class _Pieces(io.RawIOBase):
    """An input as a file, a read of which returns what has arrived."""

    def __init__(self, source: Input) -> None:
        self._pieces = source.pieces()
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._piece = self._piece or memoryview(next(self._pieces, b""))
        count = min(len(buffer), len(self._piece))
        buffer[:count], self._piece = self._piece[:count], self._piece[count:]
        return count


def _read_header(file: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return an array's dimensions, whether it is in Fortran order, its type, and its offset."""
    magic = file.read(npy_format.MAGIC_LEN)
    if not magic.startswith(npy_format.MAGIC_PREFIX) or len(magic) < npy_format.MAGIC_LEN:
        raise DataError(f"{name}: no npy file: it does not begin with \\x93NUMPY and a version")
    version = magic[-2]
    if version not in (1, 2, 3):
        raise DataError(f"{name}: an npy file of version {version}, where 1 to 3 are known")
    length = file.read(2 if version == 1 else 4)
    size = int.from_bytes(length, "little")
    text = file.read(min(size, _LONGEST_HEADER))
    if not 0 < len(text) == size:
        raise DataError(f"{name}: an npy header of {size} bytes that is not there")
    # Version 3 differs from 2 in the encoding of field names, which numbers do not have.
    read = npy_format.read_array_header_1_0 if version == 1 else npy_format.read_array_header_2_0
    unreadable = f"{name}: an npy header that can't be read"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            dims, is_fortran, dtype = read(io.BytesIO(length + text))
    except _UNREADABLE as error:
        raise DataError(unreadable) from error
    if dtype.kind not in "fiub" or dtype.itemsize > 8:
        kind = str(npy_format.dtype_to_descr(dtype))[:40]
        hint = "integers, booleans and floats of 2, 4 and 8 bytes are taken"
        raise DataError(f"{name}: an array of {kind!r}, which are not numbers", hint)
    is_real = all(type(n) is int and n >= 0 for n in dims)  # True is taken for an int, too
    if not is_real or math.prod(dims) * dtype.itemsize >= 1 << 63:
        raise DataError(unreadable)
    return dims, is_fortran, dtype, len(magic + length + text)


def _row_chunks(
    table: _Table, file: io.BufferedReader[Any], source: Input
) -> Iterator[Chunk | None]:
    """Yield rows in C order; read, not mapped, as that is as fast and a file may shrink."""
    line = table.width * table.dtype.itemsize
    source.chunk_bytes = min(source.chunk_bytes, _CHUNK_VALUES * table.dtype.itemsize)
    most = max(1, source.chunk_bytes // line)
    done, data = 0, bytearray()
    while done < table.rows:
        count = min(most, table.rows - done, len(data) // line)
        if count:
            yield Chunk(bytes(memoryview(data)[: count * line]), done)
            del data[: count * line]
            done += count
        elif piece := file.read1(source.chunk_bytes):
            data += piece
            yield None
        else:
            raise DataError(f"{table.name}: it ends in row {done + 1} of {table.rows}")
    if data or file.read1(1):
        raise DataError(f"{table.name}: bytes behind the last of {table.rows} rows")


def _fortran_blocks(
    table: _Table, file: io.BufferedReader[Any], source: Input, start: int
) -> Iterator[Block | None]:
    """Yield rows in Fortran order, from a memory map; a pipe is copied to a file before."""
    rows, width = table.rows, table.width
    size = rows * width * table.dtype.itemsize
    with tempfile.TemporaryFile() as copy, source.reading():
        descriptor, start = source.file.fileno(), source.offset + start
        if source.size is None:
            descriptor, start = copy.fileno(), 0
            try:
                shutil.copyfileobj(file, copy)
                copy.flush()
            except OSError as error:
                where = f"{table.name} to a temporary file"
                raise DataError(f"can't copy {where}: {error.strerror}") from error
            if copy.tell() != size:
                raise DataError(f"{table.name}: not the {size} bytes of its header's shape")
        mapped = mmap.mmap(descriptor, start + size, access=mmap.ACCESS_READ)
        array: NDArray[Any] = np.ndarray((rows, width), table.dtype, mapped, start, order="F")
        most, few = max(1, _STRIPE_VALUES // width), max(1, _CHUNK_VALUES // width)
        for at in range(0, rows, most):
            if source.size is not None:
                source.file.seek(start + size * at // rows)  # for `done`
            stripe = np.ascontiguousarray(array[at : at + most])
            for i in range(0, len(stripe), few):
                yield table.block(stripe[i : i + few], at + i)
            if hasattr(mapped, "madvise"):
                mapped.madvise(mmap.MADV_DONTNEED)  # else all that was read stays in memory


class _Table(NamedTuple):
    name: str
    dtype: np.dtype[Any]
    rows: int
    width: int
    shape: RowShape

    def parse(self, chunk: Chunk) -> Block:
        return self.block(np.frombuffer(chunk.data, self.dtype).reshape(-1, self.width), chunk.line)

    def block(self, array: NDArray[Any], before: int) -> Block:
        shape = self.shape
        locations = Locations(self.name, range(before + 1, before + len(array) + 1))
        labels = kept = None
        if shape.kept:
            kept = np.array(array.take(shape.kept, axis=1).tolist(), object)
        if shape.label is not None:
            column = array[:, shape.label]
            labels = list(map(str, (column + 0 if column.dtype == bool else column).tolist()))
        if not shape.takes_all():
            array = array.take(shape.chosen, axis=1)
        with np.errstate(invalid="ignore"):  # a nan that signals is found below as any other
            values = array.astype(np.float64)
        is_nan = np.isnan(values)
        errors = {}
        for row in np.flatnonzero(is_nan.any(axis=1)).tolist():
            location = f"{locations.at(row)}:{shape.chosen[int(is_nan[row].argmax())] + 1}"
            errors[row] = DataError("'nan' is not a number", location=location)
        return Block(values, locations, labels, shape.label_column(), kept, errors)
