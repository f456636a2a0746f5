# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what an MP4 file says of its film, by the format alone: boxes of a length, a name and content, in boxes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HOLDERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


@dataclass
class Film:
    frames: int
    seconds: float
    size: tuple[int, int]
    codec: str


def read(path: Path) -> Film:
    boxes = dict(_boxes(path.read_bytes()))
    scale, length = struct.unpack_from(">II", boxes[b"mdhd"], 12)
    _, frames = struct.unpack_from(">II", boxes[b"stsz"], 4)
    codec = boxes[b"stsd"][12:16].decode()
    return Film(frames, length / scale, struct.unpack_from(">HH", boxes[b"stsd"], 8 + 32), codec)


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, place)
        inner = content[place + 8 : place + length]
        yield name, inner
        if name in _HOLDERS:
            yield from _boxes(inner)
        place += max(length, 8)
