# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of properties that Blender makes when somebody looks at them, such as Cycles' own on an object.

They lie in a file as custom properties do, and hold nothing as long as nothing is set. Since 5.0 they are kept apart;
before, they lie among the artist's own, and only those of Cycles are known by their names.
"""

from __future__ import annotations

from typing import Any

import numpy

from ..blocks import Blocks
from ..dna import Dna

_STRUCT = "IDProperty"
_GROUP = 6
#: What holds them all, since 5.0 and before.
_APART, _AMONG = b"system_properties", b"RNA_struct_idprops"
_OF_CYCLES = frozenset({b"cycles", b"cycles_curves", b"cycles_visibility"})


def empty_groups(file: Blocks, dna: Dna) -> list[int]:
    """The blocks of them, with what holds them, if that holds nothing else."""
    (blocks,) = numpy.nonzero(file.structs == dna.number(_STRUCT))
    struct = dna.named(_STRUCT)
    if struct is None or not len(blocks):
        return []

    def column(name: str, form: str) -> Any:
        field = dna.flat(struct).by_name[name]
        places = file.starts[blocks][:, None] + field.offset + numpy.arange(field.num_bytes)
        return numpy.frombuffer(file.data, numpy.uint8)[places].view(form)[:, 0]

    names, lengths = column("name", "S64"), column("len", "<i4")
    is_group = column("type", "u1") == _GROUP
    is_empty = is_group & (lengths == 0)
    inner = numpy.concatenate([column("data.group.first", "<u8"), column("next", "<u8")])
    is_outer = is_group & (lengths > 0) & ((names == _APART) | (names == _AMONG))
    is_outer &= ~numpy.isin(file.addresses[blocks], inner)
    found: list[int] = []
    for place in numpy.flatnonzero(is_outer).tolist():
        held = slice(place + 1, place + 1 + int(lengths[place]))  # nothing lies between them if they are empty
        is_known = names[place] == _APART or _OF_CYCLES.issuperset(names[held].tolist())
        if is_known and is_empty[held].all():
            found += blocks[place : held.stop].tolist()
    return found
