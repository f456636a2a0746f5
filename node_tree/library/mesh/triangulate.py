# SPDX-License-Identifier: GPL-3.0-or-later
"""Divide the faces of an object into triangles.

Materials, UV maps, vertex groups, attributes, shape keys, modifiers and custom normals are kept.
"""

from typing import Annotated, Literal, NamedTuple

import bmesh
import bpy

from background_nodes.script import Range, convert_to_mesh, edited_mesh, progress

QUADS = {"Beauty": "BEAUTY", "Shortest Diagonal": "SHORT_EDGE", "Longest Diagonal": "LONG_EDGE", "Fixed": "FIXED"}


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        triangulated: The same object with its faces divided.
        triangles: Number of triangles among its faces.
    """

    triangulated: bpy.types.Object
    triangles: int


def main(
    source: bpy.types.Object,
    quads: Literal["Shortest Diagonal", "Longest Diagonal", "Beauty", "Fixed"] = "Shortest Diagonal",
    minimum_corners: Annotated[int, Range(4, 100)] = 4,
    apply_modifiers: bool = True,
    suffix: str = "_Triangles",
) -> Output:
    """Triangulate `source`.

    Args:
        source: The object to triangulate: a mesh, or a curve, text, surface, metaball or collection instance, which
            becomes one.
        quads: Where faces of four corners are divided.
        minimum_corners: Divide only faces with so many corners or more: 5 leaves quads alone.
        apply_modifiers: Triangulate what the modifiers make of the mesh. Without it the mesh itself is triangulated,
            and modifiers and shape keys stay.
        suffix: Added to the object's name.
    """
    name = source.name
    triangulated = convert_to_mesh(source, keep_modifiers=not apply_modifiers)
    mesh = triangulated.data
    if not mesh.polygons:
        mend = "switch Apply Modifiers on" if triangulated.modifiers else "link an object with a surface"
        raise ValueError(f"{name} has no faces to triangulate; {mend}")
    progress(0.2, "Triangulating")
    with edited_mesh(mesh) as shape:
        many = [face for face in shape.faces if len(face.verts) >= minimum_corners]
        bmesh.ops.triangulate(shape, faces=many, quad_method=QUADS[quads], ngon_method="BEAUTY")
    triangulated.name = name + suffix
    mesh.name += suffix
    return Output(triangulated, sum(polygon.loop_total == 3 for polygon in mesh.polygons))
