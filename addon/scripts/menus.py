# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an artist finds what can be done with a script, beside its node: context menu, foot of the Text Editor."""

from __future__ import annotations

import bpy

from ...node_tree.script_node import BackgroundNodeScript
from ..editor import redraw
from ..editor.active import edited_tree
from . import texts


def _draw_context_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    tree = edited_tree(context)
    node = None if tree is None else tree.nodes.active
    if node is None or node.bl_idname != BackgroundNodeScript.bl_idname:
        return
    layout = menu.layout
    layout.separator()
    layout.operator("background_nodes.script_edit", icon="GREASEPENCIL")
    if node.filepath:
        layout.operator("background_nodes.script_edit_externally")
        layout.operator("background_nodes.script_reload", icon="FILE_REFRESH")
    if node.filepath or node.library_script:
        layout.operator("background_nodes.script_make_local")


def _draw_text_footer(footer: bpy.types.Header, context: bpy.types.Context) -> None:
    """Say that a text is there for reading only, and how to get one that is not."""
    text = context.space_data.text
    name = "" if text is None else texts.library_script(text)
    if not name:
        return
    row = footer.layout.row(align=True)
    row.label(text="Shipped script, for reading", icon="LOCKED")
    node = _active_node_with(name)
    if node is not None:
        row.operator("background_nodes.script_make_local").node_id = node.uid


def _active_node_with(library_script: str) -> BackgroundNodeScript | None:
    """The node that the artist is at, if it has a shipped script."""
    for area, _ in redraw.editors():
        tree = area.spaces.active.edit_tree
        node = None if tree is None else tree.nodes.active
        if node is not None and getattr(node, "library_script", "") == library_script:
            return node
    return None


def register() -> None:
    bpy.types.NODE_MT_context_menu.append(_draw_context_menu)
    bpy.types.TEXT_HT_footer.append(_draw_text_footer)


def unregister() -> None:
    bpy.types.TEXT_HT_footer.remove(_draw_text_footer)
    bpy.types.NODE_MT_context_menu.remove(_draw_context_menu)
