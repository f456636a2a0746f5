# SPDX-License-Identifier: GPL-3.0-or-later
"""The tabs of the Sidebar, and how to open one."""

from __future__ import annotations

from typing import Final

import bpy

from ..drawing import areas

#: Blender's own tab for the active node; our panels are in it, too.
NODE: Final = "Node"
RUN: Final = "Run"
PROBLEMS: Final = "Problems"
PRESETS: Final = "Presets"

#: How often, and with how many seconds in between, it is tried: a Sidebar has its tabs once it was drawn.
_MAX_TRIES: Final = 20
_INTERVAL: Final = 0.05


def show(area: bpy.types.Area, tab: str) -> None:
    """Open the Sidebar of a node editor on a tab, as soon as Blender allows."""
    area.spaces.active.show_region_ui = True
    if _switch(area, tab) or bpy.app.background:
        return
    address = area.as_pointer()
    tries = iter(range(_MAX_TRIES))

    def try_again() -> float | None:
        found = areas.at(address)
        is_over = found is None or _switch(found[1], tab) or next(tries, None) is None
        return None if is_over else _INTERVAL

    bpy.app.timers.register(try_again, first_interval=_INTERVAL)


def _switch(area: bpy.types.Area, tab: str) -> bool:
    region = next((region for region in area.regions if region.type == "UI"), None)
    if region is None:
        return False
    try:
        region.active_panel_category = tab
    except (TypeError, AttributeError):  # no such tab yet, or none at all in an area that was not drawn
        return False
    region.tag_redraw()
    return True
