# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Output nodes put results: into which collection, how far from their originals, and what is hidden for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import bpy
from mathutils import Vector

from . import noted_results
from .noted_results import PLACE, Noted


def collection_of(place: bpy.types.Collection | bpy.types.Scene) -> bpy.types.Collection:
    return place.collection if isinstance(place, bpy.types.Scene) else place


def change_place(node: bpy.types.Node, place: bpy.types.ID) -> bpy.types.ID | None:
    """Note where an Output node's results are linked now. Returns where they were before, None if nowhere."""
    before = noted_results.found(node, PLACE)
    if before != [place]:
        noted_results.put(node, PLACE, [Noted(place)])
    return before[0] if before else None


def unlink(data_blocks: Iterable[bpy.types.ID], collection: bpy.types.Collection) -> None:
    for item in data_blocks:
        links = collection.children if isinstance(item, bpy.types.Collection) else collection.objects
        if item in links.values():
            links.unlink(item)


def homeless_objects() -> set[bpy.types.Object]:
    """The objects that are in no collection."""
    collections = [*bpy.data.collections, *(scene.collection for scene in bpy.data.scenes)]
    return set(bpy.data.objects).difference(*(collection.objects for collection in collections))


def link(data_blocks: list[bpy.types.ID], collection: bpy.types.Collection, homeless: set[bpy.types.Object]) -> None:
    """Link objects and collections to a collection. Those of `homeless` objects that now have a place leave it."""
    there = {*collection.objects, *collection.children}
    new = []
    for data_block in data_blocks:
        if data_block in there:
            continue
        if isinstance(data_block, bpy.types.Object):
            collection.objects.link(data_block)
            new.append(data_block)
        elif isinstance(data_block, bpy.types.Collection):
            collection.children.link(data_block)
            new += data_block.all_objects
        there.add(data_block)
    _deselect(homeless.intersection(new))
    homeless.difference_update(new)


def _deselect(objects: Iterable[bpy.types.Object]) -> None:
    """Leave the artist's selection as it is: what was made of a selected object comes home selected."""
    for layer in (layer for scene in bpy.data.scenes for layer in scene.view_layers):
        for item in objects:
            item.select_set(False, view_layer=layer)  # does nothing in a layer that it is not in


def move_apart(result: bpy.types.ID, offset: Vector, has_come: Callable[[bpy.types.ID], bool]) -> None:
    """Move a result, as far as it `has_come` home now. Children go with their parents."""
    items = result.all_objects if isinstance(result, bpy.types.Collection) else [result]
    for item in items:
        if isinstance(item, bpy.types.Object) and has_come(item) and not (item.parent and has_come(item.parent)):
            item.location += offset


def hide(objects: Iterable[bpy.types.ID], scene: bpy.types.Scene) -> None:
    """Hide objects in viewports, not in renders: the next run would make results of them that are hidden, too."""
    for layer in scene.view_layers:
        for item in objects:
            if isinstance(item, bpy.types.Object) and layer.objects.get(item.name) == item:
                item.hide_set(True, view_layer=layer)
