"""Meshes."""

from __future__ import annotations

import bpy

from . import case


def grid(name: str, side: int = 5) -> bpy.types.Mesh:
    """A grid of `side` times `side` vertices, 1 unit apart."""
    points = [(x, y, 0.1 * x * y) for y in range(side) for x in range(side)]
    corners = [y * side + x for y in range(side - 1) for x in range(side - 1)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points, [], [(first, first + 1, first + side + 1, first + side) for first in corners])
    return mesh


@case("Mesh")
def mesh_plain() -> bpy.types.ID:
    return grid("Plain")
