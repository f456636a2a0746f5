# SPDX-License-Identifier: GPL-3.0-or-later
"""The node tree that the editor shows, the last run of this tree, and what operators on it share."""

from __future__ import annotations

import bpy

from ..session.current import session
from ..session.run import Run


def active_tree(context: bpy.types.Context) -> bpy.types.NodeTree | None:
    """The background node tree that the editor shows."""
    space = context.space_data
    if space is None or space.type != "NODE_EDITOR" or space.tree_type != "BackgroundNodeTree":
        return None
    return space.edit_tree


def active_run(context: bpy.types.Context) -> Run | None:
    """The last run of the tree that the editor shows."""
    tree = active_tree(context)
    return None if tree is None else session.run_of(tree)


class TreeOperator:
    """Mixed into an operator on the tree that the editor shows."""

    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if active_tree(context) is None:
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
        if not active_tree(context).is_editable:
            cls.poll_message_set("The node tree is linked from another file")
            return False
        return True
