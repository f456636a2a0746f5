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
    return find(context, ui_type) or split(context.window, context.area, ui_type, "VERTICAL")


def split(window: bpy.types.Window, area: bpy.types.Area, ui_type: str, direction: str) -> bpy.types.Area:
    """Make an editor of the right ("VERTICAL") or the upper ("HORIZONTAL") part of an area.

    Raises:
        RuntimeError: if the area is too small to be split.
    """
    before = set(window.screen.areas)
    factor = 0.5 if direction == "HORIZONTAL" else 0.6
    with bpy.context.temp_override(window=window, screen=window.screen, area=area):
        bpy.ops.screen.area_split(direction=direction, factor=factor)
    new = [item for item in window.screen.areas if item not in before]
    if not new:
        raise RuntimeError("The area is too small to be split")
    # The new one is the smaller part, of equal ones the left or lower. It has no place and no size before it is drawn.
    made = new[0] if factor > 0.5 else area
    made.ui_type = ui_type
    return made
