# SPDX-License-Identifier: GPL-3.0-or-later
"""What may come between two portions of a homecoming: the artist's next click or key, undo, redo, a save.

What is left is done before. A modal operator hears of each click and key before any tool of Blender does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import bpy

from ...runtime.blender.edits import edits

_OPERATOR = "BACKGROUND_NODES_OT_await_artist"
#: Seconds between two looks whether everything is done.
_INTERVAL = 0.05


class Homecomings(Protocol):
    """What can be interrupted."""

    @property
    def has_homecomings(self) -> bool:
        """Whether something is left to be done."""
        ...

    def finish_homecomings(self) -> None:
        """Do it."""
        ...


_connected: list[Homecomings] = []


def connect(homecomings: Homecomings | None) -> None:
    """Say what can be interrupted, None for nothing any more."""
    _connected[:] = [] if homecomings is None else [homecomings]


@bpy.app.handlers.persistent
def _finish(*_arguments: object) -> None:
    with edits.turn():
        for each in _connected:
            each.finish_homecomings()


def _is_of_artist(event: bpy.types.Event) -> bool:
    """Whether it is more than a timer's or a movement of the mouse."""
    if event.type == "NONE":  # one of a timer that was removed, or a key that Blender has no name for
        return event.value != "NOTHING"
    return not event.type.startswith("TIMER") and not event.type.endswith("MOUSEMOVE")


class BACKGROUND_NODES_OT_await_artist(bpy.types.Operator):
    """Finish bringing results home before anything else happens"""

    bl_idname = "background_nodes.await_artist"
    bl_label = "Await Artist"
    bl_options = {"INTERNAL"}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        self._timer = context.window_manager.event_timer_add(_INTERVAL, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if _is_of_artist(event):
            _finish()
        if any(each.has_homecomings for each in _connected):
            return {"PASS_THROUGH"}
        self.cancel(context)
        return {"FINISHED", "PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        context.window_manager.event_timer_remove(self._timer)


def wait() -> bool:
    """Wait for the artist in all windows. Returns whether that can be: not while a tool goes on, which hears first."""
    windows = bpy.context.window_manager.windows
    if any(
        not operator.bl_idname.startswith("BACKGROUND_NODES_") for each in windows for operator in each.modal_operators
    ):
        return False
    for window in windows:
        if all(operator.bl_idname != _OPERATOR for operator in window.modal_operators):
            with bpy.context.temp_override(window=window):
                bpy.ops.background_nodes.await_artist("INVOKE_DEFAULT")
    return True


classes = (BACKGROUND_NODES_OT_await_artist,)


def _handlers() -> tuple[list[Callable[..., None]], ...]:
    known = bpy.app.handlers
    return known.undo_pre, known.redo_pre, known.save_pre


def register() -> None:
    for handlers in _handlers():
        handlers.insert(0, _finish)  # before those that note what there is


def unregister() -> None:
    for handlers in _handlers():
        handlers.remove(_finish)
