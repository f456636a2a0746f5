# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay the UV maps of several objects out in one picture, so that all of them share one texture: an atlas.

Each gets one more UV map for it. Bake each object to that, and put the pictures together with *Combine Atlas*.
"""

from typing import Annotated, Literal, NamedTuple

import bpy
import numpy as np

from background_nodes.script import Pixels, Range, convert_to_mesh, edit_mode, log, progress, uv_coverage, uv_triangles


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        packed: The same objects, in the same order, each with the UV map of the atlas.
        coverage: How much of the picture their faces take, from 0 to 1.
    """

    packed: list[bpy.types.Object]
    coverage: float


def main(
    objects: list[bpy.types.Object],
    uv_map: str = "Atlas",
    scale: Literal["Even", "As It Is"] = "Even",
    margin_pixels: Annotated[Pixels, Range(0, 1024)] = 4,
    resolution: Annotated[Pixels, Range(16, 16384)] = 1024,
    rotate: bool = False,
    make_active: bool = False,
) -> Output:
    """Pack `objects`.

    Args:
        objects: The objects, with UV maps without overlaps. Those with the same mesh get one each.
        uv_map: The UV map to write, made from that which renders use if there is none of that name.
        scale: Even gives a metre as many pixels on each object. As It Is keeps the sizes that their UV maps have.
        margin_pixels: Space around each island and at the border, in pixels of the texture.
        resolution: Width of that texture.
        rotate: Allow islands to be turned. It takes much longer.
        make_active: Have renders use the UV map. Textures that the objects have now are in another place then.
    """
    if not objects:
        raise ValueError("There is nothing to pack; link objects to Objects")
    names = [item.name for item in objects]
    if len(set(objects)) < len(objects):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice} is in the list several times; take it out once")
    progress(0.0, "Preparing")
    packed = [convert_to_mesh(item, keep_modifiers=True) for item in objects]
    for item, name in zip(packed, names, strict=True):
        layer = atlas_layer(item, name, uv_map)
        centre(item, layer, scale == "Even")
    progress(0.2, "Packing islands")
    with edit_mode(*packed):
        bpy.ops.uv.select_all(action="SELECT")
        bpy.ops.uv.pack_islands(
            margin=margin_pixels / resolution, margin_method="FRACTION", rotate=rotate, shape_method="AABB"
        )
    progress(0.8, "Looking at the result")
    coverage = checked([item.data for item in packed], names, uv_map)
    for item in packed:
        if make_active:
            item.data.uv_layers[uv_map].active_render = True
    log(f"{len(packed)} objects take {coverage:.0%} of the picture")
    return Output(packed, coverage)


def atlas_layer(item: bpy.types.Object, name: str, uv_map: str) -> bpy.types.MeshUVLoopLayer:
    """The UV map of the atlas, as that which renders use; active, as operators want it."""
    layers = item.data.uv_layers
    if not layers:
        raise ValueError(f"{name} has no UV map; unwrap it first")
    if not item.data.polygons:
        raise ValueError(f"{name} has no faces; link an object with a surface")
    used = next((layer for layer in layers if layer.active_render), layers[0]).name
    if uv_map not in layers and layers.new(name=uv_map) is None:
        raise ValueError(f"{name} has {len(layers)} UV maps, and Blender allows no more; remove one")
    write(layers[uv_map], read(layers[used]))
    layers[uv_map].active = True
    return layers[uv_map]


def centre(item: bpy.types.Object, layer: bpy.types.MeshUVLoopLayer, even: bool) -> None:
    """Move the islands to the middle of the first tile, where they are packed, and scale them by the faces' size."""
    uv = read(layer)
    factor = 1.0
    if even:
        flat, real = areas(item, layer)
        if not flat or not real:
            raise ValueError(f"{item.name} has no area, or none in its UV map; unwrap it first")
        factor = 0.1 * (real / flat) ** 0.5
    middle = (uv.min(axis=0) + uv.max(axis=0)) / 2.0
    write(layer, (uv - middle) * factor + 0.5)


def areas(item: bpy.types.Object, layer: bpy.types.MeshUVLoopLayer) -> tuple[float, float]:
    """The area in the UV map, and in the scene."""
    triangles = uv_triangles(item.data, layer, item.matrix_world)
    return float(np.abs(triangles.uv_areas).sum()), float(triangles.areas.sum())


def checked(meshes: list[bpy.types.Mesh], names: list[str], uv_map: str) -> float:
    """How much of the picture is covered. Raises ValueError if objects lie on each other or beside it."""
    owner = np.full((1024, 1024), -1, np.int32)
    for index, mesh in enumerate(meshes):
        uv = read(mesh.uv_layers[uv_map])
        if not np.isfinite(uv).all() or uv.min() < -1e-4 or uv.max() > 1.0001:
            raise ValueError(f"{names[index]} does not fit into the picture; take a smaller margin")
        covered = uv_coverage(mesh, mesh.uv_layers[uv_map], 1024) > 0
        others = owner[covered & (owner >= 0)]
        if len(others) > 0.002 * covered.sum():
            raise ValueError(f"{names[index]} and {names[others[0]]} lie on each other; take a smaller margin")
        owner[covered] = index
    return float((owner >= 0).mean())


def read(layer: bpy.types.MeshUVLoopLayer) -> np.ndarray:
    uv = np.empty(len(layer.uv) * 2, np.float32)
    layer.uv.foreach_get("vector", uv)
    return uv.reshape(-1, 2)


def write(layer: bpy.types.MeshUVLoopLayer, uv: np.ndarray) -> None:
    layer.uv.foreach_set("vector", np.ascontiguousarray(uv, np.float32).ravel())
