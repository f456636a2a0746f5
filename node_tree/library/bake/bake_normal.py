# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake the surface of a high-poly object into a normal map for a low-poly one, with Cycles.

The materials of the low-poly object are copied and use the map, so that it looks like the high-poly one at once.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple

import bpy
import numpy as np

from background_nodes.script import Length, Pixels, Range, convert_to_mesh, file_name, log, mesh_copy, progress

#: A normal that looks straight up from the surface: what pixels hold where there is nothing to bake.
FLAT = (0.5, 0.5, 1.0, 1.0)

#: The number of the UDIM tile that a picture without tiles fills, and how many tiles are no mistake.
FIRST_TILE = 1001
MAXIMUM_TILES = 100


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
    cage_extrusion: Annotated[Length, Range(0.0)] = 0.0,
    margin: Annotated[Pixels, Range(0, 256)] = 8,
    high_precision: bool = False,
    all_tiles: bool = True,
) -> Output:
    """Bake the normals of `high` to `low`.

    Args:
        low: The low-poly object. It needs a UV map without overlaps.
        high: The high-poly object, in the same place: a mesh, curve, text, surface, metaball or collection instance.
        resolution: Width and height of the map.
        samples: Places in each pixel that are baked and averaged. More make smoother edges; time grows alike.
        cage_extrusion: How far outside of the low-poly surface to look for the high-poly one. 0 is 2 % of its size.
        margin: How far to extend the islands, against seams.
        all_tiles: Where the UV map lies in several tiles, make a UDIM image, with a picture for each of them. Off bakes
            the first tile only.
        high_precision: Keep 32-bit floats rather than 8 bits a channel, for large smooth surfaces.
    """
    uv_layer(low)
    if low == high:
        raise ValueError(f"{low.name} is linked to both Low and High; link the detailed object to High")
    if not faces(low):
        raise ValueError(f"{low.name} has no faces to bake; link an object with a surface")

    progress(0.0, "Preparing")
    name = low.name
    low = convert_to_mesh(low, keep_modifiers=True)
    layer = uv_layer(low)
    numbers = tiles_of(low.data, layer, name, all_tiles)
    image = bpy.data.images.new(f"{name} Normal", resolution, resolution, alpha=False, float_buffer=True)
    image.colorspace_settings.name = "Non-Color"
    nodes = image_nodes(low, image)
    extrusion = (cage_extrusion or 0.02 * max(low.dimensions)) / largest_scale(low)  # in the object's own space
    options = {"margin": margin, "uv_layer": layer.name, "cage_extrusion": extrusion}
    with mesh_copy(high) as detailed, visible(low, detailed):
        if not detailed.data.polygons:
            raise ValueError(f"{high.name} has no faces to bake; link an object with a surface")
        set_up_cycles()
        select(detailed, active=low)
        tiles = {}
        for step, number in enumerate(numbers):
            with tile_in_front(layer, number):
                tiles[number] = bake(layer, image, samples, options, step / len(numbers), 1 / len(numbers))
    if all(pixels is None for pixels in tiles.values()):
        raise ValueError(f"{name} found nothing of {high.name}; put both in the same place or raise the cage extrusion")

    progress(0.95, "Packing the image")
    image = finished_image(image, tiles, high_precision)
    for material, node in nodes.items():
        node.image = image
        use_normal_map(material, node)
    return Output(low, image)


def uv_layer(low: bpy.types.Object) -> bpy.types.MeshUVLoopLayer:
    """The UV map that renders use."""
    if low.type != "MESH":
        raise ValueError(
            f"{low.name} is no mesh; Apply Modifiers makes one of what has a surface, Smart UV Project its UV map"
        )
    layers = low.data.uv_layers
    if not layers:
        raise ValueError(f"{low.name} has no UV map; unwrap it first")
    return next((layer for layer in layers if layer.active_render), layers[0])


def tiles_of(mesh: bpy.types.Mesh, layer: bpy.types.MeshUVLoopLayer, name: str, all_tiles: bool) -> list[int]:
    """The numbers of the UDIM tiles to bake: those that a UV map has faces in, or the first one. Tells what is not."""
    uv = np.empty(len(layer.uv) * 2, np.float32)
    layer.uv.foreach_get("vector", uv)
    starts = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("loop_start", starts)
    sizes = np.diff(np.append(starts, len(mesh.loops)))
    middles = np.add.reduceat(uv.reshape(-1, 2), starts) / sizes[:, None]
    column, row = np.floor(middles).astype(int).T
    number = np.where((column >= 0) & (column < 10) & (row >= 0), FIRST_TILE + column + 10 * row, 0)
    found = sorted({*number.tolist()} - {0}) if all_tiles else [FIRST_TILE]
    if len(found) > MAXIMUM_TILES:
        raise ValueError(f"The UV map of {name} lies in {len(found)} tiles; unwrap it anew, or switch All Tiles off")
    beside = np.repeat(~np.isin(number, found), sizes).mean()
    if beside:
        log(f"{beside:.0%} of the UV map of {name} lie beside what is baked")
    return found or [FIRST_TILE]


@contextmanager
def tile_in_front(layer: bpy.types.MeshUVLoopLayer, number: int):
    """Within the block, a tile of the UV map is where Blender's picture is."""
    uv = np.empty(len(layer.uv) * 2, np.float32)
    layer.uv.foreach_get("vector", uv)
    corner = (number - FIRST_TILE) % 10, (number - FIRST_TILE) // 10
    layer.uv.foreach_set("vector", (uv.reshape(-1, 2) - corner).ravel())
    yield
    layer.uv.foreach_set("vector", uv)


def tiled(image: bpy.types.Image, tiles: dict[int, np.ndarray]) -> bpy.types.Image:
    """A UDIM image like `image`, packed, with pixels for each tile. No script can give it these, so files are read."""
    is_float, name = image.is_float, image.name
    ending, file_format = (".exr", "OPEN_EXR") if is_float else (".png", "PNG")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{file_name(name)}.<UDIM>{ending}"
        files = [str(path).replace("<UDIM>", str(number)) for number in tiles]
        for file, pixels in zip(files, tiles.values(), strict=True):
            tile = bpy.data.images.new(name, *image.size, alpha=False, float_buffer=is_float, is_data=True)
            tile.pixels.foreach_set(pixels.astype(np.float32).ravel())
            tile.file_format = file_format
            tile.save(filepath=file)
            bpy.data.images.remove(tile)
        result = bpy.data.images.load(files[0])
        result.source = "TILED"  # Blender finds the other files by itself
        result.colorspace_settings.name = image.colorspace_settings.name
        result.pack()
    image.name = f"{name} before"
    result.name = name
    image.user_remap(result)
    bpy.data.images.remove(image)
    return result


def faces(item: bpy.types.Object) -> int:
    """How many there are once its modifiers did their work."""
    return len(item.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.polygons)


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
    black = np.zeros(resolution * resolution * 4, np.float32)  # which no normal is
    total, pixels = np.zeros_like(black), np.empty_like(black)
    has_found = False
    uv = np.empty(len(layer.uv) * 2, np.float32)
    layer.uv.foreach_get("vector", uv)
    for index, offset in enumerate(offsets_in_pixel(samples)):
        progress(0.05 + 0.9 * (done + share * index / samples), f"Baking {index + 1}/{samples}")
        layer.uv.foreach_set("vector", (uv.reshape(-1, 2) + offset / resolution).ravel())
        image.pixels.foreach_set(black)
        bpy.ops.object.bake(type="NORMAL", use_selected_to_active=True, use_clear=False, **options)
        image.pixels.foreach_get(pixels)
        is_black = ~pixels.reshape(-1, 4)[:, :3].any(axis=1)
        has_found |= not is_black.all()
        pixels.reshape(-1, 4)[is_black] = FLAT
        total += pixels
    layer.uv.foreach_set("vector", uv)
    return normalised(total.reshape(-1, 4) / samples) if has_found else None


def largest_scale(low: bpy.types.Object) -> float:
    return max(1e-9, *(abs(factor) for factor in low.matrix_world.to_scale()))


def offsets_in_pixel(count: int) -> np.ndarray:
    """Well-spread places in a pixel, from -0.5 to 0.5, in two columns (Roberts' R2 sequence); one is the middle."""
    steps = np.arange(count)[:, None] * (0.7548776662, 0.5698402910)
    return (steps + 0.5) % 1.0 - 0.5


def normalised(pixels: np.ndarray) -> np.ndarray:
    """The mean of several normals is too short: make them one unit long again."""
    normals = pixels[:, :3] * 2.0 - 1.0
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    pixels[:, :3] = normals / np.maximum(lengths, 1e-6) * 0.5 + 0.5
    pixels[:, 3] = 1.0
    return pixels


def finished_image(baked: bpy.types.Image, tiles: dict, high_precision: bool) -> bpy.types.Image:
    """`baked` with its final pixels or, with 8 bits a channel or several tiles, an image in its place. Packed."""
    image, name = baked, baked.name
    if not high_precision:
        image = bpy.data.images.new(name, *baked.size, alpha=False, is_data=True)
        baked.user_remap(image)
        bpy.data.images.remove(baked)
        image.name = name
    flat = np.tile(np.float32(FLAT), image.size[0] * image.size[1])
    tiles = {number: flat if pixels is None else pixels for number, pixels in tiles.items()}
    if list(tiles) != [FIRST_TILE]:
        return tiled(image, tiles)
    image.pixels.foreach_set(tiles[FIRST_TILE].astype(np.float32).ravel())
    image.pack()
    return image


def image_nodes(low: bpy.types.Object, image: bpy.types.Image) -> dict:
    """Give `low` materials of its own, each with an active image node to bake to: material -> node."""
    if not low.material_slots:
        low.data.materials.append(None)
    copies: dict[bpy.types.Material | None, bpy.types.Material] = {}
    nodes = {}
    for slot in low.material_slots:
        if slot.material not in copies:
            copies[slot.material] = material = own_material(slot.material, low.name)
            nodes[material] = image_node(material.node_tree, image)
            material.node_tree.nodes.active = nodes[material]
        slot.material = copies[slot.material]
    return nodes


def image_node(tree: bpy.types.NodeTree, image: bpy.types.Image) -> bpy.types.ShaderNodeTexImage:
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    node.location = (-600.0, -300.0)
    return node


def own_material(material: bpy.types.Material | None, owner: str) -> bpy.types.Material:
    """A copy, because others that use `material` shall not get this object's map."""
    own = material.copy() if material else bpy.data.materials.new(owner)
    own.name = f"{material.name} {owner}" if material else owner
    if own.node_tree is None:  # from 5.0 on every material has one
        own.use_nodes = True
    return own


def use_normal_map(material: bpy.types.Material, baked: bpy.types.ShaderNodeTexImage) -> None:
    """Link the image to every shader of the material that takes a normal, also to those in groups."""
    trees = list(shader_trees(material.node_tree))
    if not trees:
        log(f"{material.name} has no shader that takes a normal, so the map is in it unused")
    for tree in trees:
        image = baked if tree == material.node_tree else image_node(tree, baked.image)
        normal_map = tree.nodes.new("ShaderNodeNormalMap")
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


def set_up_cycles() -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = 1  # a normal has no noise


def select(source: bpy.types.Object, active: bpy.types.Object) -> None:
    """Select these two and nothing else."""
    bpy.context.view_layer.update()  # what was shown or linked just now can't be selected before
    for item in bpy.context.view_layer.objects:
        item.select_set(item in (source, active))
    bpy.context.view_layer.objects.active = active


@contextmanager
def visible(*objects: bpy.types.Object):
    """Show objects for a while: Blender bakes nothing that is in no scene, or disabled in viewports or renders."""
    before = [(item, item.hide_viewport, item.hide_render, item.hide_select) for item in objects]
    place = bpy.data.collections.new("Bake")
    bpy.context.scene.collection.children.link(place)
    for item in objects:
        place.objects.link(item)
        item.hide_viewport = item.hide_render = item.hide_select = False
    yield
    bpy.data.collections.remove(place)
    for item, *hidden in before:
        item.hide_viewport, item.hide_render, item.hide_select = hidden
