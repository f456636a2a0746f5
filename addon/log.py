# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's log as a text, and what a report of a fault needs."""

from __future__ import annotations

import bpy

from .active import TreeOperator, active_tree
from .session import session


class BACKGROUND_NODES_OT_log_show(TreeOperator, bpy.types.Operator):
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


classes = (BACKGROUND_NODES_OT_log_show,)
