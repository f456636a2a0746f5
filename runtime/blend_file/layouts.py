# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in a struct its pointers are, and what of it does not count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy

from ..errors import BlendFileError
from .dna import POINTER_SIZE, Dna, Field, Struct
from .fields.named_files import is_path
from .fields.run_time_fields import is_run_time


@dataclass(frozen=True, slots=True)
class Layout:
    """What is where in a struct.

    Attributes:
        mask: for each byte 255 if it counts, else 0. Pointers count by what they lead to, not by their bytes.
        pointers: where pointers that count are, in steps of their size.
        leads_to_pointers: which of them lead to an array of pointers.
    """

    mask: Any
    pointers: Any
    leads_to_pointers: Any

    @property
    def is_plain(self) -> bool:
        return bool(self.mask.all())


_known: WeakKeyDictionary[Dna, dict[str, Layout]] = WeakKeyDictionary()


def layout_of(dna: Dna, struct: Struct) -> Layout:
    """The layout of a struct, made once."""
    layouts = _known.setdefault(dna, {})
    if struct.name not in layouts:
        layouts[struct.name] = _layout(dna, struct)
    return layouts[struct.name]


def _layout(dna: Dna, struct: Struct) -> Layout:
    mask = numpy.full(struct.size, 255, numpy.uint8)
    pointers: list[int] = []
    leads_to_pointers: list[bool] = []
    for start, field, counts in _fields(dna, struct):
        if field.stars or not counts:
            mask[start : start + field.num_bytes] = 0
        if field.stars and counts:
            first, remainder = divmod(start, POINTER_SIZE)
            if remainder:
                raise BlendFileError(f"has {struct.name}.{field.name} at a place where no pointer can be")
            pointers += range(first, first + field.count)
            leads_to_pointers += [field.stars > 1] * field.count
    return Layout(mask, numpy.array(pointers, numpy.intp), numpy.array(leads_to_pointers, bool))


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
