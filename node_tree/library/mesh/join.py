# SPDX-License-Identifier: GPL-3.0-or-later
"""Join several mesh objects into one.

The result keeps the place and the name of the first; materials, UV maps and vertex groups of all of them come along.
"""

from contextlib import contextmanager

import bpy

from background_nodes.script import convert_to_mesh, log, progress, track


def main(objects: list[bpy.types.Object], apply_modifiers: bool = True, name: str = "") -> bpy.types.Object:
    """Join `objects` into the first of them.

    Args:
        objects: The objects to join: meshes, and curves, texts, surfaces, metaballs and collection instances by what
            they look like.
        apply_modifiers: Join what the modifiers make of the meshes. Without it only those of the first object stay.
        name: Name of the result, empty for that of the first object.

    Returns:
        The first object with the meshes of all.
    """
    sources = list(dict.fromkeys(objects))
    if not sources:
        raise ValueError("There is nothing to join; link one or more mesh objects to Objects")

    objects = [convert_to_mesh(item, keep_modifiers=not apply_modifiers) for item in track(sources, text="Preparing")]
    target = objects[0]
    for source, item in zip(sources, objects, strict=True):
        if not item.data.vertices:
            log(f"{source.name} adds nothing: it has no mesh, or its modifiers leave none")
    for item in objects:
        item.hide_viewport = False  # Blender joins nothing that is disabled in viewports
    with together(objects):
        if len(objects) > 1:
            progress(0.9, f"Joining {len(objects)} objects")
            face_alike(objects)
            with bpy.context.temp_override(active_object=target, object=target, selected_editable_objects=objects):
                bpy.ops.object.join()
    if not target.data.vertices:
        raise ValueError(f"Nothing of {', '.join(item.name for item in sources)} is a mesh; link others to Objects")
    if name:
        target.name = target.data.name = name
    return target


@contextmanager
def together(objects: list[bpy.types.Object]):
    """Have all objects in the scene: Blender joins nothing that is in none, and what was made a mesh may be new."""
    place = bpy.data.collections.new("Join")
    bpy.context.scene.collection.children.link(place)
    for item in objects:
        place.objects.link(item)
    bpy.context.view_layer.update()
    yield
    bpy.data.collections.remove(place)


def face_alike(objects: list[bpy.types.Object]) -> None:
    """Turn the faces of what is mirrored, seen from the first: Blender joins it inside out."""
    is_mirrored = objects[0].matrix_world.is_negative
    for item in objects:
        if item.matrix_world.is_negative != is_mirrored:
            item.data.flip_normals()
