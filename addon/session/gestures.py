# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells whether the artist is using a modal tool of Blender, such as a move or a brush stroke.

Results wait until it ends: the tool would go on with data that was replaced, and an undo step would hold a change that
is half done.
"""

from __future__ import annotations

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


def is_going_on() -> bool:
    """Whether such a tool is at work in any window."""
    windows = bpy.context.window_manager.windows
    return any(_holds_data(operator.bl_idname) for window in windows for operator in window.modal_operators)


def _holds_data(idname: str) -> bool:
    """Whether it is one of Blender's tools. An add-on's operator is not: it may be the one that waits for a job."""
    return idname.startswith(_TOOLS) and not hasattr(bpy.types, idname)
