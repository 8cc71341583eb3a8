"""Input packed by gzip, bzip2 or xz, or in the archive of an .npz file, unpacked as it arrives."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from functools import partial
from importlib import import_module
from typing import Any, Final, NamedTuple

from softmax_cli.errors import DataError

EXCEL: Final = "an Excel file: save it as CSV"
PICKLE: Final = "a Python pickle: numpy.save or DataFrame.to_csv write what can be read"
ZIP: Final = b"PK\x03\x04"
# Packed bytes that are unpacked at once: what comes of them is lost if they are damaged.
_AT_ONCE: Final = 1 << 10
# The last bytes of a gzip file, which say whether the bytes before are right
_CHECKSUM: Final = 8
_PADDING: Final = b"\0"


class Packing(NamedTuple):
    """The module, class and arguments that unpack a format, and the exception for damaged data."""

    name: str
    module: str
    unpacker: str
    arguments: dict[str, int]
    error: str = "error"


# Formats by their first bytes. 31 means gzip; xz -9 needs 65 MB, but a file may ask for 4 GB.
PACKINGS: Final = {
    b"\x1f\x8b": Packing("gzip", "zlib", "decompressobj", {"wbits": 31}),
    b"BZh": Packing("bzip2", "bz2", "BZ2Decompressor", {}, "OSError"),
    b"\xfd7zXZ": Packing("xz", "lzma", "LZMADecompressor", {"memlimit": 1 << 28}, "LZMAError"),
}


class Unpacker:
    """Unpacks packed files, one after the other as `cat` joins them.

    `held` is the number of packed bytes that are read and not unpacked yet.
    """

    def __init__(self, packing: Packing, name: str) -> None:
        module = import_module(packing.module)
        self.held = 0
        self._error: type[Exception] = getattr(module, packing.error, OSError)
        self._new = partial(getattr(module, packing.unpacker), **packing.arguments)
        self._unpacker: Any = self._new()
        self._name = f"{name}: {packing.name}"

    def pieces(self, packed: Iterable[bytes], most: int) -> Iterator[bytes]:
        """Yield unpacked bytes, up to twice `most` at once, and b"" before each read.

        Raises `DataError`, once all before is yielded, for data that is damaged or ends too early.
        """
        for piece in packed:
            data = bytearray()
            try:
                for part in self._parts(piece, most):
                    data += part
                    if len(data) >= most:
                        yield bytes(data)
                        data.clear()
            except self._error as error:
                yield bytes(data)
                reason = str(error).rpartition(": ")[2].lower()
                raise DataError(f"{self._name} data that is damaged: {reason}") from error
            if data:
                yield bytes(data)
            yield b""
        if not self._unpacker.eof:
            raise DataError(f"{self._name} data that ends too early")

    def _parts(self, piece: bytes, most: int) -> Iterator[bytes]:
        """Yield what is in a piece in parts of at most `most` bytes, perhaps empty."""
        checksum = max(0, len(piece) - _CHECKSUM)
        for start in (*range(0, checksum, _AT_ONCE), checksum):
            end = min(start + _AT_ONCE, checksum) if start < checksum else len(piece)
            self.held = len(piece) - start
            data, is_full = piece[start:end], False
            while data or is_full:
                if self._unpacker.eof:
                    data = data.lstrip(_PADDING)
                    if not data:
                        break
                    self._unpacker = self._new()
                part = self._unpacker.decompress(data, most)
                yield part
                is_full = len(part) == most and not self._unpacker.eof
                rest = "unused_data" if self._unpacker.eof else "unconsumed_tail"
                data = getattr(self._unpacker, rest, b"")


def only_array(file: io.FileIO, most: int, name: str) -> Iterator[bytes]:
    """Yield the bytes of the only array in an .npz file, at most `most` at once.

    Raises `DataError` for another archive, or a damaged one.
    """
    import zipfile
    import zlib

    if not file.seekable():
        raise DataError(f"{name}: a zip archive, as .npz is, in a pipe: give it with -i FILE")
    errors = (zipfile.BadZipFile, zlib.error, EOFError, LookupError, RuntimeError, ValueError)
    try:
        archive = zipfile.ZipFile(file)
        names = archive.namelist()
        for part, what in (("xl/", EXCEL), ("data.pkl", PICKLE)):  # the latter by torch.save
            if any(part in item for item in names):
                raise DataError(f"{name}: {what}")
        arrays = [item.removesuffix(".npy") for item in names]
        as_numpy = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
        is_npz = as_numpy.issuperset(item.compress_type for item in archive.infolist())
        if not names or not is_npz or any(map(str.__eq__, names, arrays)):
            raise DataError(f"{name}: a zip archive, and no .npz: unzip gives the files in it")
        if len(names) > 1:
            some = ", ".join(arrays[:10]) + ", ..." * (len(arrays) > 10)
            hint = f"unzip -p FILE {names[0]} | softmax-cli ... takes one of them"
            raise DataError(f"{name}: {len(arrays)} arrays: {some}", hint)
        with archive.open(names[0]) as member:
            while data := member.read(most):
                yield data
    except errors as error:
        raise DataError(f"{name}: a damaged zip archive: {error}") from error
