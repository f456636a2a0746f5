# SPDX-License-Identifier: GPL-3.0-or-later
"""Has Blender look at its timers sooner than it would: where nothing happens, it sleeps for 5 ms between two looks.

It does not sleep past the time of a timer of its window manager. One that belongs to no window is told to no tool.
"""

from __future__ import annotations

from typing import Final

import bpy

#: Seconds that Blender sleeps.
_SLEEP: Final = 0.005

_timers: list[bpy.types.Timer] = []  # the one that is to wake it, if any


def wake_in(seconds: float | None) -> None:
    """Let Blender sleep for so many seconds at most, None for as long as it likes, until the next call of this."""
    _forget()
    if seconds is not None and seconds < _SLEEP:
        _timers.append(bpy.context.window_manager.event_timer_add(seconds))


@bpy.app.handlers.persistent
def _forget(*_arguments: object) -> None:
    """Remove the timer: with the window manager, which another file may replace, it would be gone unasked."""
    while _timers:
        bpy.context.window_manager.event_timer_remove(_timers.pop())


def register() -> None:
    bpy.app.handlers.load_pre.append(_forget)


def unregister() -> None:
    _forget()
    bpy.app.handlers.load_pre.remove(_forget)
