# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells what the artist does that needs the processor at once: background Blenders make room for it."""

from __future__ import annotations

import bpy

#: Modes in which workers need not make room. In all others each movement of the pen needs the processor at once.
_CALM_MODES = frozenset({"OBJECT", "EDIT", "POSE", "EDIT_GPENCIL"})


def occupation() -> str:
    """Why workers must make room for the artist now, "" if they need not."""
    if bpy.app.is_job_running("RENDER"):
        return "Paused while you render"
    for window in bpy.context.window_manager.windows:
        if window.screen.is_animation_playing:
            return "Paused while the animation plays"
        active = window.view_layer.objects.active
        if active is not None and active.mode not in _CALM_MODES:
            return "Paused while you sculpt" if "SCULPT" in active.mode else "Paused while you paint"
    return ""
