# SPDX-License-Identifier: GPL-3.0-or-later
"""Reduce the faces of an object to a share of them. Good for levels of detail.

Materials, UV maps, vertex groups, attributes, custom properties, hair and collision are kept. Shape keys are applied as
they stand, for the points that they move are no longer there.
"""

from typing import NamedTuple

import bpy

from background_nodes.script import Factor, convert_to_mesh, log, progress


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        decimated: The same object with fewer faces.
        faces: Number of faces that are left.
    """

    decimated: bpy.types.Object
    faces: int


def main(
    source: bpy.types.Object,
    ratio: Factor = 0.5,
    triangulate: bool = False,
    apply_modifiers: bool = True,
    suffix: str = "_Decimated",
) -> Output:
    """Decimate `source`.

    Args:
        source: The object to reduce: a mesh, or a curve, text, surface, metaball or collection instance, which becomes
            one.
        ratio: Share of the triangles to keep, 1 keeps all.
        triangulate: Leave the triangles that come out as they are, rather than merging them into larger faces.
        apply_modifiers: Decimate what the modifiers make of the mesh. Without it the mesh itself is decimated and the
            modifiers stay, as a rigged character needs it.
        suffix: Added to the object's name, such as _LOD1.
    """
    name = source.name
    decimated = convert_to_mesh(source, keep_modifiers=not apply_modifiers)
    mesh = decimated.data
    faces_before, mesh_name = len(mesh.polygons), mesh.name
    if not faces_before:
        mend = "switch Apply Modifiers on" if decimated.modifiers else "link an object with a surface"
        raise ValueError(f"{name} has no faces to decimate; {mend}")

    progress(0.1, "Decimating")
    decimated.data = decimated_mesh(mesh, ratio, triangulate)
    bpy.data.meshes.remove(mesh)
    decimated.name = name + suffix
    decimated.data.name = mesh_name + suffix

    log(f"{decimated.name}: {faces_before:,} faces before, {len(decimated.data.polygons):,} after")
    return Output(decimated, len(decimated.data.polygons))


def decimated_mesh(mesh: bpy.types.Mesh, ratio: float, triangulate: bool) -> bpy.types.Mesh:
    """A new mesh. It is made with an object that has no other modifiers."""
    item = bpy.data.objects.new(mesh.name, mesh)
    modifier = item.modifiers.new("Decimate", "DECIMATE")
    modifier.ratio = ratio
    modifier.use_collapse_triangulate = triangulate
    result = convert_to_mesh(item).data
    bpy.data.objects.remove(item)
    return result
