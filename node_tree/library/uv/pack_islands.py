# SPDX-License-Identifier: GPL-3.0-or-later
"""Move, turn and scale the islands of an object's UV map so that they fill the picture and don't overlap."""

from typing import Annotated, Literal

import bpy

from background_nodes.script import Factor, Pixels, Range, convert_to_mesh, edit_mode, progress

SHAPES = {"Exact": "CONCAVE", "Convex": "CONVEX", "Box": "AABB"}


def main(
    source: bpy.types.Object,
    margin: Factor = 0.01,
    rotate: bool = False,
    average_scale: bool = False,
    shape: Literal["Exact", "Convex", "Box"] = "Exact",
    suffix: str = "_Packed",
    margin_pixels: Annotated[Pixels, Range(0, 1024)] = 0,
    resolution: Annotated[Pixels, Range(16, 16384)] = 1024,
) -> bpy.types.Object:
    """Pack the islands of `source`.

    Args:
        source: The object, with a UV map. A curve, text or surface becomes a mesh.
        margin: Space between islands, a share of the picture.
        rotate: Allow islands to be turned. It takes much longer, and seldom helps islands that are upright already.
        average_scale: First give all islands the same scale, so that a metre is as many pixels everywhere.
        shape: What islands are packed by. Exact uses the picture best, Box is the fastest.
        suffix: Added to the object's name.
        margin_pixels: Space around each island and at the border, in pixels of a texture; between two islands it is
            there twice. Islands are packed by their boxes then. 0 goes by Margin and Shape.
        resolution: Width of that texture.

    Returns:
        The same object with its active UV map packed.
    """
    name = source.name
    packed = convert_to_mesh(source, keep_modifiers=True)
    if not packed.data.uv_layers:
        raise ValueError(f"{name} has no UV map; unwrap it first")

    with edit_mode(packed):
        bpy.ops.uv.select_all(action="SELECT")
        if average_scale:
            progress(0.1, "Averaging scale")
            bpy.ops.uv.average_islands_scale()
        progress(0.2, "Packing islands")
        if margin_pixels:
            share = margin_pixels / resolution
            bpy.ops.uv.pack_islands(margin=share, margin_method="FRACTION", rotate=rotate, shape_method="AABB")
        else:
            bpy.ops.uv.pack_islands(margin=margin, rotate=rotate, shape_method=SHAPES[shape])
    packed.name = name + suffix
    packed.data.name += suffix
    return packed
