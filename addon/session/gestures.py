# SPDX-License-Identifier: GPL-3.0-or-later
"""What the artist is in the middle of: a tool of Blender that holds what it moves or paints until the button is let go.

Results stay away meanwhile. A tool would go on with data that was replaced; and an undo step made now would keep what
is half done.
"""

from __future__ import annotations

import bpy

#: How the names of such tools begin. Those that only look around, select or play back are not among them.
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
    """Not an add-on's operator, whatever its name: it may be the one that polls a job."""
    return idname.startswith(_TOOLS) and not hasattr(bpy.types, idname)
