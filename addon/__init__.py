# SPDX-License-Identifier: GPL-3.0-or-later
"""What the artist touches: operators, panels, menus, preferences, handlers, and the session with its timer."""

from __future__ import annotations

from types import ModuleType


def _modules() -> tuple[ModuleType, ...]:
    """Each may have `classes`, `register` and `unregister`. Registered in this order, unregistered in the other one.

    They are imported here, for they import Blender, and what keeps runs (`keeper.py`) is tested without one.
    """
    from .adding import (
        add_menu,
        drops,
        example_files,
        link_search,
        node_add,
        node_choices,
        node_search,
        node_swap,
        preset_use,
        selection,
    )
    from .auto_run import events as auto_run
    from .consent import current as consent
    from .drawing import job_rows, keymaps
    from .editor import (
        breadcrumb,
        end_report,
        file_handlers,
        groups,
        header,
        node_previews,
        node_select,
        node_status,
        overlay,
        redraw,
        running,
        shown_path,
        status_bar,
        status_icons,
    )
    from .preferences import edit, preferences, trusted_list
    from .preset_library import asset_shelf, picture_icons, save_dialog, trust_dialog, update_dialog
    from .preset_library import menus as preset_menus
    from .preset_library import panels as preset_panels
    from .presets import libraries, trust
    from .scripts import consent_dialog, menus, operators, text_watch
    from .session import current, forecasts, gestures, interruptions, problems, waking
    from .sidebar import declared_sockets, fixes, list_items, log, panels, report_text, results, task_list, viewer
    from .text_form import clipboard, tree_files
    from .text_form import menus as text_menus

    return (
        consent,
        trusted_list,  # before the preferences that hold it
        preferences,
        edit,
        interruptions,
        waking,
        current,
        libraries,
        trust,
        gestures,
        forecasts,
        job_rows,
        redraw,
        end_report,
        shown_path,
        groups,
        running,
        problems,
        fixes,
        node_select,
        log,
        report_text,
        list_items,
        results,
        viewer,
        status_icons,
        node_previews,
        node_status,
        overlay,
        node_choices,
        node_add,
        preset_use,
        node_search,
        link_search,
        selection,
        drops,
        operators,
        consent_dialog,
        menus,
        text_watch,
        add_menu,
        node_swap,
        breadcrumb,  # left of what the header has of a run
        header,
        task_list,
        declared_sockets,  # above the other panels of its tab
        panels,
        picture_icons,
        save_dialog,
        asset_shelf,
        preset_menus,
        update_dialog,
        trust_dialog,
        preset_panels,
        clipboard,
        tree_files,
        text_menus,
        status_bar,
        file_handlers,
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
