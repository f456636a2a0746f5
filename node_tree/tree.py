# SPDX-License-Identifier: GPL-3.0-or-later
"""The node tree."""

from __future__ import annotations

import bpy

from . import changes, links
from .shown_tree import ShownTree

_shown_tree = ShownTree()


class BackgroundNodeTree(bpy.types.NodeTree):
    """A graph of scripts that background Blenders carry out."""

    bl_idname = "BackgroundNodeTree"
    bl_label = "Background Nodes"
    bl_icon = "SCRIPTPLUGINS"
    bl_use_group_interface = False

    auto_run: bpy.props.EnumProperty(
        name="Auto Run",
        description="When the tree runs by itself, once it was run by hand since the file was opened",
        items=(
            ("OFF", "Off", "Run only when Run is pressed", "RADIOBUT_OFF", 0),
            ("SAVE", "On Save", "Run whenever the file is saved", "FILE_TICK", 1),
        ),
        default="OFF",
    )

    @classmethod
    def get_from_context(
        cls, context: bpy.types.Context
    ) -> tuple[bpy.types.NodeTree | None, bpy.types.ID | None, bpy.types.ID | None]:
        """Blender asks this for each editor that is not pinned."""
        return _shown_tree.of(context.space_data), None, None

    @classmethod
    def valid_socket_type(cls, idname: str) -> bool:
        return idname.startswith("BackgroundNodeSocket")

    def update(self) -> None:
        """Blender calls this after each change of nodes and links, and computes `is_valid` anew after that."""
        changes.tell(self)
        # In background mode no timer fires and nothing is drawn.
        if not bpy.app.background and not bpy.app.timers.is_registered(_mark_all_links):
            bpy.app.timers.register(_mark_all_links, first_interval=0.0)


def _mark_all_links() -> None:
    for tree in bpy.data.node_groups:
        if tree.bl_idname == BackgroundNodeTree.bl_idname:
            links.mark(tree)


def unregister() -> None:
    if bpy.app.timers.is_registered(_mark_all_links):
        bpy.app.timers.unregister(_mark_all_links)


classes = (BackgroundNodeTree,)
