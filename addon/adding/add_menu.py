# SPDX-License-Identifier: GPL-3.0-or-later
"""The Add menu."""

from __future__ import annotations

import bpy

from ...node_tree.group_node import GROUP_INPUT, GROUP_OUTPUT
from ..editor.active import edited_tree
from . import node_add, node_choices, preset_use, selection
from .choice_menus import ChoiceMenus
from .node_choices import NodeChoice


def _draw_selection(layout: bpy.types.UILayout) -> None:
    layout.menu(selection.BACKGROUND_NODES_MT_input_from_selection.bl_idname)


_menus = ChoiceMenus("add", node_add.draw, _draw_selection, preset_use.draw)


class BACKGROUND_NODES_MT_add(bpy.types.Menu):
    """Nodes of a background node tree"""

    bl_idname = "BACKGROUND_NODES_MT_add"
    bl_label = "Background Nodes"

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        _menus.draw_inputs(layout)
        node_add.draw(layout, NodeChoice("node", "BackgroundNodeOutput"))
        _menus.draw_lists(layout)
        layout.separator()
        layout.operator("background_nodes.script_new")
        layout.operator("background_nodes.script_new", text="New Script Without main").is_without_main = True
        _menus.draw_texts(layout)
        node_add.draw(layout, NodeChoice("node", "BackgroundNodeScript"))
        layout.separator()
        _menus.draw_scripts(layout)
        layout.separator()
        _menus.draw_presets(layout)
        layout.menu(BACKGROUND_NODES_MT_add_group.bl_idname)
        layout.menu(BACKGROUND_NODES_MT_add_layout.bl_idname)


class BACKGROUND_NODES_MT_add_group(bpy.types.Menu):
    """Node trees of this file as groups, and what a group needs"""

    bl_idname = "BACKGROUND_NODES_MT_add_group"
    bl_label = "Group"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator("background_nodes.group_add").use_transform = True
        layout.operator("background_nodes.group_make")
        layout.separator()
        for idname in (GROUP_INPUT, GROUP_OUTPUT):
            node_add.draw(layout, NodeChoice("node", idname))
        choices = node_choices.groups(edited_tree(context)) if edited_tree(context) is not None else ()
        if choices:
            layout.separator()
        for choice in choices:
            node_add.draw(layout, choice)


class BACKGROUND_NODES_MT_add_layout(bpy.types.Menu):
    """Nodes that keep a graph tidy"""

    bl_idname = "BACKGROUND_NODES_MT_add_layout"
    bl_label = "Layout"

    def draw(self, _context: bpy.types.Context) -> None:
        for idname in ("NodeFrame", "NodeReroute"):
            node_add.draw(self.layout, NodeChoice("node", idname))


def _draw_add_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if context.space_data.tree_type == "BackgroundNodeTree":
        menu.layout.menu_contents(BACKGROUND_NODES_MT_add.bl_idname)


classes = (*_menus.classes, BACKGROUND_NODES_MT_add, BACKGROUND_NODES_MT_add_group, BACKGROUND_NODES_MT_add_layout)


def register() -> None:
    bpy.types.NODE_MT_add.append(_draw_add_menu)


def unregister() -> None:
    bpy.types.NODE_MT_add.remove(_draw_add_menu)
