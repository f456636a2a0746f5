# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake the surface of a high-poly object into a normal map for a low-poly one, with Cycles.

The materials of the low-poly object are copied and use the map, so that it looks like the high-poly one at once.
"""

from collections.abc import Iterator
from typing import Annotated, NamedTuple

import bpy
import numpy as np

from background_nodes.script import (
    Length,
    Pixels,
    Range,
    bake_target,
    baked_image,
    convert_to_mesh,
    high_to_low,
    image_node,
    log,
    progress,
    taking_part,
    tile_in_front,
    uv_map_to_bake,
    uv_tiles,
)

#: A normal that looks straight up from the surface: what pixels hold where there is nothing to bake.
FLAT = (0.5, 0.5, 1.0, 1.0)
#: How much of a pixel is baked at least. At seams Blender mixes the margin of what is baked and what is not.
LEAST = 1e-3


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        low: The low-poly object, with materials that use the map.
        image: The normal map: tangent space, OpenGL's way (green is up), packed.
    """

    low: bpy.types.Object
    image: bpy.types.Image


def main(
    low: bpy.types.Object,
    high: bpy.types.Object,
    resolution: Annotated[Pixels, Range(16, 16384)] = 1024,
    samples: Annotated[int, Range(1, 64)] = 4,
    cage: bpy.types.Object | None = None,
    cage_extrusion: Annotated[Length, Range(0.0)] = 0.0,
    margin: Annotated[Pixels, Range(0, 256)] = 8,
    high_precision: bool = False,
    all_tiles: bool = True,
    uv_map: str = "",
) -> Output:
    """Bake the normals of `high` to `low`.

    Args:
        low: The low-poly object. It needs a UV map without overlaps.
        high: The high-poly object, in the same place: a mesh, curve, text, surface, metaball or collection instance.
        resolution: Width and height of the map.
        samples: Places in each pixel that are baked and averaged. More make smoother edges; time grows alike.
        cage: A copy of the low-poly object whose points were moved outwards, to look from there, inwards.
        cage_extrusion: Without a cage: how far outside of the low-poly surface to look for the high-poly one. 0 is 2 %
            of its size.
        margin: How far to extend the islands, against seams.
        all_tiles: Where the UV map lies in several tiles, make a UDIM image, with a picture for each of them. Off bakes
            the first tile only.
        high_precision: Keep 32-bit floats rather than 8 bits a channel, for large smooth surfaces. Saved as PNG or TIFF
            they have 16 bits.
        uv_map: The UV map to bake to, empty for that which renders use.
    """
    uv_map_to_bake(low, uv_map)
    if low in (high, cage):
        raise ValueError(f"{low.name} is linked to both Low and {'High' if low == high else 'Cage'}; link another one")

    progress(0.0, "Preparing")
    name = low.name
    low = convert_to_mesh(low, keep_modifiers=True)
    layer = uv_map_to_bake(low, uv_map)
    numbers = uv_tiles(low.data, layer, name, all_tiles=all_tiles)
    image = bpy.data.images.new(f"{name} Normal", resolution, resolution, alpha=True, float_buffer=True)
    image.colorspace_settings.name = "Non-Color"
    nodes = bake_target(low, image, uv_map)
    rays = high_to_low(low, high, cage, cage_extrusion=cage_extrusion, uv_map=layer.name)
    with rays as (detailed, found), taking_part(low, detailed, active=low):
        options = {"margin": margin, "uv_layer": layer.name, **found}
        bpy.context.scene.cycles.samples = 1  # a normal has no noise
        tiles = {}
        for step, number in enumerate(numbers):
            with tile_in_front(layer, number):
                tiles[number] = bake(layer, image, samples, options, step / len(numbers), 1 / len(numbers))
    if all(pixels is None for pixels in tiles.values()):
        raise ValueError(f"{name} found nothing of {high.name}; put both in the same place or raise the cage extrusion")

    progress(0.95, "Packing the image")
    flat = np.broadcast_to(np.float32(FLAT), (resolution, resolution, 4))
    tiles = {number: flat if pixels is None else pixels for number, pixels in tiles.items()}
    image = baked_image(tiles, f"{name} Normal", non_color=True, floats=high_precision, replaces=image)
    for material, node in nodes.items():
        use_normal_map(material, node, uv_map)
    return Output(low, image)


def bake(
    layer: bpy.types.MeshUVLoopLayer, image: bpy.types.Image, samples: int, options: dict, done: float, share: float
) -> np.ndarray | None:
    """Bake `samples` times, each time with the UV map moved by a part of a pixel; the mean of all, normalised.

    None if no pixel was baked. The bar goes from `done` on by `share`.

    Blender looks for the high-poly surface from the middle of each pixel alone, however many samples Cycles takes, so
    the only way to smooth edges is to move the pixels. And as it tells nothing while it bakes, this is also what makes
    progress.
    """
    resolution = image.size[0]
    black = np.zeros(resolution * resolution * 4, np.float32)  # which no normal is; alpha tells what was baked
    total, pixels = np.zeros_like(black), np.empty_like(black)
    has_found = False
    uv = np.empty(len(layer.uv) * 2, np.float32)
    layer.uv.foreach_get("vector", uv)
    for index, offset in enumerate(offsets_in_pixel(samples)):
        progress(0.05 + 0.9 * (done + share * index / samples), f"Baking {index + 1}/{samples}")
        layer.uv.foreach_set("vector", (uv.reshape(-1, 2) + offset / resolution).ravel())
        image.pixels.foreach_set(black)
        bpy.ops.object.bake(type="NORMAL", use_clear=False, **options)
        image.pixels.foreach_get(pixels)
        found = pixels.reshape(-1, 4)
        is_missing = (found[:, 3] < LEAST) | ~found[:, :3].any(axis=1)
        has_found |= not is_missing.all()
        found /= np.maximum(found[:, 3:], LEAST)
        found[is_missing] = FLAT
        total += pixels
    layer.uv.foreach_set("vector", uv)
    return normalised(total.reshape(resolution, resolution, 4) / samples) if has_found else None


def offsets_in_pixel(count: int) -> np.ndarray:
    """Well-spread places in a pixel, from -0.5 to 0.5, in two columns (Roberts' R2 sequence); one is the middle."""
    steps = np.arange(count)[:, None] * (0.7548776662, 0.5698402910)
    return (steps + 0.5) % 1.0 - 0.5


def normalised(pixels: np.ndarray) -> np.ndarray:
    """The mean of several normals is too short: make them one unit long again."""
    normals = pixels[..., :3] * 2.0 - 1.0
    lengths = np.linalg.norm(normals, axis=2, keepdims=True)
    pixels[..., :3] = normals / np.maximum(lengths, 1e-6) * 0.5 + 0.5
    pixels[..., 3] = 1.0
    return pixels


def use_normal_map(material: bpy.types.Material, baked: bpy.types.ShaderNodeTexImage, uv_map: str) -> None:
    """Link the image to every shader of the material that takes a normal, also to those in groups."""
    trees = list(shader_trees(material.node_tree))
    if not trees:
        log(f"{material.name} has no shader that takes a normal, so the map is in it unused")
    for tree in trees:
        image = baked if tree == material.node_tree else image_node(tree, baked.image, uv_map)
        normal_map = tree.nodes.new("ShaderNodeNormalMap")
        normal_map.uv_map = uv_map
        normal_map.location = (image.location.x + 300.0, image.location.y)
        tree.links.new(image.outputs["Color"], normal_map.inputs["Color"])
        for node in tree.nodes:
            if is_shader(node):
                tree.links.new(normal_map.outputs["Normal"], node.inputs["Normal"])


def shader_trees(tree: bpy.types.NodeTree, copies: dict | None = None) -> Iterator[bpy.types.NodeTree]:
    """A node tree that holds shaders and those of the groups in it, which are copied: other materials use them, too."""
    copies = {} if copies is None else copies
    if any(is_shader(node) for node in tree.nodes):
        yield tree
    for node in tree.nodes:
        group = node.node_tree if node.type == "GROUP" else None
        if group and holds_shader(group):
            if group not in copies:
                copies[group] = group.copy()
                yield from shader_trees(copies[group], copies)
            node.node_tree = copies[group]


def holds_shader(tree: bpy.types.NodeTree) -> bool:
    inner = (node.node_tree for node in tree.nodes if node.type == "GROUP" and node.node_tree)
    return any(is_shader(node) for node in tree.nodes) or any(map(holds_shader, inner))


def is_shader(node: bpy.types.Node) -> bool:
    """Whether it is one that takes a normal."""
    return node.type.startswith("BSDF_") and "Normal" in node.inputs
