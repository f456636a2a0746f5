# SPDX-License-Identifier: GPL-3.0-or-later
"""The node tree, and which of its links can carry what they are meant to."""

from __future__ import annotations

import bpy

from ..runtime.types import conversion
from . import changes
from .shown_tree import ShownTree

_REROUTE = "NodeReroute"

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
        # In background mode no timer fires and nobody looks.
        if not bpy.app.background and not bpy.app.timers.is_registered(_mark_all_links):
            bpy.app.timers.register(_mark_all_links, first_interval=0.0)


def _mark_all_links() -> None:
    for tree in bpy.data.node_groups:
        if tree.bl_idname == BackgroundNodeTree.bl_idname:
            mark_links(tree)


def mark_links(tree: bpy.types.NodeTree) -> None:
    """Let Blender draw the links red that can't carry what they should."""
    for link in tree.links:
        if is_refused(link):
            link.is_valid = False


def is_refused(link: bpy.types.NodeLink) -> bool:
    """Whether there is no conversion between the ends of a link. Blender's own `is_valid` knows no type of ours.

    Nothing comes from an output that was put aside (see `base.sync_sockets`) either.
    """
    source, target = source_socket(link), link.to_socket
    if source is not None and not source.enabled:
        return True
    if not (hasattr(source, "socket_type") and hasattr(target, "socket_type")):
        return False
    return conversion(source.socket_type, target.socket_type) is None


def source_socket(link: bpy.types.NodeLink) -> bpy.types.NodeSocket | None:
    """The socket that a link's value comes from, through any number of reroutes; None if nothing feeds them."""
    seen = set()
    while link.from_node.bl_idname == _REROUTE:
        if link.from_node.name in seen or not link.from_node.inputs[0].links:
            return None
        seen.add(link.from_node.name)
        link = link.from_node.inputs[0].links[0]
    return link.from_socket


def unregister() -> None:
    if bpy.app.timers.is_registered(_mark_all_links):
        bpy.app.timers.unregister(_mark_all_links)


classes = (BackgroundNodeTree,)
