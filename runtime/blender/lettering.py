# SPDX-License-Identifier: GPL-3.0-or-later
"""Text as pixels, in Blender's own font, without a window: its outlines become triangles, and these are filled."""

from __future__ import annotations

import bpy
import numpy as np

#: Each pixel is as covered as so many points in each direction of it say.
_POINTS = 4
#: How high and how low letters of the font reach, as a share of its size.
_ASCENT, _DESCENT = 0.8, 0.25


def lettering(text: str, height: int) -> np.ndarray:
    """As `script.lettering`."""
    size = height / (_ASCENT + _DESCENT)
    triangles = _triangles(text, 2 if height < 24 else 3) * size * _POINTS
    if not len(triangles):
        return np.zeros((height, 0), np.float32)
    triangles[..., 1] += _DESCENT * size * _POINTS
    triangles[..., 0] -= triangles[..., 0].min()
    width = int(np.ceil(triangles[..., 0].max() / _POINTS)) or 1
    fine = np.zeros((height * _POINTS, width * _POINTS), bool)
    for corners in triangles:
        _fill(fine, corners)
    return fine.reshape(height, _POINTS, width, _POINTS).mean(axis=(1, 3), dtype=np.float32)


def _triangles(text: str, resolution: int) -> np.ndarray:
    """The triangles of a line of text of size 1, whose curves have so many steps: rows, corners, x and y."""
    curve = bpy.data.curves.new("Lettering", "FONT")
    curve.body = " ".join(text.split())
    curve.resolution_u, curve.fill_mode = resolution, "FRONT"
    item = bpy.data.objects.new("Lettering", curve)
    mesh = item.to_mesh()
    try:
        mesh.calc_loop_triangles()
        points = np.empty(len(mesh.vertices) * 3, np.float32)
        corners = np.empty(len(mesh.loop_triangles) * 3, np.int32)
        mesh.vertices.foreach_get("co", points)
        mesh.loop_triangles.foreach_get("vertices", corners)
        return points.reshape(-1, 3)[corners, :2].reshape(-1, 3, 2)
    finally:
        item.to_mesh_clear()
        bpy.data.objects.remove(item)
        bpy.data.curves.remove(curve)


def _fill(pixels: np.ndarray, corners: np.ndarray) -> None:
    """Set the pixels whose centres are in a triangle."""
    rows, columns = pixels.shape
    low = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
    high = np.minimum(np.ceil(corners.max(axis=0)), (columns, rows)).astype(int)
    x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
    sides = []
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        sides.append((bx - ax) * (y - ay) - (by - ay) * (x - ax))
    inside = np.all([side >= 0 for side in sides], axis=0) | np.all([side <= 0 for side in sides], axis=0)
    pixels[low[1] : high[1], low[0] : high[0]] |= inside
