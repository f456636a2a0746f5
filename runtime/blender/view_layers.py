# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps how view layers show objects and collections while these are replaced, because Blender 5 forgets it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import bpy

_COLLECTION_SETTINGS: Final = ("exclude", "hide_viewport", "holdout", "indirect_only")

#: The names of a layer collection and those it is in, from the outermost.
_Path = tuple[str, ...]


def sync() -> None:
    """Let view layers know which collections and objects they show now."""
    for scene in bpy.data.scenes:
        for layer in scene.view_layers:
            layer.active_layer_collection  # noqa: B018 (Blender brings them up to date to give this)


def update() -> None:
    """Let Blender compute what windows show, and tell now what was changed."""
    for window in bpy.context.window_manager.windows:
        window.view_layer.update()


@contextlib.contextmanager
def kept(replaced: Mapping[bpy.types.ID, bpy.types.ID], others: Iterable[bpy.types.ID]) -> Iterator[None]:
    """After the block, what has taken the place of something is selected, active and hidden as that was.

    Args:
        replaced: what is replaced within the block, each with what gets its name.
        others: what is removed beside.
    """
    going = [*replaced, *others]
    if any(isinstance(item, bpy.types.Collection | bpy.types.Scene) for item in going):
        heirs = None  # all that they show may be shown otherwise
    else:
        heirs = {old: new for old, new in replaced.items() if isinstance(old, bpy.types.Object)}
        if not any(isinstance(item, bpy.types.Object) for item in going):
            yield
            return
    layers = [layer for scene in bpy.data.scenes for layer in scene.view_layers]
    views = [_View.of(layer, layer.objects if heirs is None else heirs) for layer in layers]
    named = None if heirs is None else {old.name_full: new for old, new in heirs.items()}
    yield
    for view in views:
        view.restore(named)


@dataclass(frozen=True, slots=True)
class _View:
    """A view layer by name: what it shows, by name."""

    scene: str
    name: str
    active: str
    active_collection: _Path
    collections: dict[_Path, tuple[bool, ...]]
    objects: dict[str, tuple[bool, bool]]  # selected, hidden
    local_views: tuple[tuple[bpy.types.SpaceView3D, frozenset[str]], ...]

    @classmethod
    def of(cls, layer: bpy.types.ViewLayer, objects: Iterable[bpy.types.Object]) -> _View:
        active = layer.objects.active
        active_collection = layer.active_layer_collection
        collections = dict(_walk(layer.layer_collection))
        return cls(
            layer.id_data.name_full,
            layer.name,
            "" if active is None else active.name_full,
            next((path for path, item in collections.items() if item == active_collection), ()),
            {path: _settings(item) for path, item in collections.items()},
            {item.name_full: _state(item, layer) for item in objects},
            tuple(
                (space, frozenset(item.name_full for item in objects if item.local_view_get(space)))
                for space in _local_views(layer)
            ),
        )

    def restore(self, heirs: Mapping[str, bpy.types.Object] | None) -> None:
        """Show what has got the names of objects as these were; without `heirs`, the layer tells which that is."""
        scene = next((scene for scene in bpy.data.scenes if scene.name_full == self.scene), None)
        layer = None if scene is None else scene.view_layers.get(self.name)
        if layer is None:
            return
        for path, settings in self.collections.items():
            self._restore_collection(layer, path, settings)
        objects = {item.name_full: item for item in layer.objects} if heirs is None else heirs
        for name, (is_selected, is_hidden) in self.objects.items():
            item = objects.get(name)
            if item is not None and _state(item, layer) != (is_selected, is_hidden):
                with contextlib.suppress(RuntimeError):  # it is not in this one
                    item.select_set(is_selected, view_layer=layer)
                    item.hide_set(is_hidden, view_layer=layer)
        if self.active in objects:
            layer.objects.active = objects[self.active]
        for space, names in self.local_views:
            for name in names & objects.keys():
                objects[name].local_view_set(space, True)

    def _restore_collection(self, layer: bpy.types.ViewLayer, path: _Path, settings: tuple[bool, ...]) -> None:
        """Looks the collection up for each setting, because each may make Blender rebuild all layer collections."""
        found = _find(layer, path)
        if found is None:
            return
        if _settings(found) != settings:
            for name, value in zip(_COLLECTION_SETTINGS, settings, strict=True):
                setattr(_find(layer, path), name, value)
        if path == self.active_collection and layer.active_layer_collection != found:
            layer.active_layer_collection = _find(layer, path)


def _walk(collection: bpy.types.LayerCollection, path: _Path = ()) -> Iterator[tuple[_Path, bpy.types.LayerCollection]]:
    """Each layer collection with its path; the scene's own is first, at ()."""
    yield path, collection
    for child in collection.children:
        yield from _walk(child, (*path, child.name))


def _find(layer: bpy.types.ViewLayer, path: _Path) -> bpy.types.LayerCollection | None:
    found = layer.layer_collection
    for name in path:
        found = None if found is None else found.children.get(name)
    return found


def _settings(collection: bpy.types.LayerCollection) -> tuple[bool, ...]:
    return tuple(getattr(collection, name) for name in _COLLECTION_SETTINGS)


def _state(item: bpy.types.Object, layer: bpy.types.ViewLayer) -> tuple[bool, bool]:
    return item.select_get(view_layer=layer), item.hide_get(view_layer=layer)


def _local_views(layer: bpy.types.ViewLayer) -> Iterator[bpy.types.SpaceView3D]:
    """The viewports in Local View of the windows that show the view layer."""
    for window in bpy.context.window_manager.windows:
        if window.view_layer == layer:
            spaces = (area.spaces.active for area in window.screen.areas if area.type == "VIEW_3D")
            yield from (space for space in spaces if space.local_view is not None)
