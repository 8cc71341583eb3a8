"""Input packed by gzip, bzip2 or xz, or in the archive of an .npz file, unpacked as it arrives."""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib import import_module
from itertools import chain
from typing import Final

from softmax_cli.errors import DataError

ZIP: Final = b"PK\x03\x04"
# The module of each format, by the first bytes
PACKINGS: Final = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ": "lzma"}


class Pieces:
    """A file of bytes that arrive in pieces; those `waiting` have arrived and are not read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.waiting = bytearray()

    def read(self, size: int = 1 << 16, /) -> bytes:
        """Return at most `size` of the bytes that wait; wait if there are none."""
        self.fill(1)
        data = bytes(self.waiting[:size])
        del self.waiting[:size]
        return data

    def fill(self, size: int) -> bool:
        """Wait until `size` bytes have arrived; return whether they have."""
        while len(self.waiting) < size and (piece := next(self._pieces, None)) is not None:
            self.waiting += piece
        return len(self.waiting) >= size


def unpacked(start: bytes, rest: Iterator[bytes], most: int, name: str) -> Iterator[bytes]:
    """Yield what is in packed files, one after the other, some `most` bytes at once.

    Raises `DataError`, once all before is yielded, for data that is damaged or ends too early.
    """
    import zlib

    module = import_module(next(PACKINGS[magic] for magic in PACKINGS if start.startswith(magic)))
    packed = Pieces(chain([start], rest))
    file, data = module.open(packed), b""
    errors = EOFError, OSError, zlib.error, getattr(module, "LZMAError", OSError)
    try:
        while part := file.read1(most):
            data += part
            if len(data) >= most or not packed.waiting:
                yield data
                data = b""
    except errors as error:
        yield data
        what = "ends too early" if isinstance(error, EOFError) else "is damaged"
        raise DataError(f"{name}: the packed data {what}") from error
    yield data


def only_array(file: io.FileIO, most: int, name: str) -> Iterator[bytes]:
    """Yield the bytes of the only array in an .npz file, at most `most` at once."""
    import zipfile
    import zlib

    if not file.seekable():
        raise DataError(f"{name}: a zip archive, as .npz is, in a pipe: give it with -i FILE")
    damaged = zipfile.BadZipFile, zlib.error, EOFError, LookupError, RuntimeError, ValueError
    try:
        archive = zipfile.ZipFile(file)
        names = archive.namelist()
        as_numpy = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
        is_npz = as_numpy.issuperset(item.compress_type for item in archive.infolist())
        if not is_npz or not names or not all(item.endswith(".npy") for item in names):
            hint = "save an Excel file as CSV, and what torch has saved by numpy.save"
            raise DataError(f"{name}: a zip archive, and no .npz", hint)
        if len(names) > 1:
            hint = f"unzip -p FILE {names[0]} | softmax-cli ... takes one of them"
            raise DataError(f"{name}: {len(names)} arrays: {', '.join(names)}", hint)
        with archive.open(names[0]) as member:
            while data := member.read(most):
                yield data
    except (OSError, *damaged) as error:
        raise DataError(f"{name}: a damaged zip archive: {error}") from error
