# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pixels of a texture the faces of a UV map lie on, and how many lie on each."""

from __future__ import annotations

import bpy
import numpy as np

from .uv_triangles import uv_triangles

#: Corners are moved to parts of a pixel: whole numbers, so that no pixel on an edge counts for both faces or for none.
_PARTS = 256
#: How many pixels are looked at in one go.
_CELLS_AT_ONCE = 1 << 21


def uv_coverage(mesh: bpy.types.Mesh, layer: bpy.types.MeshUVLoopLayer, resolution: int) -> np.ndarray:
    """As `script.uv_coverage`."""
    counts = np.zeros(resolution * resolution, np.int64)
    corners = _corners(mesh, layer, resolution)
    low = np.maximum(-(-(corners.min(axis=1) - _PARTS // 2) // _PARTS), 0)
    high = np.minimum((corners.max(axis=1) - _PARTS // 2) // _PARTS, resolution - 1)
    sizes = (high - low + 1).max(axis=1)
    in_picture = (high >= low).all(axis=1)
    # The side of a square that holds all the pixels of a face, as a power of two: faces of one size are done together.
    powers = np.ceil(np.log2(np.maximum(sizes, 1))).astype(int)
    for power in np.unique(powers[in_picture]):
        found = np.flatnonzero(in_picture & (powers == power))
        step = max(1, _CELLS_AT_ONCE >> (2 * power))
        for first in range(0, len(found), step):
            some = found[first : first + step]
            counts += np.bincount(_pixels_in(corners[some], low[some], 1 << power, resolution), minlength=len(counts))
    return counts.reshape(resolution, resolution)


def _corners(mesh: bpy.types.Mesh, layer: bpy.types.MeshUVLoopLayer, resolution: int) -> np.ndarray:
    """The corners of all triangles in parts of a pixel, anticlockwise: triangles, three corners, two axes."""
    uv = np.clip(np.nan_to_num(uv_triangles(mesh, layer).uv), -1000.0, 1000.0)
    corners = np.rint(uv * resolution * _PARTS).astype(np.int64)
    one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    is_clockwise = one[:, 0] * other[:, 1] < one[:, 1] * other[:, 0]
    corners[is_clockwise] = corners[is_clockwise][:, ::-1]
    return corners


def _pixels_in(corners: np.ndarray, low: np.ndarray, side: int, resolution: int) -> np.ndarray:
    """The numbers of the pixels whose middles lie in triangles, each as often as it lies in one."""
    x = low[:, 0, None, None] + np.arange(side)[None, None, :]
    y = low[:, 1, None, None] + np.arange(side)[None, :, None]
    is_inside = (x < resolution) & (y < resolution)
    for index in range(3):
        start, end = corners[:, index, :, None, None], corners[:, (index + 1) % 3, :, None, None]
        along_x, along_y = end[:, 0] - start[:, 0], end[:, 1] - start[:, 1]
        side_of = along_x * (y * _PARTS + _PARTS // 2 - start[:, 1]) - along_y * (
            x * _PARTS + _PARTS // 2 - start[:, 0]
        )
        # What lies on an edge belongs to one of the two faces beside it: that to whose left or top the edge is.
        is_its_own = (along_y < 0) | ((along_y == 0) & (along_x < 0))
        is_inside = is_inside & ((side_of > 0) | ((side_of == 0) & is_its_own))
    return (y * resolution + x)[is_inside]
