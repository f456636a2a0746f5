# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that carry a run on: start, cancel."""

from __future__ import annotations

import bpy

from ..runtime.errors import BackgroundNodesError, CompileError
from .active import TreeOperator, active_tree
from .session import session


class BACKGROUND_NODES_OT_run(TreeOperator, bpy.types.Operator):
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


class BACKGROUND_NODES_OT_cancel(TreeOperator, bpy.types.Operator):
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


classes = (BACKGROUND_NODES_OT_run, BACKGROUND_NODES_OT_cancel)
