# SPDX-License-Identifier: GPL-3.0-or-later
"""The undo steps in which results come home."""

from __future__ import annotations

import bpy

#: Whether anybody may undo. In background mode nobody does, and each step would keep the results of a run in memory.
has_artist = not bpy.app.background


def push_undo(message: str) -> None:
    """Add an undo step with all changes since the last one, if there is an artist and an undo history."""
    if has_artist and bpy.ops.ed.undo_push.poll():
        bpy.ops.ed.undo_push(message=message)
