# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators: run and cancel a tree, see a log, edit a list."""

from __future__ import annotations

from typing import Any

import bpy

from ..runtime.errors import BackgroundNodesError, CompileError
from .session import session


def active_tree(context: bpy.types.Context) -> bpy.types.NodeTree | None:
    """The background node tree that the editor shows."""
    space = context.space_data
    if space is None or space.type != "NODE_EDITOR" or space.tree_type != "BackgroundNodeTree":
        return None
    return space.edit_tree


class _TreeOperator(bpy.types.Operator):
    """An operator on the tree that the editor shows."""

    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if active_tree(context) is None:
            cls.poll_message_set("Open a background node tree in the editor first")
            return False
        return True


class BACKGROUND_NODES_OT_run(_TreeOperator):
    """Run the node tree in background Blenders"""

    bl_idname = "background_nodes.run"
    bl_label = "Run"

    until_active: bpy.props.BoolProperty(
        name="To Active", description="Run only the active node and what it needs", options={"SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        run = session.run_of(active_tree(context))
        if run is not None and not run.is_home:
            cls.poll_message_set("The node tree is running already")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        tree = active_tree(context)
        until = tree.nodes.active.name if self.until_active and tree.nodes.active else None
        try:
            run = session.start(tree, until=until)
        except CompileError as error:
            for problem in error.problems:
                self.report({"ERROR"}, str(problem))
            return {"CANCELLED"}
        except BackgroundNodesError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if bpy.app.background:
            run.wait()
        return {"FINISHED"}


class BACKGROUND_NODES_OT_cancel(_TreeOperator):
    """Cancel the run of the node tree"""

    bl_idname = "background_nodes.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        run = session.run_of(active_tree(context))
        if run is None or run.state.is_final:
            cls.poll_message_set("The node tree is not running")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        session.run_of(active_tree(context)).cancel()
        return {"FINISHED"}


class BACKGROUND_NODES_OT_log_show(_TreeOperator):
    """Show what the node's script printed, and its error, as a text"""

    bl_idname = "background_nodes.log_show"
    bl_label = "Show Log"

    node_name: bpy.props.StringProperty(options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        run = session.run_of(active_tree(context))
        task = None if run is None else run.tasks.get(self.node_name)
        if task is None:
            self.report({"WARNING"}, f'"{self.node_name}" did not run yet')
            return {"CANCELLED"}
        name = f"{self.node_name} Log"
        text = bpy.data.texts.get(name) or bpy.data.texts.new(name)
        error = "" if task.error is None else f"{task.error.message}\n{task.error.traceback}\n"
        text.from_string(error + task.log)
        self.report({"INFO"}, f'The log is in the text "{text.name}"')
        return {"FINISHED"}


class _ListOperator(_TreeOperator):
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    node_name: bpy.props.StringProperty(options={"SKIP_SAVE"})
    identifier: bpy.props.StringProperty(options={"SKIP_SAVE"})
    is_output: bpy.props.BoolProperty(options={"SKIP_SAVE"})

    def socket(self, context: bpy.types.Context) -> Any:
        node = active_tree(context).nodes[self.node_name]
        sockets = node.outputs if self.is_output else node.inputs
        return next(socket for socket in sockets if socket.identifier == self.identifier)


class BACKGROUND_NODES_OT_list_item_add(_ListOperator):
    """Add an item to the list"""

    bl_idname = "background_nodes.list_item_add"
    bl_label = "Add Item"

    def execute(self, context: bpy.types.Context) -> set[str]:
        socket = self.socket(context)
        socket.items_of_list.add()
        socket.has_value = True
        return {"FINISHED"}


class BACKGROUND_NODES_OT_list_item_remove(_ListOperator):
    """Remove the item from the list"""

    bl_idname = "background_nodes.list_item_remove"
    bl_label = "Remove Item"

    index: bpy.props.IntProperty(options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        self.socket(context).items_of_list.remove(self.index)
        return {"FINISHED"}


classes = (
    BACKGROUND_NODES_OT_run,
    BACKGROUND_NODES_OT_cancel,
    BACKGROUND_NODES_OT_log_show,
    BACKGROUND_NODES_OT_list_item_add,
    BACKGROUND_NODES_OT_list_item_remove,
)
