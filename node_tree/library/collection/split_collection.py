# SPDX-License-Identifier: GPL-3.0-or-later
"""List the objects of a collection, for nodes that work on each of them."""

from typing import Literal

import bpy

from background_nodes.script import log


def main(
    collection: bpy.types.Collection,
    recursive: bool = True,
    object_type: Literal["All", "Mesh", "Curve", "Surface", "Font", "Empty", "Armature", "Light", "Camera"] = "All",
    name_contains: str = "",
) -> list[bpy.types.Object]:
    """List the objects of `collection`.

    Args:
        collection: The collection to take apart.
        recursive: List the objects of the collections in it, too.
        object_type: List objects of this type only.
        name_contains: List only objects with this text in their names, in upper or lower case.

    Returns:
        The objects in the order of their names.
    """
    objects = collection.all_objects if recursive else collection.objects
    found = [
        item
        for item in objects
        if object_type in ("All", item.type.title()) and name_contains.lower() in item.name.lower()
    ]
    if not found:
        log(f"{collection.name} holds no object of that kind")
    return sorted(found, key=lambda item: item.name)
