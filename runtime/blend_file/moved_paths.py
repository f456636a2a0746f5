# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives the paths that data-blocks name new places, in the bytes of a .blend file."""

from __future__ import annotations

import functools
from collections.abc import Callable

from ..errors import BlendFileError
from .blocks import read_blocks
from .dna import Dna, Field, dna_of
from .fields.named_files import is_path


def move_paths(data: bytearray, moved: Callable[[bytes], bytes]) -> None:
    """Change the paths of files that data-blocks name, where they stand.

    Args:
        data: an uncompressed .blend file.
        moved: the new path of each.

    Raises:
        BlendFileError: if it can't be read, or a path does not fit where the old one stands.
    """
    blocks = read_blocks(memoryview(data))
    if blocks.data.obj is not data:
        raise BlendFileError("is compressed")
    dna = dna_of(blocks)
    columns = (blocks.structs, blocks.starts, blocks.lengths, blocks.counts)
    for number, start, length, count in zip(*(column.tolist() for column in columns), strict=True):
        size, fields = _paths_of(dna, number)
        if not fields or length != size * count:
            continue
        for first in range(start, start + length, size):
            for field in fields:
                _move(data, first + field.offset, field, moved)


@functools.lru_cache(maxsize=4096)
def _paths_of(dna: Dna, number: int) -> tuple[int, tuple[Field, ...]]:
    """The size of a struct, and its fields that are paths."""
    struct = dna.struct(number)
    flat = dna.flat(struct)
    return struct.size, tuple(each for each in flat.fields if not each.stars and is_path(struct.name, each.name))


def _move(data: bytearray, start: int, field: Field, moved: Callable[[bytes], bytes]) -> None:
    end = start + field.num_bytes
    old = bytes(data[start:end]).partition(b"\0")[0]
    new = moved(old)
    if new == old:
        return
    if len(new) >= field.num_bytes:
        raise BlendFileError(f"has no room for a path of {len(new)} letters")
    data[start:end] = new.ljust(field.num_bytes, b"\0")
