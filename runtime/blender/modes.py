# SPDX-License-Identifier: GPL-3.0-or-later
"""Which data-blocks may not be replaced while the artist edits, sculpts, paints or poses: until the mode ends.

Edit Mode and Dyntopo work on a copy of the mesh and write it back when the mode ends, over whatever took the mesh's
place. The other modes keep tables that fit only the data they were made for.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

import bpy


def awaited_end(targets: Container[bpy.types.ID]) -> str:
    """What must happen before these data-blocks may be replaced; "" if all of them may be replaced now.

    Returns:
        a clause, such as '"Cube" leaves Sculpt Mode'.
    """
    for item in bpy.data.objects:
        if item.mode != "OBJECT" and any(held in targets for held in _held_by(item)):
            return f'"{item.name}" leaves {_mode_name(item)}'
    for image in _painted_images():
        if image in targets:
            return f'the Image Editor that shows "{image.name}" leaves Paint Mode'
    return ""


def _held_by(item: bpy.types.Object) -> Iterator[bpy.types.ID]:
    """What must stay as long as an object is in its mode: itself, what it is made of, and what contains it.

    An object in a mode must not leave its scene, as it does when its collection is replaced by one without it.
    """
    yield item
    if item.data is not None:
        yield item.data
    if item.mode == "TEXTURE_PAINT":
        yield from _paint(item)
    if item.mode == "PARTICLE_EDIT":
        yield from (system.settings for system in item.particle_systems)
    yield from (collection for collection in bpy.data.collections if item in collection.all_objects.values())
    yield from (scene for scene in bpy.data.scenes if item in scene.objects.values())


def _paint(item: bpy.types.Object) -> Iterator[bpy.types.ID]:
    """The materials of an object that is painted, and the images that the brush paints on."""
    for slot in item.material_slots:
        if slot.material is not None:
            yield slot.material
            yield from filter(None, slot.material.texture_paint_images)
    for scene in bpy.data.scenes:
        canvas = scene.tool_settings.image_paint.canvas
        if canvas is not None:
            yield canvas


def _painted_images() -> Iterator[bpy.types.Image]:
    """The images that Image Editors in any window show in Paint Mode."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            space = area.spaces.active
            if area.type == "IMAGE_EDITOR" and space.mode == "PAINT" and space.image is not None:
                yield space.image


def _mode_name(item: bpy.types.Object) -> str:
    """As Blender's menu has it, which calls some of them modes and some not: "Sculpt Mode", "Vertex Paint"."""
    name = bpy.types.Object.bl_rna.properties["mode"].enum_items[item.mode].name
    return name if name.endswith("Mode") else f"{name} Mode"
