# SPDX-License-Identifier: GPL-3.0-or-later
"""A short piece of Blender's status bar, while something runs: which tree, how far it is, how long it will take."""

from __future__ import annotations

from collections.abc import Iterable

import bpy

from ..session.current import session
from ..session.run import Run
from . import run_text

#: Width of the bar in UI units.
_BAR_WIDTH = 6.0

#: What the status bars show: a run, if one goes on, and what is said of it.
_run: list[Run] = []
_said: list[str] = []


def _draw(header: bpy.types.Header, _context: bpy.types.Context) -> None:
    for run in _run:
        _draw_run(header.layout, run)


def _draw_run(layout: bpy.types.UILayout, run: Run) -> None:
    row = layout.row()
    row.label(text=run.tree_name, icon="SCRIPTPLUGINS", translate=False)
    bar = row.row()
    bar.ui_units_x = _BAR_WIDTH
    bar.progress(factor=run.progress, type="BAR", text=_text(run))


def _running(runs: Iterable[Run]) -> Run | None:
    """The run that was started last and is not over."""
    return next((run for run in reversed(tuple(runs)) if not run.is_home), None)


def _text(run: Run) -> str:
    num_done = sum(task.state.is_final for task in run.tasks.values())
    return run_text.beside(f"{num_done}/{len(run.tasks)}", run)


def update(runs: Iterable[Run]) -> None:
    """Let status bars be drawn anew, if there is something new to be said."""
    run = _running(runs)
    _run[:] = [] if run is None else [run]
    said = [] if run is None else [run.tree_name, f"{run.progress:.2f}", _text(run)]
    if said != _said:
        _said[:] = said
        for window in bpy.context.window_manager.windows:
            _redraw(window)


def _redraw(window: bpy.types.Window) -> None:
    """Blender has no call for that, but draws the bar anew for a text; an operator's own text there is left alone."""
    if all(operator.bl_idname.startswith("BACKGROUND_NODES_") for operator in window.modal_operators):
        with bpy.context.temp_override(window=window):
            window.workspace.status_text_set_internal(None)


def register() -> None:
    bpy.types.STATUSBAR_HT_header.append(_draw)
    session.updated.listen(update)


def unregister() -> None:
    session.updated.stop_listening(update)
    bpy.types.STATUSBAR_HT_header.remove(_draw)
    _run.clear()
    _said.clear()
