# SPDX-License-Identifier: GPL-3.0-or-later
"""Drivers that read a part of a data-block: its shape keys, its node tree.

No remapping of Blender's reaches these. It crashes over a driver that reads a node tree which was removed.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import bpy

from . import data_block_kinds

_PARTS = ("shape_keys", "node_tree")


def follow(pairs: Iterable[tuple[bpy.types.ID, bpy.types.ID | None]]) -> None:
    """Let drivers that read a part of the first of each pair, which goes then, read that of the second, or nothing."""
    new_parts = {
        part: getattr(new, name, None)
        for old, new in pairs
        for name in _PARTS
        if (part := getattr(old, name, None)) is not None
    }
    if new_parts:
        for target in _targets():
            if target.id in new_parts:
                target.id = new_parts[target.id]


def _targets() -> Iterator[bpy.types.DriverTarget]:
    for animation in _animations():
        for curve in animation.drivers:
            for variable in curve.driver.variables:
                yield from variable.targets


def _animations() -> Iterator[bpy.types.AnimData]:
    """Those of all local data-blocks and of their parts."""
    for kind in data_block_kinds.collections():
        for item in (items := data_block_kinds.collection(kind)):
            for read in _readers(type(items[0])):
                found = read(item)
                if found is not None and found.id_data.library is None:
                    yield found


@functools.cache
def _readers(cls: type[bpy.types.ID]) -> tuple[Callable[[bpy.types.ID], bpy.types.AnimData | None], ...]:
    """What reads the animation of a data-block of that type, and of each of its parts."""
    names = cls.bl_rna.properties.keys()
    own = [operator.attrgetter("animation_data")] if "animation_data" in names else []
    return (
        *own,
        *(functools.partial(_animation_of_part, operator.attrgetter(name)) for name in _PARTS if name in names),
    )


def _animation_of_part(read: Callable[[bpy.types.ID], bpy.types.ID | None], item: bpy.types.ID) -> Any:
    part = read(item)
    return None if part is None else part.animation_data
