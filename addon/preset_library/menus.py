# SPDX-License-Identifier: GPL-3.0-or-later
"""Where menus have presets beside the Add menu: what can be done with the nodes that are selected."""

from __future__ import annotations

import bpy

from ..adding import preset_use
from ..editor.active import edited_tree
from .save_dialog import BACKGROUND_NODES_OT_preset_save


def _draw_node_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if edited_tree(context) is not None:
        menu.layout.separator()
        _draw_save(menu.layout)


def _draw_context_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    tree = edited_tree(context)
    if tree is None:
        return
    layout = menu.layout
    layout.separator()
    active = tree.nodes.active
    if active is not None and active.select and hasattr(active, "uid"):
        layout.menu(preset_use.BACKGROUND_NODES_MT_values.bl_idname)
    _draw_save(layout)


def _draw_save(layout: bpy.types.UILayout) -> None:
    layout.operator_context = "INVOKE_DEFAULT"
    layout.operator(BACKGROUND_NODES_OT_preset_save.bl_idname, text="Save as Preset...")


def register() -> None:
    bpy.types.NODE_MT_node.append(_draw_node_menu)
    bpy.types.NODE_MT_context_menu.append(_draw_context_menu)


def unregister() -> None:
    bpy.types.NODE_MT_context_menu.remove(_draw_context_menu)
    bpy.types.NODE_MT_node.remove(_draw_node_menu)
