# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake one of the things that a material says of a surface: its colour, roughness, metallic, emission or alpha.

Each is a picture of its own, so that several of these nodes bake a whole set, in parallel. Lights don't count. It bakes
the object itself or, with a high-poly object given, that one's surface.
"""

from typing import Annotated, Literal, NamedTuple

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
    log,
    progress,
    taking_part,
    tile_in_front,
    uv_map_to_bake,
    uv_tiles,
)

#: How much of a pixel is baked at least. At seams Blender mixes the margin of what is baked and what is not.
LEAST = 1e-3
COLORS = {"Base Color", "Emission"}


class Property(NamedTuple):
    """How shaders say something: the names of their inputs for it, and what those are that have none.

    Attributes:
        inputs: names of inputs, the first that a shader has counts.
        otherwise: what a shader without them is.
        known: what shaders of some types are, whatever inputs they have.
        kept: shaders of these types alone are asked for the inputs; None for all.
    """

    inputs: tuple[str, ...]
    otherwise: float
    known: dict[str, float]
    kept: frozenset[str] | None = None


ROUGH = frozenset({"BSDF_PRINCIPLED", "BSDF_GLOSSY", "BSDF_METALLIC", "BSDF_GLASS", "BSDF_REFRACTION"})
PROPERTIES = {
    "Base Color": Property(("Base Color", "Color"), 0.0, {"EMISSION": 0.0, "BACKGROUND": 0.0, "HOLDOUT": 0.0}),
    "Roughness": Property(("Roughness",), 1.0, {"EMISSION": 0.0}, ROUGH),
    "Metallic": Property(("Metallic",), 0.0, {"BSDF_GLOSSY": 1.0, "BSDF_METALLIC": 1.0}),
    "Emission": Property(("Emission Color",), 0.0, {}),
    "Alpha": Property(("Alpha",), 1.0, {"BSDF_TRANSPARENT": 0.0, "HOLDOUT": 0.0}),
}


def main(
    source: bpy.types.Object,
    bakes: Literal["Base Color", "Roughness", "Metallic", "Emission", "Alpha"] = "Base Color",
    high: bpy.types.Object | None = None,
    resolution: Annotated[Pixels, Range(16, 16384)] = 1024,
    samples: Annotated[int, Range(1, 64)] = 4,
    cage: bpy.types.Object | None = None,
    cage_extrusion: Annotated[Length, Range(0.0)] = 0.0,
    margin: Annotated[Pixels, Range(0, 256)] = 8,
    high_precision: bool = False,
    all_tiles: bool = True,
    uv_map: str = "",
) -> bpy.types.Image:
    """Bake what the materials of `source` say.

    Args:
        source: The object to bake to. It needs a UV map without overlaps.
        bakes: What to bake.
        high: A high-poly object in the same place, to bake from instead: a mesh, curve, text, surface, metaball or
            collection instance.
        resolution: Width and height of the picture.
        samples: Places in each pixel that are baked and averaged. More make smoother edges; time grows alike.
        cage: A copy of the object whose points were moved outwards, to look for the high-poly one from there, inwards.
        cage_extrusion: Without a cage: how far outside of the surface to look for the high-poly one. 0 is 2 % of the
            object's size.
        margin: How far to extend the islands, against seams.
        high_precision: Keep 32-bit floats rather than 8 bits a channel, as emission brighter than 1 needs it. Saved as
            PNG or TIFF they have 16 bits.
        all_tiles: Where the UV map lies in several tiles, make a UDIM image, with a picture for each of them. Off bakes
            the first tile only.
        uv_map: The UV map to bake to, empty for that which renders use. Textures of the object stay where they are.

    Returns:
        The picture, packed: colours for Base Color and Emission, data for the others.
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
    image = bpy.data.images.new(f"{name} {bakes}", resolution, resolution, alpha=True, float_buffer=True, is_data=True)
    rays = high_to_low(source, high, cage, cage_extrusion=cage_extrusion, uv_map=layer.name)
    with rays as (shown, found):
        options = {"margin": margin, "uv_layer": layer.name, **found}
        glow(shown, PROPERTIES[bakes])
        bake_target(source, image)
        with taking_part(*{source, shown}, active=source):
            bpy.context.scene.cycles.samples = 1  # what is asked for has no noise
            tiles = {}
            for step, number in enumerate(numbers):
                with tile_in_front(layer, number):
                    tiles[number] = bake(layer, image, samples, options, step / len(numbers), 1 / len(numbers))
    if all(pixels is None for pixels in tiles.values()):
        raise ValueError(
            f"{name} found nothing of {high.name}; put both in the same place or raise the cage extrusion"
            if high
            else f"The UV map of {name} covers no pixel of the image; unwrap it anew"
        )
    progress(0.95, "Packing the image")
    return finished(tiles, image, name, bakes, high_precision)


def finished(
    tiles: dict[int, np.ndarray | None], image: bpy.types.Image, name: str, bakes: str, floats: bool
) -> bpy.types.Image:
    """The image with its final pixels, in the colours of the screen if it has 8 bits."""
    black = np.zeros((image.size[1], image.size[0], 4), np.float32)
    black[..., 3] = 1.0
    found = {number: black if pixels is None else pixels for number, pixels in tiles.items()}
    brightest = max(float(pixels[..., :3].max()) for pixels in found.values())
    if brightest > 1.001 and not floats:
        log(f"{bakes} is up to {brightest:.2f}, and 8 bits hold no more than 1: switch High Precision on to keep it")
    if bakes in COLORS and not floats:
        found = {number: to_screen(pixels) for number, pixels in found.items()}
    return baked_image(found, f"{name} {bakes}", non_color=bakes not in COLORS, floats=floats, replaces=image)


def to_screen(pixels: np.ndarray) -> np.ndarray:
    colors = np.clip(pixels, 0.0, 1.0)
    result = np.where(colors <= 0.0031308, colors * 12.92, 1.055 * colors ** (1 / 2.4) - 0.055)
    result[..., 3] = pixels[..., 3]
    return result


def bake(
    layer: bpy.types.MeshUVLoopLayer, image: bpy.types.Image, samples: int, options: dict, done: float, share: float
) -> np.ndarray | None:
    """Bake `samples` times, each time with the UV map moved by a part of a pixel; the mean of what was found.

    None if no pixel was baked. The bar goes from `done` on by `share`.
    """
    resolution = image.size[0]
    empty = np.zeros(resolution * resolution * 4, np.float32)  # alpha tells what was baked
    pixels, total = np.empty_like(empty), np.zeros((resolution, resolution, 4), np.float32)
    counts = np.zeros((resolution, resolution, 1), np.float32)
    uv = np.empty(len(layer.uv) * 2, np.float32)
    layer.uv.foreach_get("vector", uv)
    for index, offset in enumerate(offsets_in_pixel(samples)):
        progress(0.05 + 0.9 * (done + share * index / samples), f"Baking {index + 1}/{samples}")
        layer.uv.foreach_set("vector", (uv.reshape(-1, 2) + offset / resolution).ravel())
        image.pixels.foreach_set(empty)
        bpy.ops.object.bake(type="EMIT", use_clear=False, **options)
        image.pixels.foreach_get(pixels)
        found = pixels.reshape(resolution, resolution, 4)
        is_found = found[..., 3:] > LEAST
        total += np.where(is_found, found / np.maximum(found[..., 3:], LEAST), 0.0)
        counts += is_found
    layer.uv.foreach_set("vector", uv)
    result = total / np.maximum(counts, 1.0)
    result[..., 3] = 1.0
    return result if counts.any() else None


def offsets_in_pixel(count: int) -> np.ndarray:
    """Well-spread places in a pixel, from -0.5 to 0.5, in two columns (Roberts' R2 sequence); one is the middle."""
    steps = np.arange(count)[:, None] * (0.7548776662, 0.5698402910)
    return (steps + 0.5) % 1.0 - 0.5


# Materials that glow in what is asked for


def glow(item: bpy.types.Object, wanted: Property) -> None:
    """Give an object materials of its own that emit what is asked for, and nothing else."""
    if not item.material_slots:
        item.data.materials.append(None)
    copies: dict[bpy.types.Material | None, bpy.types.Material] = {}
    for slot in item.material_slots:
        if slot.material not in copies:
            copies[slot.material] = own = slot.material.copy() if slot.material else bpy.data.materials.new("Bake")
            if bpy.app.version < (5, 0, 0) and not own.use_nodes:  # from 5.0 on every material has nodes
                use_nodes(own)
            emit(own.node_tree, wanted, {})
        slot.material = copies[slot.material]


def use_nodes(material: bpy.types.Material) -> None:
    """Nodes for a material that uses none, with what its own properties say."""
    color, roughness, metallic = material.diffuse_color[:], material.roughness, material.metallic
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    shader, output = tree.nodes.new("ShaderNodeBsdfPrincipled"), tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(shader.outputs[0], output.inputs[0])
    for name, value in (("Base Color", color), ("Roughness", roughness), ("Metallic", metallic)):
        shader.inputs[name].default_value = value


def emit(tree: bpy.types.NodeTree, wanted: Property, copies: dict) -> None:
    """Put an emission in the place of each shader of a tree and of the groups in it, which are copied."""
    for node in list(tree.nodes):
        if node.type == "GROUP" and node.node_tree:
            if node.node_tree not in copies:
                copies[node.node_tree] = group = node.node_tree.copy()
                emit(group, wanted, copies)
            node.node_tree = copies[node.node_tree]
        elif node.type == "MIX_SHADER" and wanted is not PROPERTIES["Alpha"]:
            pass_by_transparent(tree, node)
    for node in list(tree.nodes):
        outputs = [socket for socket in node.outputs if socket.type == "SHADER"]
        if outputs and node.type not in ("GROUP", "GROUP_INPUT", "MIX_SHADER", "ADD_SHADER", "REROUTE"):
            replace(tree, node, outputs[0], wanted)


def pass_by_transparent(tree: bpy.types.NodeTree, mix: bpy.types.Node) -> None:
    """What is mixed with nothing is, as far as it is there, what it is."""
    for index in (1, 2):
        links = mix.inputs[index].links
        if links and links[0].from_node.type == "BSDF_TRANSPARENT":
            for link in list(mix.inputs[0].links):
                tree.links.remove(link)
            mix.inputs[0].default_value = 1.0 if index == 1 else 0.0


def replace(tree: bpy.types.NodeTree, shader: bpy.types.Node, output: bpy.types.NodeSocket, wanted: Property) -> None:
    """Put an emission in the place of a shader."""
    emission = wanted is PROPERTIES["Emission"]
    if emission and shader.type == "EMISSION":
        return
    glowing = tree.nodes.new("ShaderNodeEmission")
    color, strength = glowing.inputs["Color"], glowing.inputs["Strength"]
    source = next((shader.inputs[name] for name in wanted.inputs if name in shader.inputs), None)
    if shader.type in wanted.known or (wanted.kept is not None and shader.type not in wanted.kept):
        source = None
    take(tree, source, color, wanted.known.get(shader.type, wanted.otherwise))
    take(tree, shader.inputs.get("Emission Strength") if emission and source else None, strength, 1.0)
    for link in list(output.links):
        tree.links.new(glowing.outputs[0], link.to_socket)


def take(
    tree: bpy.types.NodeTree, source: bpy.types.NodeSocket | None, target: bpy.types.NodeSocket, otherwise: float
) -> None:
    """Have an input hold what another one does, or be linked to what that is linked to."""
    if source and source.is_linked:
        tree.links.new(source.links[0].from_socket, target)
        return
    value = source.default_value if source else otherwise
    if target.type == "RGBA":
        value = (value, value, value, 1.0) if isinstance(value, float) else (*tuple(value)[:3], 1.0)
    target.default_value = value
