# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the triangles of a mesh are, in space and in a UV map."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix


@dataclass(frozen=True, slots=True)
class UVTriangles:
    """The triangles that the faces of a mesh divide into.

    Attributes:
        points: where their corners are: triangles, three corners, three axes.
        uv: where these are in the UV map: triangles, three corners, two axes.
        faces: the index of the face that each is a part of.
    """

    points: np.ndarray
    uv: np.ndarray
    faces: np.ndarray

    @property
    def areas(self) -> np.ndarray:
        """The area of each in space."""
        one, other = self.points[:, 1] - self.points[:, 0], self.points[:, 2] - self.points[:, 0]
        return np.linalg.norm(np.cross(one, other), axis=1) / 2.0

    @property
    def has_area(self) -> bool:
        """Whether they have more of it in space than errors of rounding make; False where a point has no place."""
        size = float(np.ptp(self.points.reshape(-1, 3), axis=0).max()) if len(self.points) else 0.0
        return bool(self.areas.sum() > 1e-9 * size**2)

    @property
    def uv_areas(self) -> np.ndarray:
        """The area of each in the UV map, where the picture has 1. It is negative where the triangle is mirrored."""
        one, other = self.uv[:, 1] - self.uv[:, 0], self.uv[:, 2] - self.uv[:, 0]
        return (one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]) / 2.0


def uv_triangles(mesh: bpy.types.Mesh, layer: bpy.types.MeshUVLoopLayer, place: Matrix | None = None) -> UVTriangles:
    """As `script.uv_triangles`."""
    mesh.calc_loop_triangles()
    count = len(mesh.loop_triangles)
    corners, loops, faces = (np.empty(count * width, np.int32) for width in (3, 3, 1))
    for name, found in (("vertices", corners), ("loops", loops), ("polygon_index", faces)):
        mesh.loop_triangles.foreach_get(name, found)
    points, uv = np.empty(len(mesh.vertices) * 3, np.float32), np.empty(len(layer.uv) * 2, np.float32)
    mesh.vertices.foreach_get("co", points)
    layer.uv.foreach_get("vector", uv)
    whole = points.astype(np.float64).reshape(-1, 3)
    if place is not None:
        whole = whole @ np.array(place.to_3x3()).T
    return UVTriangles(
        whole[corners].reshape(-1, 3, 3), uv.astype(np.float64).reshape(-1, 2)[loops].reshape(-1, 3, 2), faces
    )
