# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock of a run: it stands still while the run is paused or over, so that no time counts that was not for it."""

from __future__ import annotations


class RunClock:
    """Turns times of the system's clock into times of the run's, and back.

    Attributes:
        lost: seconds for which the clock has stood still so far.
    """

    def __init__(self) -> None:
        self.lost = 0.0
        self._stopped: float | None = None

    @property
    def is_running(self) -> bool:
        return self._stopped is None

    def at(self, time: float) -> float:
        """What the run's clock shows at a time of the system's."""
        return (time if self._stopped is None else self._stopped) - self.lost

    def when(self, time: float) -> float:
        """When the run's clock will show a time, if it does not stop before."""
        return time + self.lost

    def stop(self, time: float) -> None:
        """Stand still from `time`, of the system's clock, on."""
        if self._stopped is None:
            self._stopped = time

    def go_on(self, time: float) -> None:
        if self._stopped is not None:
            self.lost += time - self._stopped
            self._stopped = None
