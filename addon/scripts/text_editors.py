# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows a text, and a line of it, in a Text Editor: one that has it already, any other, or a new one."""

from __future__ import annotations

import bpy

from ..drawing import areas

_UI_TYPE = "TEXT_EDITOR"


def find(text: bpy.types.Text) -> tuple[bpy.types.Window, bpy.types.Area] | None:
    """A Text Editor that shows a text, with its window."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == _UI_TYPE and area.spaces.active.text == text:
                return window, area
    return None


def find_or_open(context: bpy.types.Context, text: bpy.types.Text) -> bpy.types.SpaceTextEditor:
    """The Text Editor to show a text in."""
    if context.area.type == _UI_TYPE:
        return context.space_data
    found = find(text)
    area = areas.find_or_open(context, _UI_TYPE) if found is None else found[1]
    return area.spaces.active


def show(context: bpy.types.Context, text: bpy.types.Text, line: int = 0) -> None:
    """Show a text; with a line, from 1, that line selected in the middle of the editor."""
    if line:
        _select(text, line)
    if bpy.app.background:
        return
    space = find_or_open(context, text)
    is_new_to_it = space.text != text
    space.text = text
    if line:
        space.top = max(0, line - 1 - space.visible_lines // 2)
    elif is_new_to_it:
        space.top = 0


def _select(text: bpy.types.Text, line: int) -> None:
    index = min(line, len(text.lines)) - 1
    text.select_set(index, 0, index, len(text.lines[index].body))
