"""Jobs in a few lines: added, polled as a modal operator does, waited for."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Seconds after which a wait for something that must come is a failed test.
PATIENCE = 200.0


def add(manager, job: str, script: str, *given, **options) -> None:
    assert manager.add_job(job, script, *given, **options) == (True, "")


def process(manager, until: Callable[[], bool] | None = None) -> None:
    """As a modal operator does: call `process_jobs` again and again."""
    deadline = time.monotonic() + PATIENCE
    until = until or (lambda: all(job.is_over for job in manager.jobs))
    while not until():
        assert time.monotonic() < deadline, [job.issue or job for job in manager.jobs]
        manager.process_jobs()
        time.sleep(0.005)


def run(manager, script: str, job: str = "job", **options):
    """Add a job, wait for its success and return it."""
    add(manager, job, script, **options)
    assert manager.get_job(job).wait(PATIENCE) == "COMPLETED", manager.get_issue_string(job)
    return manager.get_job(job)
