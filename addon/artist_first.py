# SPDX-License-Identifier: GPL-3.0-or-later
"""Artist first: while the artist plays back, sculpts, paints or renders, background Blenders make room."""

from __future__ import annotations

import time
from collections.abc import Iterable

import bpy

from .run import Run

#: Modes in which each movement of the pen needs the processor at once: all but these.
_CALM_MODES = frozenset({"OBJECT", "EDIT", "POSE", "EDIT_GPENCIL"})

#: Seconds for which the artist must have stopped before workers go on, so that a playback may be started anew.
_CALM_SECONDS = 1.0


def occupation() -> str:
    """Why workers make room for the artist now, "" if they need not."""
    if bpy.app.is_job_running("RENDER"):
        return "Paused while you render"
    for window in bpy.context.window_manager.windows:
        if window.screen.is_animation_playing:
            return "Paused while the animation plays"
        active = window.view_layer.objects.active
        if active is not None and active.mode not in _CALM_MODES:
            return "Paused while you sculpt" if "SCULPT" in active.mode else "Paused while you paint"
    return ""


class ArtistFirst:
    """Makes room for the artist, and takes it back."""

    def __init__(self) -> None:
        self._occupation = ""
        self._calm_since = 0.0
        self._held: list[Run] = []  # whatever the artist does with them from now on

    def update(self, runs: Iterable[Run], choice: str) -> bool:
        """Look at what the artist does; pause and resume runs if that is the choice (`preferences.artist_first`).

        Returns:
            whether workers are to have lower priority now: jobs (`job_manager.py`) go on while runs are paused.
        """
        self._look("" if choice == "OFF" else occupation())
        if choice == "PAUSE" and self._occupation:
            self._hold(runs)
        else:
            self._let_go()
        return bool(self._occupation)

    def _look(self, found: str) -> None:
        now = time.monotonic()
        if found:
            self._occupation, self._calm_since = found, now
        elif now - self._calm_since > _CALM_SECONDS:
            self._occupation = ""

    def _hold(self, runs: Iterable[Run]) -> None:
        for run in runs:
            if run.state.is_final or run in self._held:
                continue
            self._held.append(run)
            if not run.is_paused:
                run.pause(self._occupation)

    def _let_go(self) -> None:
        for run in self._held:
            if run.is_paused and run.pause_reason:
                run.resume()
        self._held.clear()
