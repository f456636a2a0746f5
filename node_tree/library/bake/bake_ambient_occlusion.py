# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake how much light reaches each point of an object, dark in its crevices, with Cycles.

It bakes the object itself or, with a high-poly object given, that one's surface. The materials of the object are
copied, and their base colour is multiplied by the result if asked for.
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

#: How much of a pixel is baked at least. At seams Blender mixes the margin of what is baked and what is not.
LEAST = 1e-2

#: Cycles tells nothing while it bakes: so many samples are baked at once, then progress is shown.
SAMPLES_AT_ONCE = 4


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        baked: The object, with materials that hold the image.
        image: The occlusion: white where all light comes in, packed.
    """

    baked: bpy.types.Object
    image: bpy.types.Image


def main(
    source: bpy.types.Object,
    high: bpy.types.Object | None = None,
    resolution: Annotated[Pixels, Range(16, 16384)] = 1024,
    samples: Annotated[int, Range(1, 4096)] = 16,
    distance: Annotated[Length, Range(0.0)] = 0.0,
    cage: bpy.types.Object | None = None,
    cage_extrusion: Annotated[Length, Range(0.0)] = 0.0,
    margin: Annotated[Pixels, Range(0, 256)] = 8,
    darken_base_color: bool = True,
    all_tiles: bool = True,
    high_precision: bool = False,
    uv_map: str = "",
) -> Output:
    """Bake the ambient occlusion of `source`.

    Args:
        source: The object to bake to. It needs a UV map without overlaps.
        high: A high-poly object in the same place, to bake from instead: a mesh, curve, text, surface, metaball or
            collection instance.
        resolution: Width and height of the image.
        samples: Rays in each pixel. More are less noisy; time grows alike.
        distance: How far away something may be to give shade. 0 is the object's largest dimension.
        cage: A copy of the object whose points were moved outwards, to look for the high-poly one from there, inwards.
        cage_extrusion: Without a cage: how far outside of the surface to look for the high-poly one. 0 is 2 % of the
            object's size.
        margin: How far to extend the islands, against seams.
        darken_base_color: Multiply the base colour of the object's materials by the image.
        all_tiles: Where the UV map lies in several tiles, make a UDIM image, with a picture for each of them. Off bakes
            the first tile only.
        high_precision: Keep 32-bit floats rather than 8 bits a channel. Saved as PNG or TIFF they have 16 bits.
        uv_map: The UV map to bake to, empty for that which renders use.
    """
    uv_map_to_bake(source, uv_map)
    if source in (high, cage):
        raise ValueError(
            f"{source.name} is linked to both Source and {'High' if source == high else 'Cage'}; link another one"
        )
    progress(0.0, "Preparing")
    name = source.name
    source = convert_to_mesh(source, keep_modifiers=True)
    layer = uv_map_to_bake(source, uv_map)
    numbers = uv_tiles(source.data, layer, name, all_tiles=all_tiles)
    image = bpy.data.images.new(
        f"{name} Occlusion", resolution, resolution, alpha=True, is_data=True, float_buffer=high_precision
    )
    nodes = bake_target(source, image, uv_map)
    size = max(source.dimensions)
    rays = high_to_low(source, high, cage, cage_extrusion=cage_extrusion, uv_map=layer.name)
    with rays as (detailed, found):
        options = {"margin": margin, "uv_layer": layer.name, **found}
        with taking_part(*{source, detailed}, active=source):
            bpy.context.scene.world = bpy.data.worlds.new("Occlusion")
            bpy.context.scene.world.light_settings.distance = distance or size
            tiles = {}
            for step, number in enumerate(numbers):
                with tile_in_front(layer, number):
                    tiles[number] = bake(image, samples, options, step / len(numbers), 1 / len(numbers))
    if all(pixels is None for pixels in tiles.values()):
        raise ValueError(
            f"{name} found nothing of {high.name}; put both in the same place or raise the cage extrusion"
            if high
            else f"The UV map of {name} covers no pixel of the image; unwrap it anew"
        )

    progress(0.95, "Packing the image")
    white = np.ones((resolution, resolution, 4), np.float32)
    tiles = {number: white if pixels is None else pixels for number, pixels in tiles.items()}
    image = baked_image(tiles, f"{name} Occlusion", non_color=True, floats=high_precision, replaces=image)
    if darken_base_color:
        for material, node in nodes.items():
            use_occlusion(material, node, uv_map)
    return Output(source, image)


def bake(image: bpy.types.Image, samples: int, options: dict, done: float, share: float) -> np.ndarray | None:
    """Bake a few samples at a time, each time with another seed; the mean of all. None if no pixel was baked.

    The bar goes from `done` on by `share`.
    """
    cycles = bpy.context.scene.cycles
    untouched = np.zeros(image.size[0] * image.size[1] * 4, np.float32)  # alpha tells what was baked
    total, pixels = np.zeros_like(untouched), np.empty_like(untouched)
    has_found = False
    for first in range(0, samples, SAMPLES_AT_ONCE):
        progress(0.05 + 0.9 * (done + share * first / samples), f"Baking sample {first}/{samples}")
        cycles.seed, cycles.samples = first, min(SAMPLES_AT_ONCE, samples - first)
        image.pixels.foreach_set(untouched)
        bpy.ops.object.bake(type="AO", use_clear=False, **options)
        image.pixels.foreach_get(pixels)
        found = pixels.reshape(-1, 4)
        is_untouched = found[:, 3] < LEAST
        has_found |= not is_untouched.all()
        found /= np.maximum(found[:, 3:], LEAST)
        found[is_untouched] = 1.0
        total += pixels * cycles.samples
    return (total / samples).reshape(image.size[1], image.size[0], 4) if has_found else None


def use_occlusion(material: bpy.types.Material, baked: bpy.types.ShaderNodeTexImage, uv_map: str) -> None:
    """Let every shader of the material, also those in groups, have the image in its base colour."""
    trees = list(shader_trees(material.node_tree))
    if not trees:
        log(f"{material.name} has no shader with a base colour, so the image is in it unused")
    for tree in trees:
        multiply_base_color(tree, baked if tree == material.node_tree else image_node(tree, baked.image, uv_map))


def multiply_base_color(tree: bpy.types.NodeTree, occlusion: bpy.types.ShaderNodeTexImage) -> None:
    """Put the image between each shader and what it has for a colour."""
    for shader in [node for node in tree.nodes if is_shader(node)]:
        color = shader.inputs.get("Base Color") or shader.inputs.get("Color")
        mix = tree.nodes.new("ShaderNodeMix")
        mix.data_type, mix.blend_type = "RGBA", "MULTIPLY"
        mix.location = (occlusion.location.x + 300.0, occlusion.location.y)
        # The node has sockets of the same names for numbers, vectors and colours: only the enabled ones are meant.
        factor, first, second = (socket for socket in mix.inputs if socket.enabled)
        factor.default_value, first.default_value = 1.0, color.default_value
        if color.is_linked:
            tree.links.new(color.links[0].from_socket, first)
        tree.links.new(occlusion.outputs["Color"], second)
        tree.links.new(next(socket for socket in mix.outputs if socket.enabled), color)


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
    """Whether it is one with a colour that may be darkened."""
    return node.type.startswith("BSDF_") and ("Base Color" in node.inputs or "Color" in node.inputs)
