# SPDX-License-Identifier: GPL-3.0-or-later
"""The header of the editor: run and its menu, how far the run is, pause, cancel, and the auto-run mode."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
from bpy.app.translations import pgettext_iface as translated

from ..runtime.errors import Problem
from . import problems
from .active import active_tree
from .quantities import countdown, duration
from .run import Run
from .session import session

#: Width of the bar in UI units.
_BAR_WIDTH = 8.0


def _draw_header(header: bpy.types.Header, context: bpy.types.Context) -> None:
    tree = active_tree(context)
    if tree is None:
        return
    layout, run = header.layout, session.run_of(tree)
    if run is not None and not run.is_home:
        _draw_run(layout, run)
    else:
        _draw_problems(layout, problems.of(tree))
        _draw_last_run(layout, run)
        row = layout.row(align=True)
        row.operator("background_nodes.run", icon="PLAY")
        row.menu("BACKGROUND_NODES_MT_run", text="", icon="DOWNARROW_HLT")
    layout.prop(tree, "auto_run", text="", icon="FILE_REFRESH", icon_only=True)


def _draw_run(layout: bpy.types.UILayout, run: Run) -> None:
    row = layout.row(align=True)
    bar = row.row(align=True)
    bar.ui_units_x = _BAR_WIDTH
    progress = run.progress
    bar.progress(factor=progress, type="BAR", text=_run_text(run, f"{progress:.0%}"))
    row.operator("background_nodes.pause", text="", icon="PLAY" if run.is_paused else "PAUSE")
    row.operator("background_nodes.cancel", text="", icon="X")
    row.menu("BACKGROUND_NODES_MT_run", text="", icon="DOWNARROW_HLT")


def _run_text(run: Run, percent: str) -> str:
    if run.state.is_final:
        return translated("Waits for Edit Mode")
    if run.is_paused:
        return translated("{percent} · Paused").format(percent=percent)
    if run.is_finishing:
        return translated("{percent} · Stopping").format(percent=percent)
    time_left = run.time_left
    if time_left is None:
        return percent
    return translated("{percent} · {time} left").format(percent=percent, time=countdown(time_left))


def _draw_problems(layout: bpy.types.UILayout, found: Sequence[Problem] | None) -> None:
    """How many problems keep the tree from running, as far as it was looked at; a click shows them."""
    if found:
        row = layout.row()
        row.alert = True
        row.operator("background_nodes.problems_show", text=str(len(found)), icon="ERROR", translate=False)


def _draw_last_run(layout: bpy.types.UILayout, run: Run | None) -> None:
    if run is None:
        return
    if run.can_retry:
        row = layout.row(align=True)
        row.operator("background_nodes.retry", icon="FILE_REFRESH")
    else:
        layout.label(text=duration(run.seconds), translate=False)


def register() -> None:
    bpy.types.NODE_HT_header.append(_draw_header)


def unregister() -> None:
    bpy.types.NODE_HT_header.remove(_draw_header)
