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
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..errors import BlendFileError

_HEADER = re.compile(rb"BLENDER(?:(?P<old>[-_])|17-01)(?P<endian>[vV])(?P<version>\d{3,4})")
#: How compressed files start: those of Blender 3.0 and later, and of earlier ones.
_ZSTANDARD, _GZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"
_OLD_HEAD = struct.Struct("<4siQii")
_NEW_HEAD = struct.Struct("<4sIQqQ")


class Block(NamedTuple):
    """A block of a file: `length` bytes from `start` on are `num_structs` structs of that number in the DNA."""

    code: bytes
    struct: int
    address: int
    start: int
    length: int
    num_structs: int


class Blocks(NamedTuple):
    """A .blend file: its bytes, the version that wrote it (402 for 4.2), and its blocks as they lie."""

    data: memoryview
    version: int
    blocks: list[Block]

    def bytes_of(self, block: Block) -> memoryview:
        return self.data[block.start : block.start + block.length]


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
    return Blocks(data, int(header["version"]), list(_blocks(data, header.end(), is_old=header["old"] is not None)))


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


def _blocks(data: memoryview, position: int, *, is_old: bool) -> Iterator[Block]:
    head = _OLD_HEAD if is_old else _NEW_HEAD
    code = b""
    while code != b"ENDB":
        try:
            if is_old:
                code, length, address, number, count = head.unpack_from(data, position)
            else:
                code, number, address, length, count = head.unpack_from(data, position)
        except struct.error:
            raise BlendFileError("is cut off") from None
        position += head.size
        if length < 0 or position + length > len(data):
            raise BlendFileError("is cut off")
        yield Block(code, number, address, position, length, count)
        position += length
