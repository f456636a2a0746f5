# SPDX-License-Identifier: GPL-3.0-or-later
"""Rebuild the surface of an object from voxels of one size. Closes gaps, merges what overlaps, evens out the faces.

Modifiers and shape keys are applied first. UV maps are lost; unwrap the result anew.
"""

from contextlib import contextmanager
from typing import Annotated, NamedTuple

import bpy

from background_nodes.script import Length, Range, convert_to_mesh, log, progress

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
        source: The object to rebuild: a mesh, or a curve, text, surface, metaball or collection instance, which becomes
            one.
        voxel_size: Edge of a voxel, in the object's own space. Smaller is finer and slower.
        adaptivity: Merge faces where the surface is flat, this far from the original at most. It leaves triangles.
        preserve_volume: Pull the new surface onto the old one, against shrinking.
        preserve_attributes: Carry vertex groups, colours and other attributes over to the new surface.
        smooth: Shade the new faces smooth.
        suffix: Added to the object's name.
    """
    progress(0.05, "Applying modifiers")
    name = source.name
    remeshed = convert_to_mesh(source)
    mesh = remeshed.data
    if not mesh.polygons:
        raise ValueError(f"{name} has no faces to remesh; link an object with a surface")
    expected = sum(polygon.area for polygon in mesh.polygons) / voxel_size**2
    if expected > MAXIMUM_FACES:
        raise ValueError(
            f"A voxel size of {voxel_size:g} would give {name} about {expected:,.0f} faces; take a larger one"
        )

    if mesh.uv_layers:
        log(f"Each UV map of {name} is lost; unwrap it anew")
    progress(0.2, f"Remeshing to about {expected:,.0f} faces")
    mesh.remesh_voxel_size = voxel_size
    mesh.remesh_voxel_adaptivity = adaptivity
    mesh.use_remesh_preserve_volume = preserve_volume
    mesh.use_remesh_preserve_attributes = preserve_attributes
    with visible(remeshed), bpy.context.temp_override(object=remeshed, active_object=remeshed):
        bpy.ops.object.voxel_remesh()
    if not mesh.polygons:
        raise ValueError(f"Nothing of {name} is left; its thinnest part needs a voxel size below {voxel_size:g}")
    mesh.polygons.foreach_set("use_smooth", [smooth] * len(mesh.polygons))
    remeshed.name = name + suffix
    mesh.name += suffix
    return Output(remeshed, len(mesh.polygons))


@contextmanager
def visible(source: bpy.types.Object):
    """Show `source` for a while: Blender neither evaluates nor edits what is disabled in viewports."""
    was_hidden = source.hide_viewport
    source.hide_viewport = False
    yield
    source.hide_viewport = was_hidden
