# SPDX-License-Identifier: GPL-3.0-or-later
"""Join several mesh objects into one.

The result keeps the place and the name of the first; materials, UV maps and vertex groups of all of them come along.
"""

import bpy

from background_nodes.script import progress, track


def main(objects: list[bpy.types.Object], apply_modifiers: bool = True, name: str = "") -> bpy.types.Object:
    """Join `objects` into the first of them.

    Args:
        objects: The mesh objects to join.
        apply_modifiers: Join what the modifiers make of the meshes. Without it only those of the first object stay.
        name: Name of the result, empty for that of the first object.

    Returns:
        The first object with the meshes of all.
    """
    objects = list(dict.fromkeys(objects))
    if not objects:
        raise ValueError("There is nothing to join; link one or more mesh objects to Objects")
    for item in objects:
        if item.type != "MESH":
            raise ValueError(f"{item.name} is a {item.type.lower()}, not a mesh; convert it to a mesh first")

    target = objects[0]
    for item in track(objects, text="Preparing"):
        item.hide_viewport = False  # Blender neither evaluates nor joins what is disabled in viewports.
        own_mesh(item, apply_modifiers)
    if len(objects) > 1:
        progress(0.9, f"Joining {len(objects)} objects")
        with bpy.context.temp_override(active_object=target, object=target, selected_editable_objects=objects):
            bpy.ops.object.join()
    if name:
        target.name = target.data.name = name
    return target


def own_mesh(source: bpy.types.Object, apply_modifiers: bool) -> None:
    """Give `source` a mesh that no other object uses, with its modifiers applied if asked for."""
    old, name = source.data, source.data.name
    if apply_modifiers and (source.modifiers or old.shape_keys):
        depsgraph = bpy.context.evaluated_depsgraph_get()
        evaluated = source.evaluated_get(depsgraph)
        source.data = bpy.data.meshes.new_from_object(evaluated, preserve_all_data_layers=True, depsgraph=depsgraph)
        source.modifiers.clear()
    elif old.users > 1:
        source.data = old.copy()
    if old.users == 0:
        bpy.data.meshes.remove(old)
        source.data.name = name
