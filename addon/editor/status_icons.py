# SPDX-License-Identifier: GPL-3.0-or-later
"""The icons of task states, in colour: Blender's own icons of this kind are grey.

They are drawn here, from the distance of each pixel to a shape, so that they need no files and fit any theme.
"""

from __future__ import annotations

import bpy
import bpy.utils.previews
import numpy

from ...runtime.scheduling.states import TaskState
from ..session.run import Status

_SIZE = 64
_GREY = (0.55, 0.55, 0.55)
_WHITE = (1.0, 1.0, 1.0)

#: The colour of each state; the overlay draws with them, too.
COLORS: dict[TaskState, tuple[float, float, float]] = {
    TaskState.WAITING: _GREY,
    TaskState.READY: _GREY,
    TaskState.RUNNING: (0.22, 0.52, 0.92),
    TaskState.SUCCEEDED: (0.25, 0.66, 0.32),
    TaskState.FAILED: (0.86, 0.25, 0.22),
    TaskState.CANCELLED: (0.80, 0.60, 0.18),
    TaskState.TIMED_OUT: (0.86, 0.25, 0.22),
    TaskState.SKIPPED: _GREY,
}

#: The distance of each point of the icon to a line from one point to another; all run from -1 to 1, up is positive.
_Segment = tuple[tuple[float, float], tuple[float, float]]
_SIGNS: dict[TaskState, tuple[_Segment, ...]] = {
    TaskState.WAITING: (((-0.4, 0.0), (-0.4, 0.0)), ((0.0, 0.0), (0.0, 0.0)), ((0.4, 0.0), (0.4, 0.0))),
    TaskState.READY: (((0.0, 0.45), (0.0, 0.0)), ((0.0, 0.0), (0.3, -0.2))),
    TaskState.RUNNING: (((-0.15, 0.35), (0.32, 0.0)), ((0.32, 0.0), (-0.15, -0.35)), ((-0.15, -0.35), (-0.15, 0.35))),
    TaskState.SUCCEEDED: (((-0.42, 0.0), (-0.12, -0.32)), ((-0.12, -0.32), (0.42, 0.32))),
    TaskState.FAILED: (((0.0, 0.48), (0.0, -0.05)), ((0.0, -0.42), (0.0, -0.42))),
    TaskState.CANCELLED: (((-0.3, 0.3), (0.3, -0.3)), ((-0.3, -0.3), (0.3, 0.3))),
    TaskState.TIMED_OUT: (((0.0, 0.45), (0.0, 0.0)), ((0.0, 0.0), (0.3, -0.2))),
    TaskState.SKIPPED: (((-0.35, 0.35), (0.0, 0.0)), ((0.0, 0.0), (-0.35, -0.35)), ((0.3, 0.35), (0.3, -0.35))),
}

#: An equals sign, on the green of what succeeded: a task gave the same as before.
_SAME = "same"
_SAME_SIGN: tuple[_Segment, ...] = (((-0.36, 0.2), (0.36, 0.2)), ((-0.36, -0.2), (0.36, -0.2)))

#: Two bars, on the colour of what runs: its run is paused.
_PAUSED = "paused"
_PAUSED_SIGN: tuple[_Segment, ...] = (((-0.2, 0.32), (-0.2, -0.32)), ((0.2, 0.32), (0.2, -0.32)))

#: Some items of a task were skipped: the sign of what is skipped, on a colour that asks for a look.
_PARTIAL = "partial"
_PARTIAL_COLOR = (0.80, 0.60, 0.18)

_previews: list[bpy.utils.previews.ImagePreviewCollection] = []


def icon(state: TaskState) -> int:
    """The number of a state's icon, for `icon_value`."""
    return _icon(state, COLORS[state], _SIGNS[state])


def color_of(task: Status) -> tuple[float, float, float]:
    """The colour of a node's state."""
    return _PARTIAL_COLOR if task.is_partial else COLORS[task.state]


def icon_of(task: Status) -> int:
    """The number of a node's icon: that of its state, unless it gave the same as before, is paused, or did a part."""
    if task.state is TaskState.SUCCEEDED and task.gave_the_same:
        return _icon(_SAME, COLORS[task.state], _SAME_SIGN)
    if task.is_paused:
        return _icon(_PAUSED, COLORS[task.state], _PAUSED_SIGN)
    if task.is_partial:
        return _icon(_PARTIAL, _PARTIAL_COLOR, _SIGNS[task.state])
    return icon(task.state)


def _icon(name: str, color: tuple[float, float, float], sign: tuple[_Segment, ...]) -> int:
    if not _previews:
        _previews.append(bpy.utils.previews.new())
    previews = _previews[0]
    if name not in previews:
        preview = previews.new(name)
        preview.icon_size = (_SIZE, _SIZE)
        preview.icon_pixels_float = _pixels(color, sign).ravel()
    return previews[name].icon_id


def _pixels(color: tuple[float, float, float], sign: tuple[_Segment, ...]) -> numpy.ndarray:
    """A coloured disc with a white sign on it: rows from the bottom of red, green, blue, alpha."""
    axis = (numpy.arange(_SIZE) + 0.5) / _SIZE * 2.0 - 1.0
    x, y = numpy.meshgrid(axis, axis)
    disc = _coverage(numpy.hypot(x, y) - 0.88)
    mark = numpy.maximum.reduce([_coverage(_distance(x, y, segment) - 0.11) for segment in sign])
    pixels = numpy.empty((_SIZE, _SIZE, 4), numpy.float32)
    pixels[..., :3] = numpy.asarray(color) + (numpy.asarray(_WHITE) - numpy.asarray(color)) * mark[..., None]
    pixels[..., 3] = 1.0
    pixels *= disc[..., None]  # Blender takes colours for multiplied with alpha
    return pixels


def _coverage(distance: numpy.ndarray) -> numpy.ndarray:
    """How much of each pixel lies inside a shape, given its distance to the shape's edge."""
    return numpy.clip(0.5 - distance * _SIZE / 2.0, 0.0, 1.0)


def _distance(x: numpy.ndarray, y: numpy.ndarray, segment: _Segment) -> numpy.ndarray:
    (x0, y0), (x1, y1) = segment
    length = (x1 - x0) ** 2 + (y1 - y0) ** 2
    along = numpy.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length, 0.0, 1.0) if length else 0.0
    return numpy.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0))


def unregister() -> None:
    while _previews:
        bpy.utils.previews.remove(_previews.pop())
