# SPDX-License-Identifier: GPL-3.0-or-later
"""Divide an object into several: one for each part that hangs together, or for each material.

Vertex groups, UV maps, attributes, modifiers and the place are kept.
"""

from typing import Annotated, Literal

import bpy
import numpy as np

from background_nodes.script import Range, convert_to_mesh, edit_mode, log, progress


def main(
    source: bpy.types.Object,
    by: Literal["Loose Parts", "Material"] = "Loose Parts",
    apply_modifiers: bool = True,
    minimum_faces: Annotated[int, Range(0)] = 0,
    suffix: str = "_",
) -> list[bpy.types.Object]:
    """Separate `source`.

    Args:
        source: The object to divide: a mesh, or a curve, text, surface, metaball or collection instance, which becomes
            one.
        by: What becomes an object of its own.
        apply_modifiers: Divide what the modifiers make of the mesh. Without it the mesh itself is divided, and each
            part has the modifiers.
        minimum_faces: Leave out parts with fewer faces, such as screws; the log tells how many.
        suffix: Between the object's name and the number or the material of a part.

    Returns:
        The parts, the one with most faces first; by material in the order of the slots.
    """
    name = source.name
    whole = convert_to_mesh(source, keep_modifiers=not apply_modifiers)
    if not whole.data.vertices:
        raise ValueError(f"{name} has no mesh to divide; link another object, or switch Apply Modifiers on")
    progress(0.2, f"Dividing by {by.lower()}")
    slots = [slot.material for slot in whole.material_slots]
    if by == "Material":
        use_first_slots(whole.data, slots)
    before = set(bpy.data.objects)
    with edit_mode(whole):
        bpy.ops.mesh.separate(type="LOOSE" if by == "Loose Parts" else "MATERIAL")
    parts = [whole, *sorted(set(bpy.data.objects) - before, key=lambda item: item.name)]
    kept = [part for part in parts if len(part.data.polygons) >= minimum_faces]
    if len(kept) < len(parts):
        log(f"{len(parts) - len(kept)} parts have fewer than {minimum_faces} faces and are left out")
    if not kept:
        raise ValueError(f"No part of {name} has {minimum_faces} faces; take a smaller Minimum Faces")
    if by == "Material":
        kept.sort(key=lambda part: slots.index(part.material_slots[0].material) if part.material_slots else -1)
    else:
        kept.sort(key=lambda part: -len(part.data.polygons))
    named(kept, name, suffix, by)
    log(f"{name}: {len(kept)} parts")
    return kept


def use_first_slots(mesh: bpy.types.Mesh, slots: list[bpy.types.Material | None]) -> None:
    """Let all faces of a material use the first slot that has it: Blender separates by slots."""
    first = [slots.index(material) for material in slots]
    if first == list(range(len(slots))):
        return
    indices = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", indices)
    mesh.polygons.foreach_set("material_index", np.array(first, np.int32)[np.minimum(indices, len(slots) - 1)])


def named(parts: list[bpy.types.Object], name: str, suffix: str, by: str) -> None:
    """Name the parts by their number or their material."""
    for part in parts:
        part.name = f"{name} before"
    for number, part in enumerate(parts, start=1):
        material = part.material_slots[0].material if by == "Material" and part.material_slots else None
        part.name = part.data.name = f"{name}{suffix}{material.name if material else number}"
