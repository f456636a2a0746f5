# SPDX-License-Identifier: GPL-3.0-or-later
"""Give each face its own place in a UV map, as lightmaps need it: nothing overlaps, whatever the shape.

The mesh itself is unwrapped: apply modifiers that change it before. Those that make the only faces are applied.
"""

from typing import Annotated

import bpy

from background_nodes.script import Range, convert_to_mesh, edit_mode, log, progress


def main(
    source: bpy.types.Object,
    uv_map: str = "Lightmap",
    margin: Annotated[float, Range(0.0, 1.0)] = 0.1,
    quality: Annotated[int, Range(1, 48)] = 12,
    make_active: bool = True,
    suffix: str = "_Lightmap",
) -> bpy.types.Object:
    """Pack the faces of `source`.

    Args:
        source: The object to unwrap: a mesh, or a curve, text, surface, metaball or collection instance, which becomes
            one.
        uv_map: The UV map to write, made if there is none of that name.
        margin: Space between the faces.
        quality: How hard Blender tries to fill the picture. More is slower.
        make_active: Have renders and bakes use the UV map. Off leaves the one that they use.
        suffix: Added to the object's name.

    Returns:
        The same object with the UV map.
    """
    name = source.name
    packed = convert_to_mesh(source, keep_modifiers=True)
    if not packed.data.polygons and packed.modifiers:
        log(f"{name} has no faces but those of its modifiers, so these are applied")
        packed = convert_to_mesh(packed)
    if not packed.data.polygons:
        raise ValueError(f"{name} has no faces to unwrap; link an object with a surface")
    layers = packed.data.uv_layers
    before = next((each.name for each in layers if each.active_render), "")
    layer = layers.get(uv_map) or layers.new(name=uv_map)
    if layer is None:
        raise ValueError(f"{name} has {len(layers)} UV maps, and Blender allows no more; remove one")
    layer.active = True
    progress(0.1, "Packing faces")
    with edit_mode(packed):
        bpy.ops.uv.lightmap_pack(
            PREF_CONTEXT="ALL_FACES",
            PREF_PACK_IN_ONE=True,
            PREF_NEW_UVLAYER=False,
            PREF_BOX_DIV=quality,
            PREF_MARGIN_DIV=margin,
        )
    used = packed.data.uv_layers[uv_map if make_active or not before else before]
    used.active = used.active_render = True
    packed.name = name + suffix
    packed.data.name += suffix
    return packed
