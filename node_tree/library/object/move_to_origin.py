# SPDX-License-Identifier: GPL-3.0-or-later
"""Move an object to the origin of the scene, as an asset or an export wants it. *Put Back* undoes it."""

from typing import Literal, NamedTuple

import bpy
from mathutils import Matrix, Vector

from background_nodes.script import editable, log, mesh_copy, place_object


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        moved: The same object at the origin.
        way_back: What *Put Back* needs to move it to where it was.
    """

    moved: bpy.types.Object
    way_back: Matrix


def main(
    source: bpy.types.Object,
    point: Literal["Origin", "Center", "Bottom"] = "Origin",
    keep_rotation: bool = True,
) -> Output:
    """Move `source`.

    Args:
        source: The object to move. Its children come with it.
        point: Which point of it shall be at the origin: its own origin, the middle of its bounding box, or the middle
            of the bottom of that.
        keep_rotation: Leave it turned as it is. Off turns it upright.
    """
    source = editable(source)
    bpy.context.view_layer.update()
    place = source.matrix_world.copy()
    way = Matrix.Translation(-reference(source, point))
    if not keep_rotation:
        way = place.to_quaternion().to_matrix().to_4x4().inverted() @ way
        if point != "Origin":  # the bounding box is another one now
            move(source, way @ place)
            way = Matrix.Translation(-reference(source, point)) @ way
    move(source, way @ place)
    return Output(source, way.inverted())


def reference(source: bpy.types.Object, point: str) -> Vector:
    """The point in the scene."""
    if point == "Origin":
        return source.matrix_world.translation.copy()
    with mesh_copy(source) as copy:
        corners = [copy.matrix_world @ vertex.co for vertex in copy.data.vertices]
    if not corners:
        raise ValueError(f"{source.name} has no vertices, so it has no {point.lower()}; take its Origin")
    low, high = (Vector(map(choose, zip(*corners, strict=True))) for choose in (min, max))
    middle = (low + high) / 2.0
    return Vector((middle.x, middle.y, low.z)) if point == "Bottom" else middle


def move(source: bpy.types.Object, place: Matrix) -> None:
    if place_object(source, place):
        log(f"{source.name} is free now of its animation and its constraints, which held it in its place")
