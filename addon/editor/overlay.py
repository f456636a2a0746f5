# SPDX-License-Identifier: GPL-3.0-or-later
"""What is drawn over the nodes: a strip that shows each one's state, lines about its last run, a heat map by time.

The strip is solid where the last run still tells what is so, and broken where the next one would do something.

A collapsed node draws no buttons, so the strip alone shows its state. Blender's *Overlays* button in the header
switches all of this off; the popover beside that button has our settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as translated

from ...node_tree.node_shape import HEADER, TEXT_SIZE, Shape, View
from ...runtime.engine.forecast import Outlook
from ...runtime.scheduling.states import TaskState
from ..drawing.canvas import Canvas, Color, text_width
from ..drawing.quantities import duration, memory_size
from ..preferences import preferences
from ..session import forecasts
from ..session.current import session
from ..session.run import Run, Status
from . import forecast_text, redraw
from .shown_path import shown_path
from .status_icons import COLORS, color_of

# In UI units
_STRIP = 2.5
_LINE = 16.0
_PADDING = 5.0

_PLATE: Color = (0.10, 0.10, 0.10, 0.85)
_INK: Color = (0.90, 0.90, 0.90, 1.0)
#: States in which no worker has started a task.
_UNTOUCHED = frozenset({TaskState.WAITING, TaskState.READY, TaskState.SKIPPED})
#: How a strip is broken where a run would do something: length and gap of the dashes in UI units, and their colour.
_DASHES: dict[Outlook | None, tuple[float, float, Color]] = {
    Outlook.RUNS: (8.0, 4.0, (*COLORS[TaskState.RUNNING], 1.0)),
    Outlook.NEVER_CACHED: (8.0, 4.0, (*COLORS[TaskState.RUNNING], 1.0)),
    Outlook.WAITS: (2.5, 5.0, (*COLORS[TaskState.RUNNING], 0.9)),
    Outlook.FAILS: (8.0, 4.0, (*COLORS[TaskState.FAILED], 1.0)),
}
#: From the quickest task to the slowest.
_HEAT = ((0.20, 0.45, 0.85), (0.95, 0.80, 0.25), (0.90, 0.25, 0.20))

Line = Callable[[Status], str]

#: The node whose result the artist looks at, by the id of its path; set by whoever shows it.
viewed: list[str] = []


def _time(task: Status) -> str:
    return duration(task.seconds) if task.seconds else ""


def _memory(task: Status) -> str:
    return "" if task.peak_memory is None else memory_size(task.peak_memory)


def _cached(task: Status) -> str:
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
        outer = space.path[0].node_tree
        outlooks = {} if forecast_text.watch(outer) is None else forecasts.outlooks(outer)
        _draw_nodes(canvas, space, session.run_of(outer), outlooks, View(context.region, ui_scale))
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


def _draw_nodes(
    canvas: Canvas,
    space: bpy.types.SpaceNodeEditor,
    run: Run | None,
    outlooks: Mapping[str, Outlook],
    view: View,
) -> None:
    lines = [line for setting, line in _LINES if preferences.get(setting)]
    path = shown_path(space)
    shown = {path.into(node.uid, node.name).id: node for node in space.edit_tree.nodes if hasattr(node, "uid")}
    tasks = {} if run is None else {node_id: run.at(node_id) for node_id in shown}
    slowest = _slowest(tasks.values()) if preferences.get("overlay_heat_map") else 0.0
    for node_id, node in shown.items():
        task, outlook = tasks.get(node_id), outlooks.get(node_id)
        if task is None and outlook is None:
            continue
        shape = view.shape(node)
        if not shape.overlaps(view.width, view.height):
            continue
        if outlook in _DASHES:
            _draw_dashes(canvas, _strip(node, shape, view), view, *_DASHES[outlook])
        elif task is not None:
            _draw_strip(canvas, task, _strip(node, shape, view))
        if task is None:
            continue
        texts = [line(task) for line in lines] + ([translated("Viewed")] if node_id in viewed else [])
        heat = _heat(task.seconds / slowest) if slowest and task.seconds else None
        if heat is not None:
            canvas.rectangle(*shape, (*heat, 0.18))
            canvas.frame(*shape, 2.0 * view.unit, (*heat, 0.9))
        if texts:
            _draw_lines(canvas, texts, shape, view, heat)


def _slowest(tasks: Iterable[Status | None]) -> float:
    return max((task.seconds for task in tasks if task is not None), default=0.0)


def _strip(node: bpy.types.Node, shape: Shape, view: View) -> Shape:
    """Where the strip of a node is: under its header."""
    height = max(1.0, _STRIP * view.unit)
    bottom = shape.bottom if node.hide else shape.top - HEADER * view.unit - height
    margin = 6.0 * view.unit if node.hide else 0.0
    return Shape(shape.left + margin, bottom, shape.right - margin, bottom + height)


def _draw_dashes(canvas: Canvas, strip: Shape, view: View, length: float, gap: float, color: Color) -> None:
    """A broken line: what a run would do."""
    left, step = strip.left, max(2.0, (length + gap) * view.unit)
    while left < strip.right:
        right = min(strip.right, left + max(1.0, length * view.unit))
        canvas.rectangle(left, strip.bottom, right, strip.top, color)
        left += step


def _draw_strip(canvas: Canvas, task: Status, strip: Shape) -> None:
    """A coloured line; as long as the bar while the task runs."""
    left, bottom, right, top = strip
    color = color_of(task)
    if task.state is TaskState.RUNNING:
        canvas.rectangle(left, bottom, right, top, (*color, 0.25))
        right = left + (right - left) * redraw.shown_progress(task)
    alpha = 0.35 if task.state in _UNTOUCHED and not task.is_partial else 1.0
    canvas.rectangle(left, bottom, right, top, (*color, alpha))


def _draw_lines(canvas: Canvas, texts: list[str], shape: Shape, view: View, heat: Any) -> None:
    size = TEXT_SIZE * view.unit
    if not view.is_legible:
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
    for name in ("overlay_forecast", "overlay_previews", "overlay_time", "overlay_memory", "overlay_heat_map"):
        column.prop(settings, name)


_handlers: list[Any] = []


def register() -> None:
    bpy.types.NODE_PT_overlay.append(_draw_settings)
    _handlers.append(bpy.types.SpaceNodeEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL"))


def unregister() -> None:
    while _handlers:
        bpy.types.SpaceNodeEditor.draw_handler_remove(_handlers.pop(), "WINDOW")
    bpy.types.NODE_PT_overlay.remove(_draw_settings)
