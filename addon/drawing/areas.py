# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds an area to show something in: one that is there, a piece of the one the artist works in, or a new window."""

from __future__ import annotations

import contextlib

import bpy


def find(context: bpy.types.Context, ui_type: str) -> bpy.types.Area | None:
    """The largest visible area of an editor type, in the artist's window first."""
    windows = [context.window, *(window for window in context.window_manager.windows if window != context.window)]
    for window in windows:
        areas = [area for area in window.screen.areas if area.ui_type == ui_type]
        if areas:
            return max(areas, key=lambda area: area.width * area.height)
    return None


def find_or_open(context: bpy.types.Context, ui_type: str) -> bpy.types.Area:
    """The area of `find`; if there is none, the right part of the artist's own area, or one in a new window."""
    return find(context, ui_type) or split_or_open(context.window, context.area, ui_type, "VERTICAL")


def at(address: int) -> tuple[bpy.types.Window, bpy.types.Area] | None:
    """The node editor of that address, with its window: a reference to an area would die with it."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.as_pointer() == address and area.type == "NODE_EDITOR":
                return window, area
    return None


def split_or_open(
    window: bpy.types.Window, area: bpy.types.Area | None, ui_type: str, direction: str
) -> bpy.types.Area:
    """Make an editor of the right ("VERTICAL") or the upper ("HORIZONTAL") part of an area.

    Where it can't be split, because it is maximized or too small, or without an area, the editor is in a new window.
    """
    if area is not None and not window.screen.show_fullscreen:  # which is a maximized area, too
        with contextlib.suppress(RuntimeError):
            return _split(window, area, ui_type, direction)
    with bpy.context.temp_override(window=window):
        bpy.ops.wm.window_new()
    made = bpy.context.window_manager.windows[-1].screen.areas[0]
    made.ui_type = ui_type
    return made


def _split(window: bpy.types.Window, area: bpy.types.Area, ui_type: str, direction: str) -> bpy.types.Area:
    """Raises RuntimeError if the area is too small."""
    before = set(window.screen.areas)
    factor = 0.5 if direction == "HORIZONTAL" else 0.6
    with bpy.context.temp_override(window=window, screen=window.screen, area=area):
        bpy.ops.screen.area_split(direction=direction, factor=factor)
    new = [item for item in window.screen.areas if item not in before]
    if not new:
        raise RuntimeError
    # The new one is the smaller part, of equal ones the left or lower. It has no place and no size before it is drawn.
    made = new[0] if factor > 0.5 else area
    made.ui_type = ui_type
    return made
