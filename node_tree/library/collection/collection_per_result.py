# SPDX-License-Identifier: GPL-3.0-or-later
"""Put objects into collections: each into one of its own, or those of one name together, such as Rock_LOD0, Rock_LOD1.

An Output node then links the collections into the scene, and nodes that take collections work on each of them.
"""

import re
from typing import Literal

import bpy

from background_nodes.script import log

#: What follows the name that several have in common: _LOD1, .001, _high, -2.
ENDING = re.compile(r"(?:[._ -](?:LOD)?\d+|[._ -](?:high|low|hp|lp))+$", re.IGNORECASE)


def main(
    objects: list[bpy.types.Object],
    way: Literal["Each", "By Name", "By Parent", "By Material"] = "Each",
    name: str = "{name}",
    with_children: bool = True,
) -> list[bpy.types.Collection]:
    """Make collections of `objects`.

    Args:
        objects: What to put into collections.
        way: Each has one of its own. By Name puts those together whose names differ only in how they end: a number,
            LOD1, high, low. By Parent those below the same one, By Material those whose first material is the same.
        name: What the collections are called: {name} is the name of the object, or what is the same of several.
        with_children: What is parented to an object comes along, if it is none of Objects.

    Returns:
        The collections, in the order of the first object in each.
    """
    if not objects:
        raise ValueError("There is nothing to put into collections; link objects to Objects")
    if "{name}" not in name:
        raise ValueError(f"All collections would be called {name}; write {{name}} in it")
    members: dict[str, list[bpy.types.Object]] = {}
    for item in objects:
        members.setdefault(key(item, way), []).append(item)
    given = set(objects)
    collections = []
    for title, items in members.items():
        collection = bpy.data.collections.new(name.replace("{name}", title))
        for item in items:
            add(collection, item, given if with_children else None)
        collections.append(collection)
    log(f"{len(collections)} collections of {len(objects)} objects")
    return collections


def key(item: bpy.types.Object, way: str) -> str:
    """What those of one collection have in common."""
    if way == "By Name":
        return ENDING.sub("", item.name) or item.name
    if way == "By Parent":
        return item.parent.name if item.parent else item.name
    if way == "By Material":
        material = next((slot.material for slot in item.material_slots if slot.material), None)
        return material.name if material else "No Material"
    return item.name


def add(collection: bpy.types.Collection, item: bpy.types.Object, given: set[bpy.types.Object] | None) -> None:
    """Link an object with what is parented to it; `given` have their own places, None leaves all children out."""
    if item.name not in collection.objects:
        collection.objects.link(item)
    for child in item.children if given is not None else ():
        if child not in given:
            add(collection, child, given)
