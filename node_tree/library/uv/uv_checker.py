# SPDX-License-Identifier: GPL-3.0-or-later
"""Show how a UV map lies on an object: a checker picture with numbered squares, and the object with it.

Squares that look larger have fewer pixels, those that are no squares are stretched, and numbers that can't be read are
mirrored. Render Each makes a picture of the object.
"""

import colorsys
from itertools import pairwise
from typing import Annotated, NamedTuple

import bpy
import numpy as np

from background_nodes.script import (
    Pixels,
    Range,
    convert_to_mesh,
    image_node,
    lettering,
    log,
    new_image,
    progress,
    uv_triangles,
)

#: The names of rows.
LETTERS = "ABCDEFGHIJKLMNOP"


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        checked: The object, with the checker as its only material.
        image: The checker picture.
        stretched: Share of the surface that is stretched by more than a half, one way against the other.
        mirrored: Share of the surface that is mirrored.
    """

    checked: bpy.types.Object
    image: bpy.types.Image
    stretched: float
    mirrored: float


def main(
    source: bpy.types.Object,
    squares: Annotated[int, Range(2, 16)] = 8,
    resolution: Annotated[Pixels, Range(64, 8192)] = 1024,
    uv_map: str = "",
    suffix: str = "_Checker",
) -> Output:
    """Check `source`.

    Args:
        source: The object, with a UV map. Its modifiers are applied.
        squares: How many squares there are from side to side. Letters name rows from the bottom, numbers columns.
        resolution: Width and height of the picture.
        uv_map: The UV map to show, empty for that which renders use.
        suffix: Added to the object's name.
    """
    progress(0.1, "Drawing squares")
    name = source.name
    if not getattr(source.data, "uv_layers", None) and source.type == "MESH" and not source.modifiers:
        raise ValueError(f"{name} has no UV map; unwrap it first")
    checked = convert_to_mesh(source)
    layers = checked.data.uv_layers
    if not layers or not checked.data.polygons:
        raise ValueError(f"{name} has no faces with a UV map; unwrap it first")
    if uv_map and uv_map not in layers:
        raise ValueError(f"{name} has no UV map {uv_map}, but {', '.join(layers.keys())}; write one of these")
    layer = layers[uv_map] if uv_map else next((each for each in layers if each.active_render), layers[0])
    image = new_image(checker(squares, resolution), f"{name} Checker", alpha=False)
    stretched, mirrored = measured(checked, layer)
    checked.data.materials.clear()
    checked.data.materials.append(checker_material(image, layer.name, name))
    checked.data.polygons.foreach_set("material_index", np.zeros(len(checked.data.polygons), np.int32))
    checked.name, checked.data.name = name + suffix, checked.data.name + suffix
    log(f"{name}: {stretched:.1%} of the surface is stretched, {mirrored:.1%} mirrored")
    return Output(checked, image, stretched, mirrored)


def checker(squares: int, resolution: int) -> np.ndarray:
    """Squares of all hues along u, lighter and darker by turns, each with its name; rows from the bottom up."""
    edges = np.rint(np.arange(squares + 1) * resolution / squares).astype(int)
    pixels = np.ones((resolution, resolution, 4), np.float32)
    for row, (bottom, top) in enumerate(pairwise(edges)):
        for column, (left, right) in enumerate(pairwise(edges)):
            hue = np.array(colorsys.hsv_to_rgb(column / squares, 0.55, 1.0))
            square = pixels[bottom:top, left:right, :3]
            square[:] = hue * (0.85 if (row + column) % 2 else 0.45)
            ink = lettering(f"{LETTERS[row]}{column + 1}", max(6, (top - bottom) // 3))
            height, width = (min(one, other) for one, other in zip(ink.shape, square.shape, strict=False))
            up, along = (square.shape[0] - height) // 2, (square.shape[1] - width) // 2
            place = square[up : up + height, along : along + width]
            place += (1.0 - place) * ink[:height, :width, None]
    return pixels


def checker_material(image: bpy.types.Image, uv_map: str, name: str) -> bpy.types.Material:
    material = bpy.data.materials.new(f"{name} Checker")
    if material.node_tree is None:  # from 5.0 on every material has one
        material.use_nodes = True
    tree = material.node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Roughness"].default_value = 0.8
    tree.links.new(image_node(tree, image, uv_map).outputs["Color"], shader.inputs["Base Color"])
    return material


def measured(item: bpy.types.Object, layer: bpy.types.MeshUVLoopLayer) -> tuple[float, float]:
    """The shares of the surface that are stretched, and mirrored."""
    triangles = uv_triangles(item.data, layer, item.matrix_world)
    points, uv, area = triangles.points, triangles.uv, triangles.areas
    one, other = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    # How each triangle gets from its own plane to the picture: two by two, and its two ways of stretching.
    length = np.maximum(np.linalg.norm(one, axis=1), 1e-12)
    along, across = (one * other).sum(axis=1) / length, 2.0 * area / length
    du, dv = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    first = du / length[:, None]
    second = (dv - first * along[:, None]) / np.maximum(across, 1e-12)[:, None]
    ways = np.linalg.svd(np.stack([first, second], axis=2), compute_uv=False)
    is_stretched = ways[:, 0] > 1.5 * np.maximum(ways[:, 1], 1e-12)
    is_mirrored = triangles.uv_areas * np.sign(item.matrix_world.determinant()) < 0.0
    total = max(float(area.sum()), 1e-12)
    return float(area[is_stretched].sum()) / total, float(area[is_mirrored].sum()) / total
