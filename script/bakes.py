# SPDX-License-Identifier: GPL-3.0-or-later
"""What bakes go to, and what they are made of."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from .telling import log

if TYPE_CHECKING:
    import bpy
    import numpy as np
    from mathutils import Matrix

    from ..runtime.blender.uv_triangles import UVTriangles


def uv_map_to_bake(source: bpy.types.Object, name: str = "") -> bpy.types.MeshUVLoopLayer:
    """The UV map of `source` of a name, or that which renders use.

    Raises:
        ValueError: if it is no mesh, has no such UV map, or no faces once its modifiers did their work.
    """
    from ..runtime.blender import baking

    return baking.uv_map_to_bake(source, name)


def uv_tiles(mesh: bpy.types.Mesh, layer: bpy.types.MeshUVLoopLayer, name: str, *, all_tiles: bool = True) -> list[int]:
    """The numbers of the UDIM tiles to bake, of the first alone if there are no others.

    What lies beside the tiles is logged, and so are faces that lie on others: they can't both have their own pixels.

    Args:
        mesh: a mesh.
        layer: its UV map.
        name: the name of the object, for the log.
        all_tiles: all that the UV map has faces in, rather than the first alone.

    Raises:
        ValueError: if there are very many.
    """
    from ..runtime.blender import baking

    found, beside = baking.uv_tiles(mesh, layer, all_tiles=all_tiles)
    if beside:
        log(f"{beside:.0%} of the UV map of {name} lie beside what is baked")
    shared = baking.shared_pixels(mesh, layer, found)
    if shared > 0.001:
        log(
            f"{shared:.1%} of what the UV map of {name} covers is shared by several faces: each pixel shows one of them"
        )
    return found


def uv_coverage(mesh: bpy.types.Mesh, layer: bpy.types.MeshUVLoopLayer, resolution: int) -> np.ndarray:
    """How many faces lie on the middle of each pixel of a texture: rows from the bottom up, columns, whole numbers.

    Args:
        mesh: a mesh.
        layer: its UV map. What lies in another UDIM tile than the first does not count: see `tile_in_front`.
        resolution: width and height of the picture.
    """
    from ..runtime.blender import uv_coverage

    return uv_coverage.uv_coverage(mesh, layer, resolution)


def uv_triangles(mesh: bpy.types.Mesh, layer: bpy.types.MeshUVLoopLayer, place: Matrix | None = None) -> UVTriangles:
    """The triangles that the faces of a mesh divide into, in space and in a UV map.

    Args:
        mesh: a mesh.
        layer: its UV map.
        place: how the mesh is turned and scaled; its location, which makes no difference to areas, is left out. Without
            it, points and areas are in its own space.

    Returns:
        an object with `points` (triangles, three corners, three axes), `uv` (triangles, three corners, two axes) and
        `faces` (the index of the face of each); `areas` and `uv_areas` are the area of each, that in the UV map
        negative where it is mirrored.
    """
    from ..runtime.blender import uv_triangles

    return uv_triangles.uv_triangles(mesh, layer, place)


def tile_in_front(layer: bpy.types.MeshUVLoopLayer, number: int) -> AbstractContextManager[None]:
    """Within a `with` block, a tile of a UV map is where Blender bakes: at the first one."""
    from ..runtime.blender import baking

    return baking.tile_in_front(layer, number)


def taking_part(*objects: bpy.types.Object, active: bpy.types.Object) -> AbstractContextManager[None]:
    """Within a `with` block, objects are shown and selected, no others are, and Cycles bakes, on the processor.

    Blender bakes nothing that is in no scene, or disabled in viewports or renders.
    """
    from ..runtime.blender import baking

    return baking.taking_part(*objects, active=active)


def high_to_low(
    source: bpy.types.Object,
    high: bpy.types.Object | None,
    cage: bpy.types.Object | None = None,
    *,
    cage_extrusion: float = 0.0,
    uv_map: str = "",
) -> AbstractContextManager[tuple[bpy.types.Object, dict[str, Any]]]:
    """Within a `with` block there is the mesh that is baked from, and what `bpy.ops.object.bake` has to be told of it.

    Args:
        source: the object to bake to.
        high: the object to bake from, whatever has a surface; None for `source` itself.
        cage: a copy of `source` whose points were moved outwards: rays start from it. Parts of it that lie inside of
            `source` are logged.
        cage_extrusion: how far outside of `source` rays start without one, in the scene's units; 0 for 2 % of its size.
        uv_map: the UV map that is baked to. Tangents go by it within the block.

    Raises:
        ValueError: if there is nothing to bake from, or the cage has other faces than `source`.
    """
    from ..runtime.blender import baking

    @contextlib.contextmanager
    def told() -> Iterator[tuple[bpy.types.Object, dict[str, Any]]]:
        with baking.high_to_low(source, high, cage, cage_extrusion, uv_map) as (shown, options, inside):
            if cage and inside:
                log(f"{inside:.0%} of the points of {cage.name} lie inside of {source.name}: what is outside is missed")
            yield shown, options

    return told()


def bake_target(
    source: bpy.types.Object, image: bpy.types.Image, uv_map: str = ""
) -> dict[bpy.types.Material, bpy.types.Node]:
    """Give `source` copies of its materials, each with an active image node to bake to: material -> node.

    They are copied as others that use the materials shall not get this object's image. With a UV map named, the image
    goes by that; otherwise by that which renders use.
    """
    from ..runtime.blender import baking

    return baking.bake_target(source, image, uv_map)


def image_node(tree: bpy.types.NodeTree, image: bpy.types.Image, uv_map: str = "") -> bpy.types.Node:
    """A new image node in a material's tree, which goes by a UV map if one is named."""
    from ..runtime.blender import baking

    return baking.image_node(tree, image, uv_map)


def baked_image(
    tiles: Mapping[int, np.ndarray],
    name: str,
    *,
    replaces: bpy.types.Image,
    non_color: bool = False,
    floats: bool = False,
) -> bpy.types.Image:
    """An image, packed, with pixels for each tile; without tiles if there is the first one only.

    Args:
        tiles: by their numbers, rows from the bottom up, columns, RGBA.
        name: its name.
        replaces: the image that was baked to, which goes: what uses it uses the new one.
        non_color: they are data, no colours.
        floats: keep floats of 32 bits rather than 8 bits a channel.
    """
    from ..runtime.blender import baking

    return baking.baked_image(tiles, name, non_color=non_color, floats=floats, replaces=replaces)
