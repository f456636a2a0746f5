# SPDX-License-Identifier: GPL-3.0-or-later
"""What the artist touches: operators, panels, menus, preferences, handlers, and the session with its timer."""

from __future__ import annotations

from types import ModuleType


def _modules() -> tuple[ModuleType, ...]:
    """Each may have `classes`, `register` and `unregister`. Registered in this order, unregistered in the other one.

    They are imported here, for they import Blender, and what keeps runs (`keeper.py`) is tested without one.
    """
    from . import (
        add_menu,
        auto_run,
        declared_sockets,
        drops,
        end_report,
        example_files,
        handlers,
        header,
        keymaps,
        link_search,
        list_items,
        log,
        mends,
        node_add,
        node_choices,
        node_search,
        node_select,
        node_status,
        overlay,
        preferences,
        preferences_edit,
        problems,
        redraw,
        report_text,
        results,
        running,
        script_menus,
        scripts,
        selection,
        session,
        sidebar,
        status_bar,
        status_icons,
        task_list,
        text_watch,
    )

    return (
        preferences,
        preferences_edit,
        session,
        redraw,
        end_report,
        running,
        problems,
        mends,
        node_select,
        log,
        report_text,
        list_items,
        results,
        status_icons,
        node_status,
        overlay,
        node_choices,
        node_add,
        node_search,
        link_search,
        selection,
        drops,
        scripts,
        script_menus,
        text_watch,
        add_menu,
        header,
        task_list,
        declared_sockets,  # above the other panels of its tab
        sidebar,
        status_bar,
        handlers,
        auto_run,
        example_files,
        keymaps,  # last, so that the keys go before the operators they call
    )


def register() -> None:
    import bpy

    for module in _modules():
        for cls in getattr(module, "classes", ()):
            bpy.utils.register_class(cls)
        if hasattr(module, "register"):
            module.register()


def unregister() -> None:
    import bpy

    for module in reversed(_modules()):
        if hasattr(module, "unregister"):
            module.unregister()
        for cls in reversed(getattr(module, "classes", ())):
            bpy.utils.unregister_class(cls)
