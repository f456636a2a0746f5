# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators on the items of a list socket."""

from __future__ import annotations

from typing import Any

import bpy

from ...node_tree import changes
from ..editor.active import TreeOperator, edited_tree


class _ListOperator(TreeOperator, bpy.types.Operator):
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    node_name: bpy.props.StringProperty(options={"SKIP_SAVE"})
    identifier: bpy.props.StringProperty(options={"SKIP_SAVE"})
    is_output: bpy.props.BoolProperty(options={"SKIP_SAVE"})

    def socket(self, context: bpy.types.Context) -> Any:
        if not self.node_name:  # of the interface
            items = edited_tree(context).interface.items_tree
            return next(item for item in items if getattr(item, "identifier", "") == self.identifier)
        node = edited_tree(context).nodes[self.node_name]
        sockets = node.outputs if self.is_output else node.inputs
        return next(socket for socket in sockets if socket.identifier == self.identifier)


class BACKGROUND_NODES_OT_list_item_add(_ListOperator):
    """Add an item to the list"""

    bl_idname = "background_nodes.list_item_add"
    bl_label = "Add Item"

    def execute(self, context: bpy.types.Context) -> set[str]:
        socket = self.socket(context)
        socket.add_item()
        changes.property_changed(socket, None)
        return {"FINISHED"}


class BACKGROUND_NODES_OT_list_item_remove(_ListOperator):
    """Remove the item from the list"""

    bl_idname = "background_nodes.list_item_remove"
    bl_label = "Remove Item"

    index: bpy.props.IntProperty(options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        socket = self.socket(context)
        socket.items_of_list.remove(self.index)
        changes.property_changed(socket, None)
        return {"FINISHED"}


classes = (BACKGROUND_NODES_OT_list_item_add, BACKGROUND_NODES_OT_list_item_remove)
