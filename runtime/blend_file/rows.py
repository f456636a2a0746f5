# SPDX-License-Identifier: GPL-3.0-or-later
"""All structs of one type in a .blend file, as one array."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy

from .dna import Field, Struct

_NUMBERS = {
    "char": "u1",
    "double": "<f8",
    "float": "<f4",
    "int": "<i4",
    "int64_t": "<i8",
    "int8_t": "i1",
    "short": "<i2",
    "uchar": "u1",
    "uint64_t": "<u8",
    "ushort": "<u2",
}


class Rows:
    """Structs of one type, and the data-block that each is of, by its place in the file.

    Args:
        struct: the type, with the fields of the structs in it.
        blocks: gives the bytes of the blocks that hold them, one after the other.
        owners: gives the data-block that each of them is of. There may be millions.
    """

    def __init__(self, struct: Struct, blocks: Callable[[], list[memoryview]], owners: Callable[[], Any]) -> None:
        self.struct = struct
        self._blocks = blocks
        self._owners = owners

    @functools.cached_property
    def owners(self) -> Any:
        return self._owners()

    @functools.cached_property
    def data(self) -> Any:
        """Their bytes, one row each: a copy, made when somebody asks for it."""
        joined = bytearray().join(self._blocks())
        return numpy.frombuffer(joined, numpy.uint8).reshape(-1, self.struct.size)

    def parts(self) -> Iterator[tuple[int, int, int]]:
        """Each data-block, with the first of its structs and the first that is not its own. They lie together."""
        owners, starts = numpy.unique(self.owners, return_index=True)
        yield from zip(owners.tolist(), starts.tolist(), [*starts[1:].tolist(), len(self.owners)], strict=True)

    def has(self, name: str) -> bool:
        return name in self.struct.by_name

    def is_pointer(self, name: str) -> bool:
        return self._field(name).stars > 0

    def numbers(self, name: str) -> Any:
        """A field of plain numbers: one number for each struct."""
        field = self._field(name)
        return self._bytes(field)[:, : field.size].copy().view(_NUMBERS[field.type])[:, 0]

    def addresses(self, name: str) -> Any:
        """A field that is a pointer: one address for each struct."""
        return self._bytes(self._field(name)).copy().view("<u8")[:, 0]

    def strings(self, name: str) -> Any:
        """A field of letters, as bytes up to the first zero."""
        texts = self._bytes(self._field(name))
        return (texts * _is_in_text(texts)).view(f"S{texts.shape[1]}")[:, 0]

    def set_numbers(self, name: str, numbers: Any) -> None:
        """Set a field of plain numbers of each struct."""
        field = self._field(name)
        values = numpy.ascontiguousarray(numbers, _NUMBERS[field.type])
        self._bytes(field)[:] = values.view("u1").reshape(-1, field.size)

    def clear(self, name: str, where: Any) -> None:
        """Set a field to 0 in some of the structs."""
        self._bytes(self._field(name))[where] = 0

    def clear_after_text(self, name: str) -> None:
        """Set the letters of a field to 0 that follow the first zero: they are of an earlier, longer text."""
        texts = self._bytes(self._field(name))
        texts *= _is_in_text(texts)

    def clear_bits(self, name: str, bits: int, where: Any = slice(None)) -> None:
        """Set bits of a field of plain numbers to 0 in some of the structs."""
        field = self._bytes(self._field(name))
        kept = numpy.frombuffer((~bits & (1 << 8 * field.shape[1]) - 1).to_bytes(field.shape[1], "little"), "u1")
        field[where] &= kept

    def take_bits(self, name: str, bits: int) -> Any:
        """Set bits of a field to 0. Returns what they were, as bytes; -1 stands for all of a field of any type."""
        field = self._bytes(self._field(name))
        mask = numpy.full(field.shape[1], 255, "u1")
        if bits >= 0:
            mask = numpy.frombuffer(bits.to_bytes(field.shape[1], "little"), "u1")
        taken = field & mask
        field &= ~mask
        return taken

    def items(self, name: str) -> Any:
        """The bytes of each item of a field that is an array: by structs, items, bytes."""
        field = self._field(name)
        return self._bytes(field).reshape(-1, field.count, field.size)

    def _bytes(self, field: Field) -> Any:
        return self.data[:, field.offset : field.offset + field.num_bytes]

    def _field(self, name: str) -> Field:
        return self.struct.by_name[name]


def _is_in_text(texts: Any) -> Any:
    """Which letters come before the first zero: of each text, in a row of its own."""
    is_end = texts == 0
    lengths = numpy.where(is_end.any(axis=1), is_end.argmax(axis=1), texts.shape[1])
    return numpy.arange(texts.shape[1]) < lengths[:, None]


#: Tells which of some structs it is true of: an array of true and false.
Test = Callable[[Rows], Any]


def owners_where(rows: Rows, test: Test) -> Iterator[int]:
    """The data-blocks of the structs of which it is true."""
    yield from map(int, numpy.unique(rows.owners[test(rows)]))
