# SPDX-License-Identifier: GPL-3.0-or-later
"""What bakes have in common: the UV map and its tiles, the objects that take part, the image that comes out."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..engine.file_names import file_name
from .image_pixels import new_image
from .mesh_conversion import mesh_copy
from .mesh_editing import selected_alone
from .uv_coverage import uv_coverage

#: The number of the UDIM tile that a picture without tiles fills, and how many tiles are no mistake.
_FIRST_TILE = 1001
_MAXIMUM_TILES = 100
#: The size of the picture that tells whether faces lie on each other.
_LOOK_AT = 512


def uv_map_to_bake(source: bpy.types.Object, name: str = "") -> bpy.types.MeshUVLoopLayer:
    """As `script.uv_map_to_bake`."""
    if source.type != "MESH":
        raise ValueError(
            f"{source.name} is no mesh; Apply Modifiers makes one of what has a surface, Smart UV Project its UV map"
        )
    layers = source.data.uv_layers
    if not layers:
        raise ValueError(f"{source.name} has no UV map; unwrap it first")
    if not source.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.polygons:
        raise ValueError(f"{source.name} has no faces to bake; link an object with a surface")
    if name and name not in layers:
        raise ValueError(f"{source.name} has no UV map {name}, but {', '.join(layers.keys())}; write one of these")
    return layers[name] if name else next((layer for layer in layers if layer.active_render), layers[0])


def uv_tiles(mesh: bpy.types.Mesh, layer: bpy.types.MeshUVLoopLayer, *, all_tiles: bool) -> tuple[list[int], float]:
    """As `script.uv_tiles`. Returns how much of the UV map lies beside them, too, from 0 to 1."""
    uv = np.empty(len(layer.uv) * 2, np.float32)
    layer.uv.foreach_get("vector", uv)
    starts = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("loop_start", starts)
    sizes = np.diff(np.append(starts, len(mesh.loops)))
    middles = np.add.reduceat(uv.reshape(-1, 2), starts) / sizes[:, None]
    column, row = np.floor(middles).astype(int).T
    number = np.where((column >= 0) & (column < 10) & (row >= 0), _FIRST_TILE + column + 10 * row, 0)
    found = sorted({*number.tolist()} - {0}) if all_tiles else [_FIRST_TILE]
    if len(found) > _MAXIMUM_TILES:
        raise ValueError(
            f"The UV map of {mesh.name} lies in {len(found)} tiles; unwrap it anew, or switch All Tiles off"
        )
    return found or [_FIRST_TILE], float(np.repeat(~np.isin(number, found), sizes).mean())


def shared_pixels(mesh: bpy.types.Mesh, layer: bpy.types.MeshUVLoopLayer, numbers: list[int]) -> float:
    """How much of what a UV map covers in its tiles is covered by several faces, from 0 to 1."""
    shared = covered = 0
    for number in numbers:
        with tile_in_front(layer, number):
            counts = uv_coverage(mesh, layer, _LOOK_AT)
        shared += int((counts > 1).sum())
        covered += int((counts > 0).sum())
    return shared / max(1, covered)


@contextlib.contextmanager
def tile_in_front(layer: bpy.types.MeshUVLoopLayer, number: int) -> Iterator[None]:
    """As `script.tile_in_front`."""
    uv = np.empty(len(layer.uv) * 2, np.float32)
    layer.uv.foreach_get("vector", uv)
    corner = (number - _FIRST_TILE) % 10, (number - _FIRST_TILE) // 10
    layer.uv.foreach_set("vector", (uv.reshape(-1, 2) - corner).ravel())
    try:
        yield
    finally:
        layer.uv.foreach_set("vector", uv)


@contextlib.contextmanager
def high_to_low(
    source: bpy.types.Object,
    high: bpy.types.Object | None,
    cage: bpy.types.Object | None,
    cage_extrusion: float,
    layer_name: str,
) -> Iterator[tuple[bpy.types.Object, dict[str, Any], float]]:
    """As `script.high_to_low`. Yields the share of the cage that lies inside of `source`, too."""
    if cage and not high:
        raise ValueError(f"{cage.name} is linked to Cage, but nothing to High; link the detailed object, or no cage")
    if high is None:
        yield source, {}, 0.0
        return
    scale = max(1e-9, *(abs(factor) for factor in source.matrix_world.to_scale()))
    extrusion = (cage_extrusion or 0.02 * max(source.dimensions)) / scale  # in the object's own space
    options = {"use_selected_to_active": True, "cage_extrusion": extrusion}
    inside = 0.0
    with contextlib.ExitStack() as stack:
        detailed = stack.enter_context(mesh_copy(high))
        if not detailed.data.polygons:
            raise ValueError(f"{high.name} has no faces to bake; link an object with a surface")
        if cage:
            shell = stack.enter_context(mesh_copy(cage))
            shell.hide_viewport = shell.hide_render = False
            inside = _check_cage(source, shell, cage.name)
            options |= {"use_cage": True, "cage_object": shell.name}
        stack.enter_context(_active_layer(source, layer_name))
        stack.enter_context(_not_rendered(*filter(None, (high, cage))))
        yield detailed, options, inside


@contextlib.contextmanager
def _not_rendered(*items: bpy.types.Object) -> Iterator[None]:
    """Within the block these give no shade: what is baked is copies of them, in the same place."""
    before = [(item, item.hide_render) for item in items]
    for item in items:
        item.hide_render = True
    try:
        yield
    finally:
        for item, was_hidden in before:
            item.hide_render = was_hidden


@contextlib.contextmanager
def _active_layer(source: bpy.types.Object, name: str) -> Iterator[None]:
    """Within the block a UV map is active. Blender bakes to any, but has the tangents of the active one."""
    layers = source.data.uv_layers
    before = layers.active_index
    layers[name].active = True
    try:
        yield
    finally:
        source.data.uv_layers.active_index = before


def _check_cage(source: bpy.types.Object, shell: bpy.types.Object, name: str) -> float:
    """The share of a cage's points that lie inside of the surface: no ray comes from outside there.

    Raises:
        ValueError: if it has not the faces of `source`.
    """
    evaluated = source.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh, cage = evaluated.data, shell.data
    counts = [(len(each.vertices), len(each.polygons), len(each.loops)) for each in (mesh, cage)]
    if counts[0] != counts[1]:
        raise ValueError(
            f"{name} is no cage of {source.name}: it has {counts[1][0]} points and {counts[1][1]} faces, not "
            f"{counts[0][0]} and {counts[0][1]}; make it of a copy of {source.name}, and only move its points outwards"
        )
    corners = [np.empty(counts[0][2], np.int32) for _ in range(2)]
    for each, found in zip((mesh, cage), corners, strict=True):
        each.loops.foreach_get("vertex_index", found)
    if not np.array_equal(*corners):
        raise ValueError(
            f"{name} is no cage of {source.name}: its faces are others; make it of a copy of {source.name}"
        )
    points = []
    for each, matrix in ((mesh, source.matrix_world), (cage, shell.matrix_world)):
        found = np.empty(counts[0][0] * 3, np.float32)
        each.vertices.foreach_get("co", found)
        points.append(found.reshape(-1, 3) @ np.array(matrix.to_3x3()).T + np.array(matrix.translation))
    normals = np.empty(counts[0][0] * 3, np.float32)
    mesh.vertices.foreach_get("normal", normals)
    outwards = normals.reshape(-1, 3) @ np.array(source.matrix_world.to_3x3().inverted_safe())
    outwards /= np.maximum(np.linalg.norm(outwards, axis=1, keepdims=True), 1e-9)
    steps = ((points[1] - points[0]) * outwards).sum(axis=1)
    return float((steps < -1e-6 * max(source.dimensions)).mean())


@contextlib.contextmanager
def taking_part(*objects: bpy.types.Object, active: bpy.types.Object) -> Iterator[None]:
    """As `script.taking_part`."""
    bpy.context.scene.render.engine = "CYCLES"
    bpy.context.scene.cycles.device = "CPU"
    with selected_alone(*objects, active=active):
        yield


def bake_target(
    source: bpy.types.Object, image: bpy.types.Image, uv_map: str = ""
) -> dict[bpy.types.Material, bpy.types.Node]:
    """As `script.bake_target`."""
    if not source.material_slots:
        source.data.materials.append(None)
    copies: dict[bpy.types.Material | None, bpy.types.Material] = {}
    nodes = {}
    for slot in source.material_slots:
        if slot.material not in copies:
            copies[slot.material] = material = own_material(slot.material, source.name)
            nodes[material] = node = image_node(material.node_tree, image, uv_map)
            material.node_tree.nodes.active = node
        slot.material = copies[slot.material]
    return nodes


def image_node(tree: bpy.types.NodeTree, image: bpy.types.Image, uv_map: str = "") -> bpy.types.Node:
    """As `script.image_node`."""
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image, node.location = image, (-600.0, -300.0)
    if uv_map:
        place = tree.nodes.new("ShaderNodeUVMap")
        place.uv_map, place.location = uv_map, (-850.0, -300.0)
        tree.links.new(place.outputs["UV"], node.inputs["Vector"])
    return node


def own_material(material: bpy.types.Material | None, owner: str) -> bpy.types.Material:
    """A copy with nodes, or a new one."""
    own = material.copy() if material else bpy.data.materials.new(owner)
    own.name = f"{material.name} {owner}" if material else owner
    if own.node_tree is None:  # from 5.0 on every material has one
        own.use_nodes = True
    return own


def baked_image(
    tiles: Mapping[int, np.ndarray], name: str, *, non_color: bool, floats: bool, replaces: bpy.types.Image
) -> bpy.types.Image:
    """As `script.baked_image`."""
    replaces.name = f"{name} before"
    if list(tiles) == [_FIRST_TILE]:
        result = new_image(tiles[_FIRST_TILE], name, non_color=non_color, floats=floats, alpha=False)
    else:
        result = _tiled_image(tiles, name, non_color, floats)
    replaces.user_remap(result)
    bpy.data.images.remove(replaces)
    result.name = name
    return result


def _tiled_image(tiles: Mapping[int, np.ndarray], name: str, non_color: bool, floats: bool) -> bpy.types.Image:
    """A UDIM image. No script can give one pixels, so files are read."""
    ending, file_format = (".exr", "OPEN_EXR") if floats else (".png", "PNG")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{file_name(name)}.<UDIM>{ending}"
        files = [str(path).replace("<UDIM>", str(number)) for number in tiles]
        for file, pixels in zip(files, tiles.values(), strict=True):
            tile = new_image(pixels, name, non_color=non_color or floats, floats=floats, alpha=False)
            tile.file_format = file_format
            tile.save(filepath=file)
            bpy.data.images.remove(tile)
        result = bpy.data.images.load(files[0])
        result.source = "TILED"  # Blender finds the other files by itself
        result.colorspace_settings.name = _color_space(non_color, floats)  # Blender takes EXR files for data (5.2)
        result.pack()
    return result


def _color_space(non_color: bool, floats: bool) -> str:
    """The colour space of new images: that of the screen, or the linear one for floats, or none for data."""
    image = bpy.data.images.new("Color Space", 1, 1, float_buffer=floats, is_data=non_color)
    name = image.colorspace_settings.name
    bpy.data.images.remove(image)
    return name
