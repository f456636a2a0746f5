# SPDX-License-Identifier: GPL-3.0-or-later
"""`Batch`: jobs that belong together. `wait` and `as_completed`, for jobs of any managers. Of the public Python API."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from ...runtime.errors import BackgroundNodesError
from ..session.undo import push_undo as push_undo_step
from . import waiting
from .job import Job
from .work import Work

FIRST_COMPLETED: Final = "FIRST_COMPLETED"
ALL_COMPLETED: Final = "ALL_COMPLETED"


class JobRefusedError(BackgroundNodesError, ValueError):
    """Jobs that can't be added; none of their batch was. The message names the first one, and the reason."""


class Batch:
    """Jobs that were added together.

    Their data-blocks come home together, in the order of the jobs, when none of them runs any more: as one undo step.
    """

    __slots__ = ("__weakref__", "_group")

    def __init__(self, group: Group) -> None:
        self._group = group

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if not name.startswith("_") or name.endswith("__")]

    def __len__(self) -> int:
        return len(self._group.works)

    def __iter__(self) -> Iterator[Job]:
        return iter(self.jobs)

    def __repr__(self) -> str:
        return f"<Batch {self.name!r} {self.num_over} of {len(self)}>"

    @property
    def name(self) -> str:
        return self._group.name

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Its jobs, in their order."""
        return tuple(work.job for work in self._group.works)

    @property
    def progress(self) -> float:
        """0.0 to 1.0: the mean of its jobs'; one that is over counts as 1.0."""
        works = self._group.works
        return sum(1.0 if work.is_over else work.progress for work in works) / len(works) if works else 1.0

    @property
    def num_over(self) -> int:
        """How many of its jobs are completed or dropped."""
        return sum(work.is_over for work in self._group.works)

    @property
    def is_over(self) -> bool:
        """Whether all of its jobs are."""
        return self.num_over == len(self)

    @property
    def python_data(self) -> list[Any]:
        """The `python_data` of its jobs, in their order; None for one that is not completed."""
        return [work.python_data for work in self._group.works]

    def cancel(self, grace: float = 5.0) -> None:
        """Cancel all of its jobs: see `Job.cancel`. What the others gave comes home."""
        for work in self._group.works:
            if not work.is_arriving:
                work.cancel(grace)

    def wait(self, timeout: float | None = None) -> bool:
        """Carry its jobs on until all are over, or for `timeout` seconds. Returns whether they are over."""
        waiting.wait_for(self._group.works, timeout)
        return self.is_over


class Group:
    """The works of a batch. `batch` is what add-ons see of it."""

    def __init__(
        self,
        name: str,
        *,
        push_undo: bool,
        on_complete: Callable[[Batch], object] | None,
        on_progress: Callable[[Batch], object] | None,
    ) -> None:
        self.name = name
        self.works: list[Work] = []
        self.batch = Batch(self)
        self._undone: list[Work] = []  # some of what is not done yet, the last one for sure
        self._num_over = 0
        self._push_undo = push_undo
        self._has_changed_file = False
        self._on_complete, self._on_progress = on_complete, on_progress

    def begin(self, works: Iterable[Work]) -> None:
        """Take the works on; with none of them, it is over at once."""
        self.works = list(works)
        self._undone = list(reversed(self.works))
        if not self.works:
            self._call(self._on_complete)

    @property
    def are_all_done(self) -> bool:
        while self._undone and (self._undone[-1].is_over or self._undone[-1].is_arriving):
            self._undone.pop()
        return not self._undone

    def note_progress(self) -> None:
        """A job of it has got further."""
        self._call(self._on_progress)

    def note_end(self, *, has_changed_file: bool, is_forgotten: bool) -> None:
        """A job of it is over; with the last one, all of it. That is not told if the job ends as it is forgotten."""
        self._has_changed_file = self._has_changed_file or has_changed_file
        self._num_over += 1
        if not is_forgotten:
            self._call(self._on_progress)
        if self._num_over == len(self.works):
            if not is_forgotten:
                self._call(self._on_complete)
            if self._has_changed_file and self._push_undo:
                push_undo_step(f"Jobs: {self.name}")

    def _call(self, function: Callable[[Batch], object] | None) -> None:
        if function is not None:
            try:
                function(self.batch)
            except Exception:  # noqa: BLE001 (somebody else's code)
                traceback.print_exc()


class DoneAndNotDone(NamedTuple):
    """What `wait` returns: the jobs that are over, and the others."""

    done: set[Job]
    not_done: set[Job]


def wait(jobs: Iterable[Job], timeout: float | None = None, return_when: str = ALL_COMPLETED) -> DoneAndNotDone:
    """Carry jobs on until all of them are over, or the first one; for at most `timeout` seconds.

    It returns as well when all that is left waits for the artist to leave a mode: that can't happen meanwhile.

    Raises:
        ValueError: if `return_when` is neither "ALL_COMPLETED" nor "FIRST_COMPLETED".
    """
    if return_when not in (ALL_COMPLETED, FIRST_COMPLETED):
        raise ValueError(f"return_when is {return_when!r:.40}: give {ALL_COMPLETED!r} or {FIRST_COMPLETED!r}")
    given = list(jobs)
    works = [job._work for job in given]
    is_first = return_when == FIRST_COMPLETED
    waiting.wait_for(works, timeout, lambda: is_first and any(work.is_over for work in works))
    done = {job for job in given if job.is_over}
    return DoneAndNotDone(done, {*given} - done)


def as_completed(jobs: Iterable[Job], timeout: float | None = None) -> Iterator[Job]:
    """Yield jobs as they end, be they completed or dropped; carry them on meanwhile.

    Raises:
        TimeoutError: if some are not over `timeout` seconds after the first was asked for, or wait for the artist.
    """
    left = list(dict.fromkeys(jobs))
    deadline = None if timeout is None else time.monotonic() + timeout
    while left:
        seconds = None if deadline is None else max(deadline - time.monotonic(), 0.0)
        works = [job._work for job in left]
        waiting.wait_for(works, seconds, lambda works=works: any(work.is_over for work in works))
        over = [job for job in left if job.is_over]
        if not over:
            raise TimeoutError(f"{len(left)} jobs are not over")
        left = [job for job in left if not job.is_over]
        yield from over
