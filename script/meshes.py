# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that become meshes, and meshes that are edited."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from .telling import log

if TYPE_CHECKING:
    import bmesh
    import bpy


def convert_to_mesh(source: bpy.types.Object, *, keep_modifiers: bool = False) -> bpy.types.Object:
    """Make an object one with a plain mesh of its own: what viewports show of it.

    Modifiers, shape keys and instances of Geometry Nodes are applied; curves, surfaces, texts, metaballs and collection
    instances become meshes. Materials, UV maps, vertex groups, attributes, custom properties, hair and collision stay.

    Args:
        source: a mesh, curve, surface, text, metaball or collection instance.
        keep_modifiers: leave modifiers and shape keys of a mesh as they are: it only gets a mesh of its own.

    Returns:
        `source` itself. A new object for a metaball and a collection instance, which Blender can't make meshes, and for
        what is linked or an override, which no file could hold once it is changed.

    Raises:
        ValueError: if it has no surface.
    """
    from ..runtime.blender import mesh_conversion  # here, as the rest of this file works without Blender

    if not keep_modifiers and getattr(source.data, "shape_keys", None):
        log(f"Each shape key of {source.name} is applied as it stands")
    name, moves = source.name, source.animation_data is not None or bool(source.constraints)
    converted = mesh_conversion.convert_to_mesh(source, keep_modifiers=keep_modifiers)
    if moves and converted.animation_data is None and not converted.constraints:
        log(f"{name} is a new object: it stays where its animation and its constraints have put it")
    return converted


def mesh_copy(source: bpy.types.Object) -> AbstractContextManager[bpy.types.Object]:
    """Within a `with` block there is a copy of `source` that is converted to a mesh. `source` stays as it is.

    Raises:
        ValueError: if it has no surface.
    """
    from ..runtime.blender import mesh_conversion

    return mesh_conversion.mesh_copy(source)


def editable(item: bpy.types.ID) -> bpy.types.ID:
    """`item` itself, or a local copy if it is linked or an override: no file could hold it once it is changed."""
    from ..runtime.blender import mesh_conversion

    return mesh_conversion.editable(item)


def edit_mode(*sources: bpy.types.Object) -> AbstractContextManager[None]:
    """Within a `with` block these are in Edit Mode, alone, shown, with all of their meshes selected: for operators.

    What is hidden or in no scene can't be in Edit Mode, so it is shown for a while.
    """
    from ..runtime.blender import mesh_editing

    return mesh_editing.edit_mode(*sources)


def edited_mesh(mesh: bpy.types.Mesh) -> AbstractContextManager[bmesh.types.BMesh]:
    """Within a `with` block there is a bmesh of `mesh`; after it, `mesh` is as you left that.

    Shape keys and custom normals are kept. A face that you turn around has its custom normals turned by `flip_faces`.
    """
    from ..runtime.blender import mesh_editing

    return mesh_editing.edited_mesh(mesh)


def flip_faces(shape: bmesh.types.BMesh, faces: list[bmesh.types.BMFace]) -> None:
    """Turn faces of a bmesh of `edited_mesh` around, with their custom normals."""
    from ..runtime.blender import mesh_editing

    mesh_editing.flip_faces(shape, faces)
