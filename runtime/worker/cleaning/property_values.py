# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of Blender's properties as plain Python, to be compared: all settings of a struct, in depth."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import bpy


@dataclass(slots=True)
class _Layout:
    """The names of a struct's properties, by what must be done with their values."""

    plain: Callable[[Any], Any] | None = None
    arrays: list[str] = field(default_factory=list)
    structs: list[str] = field(default_factory=list)
    collections: list[str] = field(default_factory=list)


_layouts: dict[type, _Layout] = {}


def values(struct: Any, left_out: Collection[str] = ()) -> list[Any]:
    """The values of a struct's properties, in depth, but of none that is named in `left_out`. IDs are left out, too."""
    layout = _layouts.get(type(struct)) or _new_layout(struct)
    found = [layout.plain(struct) if layout.plain else None]
    found += [tuple(getattr(struct, name)) for name in layout.arrays]
    for name in layout.structs:
        if name not in left_out:
            value = getattr(struct, name)
            found.append(None if value is None or isinstance(value, bpy.types.ID) else values(value))
    for name in layout.collections:
        if name not in left_out:
            found.append([values(item) for item in getattr(struct, name)])
    return found


def _new_layout(struct: Any) -> _Layout:
    layout, plain = _Layout(), []
    for definition in struct.bl_rna.properties:
        name = definition.identifier
        if name == "rna_type":
            continue
        if definition.type == "COLLECTION":
            layout.collections.append(name)
        elif definition.type == "POINTER":
            layout.structs.append(name)
        elif getattr(definition, "is_array", False):
            layout.arrays.append(name)
        else:
            plain.append(name)
    if plain:
        layout.plain = operator.attrgetter(*plain)
    _layouts[type(struct)] = layout
    return layout
