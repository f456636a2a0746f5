# SPDX-License-Identifier: GPL-3.0-or-later
"""Finishes what is left of a homecoming before the artist can change what came home.

A modal operator hears of each click and key before any tool of Blender does.
"""

from __future__ import annotations

import bpy

from ...node_tree.baselines import baselines

_OPERATOR = "BACKGROUND_NODES_OT_await_first_input"
#: Seconds between two looks whether everything is done.
_INTERVAL = 0.05


class BACKGROUND_NODES_OT_await_first_input(bpy.types.Operator):
    """Finish bringing results home before anything else happens"""

    bl_idname = "background_nodes.await_first_input"
    bl_label = "Await First Input"
    bl_options = {"INTERNAL"}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        self._timer = context.window_manager.event_timer_add(_INTERVAL, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if not event.type.startswith("TIMER") and not event.type.endswith("MOUSEMOVE"):
            baselines.finish()
        if baselines.num_pending:
            return {"PASS_THROUGH"}
        self.cancel(context)
        return {"FINISHED", "PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        context.window_manager.event_timer_remove(self._timer)


def wait() -> bool:
    """Wait for it in all windows. Returns whether that can be: not while a tool goes on, which hears of it first."""
    windows = bpy.context.window_manager.windows
    if any(
        not operator.bl_idname.startswith("BACKGROUND_NODES_") for each in windows for operator in each.modal_operators
    ):
        return False
    for window in windows:
        if all(operator.bl_idname != _OPERATOR for operator in window.modal_operators):
            with bpy.context.temp_override(window=window):
                bpy.ops.background_nodes.await_first_input("INVOKE_DEFAULT")
    return True


classes = (BACKGROUND_NODES_OT_await_first_input,)
