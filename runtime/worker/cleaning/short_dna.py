# SPDX-License-Identifier: GPL-3.0-or-later
"""A .blend file without the DNA that it does not need.

Blender reads the DNA of each file that it opens: what its thousand structs are made of. A file with little else in it
is opened in half the time without the structs that nothing in it refers to.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from ...blend_file.blocks import read_blocks

#: Blender looks for it in every DNA, as it tells the size of a pointer. The first struct stands for mere bytes.
_ALWAYS = "ListBase"
#: Bytes of what stands before a block, and where its length and the number of its struct are: up to 4.5, and later.
_OLD_HEAD, _NEW_HEAD = (24, ("<i", 4), ("<i", 16)), (32, ("<q", 16), ("<i", 4))
_NEW_FORM = b"BLENDER17"


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
        found = {0, by_type[self._types.index(_ALWAYS.encode())], *used}
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


def shortened(data: bytes) -> bytes:
    """A .blend file with the same content. Raises BlendFileError if it is none."""
    blocks = read_blocks(memoryview(data))
    size, (length_form, length_place), (form, place) = _NEW_HEAD if data.startswith(_NEW_FORM) else _OLD_HEAD
    dna = _Dna(bytes(blocks.first(b"DNA1") or b""))
    kept = dna.needed(blocks.structs.tolist())
    numbers = {old: new for new, old in enumerate(kept)}
    result = bytearray(data[: int(blocks.starts[0]) - size])
    for block, code in enumerate(blocks.codes):
        content = dna.only(kept) if code == b"DNA1" else blocks.bytes_of(block)
        start = int(blocks.starts[block])
        head = bytearray(data[start - size : start])
        struct.pack_into(length_form, head, length_place, len(content))
        struct.pack_into(form, head, place, numbers[int(blocks.structs[block])])
        result += head
        result += content
    return bytes(result)
