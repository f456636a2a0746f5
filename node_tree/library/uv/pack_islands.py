# SPDX-License-Identifier: GPL-3.0-or-later
"""Move, turn and scale the islands of an object's UV map so that they fill the picture and don't overlap."""

from contextlib import contextmanager
from typing import Literal

import bpy

from background_nodes.script import Factor, convert_to_mesh, progress

SHAPES = {"Exact": "CONCAVE", "Convex": "CONVEX", "Box": "AABB"}


def main(
    source: bpy.types.Object,
    margin: Factor = 0.01,
    rotate: bool = False,
    average_scale: bool = False,
    shape: Literal["Exact", "Convex", "Box"] = "Exact",
    suffix: str = "_Packed",
) -> bpy.types.Object:
    """Pack the islands of `source`.

    Args:
        source: The object, with a UV map. A curve, text or surface becomes a mesh.
        margin: Space between islands, a share of the picture.
        rotate: Allow islands to be turned. It takes much longer, and seldom helps islands that are upright already.
        average_scale: First give all islands the same scale, so that a metre is as many pixels everywhere.
        shape: What islands are packed by. Exact uses the picture best, Box is the fastest.
        suffix: Added to the object's name.

    Returns:
        The same object with its active UV map packed.
    """
    name = source.name
    packed = convert_to_mesh(source, keep_modifiers=True)
    if not packed.data.uv_layers:
        raise ValueError(f"{name} has no UV map; unwrap it first")

    with edit_mode(packed):
        bpy.ops.mesh.reveal(select=False)
        bpy.ops.mesh.select_all(action="SELECT")
        bpy.ops.uv.select_all(action="SELECT")
        if average_scale:
            progress(0.1, "Averaging scale")
            bpy.ops.uv.average_islands_scale()
        progress(0.2, "Packing islands")
        bpy.ops.uv.pack_islands(margin=margin, rotate=rotate, shape_method=SHAPES[shape])
    packed.name = name + suffix
    packed.data.name += suffix
    return packed


@contextmanager
def edit_mode(source: bpy.types.Object):
    """Put `source`, and no other object, into Edit Mode. What is hidden or in no scene can't be, so it is shown."""
    was_hidden, was_unselectable = source.hide_viewport, source.hide_select
    source.hide_viewport = source.hide_select = False
    place = bpy.data.collections.new("Edit Mode")
    bpy.context.scene.collection.children.link(place)
    place.objects.link(source)
    bpy.context.view_layer.update()  # what was shown or linked just now can't be selected before
    for item in bpy.context.view_layer.objects:
        item.select_set(item == source)
    bpy.context.view_layer.objects.active = source
    bpy.ops.object.mode_set(mode="EDIT")
    yield
    bpy.ops.object.mode_set(mode="OBJECT")
    source.hide_viewport, source.hide_select = was_hidden, was_unselectable
    bpy.data.collections.remove(place)
