# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures as PNG files, of eight bits a channel: written without loss, and read of whatever program wrote them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from ..blend_file.asset_data import Picture
from ..errors import PresetError

_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_FIX: Final = "Write it as a PNG of 8 bits, without interlacing, of at most 1024 pixels"
_MAX_SIZE: Final = 1024
#: Channels of the color types that are read: RGB, RGBA.
_CHANNELS: Final = {2: 3, 6: 4}


def write(picture: Picture) -> bytes:
    """A PNG file. The first line of a picture is its lowest, that of a file its highest."""
    width = 4 * picture.width
    lines = [picture.pixels[start : start + width] for start in range(0, len(picture.pixels), width)]
    data = zlib.compress(b"".join(b"\0" + line for line in reversed(lines)), 9)
    head = struct.pack(">2I5B", picture.width, picture.height, 8, 6, 0, 0, 0)
    return _MAGIC + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def read(content: bytes) -> Picture:
    """The picture in a PNG file. Raises PresetError if it is none, or of a form that is not read."""
    try:
        return _read(content)
    except (ValueError, struct.error, zlib.error, IndexError, KeyError) as error:
        raise PresetError(f"its picture can't be read ({error})", _FIX) from error


def _read(content: bytes) -> Picture:
    if not content.startswith(_MAGIC):
        raise ValueError("it is no PNG")
    chunks = list(_chunks(content))
    width, height, depth, color, _, _, interlace = struct.unpack(">2I5B", dict(chunks)[b"IHDR"])
    if depth != 8 or interlace or color not in _CHANNELS:
        raise ValueError("it has another form than 8 bits RGB or RGBA")
    if not (0 < width <= _MAX_SIZE and 0 < height <= _MAX_SIZE):
        raise ValueError("it is too large")
    size = _CHANNELS[color]
    wanted = height * (1 + width * size)
    unpacked = zlib.decompressobj().decompress(b"".join(data for kind, data in chunks if kind == b"IDAT"), wanted)
    if len(unpacked) != wanted:
        raise ValueError("it is cut off")
    lines = list(_lines(unpacked, width * size, size))
    if size == 3:
        lines = [b"".join(line[at : at + 3] + b"\xff" for at in range(0, len(line), 3)) for line in lines]
    return Picture(width, height, b"".join(reversed(lines)))


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = len(_MAGIC)
    while position < len(content):
        (length,) = struct.unpack_from(">I", content, position)
        yield content[position + 4 : position + 8], content[position + 8 : position + 8 + length]
        position += 12 + length


def _lines(unpacked: bytes, length: int, size: int) -> Iterator[bytes]:
    """The lines of pixels, each without the filter that it was written with."""
    above = bytearray(length)
    for start in range(0, len(unpacked), length + 1):
        kind, line = unpacked[start], bytearray(unpacked[start + 1 : start + 1 + length])
        for place in range(length):
            left = line[place - size] if place >= size else 0
            corner = above[place - size] if place >= size else 0
            line[place] = (line[place] + _predicted(kind, left, above[place], corner)) & 0xFF
        yield bytes(line)
        above = line


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 4:
        guess = left + up - corner
        return min((left, up, corner), key=lambda each: abs(guess - each))
    return (0, left, up, (left + up) // 2)[kind]
