# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the physics of an object keep their frames."""

from __future__ import annotations

from collections.abc import Iterator

import bpy


def point_caches(item: bpy.types.Object) -> Iterator[tuple[str, bpy.types.PointCache]]:
    """The caches of an object's physics, with the name of what they are of."""
    for modifier in item.modifiers:
        if modifier.type in {"CLOTH", "SOFT_BODY"}:
            yield modifier.name, modifier.point_cache
        elif modifier.type == "DYNAMIC_PAINT" and modifier.canvas_settings is not None:
            for surface in modifier.canvas_settings.canvas_surfaces:
                yield surface.name, surface.point_cache
    for system in item.particle_systems:
        yield system.name, system.point_cache
