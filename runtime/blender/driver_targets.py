# SPDX-License-Identifier: GPL-3.0-or-later
"""Drivers that read a part of a data-block: its shape keys, its node tree. No remapping of Blender's reaches these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import bpy

from . import data_block_kinds

_PARTS = ("shape_keys", "node_tree")


def follow(pairs: Iterable[tuple[bpy.types.ID, bpy.types.ID]]) -> None:
    """Let drivers that read a part of the first of each pair read that of the second."""
    new_parts = {}
    for old, new in pairs:
        for name in _PARTS:
            part, new_part = getattr(old, name, None), getattr(new, name, None)
            if part is not None and new_part is not None:
                new_parts[part] = new_part
    if not new_parts:
        return
    for target in _targets():
        if target.id in new_parts:
            target.id = new_parts[target.id]


def _targets() -> Iterator[bpy.types.DriverTarget]:
    for _kind, item in data_block_kinds.all_data_blocks():
        if item.library is not None:
            continue
        for holder in (item, *(getattr(item, name, None) for name in _PARTS)):
            animation = getattr(holder, "animation_data", None)
            for curve in () if animation is None else animation.drivers:
                for variable in curve.driver.variables:
                    yield from variable.targets
