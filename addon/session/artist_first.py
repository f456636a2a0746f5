# SPDX-License-Identifier: GPL-3.0-or-later
"""Artist first: while the artist plays back, sculpts, paints or renders, background Blenders make room."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from .run import Run

#: Seconds for which the artist must have stopped before workers go on, so that a playback may be started anew.
_CALM_SECONDS = 1.0


class ArtistFirst:
    """Makes room for the artist, and takes it back.

    Args:
        find_occupation: tells why workers are to make room now, "" if they need not: see `occupation.py`.
    """

    def __init__(self, find_occupation: Callable[[], str]) -> None:
        self._find_occupation = find_occupation
        self._occupation = ""
        self._calm_since = 0.0
        self._held: list[Run] = []  # whatever the artist does with them from now on

    def update(self, runs: Iterable[Run], choice: str) -> bool:
        """Look at what the artist does; pause and resume runs if that is the choice (`Settings.artist_first`).

        Returns:
            whether workers are to have lower priority now: jobs (`job_manager.py`) go on while runs are paused.
        """
        self._look("" if choice == "OFF" else self._find_occupation())
        if choice == "PAUSE" and self._occupation:
            self._hold(runs)
        else:
            self.let_go()
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

    def let_go(self) -> None:
        """Let what was paused for the artist go on."""
        for run in self._held:
            if run.is_paused and run.pause_reason:
                run.resume()
        self._held.clear()
