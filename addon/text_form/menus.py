# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the editor's menus have nodes and trees as text: after Blender's own Copy and Paste, and in the Node menu."""

from __future__ import annotations

import bpy

from ..editor.active import edited_tree
from .clipboard import BACKGROUND_NODES_OT_copy_as_text, BACKGROUND_NODES_OT_paste_from_text
from .tree_files import BACKGROUND_NODES_OT_tree_export, BACKGROUND_NODES_OT_tree_import


def _draw_context_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if edited_tree(context) is not None:
        menu.layout.separator()
        _draw_clipboard(menu.layout)


def _draw_node_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if not BACKGROUND_NODES_OT_tree_import.poll(context):
        return
    layout = menu.layout
    layout.separator()
    if edited_tree(context) is not None:
        _draw_clipboard(layout)
    layout.operator_context = "INVOKE_DEFAULT"
    layout.operator(BACKGROUND_NODES_OT_tree_import.bl_idname, text="Import Tree from Text...")
    layout.operator(BACKGROUND_NODES_OT_tree_export.bl_idname, text="Export Tree as Text...")


def _draw_clipboard(layout: bpy.types.UILayout) -> None:
    layout.operator_context = "INVOKE_DEFAULT"  # where the mouse is
    layout.operator(BACKGROUND_NODES_OT_copy_as_text.bl_idname, icon="COPYDOWN")
    layout.operator(BACKGROUND_NODES_OT_paste_from_text.bl_idname, icon="PASTEDOWN")


def register() -> None:
    bpy.types.NODE_MT_context_menu.append(_draw_context_menu)
    bpy.types.NODE_MT_node.append(_draw_node_menu)


def unregister() -> None:
    bpy.types.NODE_MT_node.remove(_draw_node_menu)
    bpy.types.NODE_MT_context_menu.remove(_draw_context_menu)
