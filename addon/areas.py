# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds an area to show something in: one that is there, or a piece of the one the artist works in."""

from __future__ import annotations

import bpy


def find(context: bpy.types.Context, ui_type: str) -> bpy.types.Area | None:
    """The largest visible area of an editor type, in the artist's window first."""
    windows = [context.window, *(window for window in context.window_manager.windows if window != context.window)]
    for window in windows:
        areas = [area for area in window.screen.areas if area.ui_type == ui_type]
        if areas:
            return max(areas, key=lambda area: area.width * area.height)
    return None


def find_or_split(context: bpy.types.Context, ui_type: str) -> bpy.types.Area:
    """The area of `find`; if there is none, the right part of the artist's own area becomes one.

    Raises:
        RuntimeError: if the area is too small to be split.
    """
    found = find(context, ui_type)
    if found is not None:
        return found
    before = set(context.screen.areas)
    bpy.ops.screen.area_split(direction="VERTICAL", factor=0.6)
    new = [area for area in context.screen.areas if area not in before]
    if not new:
        raise RuntimeError("The area is too small to be split")
    new[0].ui_type = ui_type  # the smaller part, here the right one; the artist's own stays the larger
    return new[0]
