# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes that scripts edit: in Edit Mode, for operators that want it, and by bmesh."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import bpy
import numpy as np

#: The layer of corners that holds custom normals meanwhile.
_NORMALS = "background nodes: normal"


@contextlib.contextmanager
def selected_alone(*objects: bpy.types.Object, active: bpy.types.Object) -> Iterator[None]:
    """Within the block these objects are in the scene, can be seen and rendered, and nothing else is selected."""
    before = [(item, item.hide_viewport, item.hide_render, item.hide_select) for item in objects]
    place = bpy.data.collections.new("Selected")
    bpy.context.scene.collection.children.link(place)
    try:
        for item in objects:
            place.objects.link(item)
            item.hide_viewport = item.hide_render = item.hide_select = False
        bpy.context.view_layer.update()  # what was shown or linked just now can't be selected before
        for item in bpy.context.view_layer.objects:
            item.select_set(item in objects)
        bpy.context.view_layer.objects.active = active
        yield
    finally:
        bpy.data.collections.remove(place)
        for item, *hidden in before:
            item.hide_viewport, item.hide_render, item.hide_select = hidden


@contextlib.contextmanager
def edit_mode(*sources: bpy.types.Object) -> Iterator[None]:
    """As `script.edit_mode`."""
    with selected_alone(*sources, active=sources[0]):
        bpy.ops.object.mode_set(mode="EDIT")
        try:
            bpy.ops.mesh.reveal(select=False)
            bpy.ops.mesh.select_all(action="SELECT")
            yield
        finally:
            bpy.ops.object.mode_set(mode="OBJECT")


@contextlib.contextmanager
def edited_mesh(mesh: bpy.types.Mesh) -> Iterator[Any]:
    """As `script.edited_mesh`."""
    import bmesh  # here, as the Python of Blender's module loads it late

    has_normals = mesh.has_custom_normals
    if has_normals:  # they are stored in relation to faces that may change, so they are carried as vectors
        normals = np.empty(len(mesh.loops) * 3, np.float32)
        mesh.corner_normals.foreach_get("vector", normals)
        mesh.attributes.new(_NORMALS, "FLOAT_VECTOR", "CORNER").data.foreach_set("vector", normals)
    shape = bmesh.new()
    try:
        shape.from_mesh(mesh)
        yield shape
        shape.to_mesh(mesh)
    finally:
        shape.free()
        carried = mesh.attributes.get(_NORMALS)
        if carried is not None:
            normals = np.empty(len(mesh.loops) * 3, np.float32)
            carried.data.foreach_get("vector", normals)
            mesh.attributes.remove(carried)
            mesh.normals_split_custom_set(normals.reshape(-1, 3).tolist())
    mesh.update()


def flip_faces(shape: Any, faces: list[Any]) -> None:
    """As `script.flip_faces`."""
    import bmesh

    bmesh.ops.reverse_faces(shape, faces=faces)
    layer = shape.loops.layers.float_vector.get(_NORMALS)
    if layer is not None:
        for corner in (corner for face in faces for corner in face.loops):
            corner[layer] = -corner[layer]
