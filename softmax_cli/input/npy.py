"""Arrays as numpy saves them; never unpickled.

The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import math
import warnings
from collections.abc import Iterator
from tokenize import TokenError
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from softmax_cli.errors import DataError
from softmax_cli.input.columns import RowShape, row_shape
from softmax_cli.input.packed import Pieces
from softmax_cli.input.rows import Block, Labels, Locations, Rows, shaped
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.stream import Chunk, Input

# What is raised for a header that is not Python, and for one that makes no sense to numpy
_NOT_PYTHON: Final = (SyntaxError, TokenError, MemoryError, RecursionError)
_NONSENSE: Final = (ValueError, TypeError, LookupError, AttributeError, OverflowError)


def read_npy(settings: InputSettings, source: Input) -> Rows:
    """Return the rows of an array; one of one dimension is a single vector."""
    name, file = source.name, Pieces(source.pieces())
    dims, is_fortran, dtype = _header(file, name)
    if len(dims) not in (1, 2):
        hint = "one dimension is a vector, two are a vector in each row"
        raise DataError(f"{name}: an array of {len(dims)} dimensions", hint)
    if 0 in dims:
        raise DataError(f"{name}: no rows: the array's shape is {dims}")
    is_column = settings.axis == "column"
    rows, width = dims if len(dims) == 2 else (dims[0], 1) if is_column else (1, dims[0])
    is_fortran = is_fortran and 1 not in (rows, width)
    size = rows * width * dtype.itemsize
    if is_fortran and source.size is None:
        file.fill(size + 1)  # all columns are needed for the first row
    actual_size = len(file.waiting) + source.left()
    if (is_fortran or source.size is not None) and actual_size != size:
        sizes = f"{actual_size} bytes of numbers where the header says {size}"
        hint = "the file was cut short, or is not what its header says"
        raise DataError(f"{name}: {sizes}", hint)
    table = _Table(source, dtype, rows, row_shape(settings, (), width, name))
    chunks = table.fortran_chunks(file) if is_fortran else table.row_chunks(file)
    form = f"npy, {dtype} of shape {dims}{', Fortran order' * is_fortran}"
    return shaped(Rows(chunks, table.parse), source, settings, table.shape, form)


def _header(file: Pieces, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return the shape, whether in Fortran order, and the dtype."""
    unreadable = f"{name}: an npy header that can't be read"
    try:
        version, _ = npy_format.read_magic(file)
        file.fill(4)
        # From version 2 on, the header's length has four bytes; numbers need only the lower two.
        if version not in (1, 2, 3) or (version > 1 and any(file.waiting[2:4])):
            raise DataError(unreadable)
        # Version 3 differs from 2 in the encoding of field names, which numbers do not have.
        formats = npy_format.read_array_header_1_0, npy_format.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # headers written by Python 2
            dims, is_fortran, dtype = formats[version > 1](file)
    except (*_NOT_PYTHON, *_NONSENSE) as error:
        raise DataError(unreadable) from error
    if dtype.kind not in "fiub" or dtype.itemsize > 8:
        kind = str(npy_format.dtype_to_descr(dtype))[:40]
        hint = "integers, booleans and floats of 2, 4 and 8 bytes can be read"
        raise DataError(f"{name}: an array of {kind!r}, which are not numbers", hint)
    is_real = all(type(n) is int and n >= 0 for n in dims)  # True is an int, too
    if not is_real or math.prod(dims) * dtype.itemsize >= 1 << 63:
        raise DataError(unreadable)
    return dims, is_fortran, dtype


class _Table(NamedTuple):
    source: Input
    dtype: np.dtype[Any]
    rows: int
    shape: RowShape

    def row_chunks(self, file: Pieces) -> Iterator[Chunk]:
        """Yield chunks in C order; a read is as fast as mmap, and safe if the file shrinks."""
        name, row_bytes = self.source.name, self.shape.width * self.dtype.itemsize
        done = 0
        while done < self.rows:
            if not file.fill(row_bytes):
                raise DataError(f"{name}: it ends within row {done + 1} of {self.rows}")
            count = min(self.rows - done, len(file.waiting) // row_bytes)
            yield Chunk(file.read(count * row_bytes), done)
            done += count
        if file.read(1):
            raise DataError(f"{name}: more bytes after the last of {self.rows} rows")

    def fortran_chunks(self, file: Pieces) -> Iterator[Chunk]:
        """Yield chunks of an array in Fortran order, from a mapped file or a whole pipe."""
        source, rows, width = self.source, self.rows, self.shape.width
        row_bytes = width * self.dtype.itemsize
        array: NDArray[Any]
        if source.size is None:
            array = np.frombuffer(file.waiting, self.dtype).reshape(width, rows).T
        else:
            start = source.file.tell() - len(file.waiting)
            with source.reading():
                array = np.memmap(source.file, self.dtype, "r", start, (rows, width), "F")
        most = max(1, source.chunk_bytes // row_bytes)
        for at in range(0, rows, most):
            if source.size is not None:
                source.file.seek(source.size - (rows - at) * row_bytes)  # for `left` and `done`
            yield Chunk(array[at : at + most].tobytes(), at)

    def parse(self, chunk: Chunk) -> Block:
        shape = self.shape
        array = np.frombuffer(chunk.data, self.dtype).reshape(-1, shape.width)
        numbers = range(chunk.line + 1, chunk.line + len(array) + 1)
        locations = Locations(self.source.name, numbers)
        labels = kept = None
        if shape.kept:
            kept = np.array(array.take(shape.kept, axis=1).tolist(), object)
        if shape.label is not None:
            column = array[:, shape.label]
            column = column + 0 if column.dtype == bool else column
            labels = Labels.of(list(map(str, column.tolist())))
        # Without a warning of a signaling nan: see core
        values = shape.vectors(array).astype(np.float64)
        is_nan = np.isnan(values)
        errors = {}
        for row in np.flatnonzero(is_nan.any(axis=1)).tolist():
            location = f"{locations.at(row)}:{shape.chosen[int(is_nan[row].argmax())] + 1}"
            errors[row] = DataError("'nan' is not a number", location=location)
        return Block(values, locations, labels, shape.label_column(), kept, errors)
