# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner: carries out runs. It feeds what the pool reports to each run's scheduler and does what that orders.

    pool.poll -> events -> scheduler.handle -> instructions -> pool.submit, pool.stop

It has no thread of its own: whoever owns it calls `update` often, or waits in it.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import messages
from .events import (
    CancelRequested,
    Event,
    FinishRun,
    Instruction,
    ItemEvent,
    RunStarted,
    StartTask,
    StopTask,
    TaskError,
    TaskFailed,
    TaskProgressed,
    TaskStarted,
    TaskSucceeded,
    TimePassed,
    WorkerDied,
)
from .launcher import Launcher
from .plan import Plan
from .pool import Lost, NoWorker, Pool, Report, Request
from .results import Results
from .scheduler import Scheduler
from .states import RunState
from .store import Store
from .types import LiveRef, StoredRef

#: Called after each event of a run that changed something, with the id of the task it was about, None for the run.
Listener = Callable[[str | None], None]


class ActiveRun:
    """A run being carried out, or done. All in it is to be read only, but by the runner."""

    def __init__(
        self,
        number: int,
        plan: Plan,
        scheduler: Scheduler,
        results: Results,
        listener: Listener | None,
    ) -> None:
        self.number = number
        self.plan = plan
        self.tasks = {task.id: task for task in plan.tasks}
        self.scheduler = scheduler
        self.results = results
        self.listener = listener
        self.scene = dataclasses.asdict(plan.scene)
        self.logs: dict[str, dict[int, Path]] = {}
        self.blobs: dict[tuple[str, int], Path] = {}

    @property
    def state(self) -> RunState:
        return self.scheduler.state


class Runner:
    """Carries out runs side by side on one pool of workers."""

    def __init__(self, launcher: Launcher, store: Store, capacity: int) -> None:
        self.store = store
        self.pool = Pool(launcher, store, capacity)
        self._runs: dict[int, ActiveRun] = {}
        self._numbers = itertools.count(1)

    @property
    def is_active(self) -> bool:
        return bool(self._runs)

    def start(
        self,
        plan: Plan,
        snapshot: Mapping[LiveRef, StoredRef],
        num_workers: int,
        timeout: float | None = None,
        listener: Listener | None = None,
    ) -> ActiveRun:
        """Begin with a plan. `snapshot` says where each data-block that the plan reads was written."""
        scheduler = Scheduler(plan, num_workers, timeout)
        run = ActiveRun(next(self._numbers), plan, scheduler, Results(snapshot), listener)
        self._runs[run.number] = run
        self._handle(run, RunStarted(time.monotonic()))
        return run

    def cancel(self, run: ActiveRun, task: str | None = None) -> None:
        """Cancel a run, or one task of it; what has ended stays as it is."""
        if run.number in self._runs:
            self._handle(run, CancelRequested(time.monotonic(), task))

    def update(self, timeout: float | None = 0.0) -> None:
        """Take what has arrived, waiting for something at most `timeout` seconds (None: however long it takes)."""
        for key, report in self.pool.poll(self._wait_limit(timeout)):
            run = self._runs.get(key[0])  # type: ignore[index]
            if run is not None and _is_awaited(run, *key[1:]):  # type: ignore[index]
                self._handle(run, self._event(run, key, report))  # type: ignore[arg-type]
        now = time.monotonic()
        for run in list(self._runs.values()):
            deadline = run.scheduler.next_deadline()
            if deadline is not None and deadline <= now:
                self._handle(run, TimePassed(now))

    def forget(self, run: ActiveRun) -> None:
        """Remove a run's blobs and logs from the store; its results can't be fetched any more."""
        self.cancel(run)
        for blob in run.blobs.values():
            self.store.remove_blob(blob)
        for logs in run.logs.values():
            for log in logs.values():
                self.store.remove_blob(log)

    def close(self) -> None:
        """End all runs, workers and the store."""
        for run in list(self._runs.values()):
            self.cancel(run)
        self.pool.close()
        self.store.close()

    def _wait_limit(self, timeout: float | None) -> float | None:
        deadlines = [run.scheduler.next_deadline() for run in self._runs.values()]
        limits = [max(0.0, deadline - time.monotonic()) for deadline in deadlines if deadline is not None]
        return min([*limits, *([] if timeout is None else [timeout])], default=None)

    # From reports to events

    def _event(self, run: ActiveRun, key: tuple[int, str, int, int], report: Report) -> ItemEvent:
        where = time.monotonic(), *key[1:]
        match report:
            case messages.Started():
                return TaskStarted(*where)
            case messages.Progressed(fraction, text):
                return TaskProgressed(*where, fraction, text)
            case messages.Succeeded(values):
                run.results.put(key[1], key[2], values)
                return TaskSucceeded(*where, _list_lengths(run, key[1], values))
            case messages.Failed(message, traceback, line):
                return TaskFailed(*where, TaskError(message, traceback, line))
            case Lost(reason):
                self.store.remove_blob(run.blobs[key[1], key[2]])
                return WorkerDied(*where, reason)
            case NoWorker(reason):
                return TaskFailed(*where, TaskError(reason))

    # From instructions to deeds

    def _handle(self, run: ActiveRun, event: Event) -> None:
        instructions = run.scheduler.handle(event)
        if run.listener is not None:
            run.listener(getattr(event, "task", None))
        for instruction in instructions:
            self._carry_out(run, instruction)

    def _carry_out(self, run: ActiveRun, instruction: Instruction) -> None:
        match instruction:
            case StartTask(task, item, attempt):
                self._start_task(run, task, item, attempt)
            case StopTask(task, item, attempt):
                self.pool.stop((run.number, task, item, attempt))
                self.store.remove_blob(run.blobs[task, item])
            case FinishRun():
                del self._runs[run.number]
                if run.listener is not None:
                    run.listener(None)

    def _start_task(self, run: ActiveRun, task_id: str, item: int, attempt: int) -> None:
        task = run.tasks[task_id]
        blob, log = self.store.new_blob(), self.store.new_log()
        run.blobs[task_id, item] = blob
        run.logs.setdefault(task_id, {})[item] = log
        request = run.results.request(task, item, run.tasks, run.scene, blob, log)
        key = run.number, task_id, item, attempt
        self.pool.submit(Request(key, request, task.settings.fresh_process))


def _is_awaited(run: ActiveRun, task: str, item: int, attempt: int) -> bool:
    """False for what arrived together with the event that stopped the item."""
    record = run.scheduler.tasks[task].items[item]
    return record.attempt == attempt and not record.state.is_final


def _list_lengths(run: ActiveRun, task: str, values: Mapping[str, Any]) -> dict[str, int]:
    outputs = run.tasks[task].outputs
    return {output.identifier: len(values[output.identifier]) for output in outputs if output.type.is_list}
