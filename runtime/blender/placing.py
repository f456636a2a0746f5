# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects are put where they are wanted in the scene, and are there afterwards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final

import bpy
import numpy
from mathutils import Matrix

from .dependencies import Uses
from .mesh_conversion import evaluated_mesh, take_mesh

#: So far, in parts of its size, a shape may be from another one that is the same.
_NEAR: Final = 1e-4


def place_object(item: bpy.types.Object, place: Matrix, *, free: bool = True) -> bool:
    """As `script.place_object`."""
    if _put(item, place):
        return False
    if not free:
        raise ValueError(f"{item.name} is held by its parent, constraints or animation; remove these before")
    is_held = bool(item.constraints or item.animation_data)
    item.constraints.clear()
    item.animation_data_clear()
    if not _put(item, place):
        told = "apply the scale of its parents, or leave it turned as it is"
        raise ValueError(f"{item.name} would be sheared, which no object can be; {told}")
    return is_held


def place_at_origin(
    objects: list[bpy.types.Object], log: Callable[[str], None], *, turned: bool = True, apply_modifiers: bool = True
) -> None:
    """As `script.place_at_origin`. `log` is told whose animation was taken, and whose modifiers were applied."""
    bpy.context.view_layer.update()
    anchor = objects[0].matrix_world.copy()
    way = Matrix.Translation(-anchor.translation)
    if not turned:
        way = anchor.to_quaternion().to_matrix().to_4x4().inverted() @ way
    places = [way @ item.matrix_world for item in objects]
    shapes = _shapes(objects) if apply_modifiers else {}
    for item, place in zip(objects, places, strict=True):
        if item.parent not in objects:
            item.parent = None
        if place_object(item, place):
            log(f"{item.name} is free in the file of its animation and its constraints, which held it in its place")
    for item, mesh in shapes.items():
        _keep_shape(item, mesh, objects, log)


def _shapes(objects: Iterable[bpy.types.Object]) -> dict[bpy.types.Object, bpy.types.Mesh]:
    """What modifiers make of those that they may make something else of where others are elsewhere."""
    meshes = [item for item in objects if item.type == "MESH" and item.modifiers]
    elsewhere = {item.session_uid for item in set(bpy.data.objects) - set(objects)}
    uses = Uses()
    looking = [item for item in meshes if not elsewhere.isdisjoint(uses.used_by([item]))]
    depsgraph = bpy.context.evaluated_depsgraph_get()
    return {item: evaluated_mesh(item, depsgraph) for item in looking}


def _keep_shape(
    item: bpy.types.Object,
    mesh: bpy.types.Mesh,
    moved: Collection[bpy.types.Object],
    log: Callable[[str], None],
) -> None:
    """Give an object the mesh that it had when it was elsewhere, if it has another shape now."""
    evaluated = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    if _are_equal(mesh, evaluated.data):
        bpy.data.meshes.remove(mesh)
        return
    if any(each.type == "ARMATURE" and each.object in moved for each in item.modifiers):
        fix = "Apply the modifiers that use them, or leave it where it is in the scene"
        raise ValueError(f"{item.name} would get another shape, as its modifiers use objects that don't move. {fix}")
    take_mesh(item, mesh)
    log(f"{item.name} has its modifiers applied in the file, as it is now: they use objects that stay where they are")


def _are_equal(one: bpy.types.Mesh, other: bpy.types.Mesh) -> bool:
    if len(one.vertices) != len(other.vertices) or len(one.polygons) != len(other.polygons):
        return False
    found = [numpy.empty(3 * len(each.vertices), numpy.float32) for each in (one, other)]
    for each, places in zip((one, other), found, strict=True):
        each.vertices.foreach_get("co", places)
    size = max(1e-6, float(numpy.abs(found[0]).max(initial=0.0)))
    return bool(numpy.allclose(*found, rtol=0.0, atol=_NEAR * size))


def _put(item: bpy.types.Object, place: Matrix) -> bool:
    item.matrix_world = place
    bpy.context.view_layer.update()
    slack = 1e-4 * (1.0 + max(abs(number) for row in place for number in row))
    pairs = zip(item.matrix_world, place, strict=True)
    return all(abs(one - other) < slack for row in pairs for one, other in zip(*row, strict=True))
