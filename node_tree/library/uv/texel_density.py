# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure how many pixels of a texture an object has for each unit of length, and scale its UV map to have as many."""

from typing import Annotated, NamedTuple

import bpy
import numpy as np

from background_nodes.script import Pixels, Range, convert_to_mesh, log, mesh_copy, progress, uv_triangles


class Output(NamedTuple):
    """What the node gives. Densities are pixels for each unit of the scene.

    Attributes:
        result: The same object; its UV map is scaled if that was asked for.
        density: The density of all of it together.
        lowest: That of the face with the lowest, 0 if a face has no place in the UV map.
        highest: That of the face with the highest.
        coverage: How much of the picture the faces take, from 0 to 1; more if they overlap or lie beside it.
    """

    result: bpy.types.Object
    density: float
    lowest: float
    highest: float
    coverage: float


def main(
    source: bpy.types.Object,
    resolution: Annotated[Pixels, Range(1, 65536)] = 1024,
    target: Annotated[float, Range(0.0)] = 0.0,
) -> Output:
    """Measure `source`.

    Args:
        source: The object, with a UV map. Its scale and its modifiers count.
        resolution: Width and height of the texture.
        target: The density to scale the UV map to. 0 leaves it as it is.
    """
    progress(0.1, "Measuring")
    if not getattr(source.data, "uv_layers", None):
        raise ValueError(f"{source.name} has no UV map; unwrap it first")
    found = measured(source, resolution)
    if target:
        factor = target / found.density
        source = convert_to_mesh(source, keep_modifiers=True)
        layer = used_layer(source.data)
        uv = np.empty(len(layer.uv) * 2, np.float32)
        layer.uv.foreach_get("vector", uv)
        layer.uv.foreach_set("vector", uv * factor)  # from the lower left corner, so that tiling textures stay in place
        found = measured(source, resolution)
        if uv.max() * factor > 1.0001:
            log(f"The UV map of {source.name} is larger than the picture now, so a texture repeats on it")
    log(f"{source.name}: {found.density:.1f} pixels for each unit, {found.coverage:.0%} of the picture")
    return found


def used_layer(mesh: bpy.types.Mesh) -> bpy.types.MeshUVLoopLayer:
    return next((layer for layer in mesh.uv_layers if layer.active_render), mesh.uv_layers[0])


def measured(source: bpy.types.Object, resolution: int) -> Output:
    with mesh_copy(source) as copy:
        mesh = copy.data
        if not mesh.uv_layers:
            raise ValueError(f"Nothing that the modifiers of {source.name} make has a UV map; unwrap it behind them")
        triangles, num_faces = uv_triangles(mesh, used_layer(mesh), copy.matrix_world), len(mesh.polygons)
    real = np.bincount(triangles.faces, triangles.areas, num_faces)
    flat = np.bincount(triangles.faces, np.abs(triangles.uv_areas), num_faces)
    has_area = real > 1e-9 * real.max(initial=0.0) / max(1, num_faces)  # the least that is no error of rounding
    if not has_area.any() or not flat.sum():
        raise ValueError(f"{source.name} has no area, or none in its UV map; unwrap it first")
    each = resolution * np.sqrt(flat[has_area] / real[has_area])
    total = resolution * float(np.sqrt(flat.sum() / real.sum()))
    return Output(source, total, float(each.min()), float(each.max()), float(flat.sum()))
