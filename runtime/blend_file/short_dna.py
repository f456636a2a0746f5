# SPDX-License-Identifier: GPL-3.0-or-later
"""A .blend file without the DNA that it does not need.

Blender reads the DNA of each file that it opens: what its thousand structs are made of. A file with little else in it
is opened in half the time without the structs that nothing in it refers to.
"""

from __future__ import annotations

import functools
import mmap
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy

from ..errors import BlendFileError
from .blocks import Blocks, read_blocks

#: Blender looks for it in every DNA, as it tells the size of a pointer. The first struct stands for mere bytes.
_ALWAYS: Final = "ListBase"
#: What each data-block begins with. Those of other kinds than are in a file stay in its DNA nevertheless: so files have
#: few DNAs, which are made and read once.
_DATA_BLOCK: Final = "ID"
#: Bytes of what stands before a block, and where its length and the number of its struct are: up to 4.5, and later.
_OLD_HEAD, _NEW_HEAD = (24, ("<i", 4), 16), (32, ("<q", 16), 4)
_NEW_FORM: Final = b"BLENDER17"
#: The last blocks of a file.
_TAIL: Final = [b"DNA1", b"ENDB"]
#: The first Blender of which nobody knows what it looks for in the DNA of a file.
_UNKNOWN: Final = (5, 3)


def is_readable(version: tuple[int, ...]) -> bool:
    """Whether this version of Blender reads its files without the rest of their DNA."""
    return version < _UNKNOWN


class _Dna:
    """SDNA NAME <count> names TYPE <count> names TLEN <sizes> STRC <count> <structs>; the parts start at 4 bytes.

    Attributes:
        structs: numbers of each: of its type, and of the types and names of its fields.
    """

    def __init__(self, data: bytes) -> None:
        position = data.index(b"TYPE")
        while position % 4 or data[position - 1 : position] != b"\0":  # a name may hold these letters, too
            position = data.index(b"TYPE", position + 1)
        (count,) = struct.unpack_from("<i", data, position + 4)
        self._types = data[position + 8 :].split(b"\0", count)[:count]
        position += 8 + sum(map(len, self._types)) + count
        position += -position % 4 + 4 + 2 * count
        position += -position % 4 + 4
        self._before = data[:position]
        (count,) = struct.unpack_from("<i", data, position)
        position += 4
        self.structs = []
        for _ in range(count):
            kind, num_fields = struct.unpack_from("<2H", data, position)
            self.structs.append((kind, struct.unpack_from(f"<{2 * num_fields}H", data, position + 4)))
            position += 4 + 4 * num_fields

    def needed(self, used: Iterable[int]) -> list[int]:
        """The structs that are needed where some are used: those that their fields are, or point to, as well.

        Without libraries, for example, which each data-block has a pointer to, Blender 5.2 crashes.
        """
        by_type = {kind: number for number, (kind, _fields) in enumerate(self.structs)}
        id_type = self._types.index(_DATA_BLOCK.encode())
        data_blocks = (number for number, (_kind, fields) in enumerate(self.structs) if fields[:1] == (id_type,))
        found = {0, by_type[self._types.index(_ALWAYS.encode())], *data_blocks, *used}
        todo = list(found)
        while todo:
            kinds = self.structs[todo.pop()][1][::2]
            new = {by_type[kind] for kind in kinds if kind in by_type} - found
            found |= new
            todo += new
        return sorted(found)

    def only(self, numbers: list[int]) -> bytes:
        """A DNA with these structs, in this order."""
        kept = [self.structs[number] for number in numbers]
        parts = [struct.pack(f"<2H{len(fields)}H", kind, len(fields) // 2, *fields) for kind, fields in kept]
        return self._before + struct.pack("<i", len(kept)) + b"".join(parts)


@functools.lru_cache(maxsize=2)
def _read(data: bytes) -> _Dna:
    return _Dna(data)


@functools.lru_cache(maxsize=32)
def _short(data: bytes, used: frozenset[int]) -> tuple[bytes, Any]:
    """The part of a DNA that is needed, and the new number of each of its structs by the old one."""
    dna = _read(data)
    kept = dna.needed(used)
    numbers = numpy.zeros(len(dna.structs), "<i4")
    numbers[kept] = numpy.arange(len(kept))
    return dna.only(kept), numbers


def shorten(path: Path) -> None:
    """Take the DNA out of a .blend file that it does not need. If this raises, the file is of no use any more.

    Raises:
        BlendFileError: if it is none, or not as Blender writes it.
        OSError: if it can't be written.
    """
    if not path.stat().st_size:  # nothing can't be mapped
        raise BlendFileError("is empty")
    with path.open("rb+") as file:
        with mmap.mmap(file.fileno(), 0) as data:
            tail, end = _renumbered(data)
        file.seek(end)
        file.write(tail)
        file.truncate()


def _renumbered(data: mmap.mmap) -> tuple[bytes, int]:
    """Give the blocks of a file the new numbers of their structs. Returns its new end, and where that begins."""
    with memoryview(data) as view:  # nothing may hold it any more when the map is closed
        return _with_numbers(view, read_blocks(view))


def _with_numbers(view: memoryview, blocks: Blocks) -> tuple[bytes, int]:
    if list(blocks.codes[-len(_TAIL) :]) != _TAIL or blocks.data is not view:
        raise BlendFileError("does not end with its DNA, or is compressed")
    size, (form, place_of_length), place_of_struct = (
        _NEW_HEAD if bytes(view[: len(_NEW_FORM)]) == _NEW_FORM else _OLD_HEAD
    )
    dna, numbers = _short(bytes(blocks.bytes_of(-2)), frozenset(numpy.unique(blocks.structs).tolist()))
    places = (blocks.starts + (place_of_struct - size))[:, None] + numpy.arange(4)
    numpy.frombuffer(view, numpy.uint8)[places] = numbers[blocks.structs].view(numpy.uint8).reshape(-1, 4)
    start = int(blocks.starts[-2]) - size
    head, end = bytearray(view[start : start + size]), bytes(view[int(blocks.starts[-1]) - size :])
    struct.pack_into(form, head, place_of_length, len(dna))
    return bytes(head) + dna + end, start
