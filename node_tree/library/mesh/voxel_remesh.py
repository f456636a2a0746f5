# SPDX-License-Identifier: GPL-3.0-or-later
"""Rebuild the surface of an object from voxels of one size. Closes gaps, merges what overlaps, evens out the faces.

Modifiers and shape keys are applied first. UV maps are lost; unwrap the result anew.
"""

from contextlib import contextmanager
from typing import Annotated, NamedTuple

import bpy

from background_nodes.script import Length, Range, progress

#: More faces than this would fill the memory: the voxel size is probably a mistake.
MAXIMUM_FACES = 50_000_000


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        remeshed: The same object with its new surface.
        faces: Number of faces that came out.
    """

    remeshed: bpy.types.Object
    faces: int


def main(
    source: bpy.types.Object,
    voxel_size: Annotated[Length, Range(0.0001, 100.0)] = 0.05,
    adaptivity: Annotated[Length, Range(0.0, 1.0)] = 0.0,
    preserve_volume: bool = True,
    preserve_attributes: bool = True,
    smooth: bool = False,
    suffix: str = "_Remeshed",
) -> Output:
    """Remesh `source`.

    Args:
        source: The mesh object to rebuild.
        voxel_size: Edge of a voxel, in the object's own space. Smaller is finer and slower.
        adaptivity: Merge faces where the surface is flat, this far from the original at most. It leaves triangles.
        preserve_volume: Pull the new surface onto the old one, against shrinking.
        preserve_attributes: Carry vertex groups, colours and other attributes over to the new surface.
        smooth: Shade the new faces smooth.
        suffix: Added to the object's name.
    """
    if source.type != "MESH":
        raise ValueError(f"{source.name} is a {source.type.lower()}, not a mesh; convert it to a mesh first")

    progress(0.05, "Applying modifiers")
    replace_mesh(source, evaluated_mesh(source))
    source.modifiers.clear()
    mesh = source.data
    if not mesh.polygons:
        raise ValueError(f"{source.name} has no faces to remesh")
    expected = sum(polygon.area for polygon in mesh.polygons) / voxel_size**2
    if expected > MAXIMUM_FACES:
        raise ValueError(
            f"A voxel size of {voxel_size:g} would give {source.name} about {expected:,.0f} faces; take a larger one"
        )

    progress(0.2, f"Remeshing to about {expected:,.0f} faces")
    mesh.remesh_voxel_size = voxel_size
    mesh.remesh_voxel_adaptivity = adaptivity
    mesh.use_remesh_preserve_volume = preserve_volume
    mesh.use_remesh_preserve_attributes = preserve_attributes
    with visible(source), bpy.context.temp_override(object=source, active_object=source):
        bpy.ops.object.voxel_remesh()
    if not mesh.polygons:
        raise ValueError(f"Nothing of {source.name} is left; its thinnest part needs a voxel size below {voxel_size:g}")
    mesh.polygons.foreach_set("use_smooth", [smooth] * len(mesh.polygons))
    source.name += suffix
    mesh.name += suffix
    return Output(source, len(mesh.polygons))


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
    """Show `source` for a while: Blender neither evaluates nor edits what is disabled in viewports."""
    was_hidden = source.hide_viewport
    source.hide_viewport = False
    yield
    source.hide_viewport = was_hidden
