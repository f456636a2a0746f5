# SPDX-License-Identifier: GPL-3.0-or-later
"""Divide objects into those of a type, a size and a number of faces, and the others."""

from typing import Annotated, Literal, NamedTuple

import bpy

from background_nodes.script import Length, Range, log, mesh_copy, track

#: What each choice is called by Blender; Grease Pencils have had two names.
TYPES = {
    "Mesh": {"MESH"},
    "Curve": {"CURVE", "SURFACE", "FONT"},
    "Metaball": {"META"},
    "Empty": {"EMPTY"},
    "Armature": {"ARMATURE"},
    "Light": {"LIGHT"},
    "Camera": {"CAMERA"},
    "Grease Pencil": {"GPENCIL", "GREASEPENCIL"},
}
SURFACES = {"MESH", "CURVE", "SURFACE", "FONT", "META"}


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        matching: What fits all that is asked for, in the same order.
        others: What does not.
    """

    matching: list[bpy.types.Object]
    others: list[bpy.types.Object]


def main(
    objects: list[bpy.types.Object],
    object_type: Literal[
        "All", "With Surface", "Mesh", "Curve", "Metaball", "Empty", "Armature", "Light", "Camera", "Grease Pencil"
    ] = "All",
    minimum_size: Annotated[Length, Range(0.0)] = 0.0,
    maximum_size: Annotated[Length, Range(0.0)] = 0.0,
    minimum_faces: Annotated[int, Range(0)] = 0,
    maximum_faces: Annotated[int, Range(0)] = 0,
) -> Output:
    """Filter `objects`.

    Args:
        objects: The objects to look at.
        object_type: Of which type. With Surface is what nodes for meshes take, instances of a collection too.
        minimum_size: How long the longest side of its bounding box in the scene is at least.
        maximum_size: How long it is at most. 0 is as long as it likes.
        minimum_faces: How many faces it has at least, modifiers and instances of Geometry Nodes included.
        maximum_faces: How many it has at most. 0 is as many as it likes.
    """
    is_measured = any((minimum_size, maximum_size, minimum_faces, maximum_faces))
    matching, others = [], []
    for item in track(objects, text="Looking"):
        fits = is_of_type(item, object_type)
        if fits and is_measured:
            size, faces = measured(item) if has_surface(item) else (0.0, 0)
            fits = minimum_size <= size <= (maximum_size or size)
            fits = fits and minimum_faces <= faces <= (maximum_faces or faces)
        (matching if fits else others).append(item)
    log(f"{len(matching)} of {len(objects)} fit")
    return Output(matching, others)


def is_of_type(item: bpy.types.Object, choice: str) -> bool:
    if choice == "With Surface":
        return has_surface(item)
    return choice == "All" or item.type in TYPES[choice]


def has_surface(item: bpy.types.Object) -> bool:
    return item.type in SURFACES or (item.type == "EMPTY" and bool(item.instance_collection))


def measured(item: bpy.types.Object) -> tuple[float, int]:
    """Its longest side along the world's axes, and its faces."""
    with mesh_copy(item) as copy:
        corners = [copy.matrix_world @ vertex.co for vertex in copy.data.vertices]
        sizes = [max(axis) - min(axis) for axis in zip(*corners, strict=True)]
        return max(sizes, default=0.0), len(copy.data.polygons)
