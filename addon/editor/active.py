# SPDX-License-Identifier: GPL-3.0-or-later
"""The node trees that the editor has open and shows, the last run there, and what operators on them share."""

from __future__ import annotations

import bpy

from ..session.current import session
from ..session.run import Run


def edited_tree(context: bpy.types.Context) -> bpy.types.NodeTree | None:
    """The background node tree that the editor shows, be it a group: its nodes are seen, added and changed."""
    space = background_editor(context)
    return None if space is None else space.edit_tree


def outer_tree(context: bpy.types.Context) -> bpy.types.NodeTree | None:
    """The background node tree that the editor has open, whichever group in it is shown: it is what runs."""
    space = background_editor(context)
    if space is None or space.edit_tree is None:
        return None
    return space.path[0].node_tree


def background_editor(context: bpy.types.Context) -> bpy.types.SpaceNodeEditor | None:
    """The node editor that is drawn or acted in, if it shows background node trees, be there one or not."""
    space = context.space_data
    is_ours = space is not None and space.type == "NODE_EDITOR" and space.tree_type == "BackgroundNodeTree"
    return space if is_ours else None


def active_run(context: bpy.types.Context) -> Run | None:
    """The last run of the tree that the editor has open."""
    tree = outer_tree(context)
    return None if tree is None else session.run_of(tree)


def select_only(tree: bpy.types.NodeTree, *nodes: bpy.types.Node) -> None:
    """Select the nodes and no other; the last one is active."""
    for other in tree.nodes:
        other.select = False
    for node in nodes:
        node.select = True
        tree.nodes.active = node


class TreeOperator:
    """Mixed into an operator on the tree that the editor shows."""

    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if edited_tree(context) is None:
            cls.poll_message_set("Open a background node tree in the editor first")
            return False
        return True


class EditableTreeOperator(TreeOperator):
    """Mixed into an operator that changes the tree that the editor shows."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if fault := fault_of(edited_tree(context)):
            cls.poll_message_set(fault)
            return False
        return True


def fault_of(tree: bpy.types.NodeTree) -> str:
    """Why a tree, or a group, can't be changed; "" if it can."""
    if not tree.is_editable:
        return "The node tree is linked from another file"
    if tree.override_library is not None:
        return "The node tree overrides one of another file: make it local to change it"
    return ""
