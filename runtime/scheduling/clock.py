# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock of a run. It stops while the run is paused or over, so that such time counts for no timeout or duration."""

from __future__ import annotations


class RunClock:
    """Converts times of the system's clock to times of the run's clock, and back.

    Attributes:
        lost: seconds for which this clock was stopped so far; a stop that lasts still is not counted yet.
    """

    def __init__(self) -> None:
        self.lost = 0.0
        self._stopped: float | None = None

    @property
    def is_running(self) -> bool:
        return self._stopped is None

    def at(self, time: float) -> float:
        """The time of the run's clock at `time` of the system's clock."""
        return (time if self._stopped is None else self._stopped) - self.lost

    def when(self, time: float) -> float:
        """The time of the system's clock at which the run's clock shows `time`, if it does not stop before."""
        return time + self.lost

    def stop(self, time: float) -> None:
        """Stop the clock at `time` of the system's clock, unless it is stopped already."""
        if self._stopped is None:
            self._stopped = time

    def go_on(self, time: float) -> None:
        if self._stopped is not None:
            self.lost += time - self._stopped
            self._stopped = None
