# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut other objects out of an object, merge them with it, or keep what they share.

The modifiers of the object are applied first.
"""

from array import array
from typing import Literal, NamedTuple

import bpy
import numpy as np
from mathutils import Matrix

from background_nodes.script import convert_to_mesh, log, mesh_copy, track

#: What Blender calls the solvers: the fast one was renamed in 5.0, the manifold one is new in 4.5.
SOLVERS = {"Exact": ("EXACT",), "Fast": ("FAST", "FLOAT"), "Manifold": ("MANIFOLD", "EXACT")}


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        result: The object with the operation carried out on its mesh.
        faces: Number of faces that came out, 0 if nothing is left.
    """

    result: bpy.types.Object
    faces: int


def main(
    source: bpy.types.Object,
    operands: list[bpy.types.Object],
    operation: Literal["Difference", "Union", "Intersect"] = "Difference",
    solver: Literal["Exact", "Fast", "Manifold"] = "Exact",
    hole_tolerant: bool = False,
    suffix: str = "_Boolean",
) -> Output:
    """Carry out a Boolean operation on `source`.

    Args:
        source: The object to work on: a mesh, or a curve, text, surface, metaball or collection instance, which becomes
            one.
        operands: The objects to cut out, to merge or to intersect with, one after another.
        operation: Difference cuts the operands out, Union merges them, Intersect keeps what all have in common.
        solver: Exact copes with overlapping faces and parts; Fast is for simple shapes, and wrong where faces of both
            lie in one plane; Manifold is quick and good for closed meshes. Exact takes its place where a mesh is open,
            and in Blender before 4.5.
        hole_tolerant: Exact only: a better result where meshes aren't closed, but slower.
        suffix: Added to the object's name.
    """
    if source in operands:
        raise ValueError(f"{source.name} is linked as an operand of itself; link another object to Operands")

    name = source.name
    result = convert_to_mesh(source)
    if not result.data.polygons:
        raise ValueError(f"{name} has no faces; link a source with a surface")
    for operand in track(operands, text=operation):
        with mesh_copy(operand) as other:
            if not other.data.polygons:
                raise ValueError(f"{operand.name} has no faces; link an operand with a surface")
            before = coordinates(result.data)
            if solver == "Manifold":
                move_mesh(other, result.matrix_world)
            combine(result, other, operation, solver, hole_tolerant)
            if solver == "Manifold" and coordinates(result.data) == before:
                # It fails without an error: if a mesh is open, or if Blender was built without it.
                log(f"Manifold leaves {name} as it is; using Exact for {operand.name}")
                combine(result, other, operation, "Exact", hole_tolerant)
    if not result.data.polygons:
        log(f"Nothing of {name} is left. Do the objects overlap?")
    result.name = name + suffix
    result.data.name += suffix
    return Output(result, len(result.data.polygons))


def combine(
    result: bpy.types.Object, other: bpy.types.Object, operation: str, solver: str, hole_tolerant: bool
) -> None:
    modifier = result.modifiers.new("Boolean", "BOOLEAN")
    modifier.operation = operation.upper()
    modifier.object = other
    modifier.solver = solver_identifier(modifier, solver)
    modifier.use_hole_tolerant = hole_tolerant
    modifier.use_self = has_parts(result.data) or has_parts(other.data)  # without it Exact loses those that overlap
    modifier.material_mode = "TRANSFER"
    convert_to_mesh(result)


def move_mesh(item: bpy.types.Object, place: Matrix) -> None:
    """Give a mesh object another place, its mesh staying where it is: the solver takes what is mirrored inside out."""
    between = place.inverted_safe() @ item.matrix_world
    item.data.transform(between)
    if between.is_negative:
        item.data.flip_normals()
    item.constraints.clear()
    item.parent = None
    item.matrix_world = place


def solver_identifier(modifier: bpy.types.BooleanModifier, solver: str) -> str:
    """Blender's own name for `solver`, in this version of Blender."""
    known = modifier.bl_rna.properties["solver"].enum_items.keys()
    return next(identifier for identifier in SOLVERS[solver] if identifier in known)


def has_parts(mesh: bpy.types.Mesh) -> bool:
    """Whether some of it hangs together with the rest by no edge, as instances do."""
    edges = np.empty(len(mesh.edges) * 2, np.int32)
    mesh.edges.foreach_get("vertices", edges)
    first, second = edges.reshape(-1, 2).T
    part = np.arange(len(mesh.vertices))  # of each vertex: the lowest one that it is known to hang together with
    while True:
        lowest = np.minimum(part[first], part[second])
        joined = part.copy()
        np.minimum.at(joined, first, lowest)
        np.minimum.at(joined, second, lowest)
        joined = joined[joined]
        if (joined == part).all():
            return len(np.unique(part[edges])) > 1
        part = joined


def coordinates(mesh: bpy.types.Mesh) -> bytes:
    values = array("f", [0.0]) * (len(mesh.vertices) * 3)
    mesh.vertices.foreach_get("co", values)
    return values.tobytes()
