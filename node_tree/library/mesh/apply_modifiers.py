# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn what the modifiers make of an object into its own mesh.

Materials, UV maps, vertex groups and attributes are kept. Shape keys are applied as they stand now, because a modifier
may change the points that they move.
"""

from contextlib import contextmanager
from typing import NamedTuple

import bpy

from background_nodes.script import log, progress


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        applied: The same object with a plain mesh and no modifiers.
        faces: Number of faces that came out.
    """

    applied: bpy.types.Object
    faces: int


def main(source: bpy.types.Object, suffix: str = "_Applied") -> Output:
    """Apply the modifiers of `source`.

    Args:
        source: The mesh object whose modifiers are applied, those that are shown in viewports.
        suffix: Added to the object's name.
    """
    if source.type != "MESH":
        raise ValueError(f"{source.name} is a {source.type.lower()}, not a mesh; convert it to a mesh first")

    progress(0.1, f"Applying {len(source.modifiers)} modifiers")
    if source.data.shape_keys:
        log(f"{source.name}: {len(source.data.shape_keys.key_blocks)} shape keys are applied as they stand")
    replace_mesh(source, evaluated_mesh(source))
    source.modifiers.clear()
    source.name += suffix
    source.data.name += suffix
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
