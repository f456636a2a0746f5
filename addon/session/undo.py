# SPDX-License-Identifier: GPL-3.0-or-later
"""The undo steps in which results come home."""

from __future__ import annotations

import bpy


def push_undo(message: str) -> None:
    """Add an undo step with all changes since the last one, if there is an undo history."""
    if bpy.ops.ed.undo_push.poll():
        bpy.ops.ed.undo_push(message=message)
