# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the surface, volume, size and counts of an object as it is in the scene, modifiers and scale included."""

from typing import NamedTuple

import bpy
import numpy as np
from mathutils import Vector

from background_nodes.script import log, mesh_copy, progress


class Output(NamedTuple):
    """What the node gives. Lengths are in the scene's units.

    Attributes:
        area: Area of the surface.
        volume: Volume inside; meaningful only for a closed mesh.
        is_closed: Whether every edge has exactly two faces, so that there is an inside.
        dimensions: Size along the world's axes.
        minimum: Lowest corner of the bounding box in the world.
        maximum: Highest corner of the bounding box in the world.
        vertices: Number of vertices.
        edges: Number of edges.
        faces: Number of faces.
        triangles: Number of triangles that the faces divide into.
    """

    area: float
    volume: float
    is_closed: bool
    dimensions: Vector
    minimum: Vector
    maximum: Vector
    vertices: int
    edges: int
    faces: int
    triangles: int


def main(source: bpy.types.Object) -> Output:
    """Measure `source`.

    Args:
        source: The object to measure: a mesh, or a curve, text, surface, metaball or collection instance by the mesh it
            makes.
    """
    progress(0.1, "Measuring")
    with mesh_copy(source) as copy:
        result = measure(copy.data, copy.matrix_world)
    if not result.faces:
        log(f"{source.name} has no faces to measure")
    elif not result.is_closed:
        log(f"{source.name} isn't closed: take its volume with caution")
    return result


def measure(mesh: bpy.types.Mesh, matrix) -> Output:
    mesh.calc_loop_triangles()
    points = read(mesh.vertices, "co", 3) @ np.array(matrix.to_3x3()).T + np.array(matrix.translation)
    corners = points[read(mesh.loop_triangles, "vertices", 3, np.int32)]  # triangle, corner, axis
    from_first = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normals = np.cross(*from_first)  # each as long as its triangle's area, twice

    # A tetrahedron from the centre to each triangle: those seen from behind count negative, so the sum is the inside.
    centre = points.mean(axis=0) if len(points) else np.zeros(3)
    volume = np.einsum("ij,ij->", corners[:, 0] - centre, normals) / 6.0
    faces_of_edge = np.bincount(read(mesh.loops, "edge_index", 1, np.int32).ravel(), minlength=len(mesh.edges))
    low, high = (points.min(axis=0), points.max(axis=0)) if len(points) else (centre, centre)
    return Output(
        area=float(np.linalg.norm(normals, axis=1).sum() / 2.0),
        volume=abs(float(volume)),
        is_closed=bool(len(mesh.polygons) and (faces_of_edge == 2).all()),
        dimensions=Vector(high - low),
        minimum=Vector(low),
        maximum=Vector(high),
        vertices=len(mesh.vertices),
        edges=len(mesh.edges),
        faces=len(mesh.polygons),
        triangles=len(mesh.loop_triangles),
    )


def read(items, attribute: str, width: int, dtype=np.float32) -> np.ndarray:
    """One attribute of all items as an array with `width` columns."""
    values = np.empty(len(items) * width, dtype)
    items.foreach_get(attribute, values)
    if dtype is np.float32:
        values = values.astype(np.float64)
    return values.reshape(-1, width)
