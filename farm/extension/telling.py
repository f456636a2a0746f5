# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells in a window what has become of a process. A report of an operator is lost with the file it was called in."""

from __future__ import annotations

import bpy


def tell(title: str, text: str, icon: str) -> None:
    """Show a text where the mouse is."""

    def draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
        for line in text.splitlines():
            menu.layout.label(text=line, translate=False)

    manager = bpy.context.window_manager
    with bpy.context.temp_override(window=manager.windows[0]):
        manager.popup_menu(draw, title=title, icon=icon)
