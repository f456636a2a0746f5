# SPDX-License-Identifier: GPL-3.0-or-later
"""List the images that objects, materials, worlds, collections or scenes use, with a report on them."""

from pathlib import Path
from typing import Any, NamedTuple

import bpy

from background_nodes.script import log


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        images: Each image once, in the order of their names.
        report: A row for each as JSON, for Write CSV: name, width, height, tiles, bits, data, megabytes, packed, file.
        data: What was looked at. Swap Images wants it with the images.
    """

    images: list[bpy.types.Image]
    report: list[Any]
    data: list[bpy.types.ID]


def main(data: list[bpy.types.ID]) -> Output:
    """List the textures of `data`.

    Args:
        data: Objects, materials, worlds, collections or scenes. A scene has the textures of its world, too.
    """
    if not data:
        raise ValueError("There is nothing to look at; link objects, materials, collections or scenes to Data")
    found = {image for item in data for image in images_of(trees_of(item))}
    images = sorted(found, key=lambda image: image.name)
    if not images:
        log("There is no texture")
    return Output(images, [row(image) for image in images], data)


def trees_of(item: bpy.types.ID) -> list[bpy.types.NodeTree | None]:
    """The node trees of its materials, and of worlds."""
    if isinstance(item, bpy.types.Material | bpy.types.World):
        return [item.node_tree]
    if isinstance(item, bpy.types.Object):
        return [slot.material.node_tree for slot in item.material_slots if slot.material]
    if isinstance(item, bpy.types.Collection):
        return [tree for each in item.all_objects for tree in trees_of(each)]
    if isinstance(item, bpy.types.Scene):
        return [*trees_of(item.collection), *(trees_of(item.world) if item.world else ())]
    kinds = "objects, materials, worlds, collections or scenes"
    raise ValueError(f"{item.name} ({type(item).__name__}) has no textures; link {kinds}")


def images_of(trees: list[bpy.types.NodeTree | None]) -> list[bpy.types.Image]:
    """The images in node trees and in the groups of these."""
    waiting, seen, images = list(trees), set(), []
    while waiting:
        tree = waiting.pop(0)
        if tree is None or tree in seen:
            continue
        seen.add(tree)
        for node in tree.nodes:
            if node.type == "GROUP":
                waiting.append(node.node_tree)
            elif node.type in ("TEX_IMAGE", "TEX_ENVIRONMENT") and node.image:
                images.append(node.image)
    return images


def row(image: bpy.types.Image) -> dict[str, Any]:
    width, height = image.size
    tiles = len(image.tiles) if image.source == "TILED" else 1
    bits = 32 if image.is_float else 8
    return {
        "name": image.name,
        "width": width,
        "height": height,
        "tiles": tiles,
        "bits": bits,
        "data": image.colorspace_settings.is_data,
        "megabytes": round(width * height * tiles * bits / 8 * 4 / 1024**2, 2),
        "packed": bool(image.packed_file or image.packed_files),
        "file": Path(image.filepath).name,
    }
