# SPDX-License-Identifier: GPL-3.0-or-later
"""Mend what imported meshes suffer from: double vertices, loose parts, faces without area, normals that look inwards.

Materials, UV maps, vertex groups, attributes, shape keys, modifiers and custom normals are kept.
"""

from typing import Annotated, Literal, NamedTuple

import bmesh
import bpy

from background_nodes.script import (
    Length,
    Range,
    convert_to_mesh,
    edited_mesh,
    flip_faces,
    log,
    progress,
)


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        cleaned: The same object with its mesh mended.
        merged: Number of vertices that were merged into others.
        loose: Number of vertices that had no face and were removed.
        degenerate: Number of faces that had no area, or twice the same corner, and were removed.
        flipped: Number of faces that were turned around.
        divided: Number of faces with more than four corners that were divided.
        faces: Number of faces that are left.
    """

    cleaned: bpy.types.Object
    merged: int
    loose: int
    degenerate: int
    flipped: int
    divided: int
    faces: int


def main(
    source: bpy.types.Object,
    merge_distance: Annotated[Length, Range(0.0, 1000.0)] = 0.0001,
    delete_loose: bool = True,
    dissolve_degenerate: bool = True,
    normals_outside: bool = True,
    n_gons: Literal["Keep", "Triangulate"] = "Keep",
    suffix: str = "_Clean",
) -> Output:
    """Mend the mesh of `source`.

    Args:
        source: The object to mend: a mesh, or a curve, text, surface, metaball or collection instance, which becomes
            one.
        merge_distance: Vertices that are closer together than this, in the scene, become one. 0 merges none.
        delete_loose: Remove vertices and edges without a face.
        dissolve_degenerate: Remove faces without area and edges without length.
        normals_outside: Turn faces around so that all of a part look the same way, outwards.
        n_gons: What to do with faces of more than four corners.
        suffix: Added to the object's name.
    """
    name = source.name
    cleaned = convert_to_mesh(source, keep_modifiers=True)
    mesh = cleaned.data
    if not mesh.polygons:
        mend = "apply them before" if cleaned.modifiers else "link an object with a surface"
        raise ValueError(f"{name} has no faces{' but those of its modifiers' if cleaned.modifiers else ''}; {mend}")
    scale = max(abs(factor) for factor in cleaned.matrix_world.to_scale())
    if not scale:
        raise ValueError(f"{name} is scaled to nothing; give it a scale")
    if mesh.validate(clean_customdata=False):
        log(f"{name} had faces or edges that no mesh can have, such as the same face twice: these are gone")

    progress(0.2, "Cleaning up")
    distance = merge_distance / scale
    merged = loose = degenerate = flipped = divided = 0
    with edited_mesh(mesh) as shape:
        if distance:
            merged = removed(shape.verts, lambda: bmesh.ops.remove_doubles(shape, verts=shape.verts, dist=distance))
        if dissolve_degenerate:
            progress(0.5, "Dissolving")
            tiny = max(distance, 1e-6 / scale)
            degenerate = removed(
                shape.faces, lambda: bmesh.ops.dissolve_degenerate(shape, dist=tiny, edges=shape.edges)
            )
        if delete_loose:
            loose = without_loose(shape)
        if normals_outside:
            progress(0.7, "Turning faces")
            flipped = turned_outside(shape)
        if n_gons == "Triangulate":
            many = [face for face in shape.faces if len(face.verts) > 4]
            divided = len(many)
            bmesh.ops.triangulate(shape, faces=many)
    if not mesh.polygons:
        raise ValueError(f"Nothing of {name} is left; take a smaller Merge Distance")
    cleaned.name = name + suffix
    mesh.name += suffix
    tell_merged(name, merged, len(mesh.vertices))
    log(f"{name}: {merged} merged, {loose} loose, {degenerate} degenerate, {flipped} flipped, {divided} divided")
    return Output(cleaned, merged, loose, degenerate, flipped, divided, len(mesh.polygons))


def tell_merged(name: str, merged: int, left: int) -> None:
    """Tell if so many vertices are gone that details must be, too, as of a screw in metres."""
    if merged > left:
        log(f"More than half of the vertices of {name} were merged: Merge Distance may be larger than its details")


def removed(elements: bmesh.types.BMVertSeq | bmesh.types.BMFaceSeq, remove) -> int:
    """How many of the elements `remove` takes away."""
    before = len(elements)
    remove()
    return before - len(elements)


def without_loose(shape: bmesh.types.BMesh) -> int:
    """Remove vertices and edges without a face, and return how many vertices these were."""
    vertices = [vertex for vertex in shape.verts if not vertex.link_faces]
    bmesh.ops.delete(shape, geom=vertices, context="VERTS")
    bmesh.ops.delete(shape, geom=[edge for edge in shape.edges if not edge.link_faces], context="EDGES")
    return len(vertices)


def turned_outside(shape: bmesh.types.BMesh) -> int:
    """Turn faces outwards, and return how many."""
    shape.normal_update()
    before = [face.normal.copy() for face in shape.faces]
    bmesh.ops.recalc_face_normals(shape, faces=shape.faces)
    shape.normal_update()
    turned = [face for face, normal in zip(shape.faces, before, strict=True) if face.normal.dot(normal) < 0.0]
    bmesh.ops.reverse_faces(shape, faces=turned)
    flip_faces(shape, turned)  # so that custom normals turn, too
    return len(turned)
