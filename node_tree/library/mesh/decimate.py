# SPDX-License-Identifier: GPL-3.0-or-later
"""Reduce the faces of an object to a share of them. Good for levels of detail.

Materials, UV maps, vertex groups and attributes are kept. Shape keys are applied as they stand, for the points that
they move are no longer there.
"""

from contextlib import contextmanager
from typing import NamedTuple

import bpy

from background_nodes.script import Factor, log, progress


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
        source: The mesh object to reduce.
        ratio: Share of the triangles to keep, 1 keeps all.
        triangulate: Leave the triangles that come out as they are, rather than merging them into larger faces.
        apply_modifiers: Decimate what the modifiers make of the mesh. Without it the mesh itself is decimated and the
            modifiers stay, as a rigged character needs it.
        suffix: Added to the object's name, such as _LOD1.
    """
    if source.type != "MESH":
        raise ValueError(f"{source.name} is a {source.type.lower()}, not a mesh; convert it to a mesh first")
    if not source.data.polygons:
        raise ValueError(f"{source.name} has no faces to decimate")

    progress(0.1, "Decimating")
    faces_before = len(source.data.polygons)
    others = [] if apply_modifiers else [modifier for modifier in source.modifiers if modifier.show_viewport]
    for modifier in others:
        modifier.show_viewport = False

    decimate = source.modifiers.new("Decimate", "DECIMATE")
    decimate.ratio = ratio
    decimate.use_collapse_triangulate = triangulate
    replace_mesh(source, evaluated_mesh(source))

    source.modifiers.remove(decimate)
    for modifier in others:
        modifier.show_viewport = True
    if apply_modifiers:
        source.modifiers.clear()
    source.name += suffix
    source.data.name += suffix

    log(f"{source.name}: {faces_before:,} faces before, {len(source.data.polygons):,} after")
    return Output(source, len(source.data.polygons))


def evaluated_mesh(source: bpy.types.Object) -> bpy.types.Mesh:
    """A new mesh: what the modifiers and shape keys of `source` make of its own."""
    with visible(source):
        depsgraph = bpy.context.evaluated_depsgraph_get()
        evaluated = source.evaluated_get(depsgraph)
        return bpy.data.meshes.new_from_object(evaluated, preserve_all_data_layers=True, depsgraph=depsgraph)


def replace_mesh(source: bpy.types.Object, mesh: bpy.types.Mesh) -> None:
    """Give `source` a new mesh under the name of its old one."""
    old, name = source.data, source.data.name
    source.data = mesh
    if old.users == 0:
        bpy.data.meshes.remove(old)
    mesh.name = name


@contextmanager
def visible(source: bpy.types.Object):
    """Show `source` for a while: Blender doesn't evaluate the modifiers of what is disabled in viewports."""
    was_hidden = source.hide_viewport
    source.hide_viewport = False
    yield
    source.hide_viewport = was_hidden
