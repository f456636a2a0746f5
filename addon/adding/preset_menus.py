# SPDX-License-Identifier: GPL-3.0-or-later
"""The menu of presets, with a sub-menu for each catalog."""

from __future__ import annotations

import functools
from collections.abc import Callable, Container

import bpy
from bpy.app.translations import pgettext_iface as translated

from ...runtime.presets.preset import Kind, Preset
from . import preset_choices
from .preset_choices import Catalog

#: Each sub-menu needs a class, and none can be made while a menu is drawn: so many are made in advance.
_MAX_CATALOGS = 128

DrawPreset = Callable[[bpy.types.UILayout, Preset], None]


class PresetMenus:
    """Menus of presets of some kinds, whose entries all do the same with what is picked."""

    def __init__(self, name: str, draw_entry: DrawPreset, kinds: Container[Kind]) -> None:
        """`name` tells their identifiers from those of others."""
        self._prefix = f"BACKGROUND_NODES_MT_{name}_presets"
        self._draw_entry = draw_entry
        self._kinds = kinds
        self._catalogs = [
            self._menu(f"_{index}", "Catalog", "", functools.partial(self._draw_of_index, index))
            for index in range(_MAX_CATALOGS)
        ]
        self._presets = self._menu(
            "", "Presets", "Nodes, groups and node trees of this file and of asset libraries", self._draw_all
        )
        self.classes = (*self._catalogs, self._presets)

    def draw(self, layout: bpy.types.UILayout) -> None:
        layout.menu(self._presets.bl_idname)

    def _menu(
        self, name: str, label: str, description: str, draw: Callable[[bpy.types.UILayout], None]
    ) -> type[bpy.types.Menu]:
        def draw_menu(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
            draw(menu.layout)

        idname = f"{self._prefix}{name}"
        members = {"__doc__": description, "bl_idname": idname, "bl_label": label, "draw": draw_menu}
        return type(idname, (bpy.types.Menu,), members)

    def _draw_all(self, layout: bpy.types.UILayout) -> None:
        shown = preset_choices.shown()
        self._draw_catalog(shown.root, layout)
        for name in preset_choices.being_read():
            text = translated("Reading {library} …").format(library=name)
            layout.label(text=text, icon="TIME", translate=False)
        if not shown.presets and not preset_choices.being_read():
            layout.label(text="No library has presets yet", icon="INFO")

    def _draw_of_index(self, index: int, layout: bpy.types.UILayout) -> None:
        catalogs = preset_choices.shown().catalogs
        if index < len(catalogs):
            self._draw_catalog(catalogs[index], layout)

    def _draw_catalog(self, catalog: Catalog, layout: bpy.types.UILayout) -> None:
        catalogs = [inner for inner in catalog.catalogs.values() if self._holds_any(inner)]
        presets = [preset for preset in catalog.presets if preset.kind in self._kinds]
        for inner in catalogs:
            self._draw_inner(inner, layout)
        if catalogs and presets:
            layout.separator()
        for preset in presets:
            self._draw_entry(layout, preset)

    def _draw_inner(self, catalog: Catalog, layout: bpy.types.UILayout) -> None:
        if catalog.index < _MAX_CATALOGS:
            layout.menu(self._catalogs[catalog.index].bl_idname, text=catalog.name, translate=False)
        else:  # no more menus: its presets are listed here
            layout.label(text=catalog.name, translate=False)
            self._draw_catalog(catalog, layout)

    def _holds_any(self, catalog: Catalog) -> bool:
        return any(preset.kind in self._kinds for preset in catalog.presets) or any(
            map(self._holds_any, catalog.catalogs.values())
        )
