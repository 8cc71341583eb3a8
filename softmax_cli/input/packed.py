"""Input packed by gzip, bzip2 or xz, or in the archive of an .npz file, unpacked as it arrives."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from itertools import chain
from typing import Any, Final

from softmax_cli.errors import DataError

EXCEL: Final = "an Excel file: save it as CSV"
PICKLE: Final = "a Python pickle: numpy.save or DataFrame.to_csv write what can be read"
ZIP: Final = b"PK\x03\x04"
# Packed bytes that are unpacked at once: what comes of them is lost if they are damaged.
_AT_ONCE: Final = 1 << 10
# The last bytes of a gzip file, which say whether the bytes before are right
_CHECKSUM: Final = 8
_PADDING: Final = b"\0"


# Each format's name, module, class and arguments. 31 means gzip; an xz file may ask for 4 GB.
PACKINGS: Final = {
    b"\x1f\x8b": ("gzip", "zlib", "decompressobj", {"wbits": 31}),
    b"BZh": ("bzip2", "bz2", "BZ2Decompressor", {}),
    b"\xfd7zXZ": ("xz", "lzma", "LZMADecompressor", {"memlimit": 1 << 28}),
}


def unpacked(pieces: Iterator[bytes], most: int, name: str) -> Iterator[bytes]:
    """Yield what is in packed files, one after the other, and b"" before more is read.

    Raises `DataError`, once all before is yielded, for data that is damaged or ends too early.
    """
    first = next(pieces)
    packing = next(packing for magic, packing in PACKINGS.items() if first.startswith(magic))
    form, module_name, class_name, arguments = packing
    module: Any = import_module(module_name)
    new = partial(getattr(module, class_name), **arguments)
    unpacker, damaged = new(), getattr(module, "LZMAError", getattr(module, "error", OSError))
    for piece in chain([first], pieces):
        for data in _cut(piece):
            packed, is_full = data, False
            while packed or is_full:
                if unpacker.eof:
                    packed = packed.lstrip(_PADDING)
                    if not packed:
                        break
                    unpacker = new()
                try:
                    part = unpacker.decompress(packed, most)
                except damaged as error:
                    yield b""
                    reason = str(error).rpartition(": ")[2].lower()
                    raise DataError(f"{name}: damaged {form} data: {reason}") from error
                if part:
                    yield part
                is_full = len(part) == most and not unpacker.eof
                packed = getattr(
                    unpacker, "unused_data" if unpacker.eof else "unconsumed_tail", b""
                )
        yield b""
    if not unpacker.eof:
        raise DataError(f"{name}: the {form} data ends too early")


def _cut(piece: bytes) -> Iterator[bytes]:
    """Yield a piece in small parts, the last of which may be a checksum."""
    end = max(0, len(piece) - _CHECKSUM)
    for start in range(0, end, _AT_ONCE):
        yield piece[start : min(end, start + _AT_ONCE)]
    yield piece[end:]


def joined(parts: Iterator[bytes], most: int) -> Iterator[bytes]:
    """Yield parts joined to `most` bytes or more, and b"" where the parts have it."""
    data = bytearray()
    for part in parts:
        data += part
        if data and (not part or len(data) >= most):
            yield bytes(data)
            data.clear()
        if not part:
            yield b""


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
