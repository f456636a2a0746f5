# SPDX-License-Identifier: GPL-3.0-or-later
"""The header and the blocks of a .blend file.

Both forms are read: that of Blender up to 4.5 (a header of 12 bytes, `BLENDER-v405`), and that of 5.0 and later (17
bytes, `BLENDER17-01v0500`); of 64 bits, little endian, uncompressed. A block is an array of one struct of the file's
own DNA, with the address that it had in memory. Pointers to it hold that address.
"""

from __future__ import annotations

import gzip
import importlib
import mmap
import re
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from ..errors import BlendFileError

_HEADER = re.compile(rb"BLENDER(?:(?P<old>[-_])|17-01)(?P<endian>[vV])(?P<version>\d{3,4})")
#: How compressed files start: those of Blender 3.0 and later, and of earlier ones.
_ZSTANDARD, _GZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"
#: What stands before a block, in both forms: all of it; and its code and length alone.
_OLD_HEAD = numpy.dtype([("code", "S4"), ("length", "<i4"), ("address", "<u8"), ("struct", "<i4"), ("count", "<i4")])
_NEW_HEAD = numpy.dtype([("code", "S4"), ("struct", "<i4"), ("address", "<u8"), ("length", "<i8"), ("count", "<i8")])
_OLD_SIZE, _NEW_SIZE = struct.Struct("<4si16x"), struct.Struct("<4s12xq8x")


class Blocks(NamedTuple):
    """A .blend file: its bytes, the version that wrote it (402 for 4.2), and its blocks as they lie, in columns.

    A block is `lengths` bytes from `starts` on. They are `counts` structs of the number in `structs` in the DNA.
    """

    data: memoryview
    version: int
    codes: Any
    structs: Any
    addresses: Any
    starts: Any
    lengths: Any
    counts: Any

    def bytes_of(self, block: int) -> memoryview:
        start = int(self.starts[block])
        return self.data[start : start + int(self.lengths[block])]

    def first(self, code: bytes) -> memoryview | None:
        """The bytes of the first block of a code; None if there is none."""
        (found,) = numpy.nonzero(self.codes == code)
        return self.bytes_of(found[0]) if len(found) else None


def mapped(file: Path) -> memoryview:
    """The bytes of a file that nobody changes meanwhile, as the system brings them. Raises BlendFileError."""
    try:
        with file.open("rb") as opened:
            return memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
    except ValueError as error:  # nothing can't be mapped
        raise BlendFileError("is empty") from error
    except OSError as error:
        raise BlendFileError(f"can't be read: {error.strerror}") from error


def read_blocks(data: memoryview) -> Blocks:
    """Find the blocks of a .blend file. Raises BlendFileError for what is none, is cut off, or is of another form."""
    data = _uncompressed(data)
    header = _HEADER.match(data[:17])
    if header is None:
        raise BlendFileError("is no .blend file")
    if header["endian"] == b"V" or header["old"] == b"_":
        raise BlendFileError("was written on a machine of another kind")
    return _blocks(data, int(header["version"]), header.end(), is_old=header["old"] is not None)


def _uncompressed(data: memoryview) -> memoryview:
    if data[: len(_GZIP)] == _GZIP:
        try:
            return memoryview(gzip.decompress(data))
        except (OSError, EOFError, zlib.error) as error:
            raise BlendFileError("is compressed, and damaged") from error
    if data[: len(_ZSTANDARD)] != _ZSTANDARD:
        return data
    try:
        zstandard = importlib.import_module("zstandard")  # Blender comes with it, and only with that
    except ImportError as error:
        raise BlendFileError("is compressed, and this Blender comes without zstandard") from error
    try:
        with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
            return memoryview(reader.read())
    except zstandard.ZstdError as error:
        raise BlendFileError("is compressed, and damaged") from error


def _blocks(data: memoryview, version: int, position: int, *, is_old: bool) -> Blocks:
    head, size = (_OLD_HEAD, _OLD_SIZE) if is_old else (_NEW_HEAD, _NEW_SIZE)
    positions: list[int] = []
    note, unpack, head_size, end = positions.append, size.unpack_from, size.size, len(data)  # there are many blocks
    code = b""
    while code != b"ENDB":
        try:
            code, length = unpack(data, position)
        except struct.error:
            raise BlendFileError("is cut off") from None
        note(position)
        position += head_size + length
        if length < 0 or position > end:
            raise BlendFileError("is cut off")
    places = numpy.array(positions)
    rows = numpy.frombuffer(data, numpy.uint8)[places[:, None] + numpy.arange(head.itemsize)]
    heads = rows.view(head)[:, 0]
    structs, lengths, counts = (heads[name].astype(numpy.int64) for name in ("struct", "length", "count"))
    return Blocks(data, version, heads["code"], structs, heads["address"], places + head.itemsize, lengths, counts)
