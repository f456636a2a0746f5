"""Objects."""

from __future__ import annotations

import bpy

from . import case
from .meshes import grid


@case("Object")
def object_transformed() -> bpy.types.ID:
    item = bpy.data.objects.new("Transformed", grid("Transformed"))
    item.location, item.rotation_euler, item.scale = (1, 2, 3), (0.1, 0.2, 0.3), (2, 2, 0.5)
    return item
