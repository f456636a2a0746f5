# SPDX-License-Identifier: GPL-3.0-or-later
"""How view layers show an object, to be taken over by what takes its place: Blender 5 forgets it then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import bpy


@dataclass(frozen=True, slots=True)
class ObjectView:
    """How one view layer shows an object."""

    view_layer: bpy.types.ViewLayer
    is_selected: bool
    is_active: bool
    is_hidden: bool
    local_views: tuple[bpy.types.SpaceView3D, ...]

    @classmethod
    def all_of(cls, item: bpy.types.Object) -> list[ObjectView]:
        """In each view layer that has it."""
        layers = [layer for scene in bpy.data.scenes for layer in scene.view_layers]
        return [cls._of(item, layer) for layer in layers if layer.objects.get(item.name) == item]

    @classmethod
    def _of(cls, item: bpy.types.Object, view_layer: bpy.types.ViewLayer) -> ObjectView:
        return cls(
            view_layer,
            is_selected=item.select_get(view_layer=view_layer),
            is_active=view_layer.objects.active == item,
            is_hidden=item.hide_get(view_layer=view_layer),
            local_views=tuple(space for space in _local_views(view_layer) if item.local_view_get(space)),
        )

    def restore(self, item: bpy.types.Object) -> None:
        """Let the view layer show another object so; one that isn't in it stays as it is."""
        if self.view_layer.objects.get(item.name) != item:
            return
        item.select_set(self.is_selected, view_layer=self.view_layer)
        item.hide_set(self.is_hidden, view_layer=self.view_layer)
        if self.is_active:
            self.view_layer.objects.active = item
        for space in self.local_views:
            item.local_view_set(space, True)


def _local_views(view_layer: bpy.types.ViewLayer) -> Iterator[bpy.types.SpaceView3D]:
    """The viewports in Local View of the windows that show the view layer."""
    for window in bpy.context.window_manager.windows:
        if window.view_layer == view_layer:
            spaces = (area.spaces.active for area in window.screen.areas if area.type == "VIEW_3D")
            yield from (space for space in spaces if space.local_view is not None)
