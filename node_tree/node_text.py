# SPDX-License-Identifier: GPL-3.0-or-later
"""Text on a node: Blender breaks no lines, and tells no width."""

from __future__ import annotations

import textwrap

import bpy

#: Width in UI units of one letter of a label, as a mean.
LETTER = 6.5
#: Margins of a label on a node, in UI units.
_MARGIN = 24.0
#: Letters that a line has on the narrowest node.
_MIN_LETTERS = 12
_MAX_LINES = 3
_LINE_HEIGHT = 0.8


def draw_error(layout: bpy.types.UILayout, message: str, width: float) -> None:
    """A message in red, broken into lines of `width` UI units; what is too long ends in dots."""
    lines = textwrap.wrap(message, max(_MIN_LETTERS, int((width - _MARGIN) / LETTER)))
    if len(lines) > _MAX_LINES:
        lines[_MAX_LINES - 1 :] = [f"{lines[_MAX_LINES - 1][:-1]}…"]
    column = layout.column(align=True)
    column.alert = True
    column.scale_y = _LINE_HEIGHT
    for line in lines:
        column.label(text=line, translate=False)
