# SPDX-License-Identifier: GPL-3.0-or-later
"""Drivers that fail: what they drive has a wrong value then, and Blender itself is silent about some of them."""

from __future__ import annotations

from collections.abc import Iterator

import bpy

from ..blender import data_block_kinds


def failed() -> list[str]:
    """The drivers of all data-blocks that failed when they were evaluated last, in words."""
    return [
        f'the driver of {curve.data_path} of {type(item).__name__} "{item.name}"'
        for item in _with_drivers()
        for curve in item.animation_data.drivers
        if not curve.driver.is_valid
    ]


def _with_drivers() -> Iterator[bpy.types.ID]:
    for _kind, item in data_block_kinds.all_data_blocks():
        # A node tree may be a part of its owner.
        for part in (item, None if isinstance(item, bpy.types.NodeTree) else getattr(item, "node_tree", None)):
            if getattr(part, "animation_data", None) is not None:
                yield part
    yield from (keys for keys in bpy.data.shape_keys if keys.animation_data is not None)
