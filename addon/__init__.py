# SPDX-License-Identifier: GPL-3.0-or-later
"""What the artist touches: operators, menus, preferences, and the session with its timer."""

from __future__ import annotations

import bpy

from . import editor, handlers, operators, preferences, session


def _classes() -> tuple[type, ...]:
    return (*preferences.classes, *operators.classes, *editor.classes)


def register() -> None:
    for cls in _classes():
        bpy.utils.register_class(cls)
    session.register()
    handlers.register()
    editor.register()


def unregister() -> None:
    editor.unregister()
    handlers.unregister()
    session.unregister()
    for cls in reversed(_classes()):
        bpy.utils.unregister_class(cls)
