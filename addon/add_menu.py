# SPDX-License-Identifier: GPL-3.0-or-later
"""The Add menu."""

from __future__ import annotations

import functools

import bpy

from ..node_tree import sources


class BACKGROUND_NODES_MT_add(bpy.types.Menu):
    """Nodes of a background node tree"""

    bl_idname = "BACKGROUND_NODES_MT_add"
    bl_label = "Background Nodes"

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        _add_node(layout, "BackgroundNodeInput", "Input")
        _add_node(layout, "BackgroundNodeOutput", "Output")
        _add_node(layout, "BackgroundNodeScript", "Script")
        layout.separator()
        for menu in _category_menus():
            layout.menu(menu.bl_idname)
        layout.separator()
        _add_node(layout, "NodeReroute", "Reroute")
        _add_node(layout, "NodeFrame", "Frame")


@functools.cache
def _category_menus() -> tuple[type[bpy.types.Menu], ...]:
    """A menu for each folder of the library."""
    return tuple(_category_menu(category, names) for category, names in sources.library_categories())


def _category_menu(category: str, names: list[str]) -> type[bpy.types.Menu]:
    def draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
        for name in names:
            title = sources.title(name.rpartition("/")[2])
            _add_node(menu.layout, "BackgroundNodeScript", title, library_script=name)

    idname = f"{BACKGROUND_NODES_MT_add.bl_idname}_{category}"
    return type(idname, (bpy.types.Menu,), {"bl_idname": idname, "bl_label": sources.title(category), "draw": draw})


def _add_node(layout: bpy.types.UILayout, idname: str, text: str, **settings: str) -> None:
    properties = layout.operator("node.add_node", text=text)
    properties.type = idname
    properties.use_transform = True
    for name, value in settings.items():
        setting = properties.settings.add()
        setting.name, setting.value = name, repr(value)


def _draw_add_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if context.space_data.tree_type == "BackgroundNodeTree":
        menu.layout.menu_contents(BACKGROUND_NODES_MT_add.bl_idname)


classes = (BACKGROUND_NODES_MT_add, *_category_menus())


def register() -> None:
    bpy.types.NODE_MT_add.append(_draw_add_menu)


def unregister() -> None:
    bpy.types.NODE_MT_add.remove(_draw_add_menu)
