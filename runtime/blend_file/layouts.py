# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in a struct its pointers are, and what of it does not count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy

from .dna import POINTER_SIZE, Dna, Field, Struct
from .fields.named_files import is_path
from .fields.run_time_fields import is_run_time


@dataclass(frozen=True, slots=True)
class Layout:
    """Places in a struct, as numbers of bytes from its start.

    Attributes:
        left_out: the bytes that do not count, and all bytes of pointers, which count by what they lead to.
        pointers: where pointers that count start.
        to_pointers: those of them that lead to an array of pointers.
    """

    left_out: Any
    pointers: Any
    to_pointers: Any

    @property
    def is_plain(self) -> bool:
        return not len(self.left_out)


_known: WeakKeyDictionary[Dna, dict[str, Layout]] = WeakKeyDictionary()


def layout_of(dna: Dna, struct: Struct) -> Layout:
    """The layout of a struct, made once."""
    layouts = _known.setdefault(dna, {})
    if struct.name not in layouts:
        layouts[struct.name] = _layout(dna, struct)
    return layouts[struct.name]


def _layout(dna: Dna, struct: Struct) -> Layout:
    left_out: list[int] = []
    pointers: list[int] = []
    to_pointers: list[int] = []
    for start, field, counts in _fields(dna, struct):
        if field.stars or not counts:
            left_out += range(start, start + field.num_bytes)
        if field.stars and counts:
            places = range(start, start + field.num_bytes, POINTER_SIZE)
            pointers += places
            to_pointers += places if field.stars > 1 else ()
    return Layout(*(numpy.array(places, numpy.intp) for places in (left_out, pointers, to_pointers)))


def _fields(dna: Dna, struct: Struct, start: int = 0) -> Iterator[tuple[int, Field, bool]]:
    """The start of each field, the field, and whether it counts; instead of a struct in the struct, its fields."""
    for field in struct.fields:
        counts = not is_run_time(struct.name, field.name) and not is_path(struct.name, field.name)
        inner = dna.named(field.type) if counts and not field.stars else None
        if inner is None:
            yield start + field.offset, field, counts
            continue
        for number in range(field.count):
            yield from _fields(dna, inner, start + field.offset + number * field.size)
