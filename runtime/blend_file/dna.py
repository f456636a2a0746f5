# SPDX-License-Identifier: GPL-3.0-or-later
"""The DNA of a .blend file: what structs its blocks are arrays of. Each file has it, as its Blender was built.

SDNA NAME <count> "*next" "name[66]" ... TYPE <count> "char" ... TLEN <sizes> STRC <count> <structs>
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy

from ..errors import BlendFileError
from .blocks import Blocks

POINTER_SIZE = 8
_ARRAY = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct: `count` items of `size` bytes, from `offset` on.

    `stars` tells of a pointer how often it must be followed: 2 for a pointer to an array of pointers.
    """

    name: str
    type: str
    offset: int
    size: int
    count: int
    stars: int

    @property
    def num_bytes(self) -> int:
        return self.size * self.count


@dataclass(frozen=True)
class Struct:
    """A struct, with its fields as they lie."""

    name: str
    size: int
    fields: tuple[Field, ...]

    @functools.cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Its fields."""
        return {field.name: field for field in self.fields}


class Dna:
    """The structs of a file. Blocks know them by number, fields by name."""

    def __init__(self, declared: list[tuple[str, int, list[tuple[str, str, int]]]]) -> None:
        self._declared = declared
        self._numbers = {name: number for number, (name, _size, _fields) in enumerate(declared)}
        self._read: dict[int, Struct] = {}
        self._flat: dict[str, Struct] = {}

    @functools.cached_property
    def identities(self) -> Any:
        """Of each struct a number that is made of its name, the same in all files; 0 for mere bytes."""
        names = [name.encode() for name, _size, _fields in self._declared[1:]]
        digests = [hashlib.blake2b(name, digest_size=8).digest() for name in names]
        return numpy.frombuffer(bytes(8) + b"".join(digests), "<i8")

    def struct(self, number: int) -> Struct:
        """Raises BlendFileError if there is no such struct, or its fields don't fill it."""
        if number not in self._read:
            if not 0 <= number < len(self._declared):
                raise BlendFileError(f"has no struct {number}")
            self._read[number] = _struct(*self._declared[number])
        return self._read[number]

    def number(self, name: str) -> int | None:
        """What blocks call a struct; None if there is none."""
        return self._numbers.get(name)

    def named(self, name: str) -> Struct | None:
        number = self._numbers.get(name)
        return None if number is None else self.struct(number)

    def flat(self, struct: Struct) -> Struct:
        """A struct with the fields of the structs in it, by the way that leads to them ("id.name")."""
        if struct.name not in self._flat:
            self._flat[struct.name] = Struct(struct.name, struct.size, tuple(self._leaves(struct)))
        return self._flat[struct.name]

    def _leaves(self, struct: Struct) -> Iterator[Field]:
        for field in struct.fields:
            inner = None if field.stars else self.named(field.type)
            if inner is None:
                yield field
                continue
            for number in range(field.count):
                way = field.name if field.count == 1 else f"{field.name}[{number}]"
                for leaf in self._leaves(inner):
                    offset = field.offset + number * field.size + leaf.offset
                    yield replace(leaf, name=f"{way}.{leaf.name}", offset=offset)

    @functools.cache  # noqa: B019 (a DNA is kept as long as this, and asked for a few)
    def field(self, struct_name: str, name: str) -> Field:
        """Raises BlendFileError if there is none."""
        owner = self.named(struct_name)
        found = owner.by_name.get(name) if owner else None
        if found is None:
            raise BlendFileError(f"has no {struct_name}.{name}")
        return found


@functools.lru_cache(maxsize=8)
def read_dna(data: bytes) -> Dna:
    """Read a DNA. Raises BlendFileError if it is none."""
    try:
        return _Reader(data).read()
    except (struct.error, ValueError, IndexError) as error:
        raise BlendFileError(f"describes its contents in a way that can't be read ({error})") from error


def dna_of(file: Blocks) -> Dna:
    """The DNA of a file. Raises BlendFileError if it has none that can be read."""
    described = file.first(b"DNA1")
    if described is None:
        raise BlendFileError("does not describe its contents")
    return read_dna(bytes(described))


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def read(self) -> Dna:
        self._expect(b"SDNA")
        names = self._strings(b"NAME")
        types = self._strings(b"TYPE")
        self._expect(b"TLEN")
        sizes = self._numbers(len(types))
        self._expect(b"STRC")
        (count,) = self._numbers(1, "i")
        declared = []
        for _ in range(count):
            type_number, num_fields = self._numbers(2)
            pairs = iter(self._numbers(2 * num_fields))
            fields = [(types[number], names[next(pairs)], sizes[number]) for number in pairs]
            declared.append((types[type_number], sizes[type_number], fields))
        return Dna(declared)

    def _expect(self, mark: bytes) -> None:
        self._position = (self._position + 3) // 4 * 4
        if self._data[self._position : self._position + 4] != mark:
            raise ValueError(f"no {mark.decode()}")
        self._position += 4

    def _strings(self, mark: bytes) -> list[str]:
        self._expect(mark)
        (count,) = self._numbers(1, "i")
        found = self._data[self._position :].split(b"\0", count)[:count]
        self._position += sum(map(len, found)) + count
        return [name.decode() for name in found]

    def _numbers(self, count: int, form: str = "H") -> tuple[int, ...]:
        numbers = struct.unpack_from(f"<{count}{form}", self._data, self._position)
        self._position += struct.calcsize(f"<{count}{form}")
        return numbers


def _struct(name: str, size: int, fields: list[tuple[str, str, int]]) -> Struct:
    found, offset = [], 0
    for type_name, spelled, type_size in fields:
        stars = spelled.count("*")
        count = math.prod(map(int, _ARRAY.findall(spelled)))
        plain = _ARRAY.sub("", spelled).translate({ord(sign): None for sign in "*()"})
        found.append(Field(plain, type_name, offset, POINTER_SIZE if stars else type_size, count, stars))
        offset += found[-1].num_bytes
    if offset != size:
        raise BlendFileError(f"has {size} bytes of {name}, whose fields have {offset}")
    return Struct(name, size, tuple(found))
