# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs whose results come home, one after the other and a portion at a time."""

from __future__ import annotations

import itertools
import math
from collections import OrderedDict
from typing import Protocol

from .faults import Faults


class ArrivingJob(Protocol):
    """What the session knows of a job that has succeeded."""

    @property
    def is_coming_home(self) -> bool:
        """Whether some of its results are home, and some are not."""
        ...

    def bring_home(self, seconds: float) -> None:
        """Bring results home for about so long, and some at least; nothing while the artist must not be disturbed."""
        ...

    def fail(self, error: Exception) -> None:
        """Drop it because of an error that is not its script's."""
        ...


class JobArrivals:
    """The jobs whose results are to come home, in their order."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[ArrivingJob, None] = OrderedDict()
        self._faults = Faults()

    def add(self, job: ArrivingJob) -> None:
        self._jobs[job] = None

    def __bool__(self) -> bool:
        """Whether a job waits for its turn, or comes home."""
        return bool(self._jobs)

    @property
    def is_under_way(self) -> bool:
        """Whether a job has come home in part: the artist and runs must not change anything now."""
        return any(job.is_coming_home for job in self._first)

    def carry_on(self, seconds: float) -> None:
        """Bring the first job's results home for about so long. If all are home then, it is the next one's turn."""
        for job in self._first:
            if error := self._faults.guard(job.bring_home, seconds):
                self._faults.guard(job.fail, error)
            # What hears of its end may have brought others home.
            if job in self._first and not job.is_coming_home:
                del self._jobs[job]

    @property
    def _first(self) -> tuple[ArrivingJob, ...]:
        """The job whose turn it is; nothing if there is none."""
        return tuple(itertools.islice(self._jobs, 1))

    def finish_first(self) -> None:
        """Let what is under way come home at once."""
        if self.is_under_way:
            self.carry_on(math.inf)

    def clear(self) -> None:
        self._jobs.clear()
