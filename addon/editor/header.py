# SPDX-License-Identifier: GPL-3.0-or-later
"""The header of the editor: run and its menu, how far the run is, pause, cancel, and the auto-run mode.

In a narrow editor, all but the last stand first: the right end of its header is out of sight.
"""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ...runtime.errors import Problem
from ..session import problems
from ..session.current import session
from ..session.run import Run
from . import run_text
from .active import outer_tree

#: Width of the bar in UI units, and in a narrow editor.
_BAR_WIDTH, _SHORT_BAR_WIDTH = 8.0, 5.0
#: Pixels, at a UI scale of 1, below which what stands at the right end of a header is out of sight.
_NARROW = 720.0


def _draw_start(header: bpy.types.Header, context: bpy.types.Context) -> None:
    tree = outer_tree(context)
    if tree is not None and _is_narrow(context):
        _draw_controls(header.layout, tree, is_narrow=True)


def _draw_end(header: bpy.types.Header, context: bpy.types.Context) -> None:
    tree = outer_tree(context)
    if tree is None:
        return
    if not _is_narrow(context):
        _draw_controls(header.layout, tree, is_narrow=False)
    header.layout.prop(tree, "auto_run", text="", icon_only=True)


def _is_narrow(context: bpy.types.Context) -> bool:
    return context.region.width < _NARROW * context.preferences.system.ui_scale


def _draw_controls(layout: bpy.types.UILayout, tree: bpy.types.NodeTree, *, is_narrow: bool) -> None:
    """What starts, tells and ends a run."""
    run = session.run_of(tree)
    if run is not None and not run.is_home:
        _draw_run(layout, run, _SHORT_BAR_WIDTH if is_narrow else _BAR_WIDTH)
        return
    _draw_problems(layout, problems.of(tree))
    if run is not None and run.can_retry:
        label = "" if is_narrow else run_text.retry_label(run)
        layout.operator("background_nodes.retry", text=label, icon="FILE_REFRESH", translate=False)
    row = layout.row(align=True)
    row.operator("background_nodes.run", icon="PLAY")
    row.menu("BACKGROUND_NODES_MT_run", text="", icon="DOWNARROW_HLT")


def _draw_run(layout: bpy.types.UILayout, run: Run, bar_width: float) -> None:
    row = layout.row(align=True)
    bar = row.row(align=True)
    bar.ui_units_x = bar_width
    progress = run.progress
    bar.progress(factor=progress, type="BAR", text=run_text.beside(f"{progress:.0%}", run))
    row.operator("background_nodes.pause", text="", icon="PLAY" if run.is_paused else "PAUSE")
    row.operator("background_nodes.cancel", text="", icon="X")
    row.menu("BACKGROUND_NODES_MT_run", text="", icon="DOWNARROW_HLT")


def _draw_problems(layout: bpy.types.UILayout, found: Sequence[Problem] | None) -> None:
    """How many problems keep the tree from running, as far as it was looked at; a click shows them."""
    if found:
        row = layout.row()
        row.alert = True
        row.operator("background_nodes.problems_show", text=str(len(found)), icon="ERROR", translate=False)


def register() -> None:
    bpy.types.NODE_HT_header.prepend(_draw_start)
    bpy.types.NODE_HT_header.append(_draw_end)


def unregister() -> None:
    bpy.types.NODE_HT_header.remove(_draw_end)
    bpy.types.NODE_HT_header.remove(_draw_start)
