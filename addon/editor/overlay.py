# SPDX-License-Identifier: GPL-3.0-or-later
"""What is drawn over the nodes: a strip that shows each one's state, lines about its last run, a heat map by time.

A collapsed node draws no buttons, so the strip alone shows its state. Blender's *Overlays* button in the header
switches all of this off; the popover beside that button has our settings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as translated

from ...runtime.scheduling.states import TaskState
from ..drawing.canvas import Canvas, Color, text_width
from ..drawing.quantities import duration, memory_size
from ..preferences import preferences
from ..session.current import session
from ..session.run import Run, Task
from . import redraw
from .node_shape import HEADER, Shape, View
from .status_icons import COLORS

# In UI units
_STRIP = 2.5
_LINE = 16.0
_TEXT_SIZE = 11.0
_PADDING = 5.0
#: Letters smaller than this many pixels can't be read.
_SMALLEST_TEXT = 5.0

_PLATE: Color = (0.10, 0.10, 0.10, 0.85)
_INK: Color = (0.90, 0.90, 0.90, 1.0)
#: States in which no worker has started a task.
_UNTOUCHED = frozenset({TaskState.WAITING, TaskState.READY, TaskState.SKIPPED})
#: From the quickest task to the slowest.
_HEAT = ((0.20, 0.45, 0.85), (0.95, 0.80, 0.25), (0.90, 0.25, 0.20))

Line = Callable[[Task], str]


def _time(task: Task) -> str:
    return duration(task.seconds) if task.seconds else ""


def _memory(task: Task) -> str:
    return "" if task.peak_memory is None else memory_size(task.peak_memory)


def _cached(task: Task) -> str:
    return translated("Cached") if task.cached else ""


#: The lines over a node, from its header up, each with the preference that shows it. An empty line is left out.
_LINES: tuple[tuple[str, Line], ...] = (
    ("overlay_time", _time),
    ("overlay_memory", _memory),
    ("overlay_time", _cached),
)


def _draw() -> None:
    context = bpy.context
    space = context.space_data
    if space.tree_type != "BackgroundNodeTree":
        return
    canvas, ui_scale = Canvas(), context.preferences.system.ui_scale
    tree = space.edit_tree
    if tree is None or not tree.nodes:
        _draw_hint(canvas, context.region, ui_scale, has_tree=tree is not None)
    elif space.overlay.show_overlays:
        run = session.run_of(tree)
        if run is not None:
            _draw_run(canvas, tree, run, View(context.region, ui_scale))
    canvas.draw()


def _draw_hint(canvas: Canvas, region: bpy.types.Region, ui_scale: float, *, has_tree: bool) -> None:
    """One line for an empty editor: how to begin."""
    if has_tree:
        text = translated("Press Shift A to add a node, or drop a script here")
    else:
        text = translated("Press New in the header, or choose an example from File > New")
    size = 13.0 * ui_scale
    color: Color = (*_text_color(), 0.6)
    canvas.text(text, (region.width - text_width(text, size)) / 2.0, region.height / 2.0, size, color)


def _text_color() -> tuple[float, float, float]:
    return tuple(bpy.context.preferences.themes[0].node_editor.space.text[:3])


def _draw_run(canvas: Canvas, tree: bpy.types.NodeTree, run: Run, view: View) -> None:
    lines = [line for setting, line in _LINES if preferences.get(setting)]
    slowest = _slowest(run) if preferences.get("overlay_heat_map") else 0.0
    for node in tree.nodes:
        task = run.task_of(node)
        if task is None:
            continue
        shape = view.shape(node)
        if not shape.overlaps(view.width, view.height):
            continue
        _draw_strip(canvas, node, task, shape, view)
        heat = _heat(task.seconds / slowest) if slowest and task.seconds else None
        if heat is not None:
            canvas.rectangle(*shape, (*heat, 0.18))
            canvas.frame(*shape, 2.0 * view.unit, (*heat, 0.9))
        if lines:
            _draw_lines(canvas, [line(task) for line in lines], shape, view, heat)


def _slowest(run: Run) -> float:
    return max((task.seconds for task in run.tasks.values()), default=0.0)


def _draw_strip(canvas: Canvas, node: bpy.types.Node, task: Task, shape: Shape, view: View) -> None:
    """A coloured line under the header; as long as the bar while the task runs."""
    height = max(1.0, _STRIP * view.unit)
    bottom = shape.bottom if node.hide else shape.top - HEADER * view.unit - height
    margin = 6.0 * view.unit if node.hide else 0.0
    left, right = shape.left + margin, shape.right - margin
    color = COLORS[task.state]
    if task.state is TaskState.RUNNING:
        canvas.rectangle(left, bottom, right, bottom + height, (*color, 0.25))
        right = left + (right - left) * redraw.shown_progress(task)
    alpha = 0.35 if task.state in _UNTOUCHED else 1.0
    canvas.rectangle(left, bottom, right, bottom + height, (*color, alpha))


def _draw_lines(canvas: Canvas, texts: list[str], shape: Shape, view: View, heat: Any) -> None:
    size = _TEXT_SIZE * view.unit
    if size < _SMALLEST_TEXT:
        return
    bottom = shape.top + (4.0 if heat else 1.0) * view.unit
    for text in filter(None, texts):
        right = shape.left + text_width(text, size) + 2.0 * _PADDING * view.unit
        top = bottom + _LINE * view.unit
        canvas.rectangle(shape.left, bottom, right, top, _PLATE)
        canvas.text(text, shape.left + _PADDING * view.unit, bottom + 4.5 * view.unit, size, _INK)
        bottom = top + view.unit


def _heat(share: float) -> tuple[float, float, float]:
    """The colour of a share of the longest time, 0 to 1."""
    place = share * (len(_HEAT) - 1)
    index = min(int(place), len(_HEAT) - 2)
    low, high = _HEAT[index], _HEAT[index + 1]
    return tuple(start + (end - start) * (place - index) for start, end in zip(low, high, strict=True))


def _draw_settings(panel: bpy.types.Panel, context: bpy.types.Context) -> None:
    """In Blender's own popover of the node editor's overlays."""
    settings = preferences.found()
    if settings is None or context.space_data.tree_type != "BackgroundNodeTree":
        return
    column = panel.layout.column()
    column.active = context.space_data.overlay.show_overlays
    column.separator()
    for name in ("overlay_time", "overlay_memory", "overlay_heat_map"):
        column.prop(settings, name)


_handlers: list[Any] = []


def register() -> None:
    bpy.types.NODE_PT_overlay.append(_draw_settings)
    _handlers.append(bpy.types.SpaceNodeEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL"))


def unregister() -> None:
    while _handlers:
        bpy.types.SpaceNodeEditor.draw_handler_remove(_handlers.pop(), "WINDOW")
    bpy.types.NODE_PT_overlay.remove(_draw_settings)
