# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of trusted scripts in the preferences: with what each came, since when it is trusted, and a way back.

The list shows a folder that other Blenders change, too. Drawing may not write, so a timer brings it up to date.
"""

from __future__ import annotations

import time
from pathlib import PurePath

import bpy
from bpy.app.translations import pgettext_iface as translated
from bpy.app.translations import pgettext_tip

from ..consent.current import consent
from ..consent.trusted_scripts import TrustedScript
from ..drawing import paragraphs

_ROWS = 5

#: The add-on whose list is to be brought up to date.
_waiting: list[str] = []


class BackgroundNodesTrustedScript(bpy.types.PropertyGroup):
    """A row of the list: a script in all its versions."""

    origin: bpy.props.StringProperty(name="Origin")
    is_own: bpy.props.BoolProperty(name="Written Here")
    date: bpy.props.StringProperty(name="Date")
    digests: bpy.props.StringProperty(name="Digests")


class BACKGROUND_NODES_UL_trusted_scripts(bpy.types.UIList):
    """Scripts that may run without being asked for"""

    bl_idname = "BACKGROUND_NODES_UL_trusted_scripts"

    def draw_item(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _preferences: bpy.types.AddonPreferences,
        item: BackgroundNodesTrustedScript,
        _icon: int,
        _active_data: bpy.types.AddonPreferences,
        _active_property: str,
    ) -> None:
        split = layout.split(factor=0.45)
        split.label(text=item.name, icon="GREASEPENCIL" if item.is_own else "CHECKMARK", translate=False)
        split = split.split(factor=0.7)
        split.label(text=PurePath(item.origin).name, translate=False)
        day = split.row()
        day.alignment = "RIGHT"
        day.label(text=item.date, translate=False)


def draw(settings: bpy.types.AddonPreferences, layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    paragraphs.draw(layout, context, pgettext_tip(settings.bl_rna.properties["trusted_scripts"].description))
    if _is_stale(settings) and not bpy.app.timers.is_registered(_update_waiting):
        _waiting[:] = [type(settings).bl_idname]  # the instance has another one
        bpy.app.timers.register(_update_waiting, first_interval=0.0)
    row = layout.row()
    row.template_list(
        BACKGROUND_NODES_UL_trusted_scripts.bl_idname,
        "",
        settings,
        "trusted_scripts",
        settings,
        "trusted_index",
        rows=_ROWS,
    )
    column = row.column(align=True)
    column.operator("background_nodes.trusted_script_remove", text="", icon="REMOVE")
    column.separator()
    column.operator("background_nodes.trusted_scripts_clear", text="", icon="TRASH")
    item = active(settings)
    if item is not None:
        paragraphs.draw(layout, context, _said_of(item))


def _said_of(item: BackgroundNodesTrustedScript) -> str:
    origin = item.origin or translated("a file that was not saved")
    text = translated("Written here, in {origin}") if item.is_own else translated("Allowed, came with {origin}")
    text = text.format(origin=origin)
    count = len(item.digests.split())
    return text if count == 1 else translated("{text} ({count} versions)").format(text=text, count=count)


def active(settings: bpy.types.AddonPreferences) -> BackgroundNodesTrustedScript | None:
    index = settings.trusted_index
    return settings.trusted_scripts[index] if 0 <= index < len(settings.trusted_scripts) else None


# What the list shows


def _groups() -> dict[tuple[str, str, bool], list[TrustedScript]]:
    """Versions of one script are one row."""
    groups: dict[tuple[str, str, bool], list[TrustedScript]] = {}
    for script in consent.trusted.listed():
        groups.setdefault((script.name, script.origin, script.is_own), []).append(script)
    return groups


def _digests(scripts: list[TrustedScript]) -> str:
    return " ".join(script.digest for script in scripts)


def _is_stale(settings: bpy.types.AddonPreferences) -> bool:
    return [item.digests for item in settings.trusted_scripts] != [_digests(group) for group in _groups().values()]


def _update_waiting() -> None:
    """The timer."""
    addon = bpy.context.preferences.addons.get(_waiting.pop()) if _waiting else None
    if addon is not None:
        update(addon.preferences)


def update(settings: bpy.types.AddonPreferences) -> None:
    """Show what is trusted now."""
    settings.trusted_scripts.clear()
    for (name, origin, is_own), scripts in _groups().items():
        item = settings.trusted_scripts.add()
        item.name, item.origin, item.is_own = name, origin, is_own
        item.date = time.strftime("%Y-%m-%d", time.localtime(scripts[0].date))
        item.digests = _digests(scripts)
    settings.trusted_index = min(settings.trusted_index, max(0, len(settings.trusted_scripts) - 1))
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()


classes = (BackgroundNodesTrustedScript, BACKGROUND_NODES_UL_trusted_scripts)


def unregister() -> None:
    if bpy.app.timers.is_registered(_update_waiting):
        bpy.app.timers.unregister(_update_waiting)
