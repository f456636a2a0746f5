# SPDX-License-Identifier: GPL-3.0-or-later
"""Give an object a material, in all of its slots or in one."""

from typing import Annotated

import bpy

from background_nodes.script import Range, convert_to_mesh, editable, log

#: What is a mesh or becomes one: the others keep their own kind.
MESHES = {"MESH", "EMPTY"}
#: What a Grease Pencil is called by Blender, which changed.
DRAWINGS = {"GPENCIL", "GREASEPENCIL"}


def main(
    source: bpy.types.Object,
    material: bpy.types.Material,
    slot: Annotated[int, Range(0, 1000)] = 0,
    only_replace: bpy.types.Material | None = None,
) -> bpy.types.Object:
    """Set the material of `source`.

    Args:
        source: The object: a mesh, curve, text, surface, metaball, or whatever else has materials. An instance of a
            collection becomes a mesh.
        material: The material.
        slot: The number of the slot, the first is 1. 0 is all of them, and makes one slot of them.
        only_replace: Replace this material only, in whatever slot it is.

    Returns:
        The same object. Others that share its mesh keep their materials.
    """
    name = source.name
    if source.type in MESHES:
        source = convert_to_mesh(source, keep_modifiers=True)
    else:
        source = editable(source)
        if not hasattr(source.data, "materials"):
            kind = source.type.replace("_", " ").title()
            raise ValueError(f"{name} ({kind}) has no materials; link an object with a surface")
        source.data = editable(source.data.copy())  # others may use it, too
    check_kind(source, material, name)
    slots = source.material_slots
    if only_replace:
        replaced = [each for each in slots if each.material == only_replace]
        for each in replaced:
            each.material = material
        if not replaced:
            log(f"{name} has no slot with {only_replace.name}, so it stays as it is")
    elif slot:
        if slot > max(1, len(slots)):
            raise ValueError(f"{name} has {len(slots)} material slots and no slot {slot}; take another number")
        if not slots:
            source.data.materials.append(None)
        source.material_slots[slot - 1].material = material
    else:
        source.data.materials.clear()
        source.data.materials.append(material)
        source.material_slots[0].link = "DATA"
    return source


def check_kind(source: bpy.types.Object, material: bpy.types.Material, name: str) -> None:
    is_drawing = source.type in DRAWINGS
    if material.is_grease_pencil != is_drawing:
        wants = "only materials" if is_drawing else "no material"
        raise ValueError(f"{name} takes {wants} of Grease Pencil; link another than {material.name}")
