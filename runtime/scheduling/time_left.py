# SPDX-License-Identifier: GPL-3.0-or-later
"""Estimates how long a run and its tasks will still take.

An item's time is estimated from its progress, from the task's other items, from earlier runs of the same node, and else
from what tasks of the same script took: the further it is, the more its own progress counts. A run takes as long as all
its work divided among its workers, but at least as long as the longest chain of tasks that wait for each other. While
nothing is known of a script, nothing is known of the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ..planning.plan import PlannedTask
from ..script.signature import ScriptSource
from .records import ItemRecord, TaskRecord
from .states import TaskState

#: Below this fraction, a script's progress is too small to estimate from.
_MIN_PROGRESS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Past:
    """What a task took in an earlier run: the mean seconds of an item, the number of items, the most memory of one."""

    item_seconds: float
    num_items: int
    peak_memory: int | None = None

    @classmethod
    def of(cls, record: TaskRecord) -> Past | None:
        """None if nothing was measured."""
        if not record.num_measured or not record.num_items:
            return None
        return cls(record.measured_seconds / record.num_measured, record.num_items, record.peak_memory)


class TimeLeft:
    """Estimates for one run. `now` is a time of the run's clock."""

    def __init__(self, records: Iterable[TaskRecord], num_workers: int, pasts: Mapping[str, Past]) -> None:
        """`records` in the plan's order; `pasts` are of earlier runs, by the tasks' ids, and may grow."""
        self._records = tuple(records)
        self._num_workers = num_workers
        self._pasts = pasts

    def task(self, record: TaskRecord, now: float) -> float | None:
        """Seconds until a running task is over; None if unknown, or if the task is not running."""
        if record.state is not TaskState.RUNNING:
            return None
        work = self._work(record, now, self._item_seconds(record))
        return None if work is None else work.span(len(record.running) or 1)

    def run(self, now: float) -> float | None:
        """Seconds until the run is over; None while nothing is known of some task that it will carry out."""
        open_records = [record for record in self._records if not record.state.is_final]
        usual = self._seconds_of_scripts()
        works: list[tuple[PlannedTask, Work]] = []
        for record in open_records:
            work = self._work(record, now, self._item_seconds(record) or usual.get(record.planned.script))
            if work is None:
                return None
            works.append((record.planned, work))
        return span(works, self._num_workers) if works else None

    def _item_seconds(self, record: TaskRecord) -> float | None:
        """How long an item of a task usually takes."""
        known = Past.of(record) or self._pasts.get(record.planned.id)
        return None if known is None else known.item_seconds

    def _seconds_of_scripts(self) -> dict[ScriptSource, float]:
        """How long an item of each script usually takes, over all tasks for which that is known."""
        known: dict[ScriptSource, list[float]] = {}
        for record in self._records:
            if (seconds := self._item_seconds(record)) is not None:
                known.setdefault(record.planned.script, []).append(seconds)
        return {script: sum(each) / len(each) for script, each in known.items()}

    def _work(self, record: TaskRecord, now: float, item_seconds: float | None) -> Work | None:
        """What is left of a task, None if unknown."""
        lefts = [_item_left(record.items[index], now, item_seconds) for index in record.running]
        num_queued = self._num_queued(record)
        if num_queued:
            lefts += [item_seconds]
        known = [left for left in lefts if left is not None]
        if len(known) < len(lefts):
            return None
        return Work(sum(known) + max(0, num_queued - 1) * (item_seconds or 0.0), max(known, default=0.0))

    def _num_queued(self, record: TaskRecord) -> int:
        """How many items are queued; while the task has no items yet, as many as in an earlier run."""
        if record.items:
            return record.num_open - len(record.running)
        past = self._pasts.get(record.planned.id)
        return record.num_items or (past.num_items if past else 1)


@dataclass(frozen=True, slots=True)
class Work:
    """What is left of a task: the seconds of all its items together, and of the longest one."""

    seconds: float
    longest: float

    def span(self, num_workers: int) -> float:
        """How long `num_workers` workers need for it."""
        return max(self.seconds / num_workers, self.longest)


def span(works: Iterable[tuple[PlannedTask, Work]], num_workers: int) -> float:
    """How long `num_workers` workers need for what is left of tasks, each after those that it depends on."""
    total = longest = 0.0
    ends: dict[str, float] = {}
    for task, work in works:
        begin = max((ends.get(dependency, 0.0) for dependency in task.dependencies), default=0.0)
        ends[task.id] = begin + work.span(num_workers)
        total += work.seconds
        longest = max(longest, ends[task.id])
    return max(total / num_workers, longest)


def _item_left(item: ItemRecord, now: float, item_seconds: float | None) -> float | None:
    elapsed = 0.0 if item.started is None else now - item.started
    by_past = None if item_seconds is None else max(0.0, item_seconds - elapsed)
    if item.progress < _MIN_PROGRESS or elapsed <= 0.0:
        return by_past
    by_progress = elapsed * (1.0 - item.progress) / item.progress
    if by_past is None:
        return by_progress
    return item.progress * by_progress + (1.0 - item.progress) * by_past
