# SPDX-License-Identifier: GPL-3.0-or-later
"""Artist first: while the artist plays back, sculpts, paints or renders, background Blenders make room."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from .run import Run

#: Seconds after which workers go on once the artist has stopped: a playback is often started again at once.
_CALM_SECONDS = 1.0


class ArtistFirst:
    """Pauses runs, or asks for a lower priority, while the artist needs the processor.

    Args:
        find_occupation: returns why workers must make room now, "" if they need not: see `occupation.py`.
    """

    def __init__(self, find_occupation: Callable[[], str]) -> None:
        self._find_occupation = find_occupation
        self._occupation = ""
        self._calm_since = 0.0
        self._held: list[Run] = []  # each is paused once: the artist may resume it

    def update(self, runs: Iterable[Run], choice: str) -> bool:
        """Look at what the artist does; pause and resume runs if that is the choice (`Settings.artist_first`).

        Returns:
            whether workers need a lower priority now. Also while runs are paused: jobs (`job_manager.py`) go on.
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
        """Resume the runs that were paused for the artist."""
        for run in self._held:
            if run.is_paused and run.pause_reason:
                run.resume()
        self._held.clear()
