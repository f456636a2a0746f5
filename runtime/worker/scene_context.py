# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a worker's scene while a script runs: its inputs and, out of sight, the objects that these hang on.

A parent, an armature, a cutter or the target of a constraint is evaluated wherever it is. But exporters walk the scene:
the one for glTF leaves out an object whose parent is in none. So they are in the scene, in a collection that its view
layers exclude: nothing in it is selected, rendered or exported beside. It is gone before results are written.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator

import bpy

from ..blender.dependencies import used_by
from .inputs import Inputs

#: Exporters go by the view layer, but for Blender's glTF exporter, which leaves out what is in a collection of this
#: name (its importer makes one itself).
_CONTEXT_NAME = "glTF_not_exported"


@contextlib.contextmanager
def inputs_in_scene(inputs: Inputs, place_name: str = "") -> Iterator[None]:
    """Within the block, the objects and collections among the inputs are in the scene, with what they hang on.

    Args:
        inputs: what the task is given. It stays in the scene afterwards.
        place_name: name of a new collection for it, "" for the scene's own.
    """
    objects, collections = _of_type(inputs.values(), bpy.types.Object), _of_type(inputs.values(), bpy.types.Collection)
    if not objects and not collections:
        yield
        return
    scene = bpy.context.scene
    _link(objects, collections, _place(scene, place_name), scene)
    shown = {*objects, *(item for collection in collections for item in collection.all_objects)}
    context = _Context(scene, _hung_on(shown, inputs.newcomers()) - set(scene.collection.all_objects))
    try:
        yield
    finally:
        context.close()


def _of_type(data_blocks: Iterable[bpy.types.ID], cls: type[bpy.types.ID]) -> list[bpy.types.ID]:
    return list(dict.fromkeys(item for item in data_blocks if isinstance(item, cls)))


def _place(scene: bpy.types.Scene, name: str) -> bpy.types.Collection:
    if not name:
        return scene.collection
    place = bpy.data.collections.new(name)
    scene.collection.children.link(place)
    return place


def _link(
    objects: list[bpy.types.ID], collections: list[bpy.types.ID], place: bpy.types.Collection, scene: bpy.types.Scene
) -> None:
    root = scene.collection
    for collection in collections:
        if collection not in root.children_recursive:
            place.children.link(collection)
    there = set(root.all_objects)  # once: after each link Blender makes this list anew
    for item in objects:
        if item not in there:
            place.objects.link(item)


def _hung_on(shown: Collection[bpy.types.ID], newcomers: Iterable[bpy.types.ID]) -> set[bpy.types.ID]:
    """The objects that these use, but for those that they instance with a collection: that is where they belong."""
    among = {item for item in newcomers if not isinstance(item, bpy.types.Collection | bpy.types.Scene)}
    if not any(isinstance(item, bpy.types.Object) and item not in shown for item in among):
        return set()
    found = {item for item in used_by(shown, among) if isinstance(item, bpy.types.Object)}
    # What an override is made of has its name, and by that the exporter would leave out the override, too.
    return found - {item.override_library.reference for item in found.union(shown) if item.override_library}


class _Context:
    """Objects in a collection of the scene that is excluded from its view layers."""

    def __init__(self, scene: bpy.types.Scene, objects: set[bpy.types.ID]) -> None:
        self._collection_uid = self._scene_uid = 0
        self._linked: set[int] = set()
        self._is_own = False
        if not objects:
            return
        collection = self._collection(scene)
        self._collection_uid, self._scene_uid = collection.session_uid, scene.session_uid
        scene.collection.children.link(collection)
        for item in sorted(objects - set(collection.objects), key=lambda item: item.name_full):
            collection.objects.link(item)
            self._linked.add(item.session_uid)
        for view_layer in scene.view_layers:
            view_layer.layer_collection.children[collection.name].exclude = True

    def _collection(self, scene: bpy.types.Scene) -> bpy.types.Collection:
        found = bpy.data.collections.get((_CONTEXT_NAME, None))  # it came along with the custom shapes of a rig
        if found is None or found.override_library is not None or found in scene.collection.children_recursive:
            self._is_own = True
            return bpy.data.collections.new(_CONTEXT_NAME)
        return found

    def close(self) -> None:
        """Leave all as it was, whatever of it the script has left: it may have opened another file."""
        collection = _by_uid(bpy.data.collections, self._collection_uid)
        if collection is None:
            return
        if self._is_own:
            bpy.data.collections.remove(collection)
            return
        for item in [item for item in collection.objects if item.session_uid in self._linked]:
            collection.objects.unlink(item)
        scene = _by_uid(bpy.data.scenes, self._scene_uid)
        if scene is not None and collection.name in scene.collection.children:
            scene.collection.children.unlink(collection)


def _by_uid(collection: Iterable[bpy.types.ID], uid: int) -> bpy.types.ID | None:
    return next((item for item in collection if item.session_uid == uid), None)
