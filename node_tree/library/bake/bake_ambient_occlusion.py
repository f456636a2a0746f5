# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake how much light reaches each point of an object, dark in its crevices, with Cycles.

It bakes the object itself or, with a high-poly object given, that one's surface. The materials of the object are
copied, and their base colour is multiplied by the result if asked for.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, NamedTuple

import bpy
import numpy as np

from background_nodes.script import Length, Pixels, Range, convert_to_mesh, file_name, log, mesh_copy, progress

#: What pixels hold before a bake. Occlusion is grey, so it shows where nothing was baked.
UNTOUCHED = (1.0, 0.0, 1.0, 1.0)

#: Cycles tells nothing while it bakes: so many samples are baked at once, then progress is shown.
SAMPLES_AT_ONCE = 4

#: The number of the UDIM tile that a picture without tiles fills, and how many tiles are no mistake.
FIRST_TILE = 1001
MAXIMUM_TILES = 100


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
    cage_extrusion: Annotated[Length, Range(0.0)] = 0.0,
    margin: Annotated[Pixels, Range(0, 256)] = 8,
    darken_base_color: bool = True,
    all_tiles: bool = True,
) -> Output:
    """Bake the ambient occlusion of `source`.

    Args:
        source: The object to bake to. It needs a UV map without overlaps.
        high: A high-poly object in the same place, to bake from instead: a mesh, curve, text, surface, metaball or
            collection instance.
        resolution: Width and height of the image.
        samples: Rays in each pixel. More are less noisy; time grows alike.
        distance: How far away something may be to give shade. 0 is the object's largest dimension.
        cage_extrusion: How far outside of the surface to look for the high-poly one. 0 is 2 % of the object's size.
        margin: How far to extend the islands, against seams.
        darken_base_color: Multiply the base colour of the object's materials by the image.
        all_tiles: Where the UV map lies in several tiles, make a UDIM image, with a picture for each of them. Off bakes
            the first tile only.
    """
    check_inputs(source, high)
    progress(0.0, "Preparing")
    name = source.name
    source = convert_to_mesh(source, keep_modifiers=True)
    layer = uv_layer(source)
    numbers = tiles_of(source.data, layer, name, all_tiles)
    image = bpy.data.images.new(f"{name} Occlusion", resolution, resolution, alpha=False, is_data=True)
    nodes = image_nodes(source, image)
    size = max(source.dimensions)
    options = {"margin": margin, "uv_layer": layer.name}
    if high:
        extrusion = (cage_extrusion or 0.02 * size) / largest_scale(source)  # in the object's own space
        options |= {"use_selected_to_active": True, "cage_extrusion": extrusion}
    with mesh_copy(high) if high else nullcontext() as detailed:
        if high and not detailed.data.polygons:
            raise ValueError(f"{high.name} has no faces to bake; link an object with a surface")
        involved = [source, detailed] if high else [source]
        with visible(*involved), not_rendered(high):
            set_up_cycles(distance or size)
            select(involved, active=source)
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
    white = np.ones(resolution * resolution * 4, np.float32)
    tiles = {number: white if pixels is None else pixels for number, pixels in tiles.items()}
    if numbers == [FIRST_TILE]:
        image.pixels.foreach_set(tiles[FIRST_TILE])
        image.pack()
    else:
        image = tiled(image, tiles)
    if darken_base_color:
        for material, node in nodes.items():
            use_occlusion(material, node)
    return Output(source, image)


def check_inputs(source: bpy.types.Object, high: bpy.types.Object | None) -> None:
    if source.type != "MESH":
        raise ValueError(
            f"{source.name} is no mesh; Apply Modifiers makes one of what has a surface, Smart UV Project its UV map"
        )
    if high == source:
        raise ValueError(f"{source.name} is linked to both Source and High; link the detailed object to High")
    uv_layer(source)
    if not faces(source):
        raise ValueError(f"{source.name} has no faces to bake; link an object with a surface")


def uv_layer(source: bpy.types.Object) -> bpy.types.MeshUVLoopLayer:
    """The UV map that renders use."""
    layers = source.data.uv_layers
    if not layers:
        raise ValueError(f"{source.name} has no UV map; unwrap it first")
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


def bake(image: bpy.types.Image, samples: int, options: dict, done: float, share: float) -> np.ndarray | None:
    """Bake a few samples at a time, each time with another seed; the mean of all. None if no pixel was baked.

    The bar goes from `done` on by `share`.
    """
    cycles = bpy.context.scene.cycles
    untouched = np.tile(np.float32(UNTOUCHED), image.size[0] * image.size[1])
    total, pixels = np.zeros_like(untouched), np.empty_like(untouched)
    has_found = False
    for first in range(0, samples, SAMPLES_AT_ONCE):
        progress(0.05 + 0.9 * (done + share * first / samples), f"Baking sample {first}/{samples}")
        cycles.seed, cycles.samples = first, min(SAMPLES_AT_ONCE, samples - first)
        image.pixels.foreach_set(untouched)
        bpy.ops.object.bake(type="AO", use_clear=False, **options)
        image.pixels.foreach_get(pixels)
        is_untouched = pixels[0::4] != pixels[1::4]
        has_found |= not is_untouched.all()
        pixels.reshape(-1, 4)[is_untouched] = 1.0
        total += pixels * cycles.samples
    return total / samples if has_found else None


def largest_scale(source: bpy.types.Object) -> float:
    return max(1e-9, *(abs(factor) for factor in source.matrix_world.to_scale()))


def image_nodes(source: bpy.types.Object, image: bpy.types.Image) -> dict:
    """Give `source` materials of its own, each with an active image node to bake to: material -> node."""
    if not source.material_slots:
        source.data.materials.append(None)
    copies: dict[bpy.types.Material | None, bpy.types.Material] = {}
    nodes = {}
    for slot in source.material_slots:
        if slot.material not in copies:
            copies[slot.material] = material = own_material(slot.material, source.name)
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
    """A copy, because others that use `material` shall not get this object's image."""
    own = material.copy() if material else bpy.data.materials.new(owner)
    own.name = f"{material.name} {owner}" if material else owner
    if own.node_tree is None:  # from 5.0 on every material has one
        own.use_nodes = True
    return own


def use_occlusion(material: bpy.types.Material, baked: bpy.types.ShaderNodeTexImage) -> None:
    """Let every shader of the material, also those in groups, have the image in its base colour."""
    trees = list(shader_trees(material.node_tree))
    if not trees:
        log(f"{material.name} has no shader with a base colour, so the image is in it unused")
    for tree in trees:
        multiply_base_color(tree, baked if tree == material.node_tree else image_node(tree, baked.image))


def multiply_base_color(tree: bpy.types.NodeTree, image_node: bpy.types.ShaderNodeTexImage) -> None:
    """Put the image between each shader and what it has for a colour."""
    for shader in [node for node in tree.nodes if is_shader(node)]:
        color = shader.inputs.get("Base Color") or shader.inputs.get("Color")
        mix = tree.nodes.new("ShaderNodeMix")
        mix.data_type, mix.blend_type = "RGBA", "MULTIPLY"
        mix.location = (image_node.location.x + 300.0, image_node.location.y)
        # The node has sockets of the same names for numbers, vectors and colours: only the enabled ones are meant.
        factor, first, second = (socket for socket in mix.inputs if socket.enabled)
        factor.default_value, first.default_value = 1.0, color.default_value
        if color.is_linked:
            tree.links.new(color.links[0].from_socket, first)
        tree.links.new(image_node.outputs["Color"], second)
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


def set_up_cycles(distance: float) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.world = bpy.data.worlds.new("Occlusion")
    scene.world.light_settings.distance = distance


def select(objects: list[bpy.types.Object], active: bpy.types.Object) -> None:
    """Select these and nothing else."""
    bpy.context.view_layer.update()  # what was shown or linked just now can't be selected before
    for item in bpy.context.view_layer.objects:
        item.select_set(item in objects)
    bpy.context.view_layer.objects.active = active


@contextmanager
def not_rendered(item: bpy.types.Object | None):
    """Hide what is baked by a copy in the same place: each would shade the other."""
    was_hidden = item and item.hide_render
    if item:
        item.hide_render = True
    yield
    if item:
        item.hide_render = was_hidden


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
