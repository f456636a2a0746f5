# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells whether the artist is in mid-gesture.

A modal tool of Blender is at work then, such as a move or a brush stroke, or a mouse button is held, such as on a
number field. Results wait until it ends: the tool would go on with data that was replaced, and an undo step would hold
a change that is half done.
"""

from __future__ import annotations

from typing import Final

import bpy

#: How the names of tools that change data begin. Those that move the view or play back begin otherwise.
_TOOLS = (
    "ARMATURE_OT_",
    "CURVE_OT_",
    "CURVES_OT_",
    "GPENCIL_OT_",
    "GREASE_PENCIL_OT_",
    "MESH_OT_",
    "NODE_OT_",
    "OBJECT_OT_",
    "PAINT_OT_",
    "PARTICLE_OT_",
    "POSE_OT_",
    "SCULPT_OT_",
    "SCULPT_CURVES_OT_",
    "TRANSFORM_OT_",
    "UV_OT_",
)

#: The buttons that change data; the others move the view.
_BUTTONS: Final = ("LEFTMOUSE", "RIGHTMOUSE")
#: Keys that are pressed in mid-drag, such as to drag more finely.
_MODIFIERS: Final = frozenset(f"{side}_{key}" for side in ("LEFT", "RIGHT") for key in ("CTRL", "SHIFT", "ALT")) | {
    "OSKEY"
}
#: Whether a button is held in a window, by its pointer, as it was seen last.
_is_held: dict[int, bool] = {}


def is_going_on() -> bool:
    """Whether the artist is in mid-gesture in any window."""
    windows = bpy.context.window_manager.windows
    is_tool_at_work = any(_holds_data(operator.bl_idname) for window in windows for operator in window.modal_operators)
    return is_tool_at_work or _is_button_held()


def _holds_data(idname: str) -> bool:
    """Whether it is one of Blender's tools. An add-on's operator is not: it may be the one that waits for a job."""
    return idname.startswith(_TOOLS) and not hasattr(bpy.types, idname)


def _is_button_held() -> bool:
    if bpy.app.background:
        return False
    windows = bpy.context.window_manager.windows
    for window in windows:
        with bpy.context.temp_override(window=window):
            bpy.ops.background_nodes.look_at_buttons("INVOKE_DEFAULT")
    return any(_is_held[window.as_pointer()] for window in windows)


class BACKGROUND_NODES_OT_look_at_buttons(bpy.types.Operator):
    """See whether a mouse button is held"""

    bl_idname = "background_nodes.look_at_buttons"
    bl_label = "Look at Mouse Buttons"
    bl_options = {"INTERNAL"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Called by code, an operator hears of the last two events of keys and buttons, whoever has handled them."""
        window = context.window.as_pointer()
        last = ((event.type, event.value), (event.type_prev, event.value_prev))
        known = (kind in _BUTTONS and value == "PRESS" for kind, value in last if kind not in _MODIFIERS)
        _is_held[window] = next(known, _is_held.get(window, False))
        return {"CANCELLED"}


classes = (BACKGROUND_NODES_OT_look_at_buttons,)
