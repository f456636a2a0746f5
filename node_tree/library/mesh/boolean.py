# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut other objects out of an object, merge them with it, or keep what they share.

The modifiers of the object are applied first.
"""

from array import array
from contextlib import contextmanager
from typing import Literal, NamedTuple

import bpy

from background_nodes.script import log, track

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
        source: The mesh object to work on.
        operands: The mesh objects to cut out, to merge or to intersect with, one after another.
        operation: Difference cuts the operands out, Union merges them, Intersect keeps what all have in common.
        solver: Exact copes with overlapping faces; Fast is for simple shapes; Manifold is quick and good for closed
            meshes. Exact takes its place where a mesh is open, and in Blender before 4.5.
        hole_tolerant: Exact only: a better result where meshes aren't closed, but slower.
        suffix: Added to the object's name.
    """
    for item in (source, *operands):
        if item.type != "MESH":
            raise ValueError(f"{item.name} is a {item.type.lower()}, not a mesh; convert it to a mesh first")
    if source in operands:
        raise ValueError(f"{source.name} is linked as an operand of itself; link another object to Operands")

    with visible(source, *operands):
        take_mesh(source, evaluated_mesh(source))
        for operand in track(operands, text=operation):
            modifier = source.modifiers.new("Boolean", "BOOLEAN")
            modifier.operation = operation.upper()
            modifier.object = operand
            modifier.solver = solver_identifier(modifier, solver)
            modifier.use_hole_tolerant = hole_tolerant
            modifier.material_mode = "TRANSFER"
            take_mesh(source, result_of(source, modifier))
    if not source.data.polygons:
        log(f"Nothing of {source.name} is left. Do the objects overlap?")
    source.name += suffix
    source.data.name += suffix
    return Output(source, len(source.data.polygons))


def solver_identifier(modifier: bpy.types.BooleanModifier, solver: str) -> str:
    """Blender's own name for `solver`, in this version of Blender."""
    known = modifier.bl_rna.properties["solver"].enum_items.keys()
    return next(identifier for identifier in SOLVERS[solver] if identifier in known)


def result_of(source: bpy.types.Object, modifier: bpy.types.BooleanModifier) -> bpy.types.Mesh:
    """What the modifier makes of `source`. If the manifold solver fails, the exact one is used.

    It fails without an error and leaves the mesh unchanged: if a mesh is open, or if Blender was built without it.
    """
    mesh = evaluated_mesh(source)
    if modifier.solver == "MANIFOLD" and coordinates(mesh) == coordinates(source.data):
        log(f"Manifold leaves {source.name} as it is; using Exact for {modifier.object.name}")
        bpy.data.meshes.remove(mesh)
        modifier.solver = "EXACT"
        mesh = evaluated_mesh(source)
    return mesh


def coordinates(mesh: bpy.types.Mesh) -> bytes:
    values = array("f", [0.0]) * (len(mesh.vertices) * 3)
    mesh.vertices.foreach_get("co", values)
    return values.tobytes()


def evaluated_mesh(source: bpy.types.Object) -> bpy.types.Mesh:
    """A new mesh: what the modifiers and shape keys of `source` make of its own."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    evaluated = source.evaluated_get(depsgraph)
    return bpy.data.meshes.new_from_object(evaluated, preserve_all_data_layers=True, depsgraph=depsgraph)


def take_mesh(source: bpy.types.Object, mesh: bpy.types.Mesh) -> None:
    """Give `source` a mesh that its modifiers are part of, under the name of its old one."""
    old, name = source.data, source.data.name
    source.data = mesh
    source.modifiers.clear()
    if old.users == 0:
        bpy.data.meshes.remove(old)
    mesh.name = name


@contextmanager
def visible(*objects: bpy.types.Object):
    """Show objects for a while: Blender doesn't evaluate the modifiers of what is disabled in viewports."""
    were_hidden = [item.hide_viewport for item in objects]
    for item in objects:
        item.hide_viewport = False
    yield
    for item, was_hidden in zip(objects, were_hidden, strict=True):
        item.hide_viewport = was_hidden
