# SPDX-License-Identifier: GPL-3.0-or-later
"""Unwrap an object by the directions its faces look in, and pack the islands so that nothing overlaps.

A good start for baking; seams aren't needed. The mesh itself is unwrapped: apply modifiers that change it before. Those
that make the only faces are applied.
"""

import math
from typing import Annotated

import bpy

from background_nodes.script import Angle, Factor, Range, convert_to_mesh, edit_mode, log, progress, uv_triangles


def main(
    source: bpy.types.Object,
    angle_limit: Annotated[Angle, Range(0.0, math.pi / 2)] = 1.15192,
    island_margin: Factor = 0.01,
    tight_packing: bool = True,
    uv_map: str = "UVMap",
    suffix: str = "_Unwrapped",
) -> bpy.types.Object:
    """Unwrap `source`.

    Args:
        source: The object to unwrap: a mesh, or a curve, text, surface, metaball or collection instance, which becomes
            one.
        angle_limit: Faces that differ less than this go into one island. Larger makes fewer islands,
            more stretched.
        island_margin: Space between islands, a share of the picture.
        tight_packing: Pack the islands by their true shape. Uses the picture better, and takes longer.
        uv_map: The UV map to write, made if there is none of that name.
        suffix: Added to the object's name.

    Returns:
        The same object with its new UV map active.
    """
    name = source.name
    unwrapped = convert_to_mesh(source, keep_modifiers=True)
    if not unwrapped.data.polygons and unwrapped.modifiers:
        log(f"{name} has no faces but those of its modifiers, so these are applied")
        unwrapped = convert_to_mesh(unwrapped)
    if not unwrapped.data.polygons:
        raise ValueError(f"{name} has no faces to unwrap; link an object with a surface")

    layers = unwrapped.data.uv_layers
    layer = layers.get(uv_map) or layers.new(name=uv_map)
    if layer is None:
        raise ValueError(f"{name} has {len(layers)} UV maps, and Blender allows no more; remove one")
    layer.active = layer.active_render = True
    if not uv_triangles(unwrapped.data, layer).has_area:
        raise ValueError(f"The faces of {name} have no area to unwrap; mend its mesh, or link another object")

    with edit_mode(unwrapped):
        progress(0.1, "Unwrapping")
        bpy.ops.uv.smart_project(angle_limit=angle_limit, island_margin=island_margin)
        if tight_packing:
            progress(0.4, "Packing islands")
            bpy.ops.uv.select_all(action="SELECT")
            # Smart UV Project has turned each island upright already: turning them more takes ten times as long.
            bpy.ops.uv.pack_islands(margin=island_margin, shape_method="CONCAVE", rotate=False)
    unwrapped.name = name + suffix
    unwrapped.data.name += suffix
    return unwrapped
