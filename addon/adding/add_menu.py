# SPDX-License-Identifier: GPL-3.0-or-later
"""The Add menu."""

from __future__ import annotations

import functools
import re

import bpy

from . import node_add, node_choices, selection
from .node_choices import NodeChoice

#: Types of data that are often an input; the others are in a menu of their own.
_COMMON_INPUTS = (
    ("Object", "Collection", "Mesh", "Material", "Image", "World", "Scene", "Text"),
    ("FLOAT", "INT", "BOOLEAN", "STRING", "VECTOR", "COLOR", "PATH", "BLEND_FILE"),
)
#: Each sub-menu needs a class, and none can be made while a menu is drawn: so many are made in advance.
_MAX_FOLDER_MENUS = 48


class BACKGROUND_NODES_MT_add(bpy.types.Menu):
    """Nodes of a background node tree"""

    bl_idname = "BACKGROUND_NODES_MT_add"
    bl_label = "Background Nodes"

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.menu(BACKGROUND_NODES_MT_add_input.bl_idname)
        node_add.draw(layout, NodeChoice("node", "BackgroundNodeOutput"))
        layout.separator()
        layout.operator("background_nodes.script_new")
        layout.operator("background_nodes.script_new", text="New Script Without main").is_without_main = True
        layout.menu(BACKGROUND_NODES_MT_add_text.bl_idname)
        node_add.draw(layout, NodeChoice("node", "BackgroundNodeScript"))
        layout.separator()
        for menu in _category_menus():
            layout.menu(menu.bl_idname)
        _draw_folder_menus(layout)
        layout.separator()
        layout.menu(BACKGROUND_NODES_MT_add_layout.bl_idname)


class BACKGROUND_NODES_MT_add_input(bpy.types.Menu):
    """Nodes that give a value or a data-block of this file"""

    bl_idname = "BACKGROUND_NODES_MT_add_input"
    bl_label = "Input"

    def draw(self, _context: bpy.types.Context) -> None:
        self.layout.menu(selection.BACKGROUND_NODES_MT_input_from_selection.bl_idname)
        self.layout.separator()
        for group in _COMMON_INPUTS:
            for kind in group:
                node_add.draw(self.layout, NodeChoice("input", kind))
            self.layout.separator()
        self.layout.menu(BACKGROUND_NODES_MT_add_more_inputs.bl_idname)


class BACKGROUND_NODES_MT_add_more_inputs(bpy.types.Menu):
    """Nodes that give a value or a data-block of a rarer type"""

    bl_idname = "BACKGROUND_NODES_MT_add_more_inputs"
    bl_label = "More"

    def draw(self, _context: bpy.types.Context) -> None:
        common = {kind for group in _COMMON_INPUTS for kind in group}
        rare = (choice for choice in node_choices.inputs() if choice.name not in common)
        for choice in sorted(rare, key=lambda choice: choice.title):
            node_add.draw(self.layout, choice)


class BACKGROUND_NODES_MT_add_text(bpy.types.Menu):
    """Nodes of the texts in this file that are scripts"""

    bl_idname = "BACKGROUND_NODES_MT_add_text"
    bl_label = "Script from Text"

    def draw(self, _context: bpy.types.Context) -> None:
        choices = node_choices.texts()
        for choice in choices:
            node_add.draw(self.layout, choice)
        if not choices:
            self.layout.label(text="No text in this file is a script")


class BACKGROUND_NODES_MT_add_layout(bpy.types.Menu):
    """Nodes that keep a graph tidy"""

    bl_idname = "BACKGROUND_NODES_MT_add_layout"
    bl_label = "Layout"

    def draw(self, _context: bpy.types.Context) -> None:
        for idname in ("NodeFrame", "NodeReroute"):
            node_add.draw(self.layout, NodeChoice("node", idname))


# The shipped library


@functools.cache
def _category_menus() -> tuple[type[bpy.types.Menu], ...]:
    """A menu for each folder of the library."""
    return tuple(_category_menu(category, choices) for category, choices in node_choices.library())


def _category_menu(category: str, choices: list[NodeChoice]) -> type[bpy.types.Menu]:
    def draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
        for choice in choices:
            node_add.draw(menu.layout, choice)

    idname = "BACKGROUND_NODES_MT_add_" + re.sub(r"\W+", "_", category.lower())
    return type(idname, (bpy.types.Menu,), {"bl_idname": idname, "bl_label": category, "draw": draw})


# The artist's own folders


def _draw_folder_menus(layout: bpy.types.UILayout) -> None:
    categories = list(node_choices.folder_categories())
    if categories:
        layout.separator()
    for category, menu in zip(categories, _folder_menus(), strict=False):
        layout.menu(menu.bl_idname, text=category, translate=False)


@functools.cache
def _folder_menus() -> tuple[type[bpy.types.Menu], ...]:
    return tuple(_folder_menu(index) for index in range(_MAX_FOLDER_MENUS))


def _folder_menu(index: int) -> type[bpy.types.Menu]:
    """The menu of the category of this index."""

    def draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
        categories = list(node_choices.folder_categories().values())
        for script in categories[index] if index < len(categories) else ():
            icon = "ERROR" if script.error else "NONE"
            node_add.draw(menu.layout, NodeChoice("file", script.path), icon=icon)

    idname = f"BACKGROUND_NODES_MT_add_folder_{index}"
    return type(idname, (bpy.types.Menu,), {"bl_idname": idname, "bl_label": "Scripts", "draw": draw})


def _draw_add_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if context.space_data.tree_type == "BackgroundNodeTree":
        menu.layout.menu_contents(BACKGROUND_NODES_MT_add.bl_idname)


classes = (
    BACKGROUND_NODES_MT_add,
    BACKGROUND_NODES_MT_add_input,
    BACKGROUND_NODES_MT_add_more_inputs,
    BACKGROUND_NODES_MT_add_text,
    BACKGROUND_NODES_MT_add_layout,
    *_category_menus(),
    *_folder_menus(),
)


def register() -> None:
    bpy.types.NODE_MT_add.append(_draw_add_menu)


def unregister() -> None:
    bpy.types.NODE_MT_add.remove(_draw_add_menu)
