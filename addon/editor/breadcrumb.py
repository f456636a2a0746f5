# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the group that an editor shows, in its header: a click on a part of it leads back there."""

from __future__ import annotations

import bpy

from .active import edited_tree


def _draw(header: bpy.types.Header, context: bpy.types.Context) -> None:
    if edited_tree(context) is None:
        return
    path = context.space_data.path
    if len(path) < 2:
        return
    row = header.layout.row(align=True)
    for place, part in enumerate(path):
        name = "" if part.node_tree is None else part.node_tree.name
        if place:
            row.label(text="", icon="RIGHTARROW_THIN")
        if place < len(path) - 1:
            leave = row.operator("background_nodes.group_leave", text=name, translate=False)
            leave.num_levels = len(path) - 1 - place
        else:
            row.label(text=name, icon=_lock(part.node_tree), translate=False)


def _lock(tree: bpy.types.NodeTree | None) -> str:
    """The icon of a group that can't be changed here."""
    if tree is not None and tree.library is not None:
        return "LINKED"
    return "LIBRARY_DATA_OVERRIDE" if tree is not None and tree.override_library is not None else "NONE"


def register() -> None:
    bpy.types.NODE_HT_header.append(_draw)


def unregister() -> None:
    bpy.types.NODE_HT_header.remove(_draw)
