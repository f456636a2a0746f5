# SPDX-License-Identifier: GPL-3.0-or-later
"""What the artist touches: operators, panels, menus, preferences, handlers, and the session with its timer."""

from __future__ import annotations

from types import ModuleType

import bpy

from . import (
    add_menu,
    handlers,
    header,
    keymaps,
    list_items,
    log,
    node_status,
    preferences,
    running,
    session,
)

#: Each may have `classes`, `register` and `unregister`. Registered in this order, unregistered in the other one.
_MODULES: tuple[ModuleType, ...] = (
    preferences,
    session,
    running,
    log,
    list_items,
    node_status,
    add_menu,
    header,
    handlers,
    keymaps,  # last, so that the keys go before the operators they call
)


def register() -> None:
    for module in _MODULES:
        for cls in getattr(module, "classes", ()):
            bpy.utils.register_class(cls)
        if hasattr(module, "register"):
            module.register()


def unregister() -> None:
    for module in reversed(_MODULES):
        if hasattr(module, "unregister"):
            module.unregister()
        for cls in reversed(getattr(module, "classes", ())):
            bpy.utils.unregister_class(cls)
