# SPDX-License-Identifier: GPL-3.0-or-later
"""A .blend file without the DNA that it does not need.

Blender reads the DNA of each file that it opens: what its thousand structs are made of. A file with little else in it
is opened in half the time without the structs that are far from all that is in it.
"""

from __future__ import annotations

import functools
import mmap
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy

from ..errors import BlendFileError
from .blocks import Blocks, read_blocks

#: Blender looks for these in every DNA, even if a file has no data-block: how large a pointer is, and where data-blocks
#: have their names. The first struct stands for mere bytes.
_ALWAYS: Final = (b"ListBase", b"ID")
#: What the names of fields begin with that are pointers, to data or to functions.
_POINTERS: Final = (b"*", b"(*")
#: Bytes of what stands before a block, and where its length and the number of its struct are: up to 4.5, and later.
_OLD_HEAD, _NEW_HEAD = (24, ("<i", 4), 16), (32, ("<q", 16), 4)
_NEW_FORM: Final = b"BLENDER17"
#: The last blocks of a file.
_TAIL: Final = [b"DNA1", b"ENDB"]
#: The Blenders that were tried: if another one looks for more in the DNA of a file than is left, it crashes.
_TRIED: Final = ((4, 2), (4, 5), (5, 0), (5, 2))


def is_readable(version: tuple[int, ...]) -> bool:
    """Whether this version of Blender reads its files without the rest of their DNA."""
    return version[:2] in _TRIED


class _Dna:
    """SDNA NAME <count> names TYPE <count> names TLEN <sizes> STRC <count> <structs>; the parts start at 4 bytes.

    Attributes:
        structs: numbers of each: of its type, and of the types and names of its fields.
    """

    def __init__(self, data: bytes) -> None:
        self._names, position = _strings(data, data.index(b"NAME"))
        self._types, position = _strings(data, position)
        self._sizes = struct.unpack_from(f"<{len(self._types)}H", data, position + 4)
        position += 4 + 2 * len(self._types)
        position += -position % 4 + 4
        (count,) = struct.unpack_from("<i", data, position)
        position += 4
        self.structs = []
        for _ in range(count):
            kind, num_fields = struct.unpack_from("<2H", data, position)
            self.structs.append((kind, struct.unpack_from(f"<{2 * num_fields}H", data, position + 4)))
            position += 4 + 4 * num_fields
        self._by_type = {kind: number for number, (kind, _fields) in enumerate(self.structs)}

    def needed(self, used: Iterable[int]) -> list[int]:
        """The structs that are needed where some are used: those that their fields are, and that these point to.

        Blender looks for the latter, too, whether or not the file has any: 5.2 for the library of a data-block, 4.5 for
        what is in the sequencer of a scene. Without them it crashes.
        """
        always = (self._by_type[self._types.index(name)] for name in _ALWAYS)
        inner = self._with_fields({0, *always, *used})
        kinds = {kind for number in inner for kind in self.structs[number][1][::2]}
        return sorted(self._with_fields(inner | {self._by_type[kind] for kind in kinds & self._by_type.keys()}))

    def _with_fields(self, numbers: Iterable[int]) -> set[int]:
        """Structs, and those that their fields are."""
        found = set(numbers)
        todo = list(found)
        while todo:
            fields = _pairs(self.structs[todo.pop()][1])
            kinds = {kind for kind, name in fields if not self._names[name].startswith(_POINTERS)}
            new = {self._by_type[kind] for kind in kinds & self._by_type.keys()} - found
            found |= new
            todo += new
        return found

    def only(self, numbers: list[int]) -> bytes:
        """A DNA with these structs, in this order."""
        kept = [self.structs[number] for number in numbers]
        # Blender knows plain types by their numbers.
        types = {*range(min(kind for kind, _fields in self.structs))}
        types.update(*((kind, *fields[::2]) for kind, fields in kept))
        names = set[int]().union(*(fields[1::2] for _kind, fields in kept))
        type_numbers, name_numbers = _numbers(types), _numbers(names)
        sizes = struct.pack(f"<{len(types)}H", *(self._sizes[number] for number in type_numbers))
        parts = [
            b"SDNA" + _packed(b"NAME", [self._names[number] for number in name_numbers]),
            _packed(b"TYPE", [self._types[number] for number in type_numbers]),
            b"TLEN" + sizes + bytes(-len(sizes) % 4),
            struct.pack("<4si", b"STRC", len(kept)),
        ]
        for kind, fields in kept:
            row = [type_numbers[kind], len(fields) // 2]
            for field, name in _pairs(fields):
                row += type_numbers[field], name_numbers[name]
            parts.append(struct.pack(f"<{len(row)}H", *row))
        return b"".join(parts)


def _pairs(fields: Sequence[int]) -> Iterable[tuple[int, int]]:
    """The type and the name of each field."""
    return zip(fields[::2], fields[1::2], strict=True)


def _strings(data: bytes, position: int) -> tuple[list[bytes], int]:
    """The strings after a code of four letters and their count, and where the next part begins."""
    (count,) = struct.unpack_from("<i", data, position + 4)
    position += 8
    strings = data[position:].split(b"\0", count)[:count]
    position += sum(map(len, strings)) + count
    return strings, position + -position % 4


def _packed(code: bytes, strings: list[bytes]) -> bytes:
    data = b"".join(string + b"\0" for string in strings)
    return struct.pack("<4si", code, len(strings)) + data + bytes(-len(data) % 4)


def _numbers(kept: Iterable[int]) -> dict[int, int]:
    """The new numbers of what is kept, by the old ones."""
    return {old: new for new, old in enumerate(sorted(kept))}


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
