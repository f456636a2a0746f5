# SPDX-License-Identifier: GPL-3.0-or-later
"""What the session knows of jobs: of a `JobManager`, and of a `Job`."""

from __future__ import annotations

from typing import Protocol

from ...runtime.engine.runner import Runner


class JobQueue(Protocol):
    """What the session knows of a `JobManager`."""

    @property
    def is_waiting(self) -> bool:
        """Whether a job with `on_complete` has results that wait for the artist."""
        ...

    @property
    def is_behind(self) -> bool:
        """Whether the last update stopped before it had reached all jobs."""
        ...

    def num_running_jobs(self) -> int: ...

    def update(self, deadline: float) -> None:
        """Carry on the jobs that have `on_complete`. Once a job has ended after the deadline, the rest waits."""
        ...

    def lose_file(self) -> None:
        """Another file was opened: no job may replace anything in it."""
        ...

    def abandon(self, reason: str) -> None:
        """Drop the jobs that are not over, because nothing can carry them on any more."""
        ...


class StartableJob(Protocol):
    """What the session knows of a `Job`."""

    def start(self, runner: Runner) -> None: ...
