# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner: carries out runs. It feeds what the pool reports to each run's scheduler and does what that orders.

    pool.poll -> events -> scheduler.handle -> instructions -> pool.submit, pool.stop

It has no thread of its own: whoever owns it calls `update` often, or waits in it.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import messages
from .blend_files import FileCopy
from .copying import Copying
from .errors import MisfitError
from .events import (
    CancelRequested,
    Event,
    FinishCurrentRequested,
    FinishRun,
    FreezeTask,
    Instruction,
    ItemEvent,
    PauseRequested,
    ResumeRequested,
    RetryRequested,
    RunStarted,
    StartTask,
    StopTask,
    TaskError,
    TaskFailed,
    TaskProgressed,
    TaskStarted,
    TaskSucceeded,
    ThawTask,
    TimePassed,
    Usage,
    WorkerDied,
)
from .forecast import Forecast, Past
from .gathering import MANY_FOR_A_WORKER, MANY_FOR_HOME, Gathering, Moves, is_worthwhile
from .launcher import Launcher
from .messages import WireForm
from .plan import Delivery, FromTask, Plan, PlannedTask
from .pool import Lost, NoWorker, Pool, Report, Request
from .results import Results
from .scheduler import Scheduler
from .states import RunState, TaskState
from .store import Store
from .types import OPEN_FILE, LiveRef, StoredRef

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
        pasts: Mapping[str, Past],
        listener: Listener | None,
    ) -> None:
        self.number = number
        self.plan = plan
        self.tasks = {task.id: task for task in plan.tasks}
        self.scheduler = scheduler
        self.forecast = Forecast(scheduler.tasks.values(), scheduler.num_workers, pasts)
        self.results = results
        self.listener = listener
        self.scene = dataclasses.asdict(plan.scene)
        self.logs: dict[str, dict[int, Path]] = {}
        self.blobs: dict[tuple[str, int], Path] = {}
        self.gathered: list[Path] = []
        self.copying = Copying(results.copies)
        self.is_over = False

    @property
    def state(self) -> RunState:
        """Running until everything has ended and lies ready to be brought home."""
        return self.scheduler.state if self.is_over else RunState.RUNNING

    def files(self) -> Iterator[Path]:
        """The blobs and logs of its tasks."""
        yield from self.blobs.values()
        yield from self.gathered
        yield from (Path(copy.blob) for path, copy in self.results.copies.items() if path != OPEN_FILE)
        for logs in self.logs.values():
            yield from logs.values()

    @property
    def seconds(self) -> float:
        """How long the run has been under way, pauses left out."""
        started, finished = self.scheduler.started, self.scheduler.finished
        if started is None:
            return 0.0
        return (self.now if finished is None else finished) - started

    @property
    def now(self) -> float:
        """What the run's clock shows."""
        return self.scheduler.clock.at(time.monotonic())

    def new_deliveries(self) -> Iterator[Delivery]:
        """The deliveries that are complete, and were not before the run was started or retried."""
        for delivery in self.plan.deliveries:
            records = [self.scheduler.tasks[task] for task in delivery.tasks]
            is_new = self.scheduler.round == max((record.round for record in records), default=0)
            if is_new and all(record.state is TaskState.SUCCEEDED for record in records):
                yield delivery

    def home_refs(self) -> Iterator[StoredRef]:
        """The data-blocks that are to come home."""
        sources = (source for delivery in self.new_deliveries() for source in delivery.sources)
        for source in sources:
            if isinstance(source, FromTask) and source.type.is_data_block:
                yield from WireForm.stored_refs(self.results.source(source, self.tasks))


class Runner:
    """Carries out runs side by side on one pool of workers."""

    def __init__(self, launcher: Launcher, store: Store, capacity: int) -> None:
        self.store = store
        self.pool = Pool(launcher, store, capacity)
        self._runs: dict[int, ActiveRun] = {}
        self._gatherings: dict[int, Gathering] = {}
        self._numbers = itertools.count(1)
        self._ends: list[tuple[_ItemKey, Report]] = []  # of items that no worker was asked for

    @property
    def is_active(self) -> bool:
        return bool(self._runs)

    def start(
        self,
        plan: Plan,
        snapshot: Mapping[LiveRef, StoredRef],
        num_workers: int,
        timeout: float | None = None,
        pasts: Mapping[str, Past] | None = None,
        listener: Listener | None = None,
        open_file: FileCopy | None = None,
    ) -> ActiveRun:
        """Begin with a plan.

        Args:
            plan: what to do.
            snapshot: where each data-block that the plan reads was written.
            num_workers: how many tasks may run at the same time.
            timeout: seconds the run may take.
            pasts: what tasks took in earlier runs.
            listener: called after each change.
            open_file: a copy of the open file, which a plan that takes it (`Plan.takes_open_file`) needs.
        """
        scheduler = Scheduler(plan, num_workers, timeout)
        run = ActiveRun(next(self._numbers), plan, scheduler, Results(snapshot, open_file), pasts or {}, listener)
        self._runs[run.number] = run
        self._handle(run, RunStarted(time.monotonic()))
        return run

    def cancel(self, run: ActiveRun, task: str | None = None) -> None:
        """Cancel a run, or one task of it; what has ended stays as it is."""
        if run.number in self._runs:
            self._handle(run, CancelRequested(time.monotonic(), task))

    def pause(self, run: ActiveRun) -> None:
        """Let a run stand still: nothing begins, what can be frozen is, and no time counts."""
        if run.number in self._runs:
            self._handle(run, PauseRequested(time.monotonic()))

    def resume(self, run: ActiveRun) -> None:
        if run.number in self._runs:
            self._handle(run, ResumeRequested(time.monotonic()))

    def finish_current(self, run: ActiveRun) -> None:
        """Let what is with a worker end, and cancel the rest."""
        if run.number in self._runs:
            self._handle(run, FinishCurrentRequested(time.monotonic()))

    def retry(self, run: ActiveRun, tasks: Sequence[PlannedTask] = ()) -> None:
        """Try once more what did not succeed in a run that is over, with `tasks` in the place of the plan's.

        Raises:
            InvalidTransitionError: if the run is not over, or all of it succeeded.
        """
        instructions = run.scheduler.handle(RetryRequested(time.monotonic(), tuple(tasks)))
        run.tasks.update((task.id, task) for task in tasks)
        run.is_over = False
        self._runs[run.number] = run
        self._follow(run, None, instructions)

    def update(self, timeout: float | None = 0.0) -> None:
        """Take what has arrived, waiting for something at most `timeout` seconds (None: for a while)."""
        ends, self._ends = self._ends, []
        for key, report in [*ends, *self.pool.poll(0.0 if ends else self._wait_limit(timeout))]:
            if isinstance(key, _ChunkKey):
                self._hear_of_chunk(key, report)
            elif isinstance(key, _CopyKey):
                self._hear_of_copy(key, report)
            elif isinstance(key, _ItemKey):
                run = self._runs.get(key.run)
                if run is not None and _is_awaited(run, key):
                    self._handle(run, self._event(run, key, report))
        now = time.monotonic()
        for run in list(self._runs.values()):
            deadline = run.scheduler.next_deadline()
            if deadline is not None and deadline <= now:
                self._handle(run, TimePassed(now))

    def forget(self, run: ActiveRun) -> None:
        """Remove a run's blobs and logs from the store; its results can't be fetched any more."""
        self.cancel(run)
        self.store.remove_blob(*run.files())

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

    def _event(self, run: ActiveRun, key: _ItemKey, report: Report) -> ItemEvent:
        where = time.monotonic(), key.task, key.item, key.attempt
        match report:
            case messages.Started():
                return TaskStarted(*where)
            case messages.Progressed(fraction, text):
                return TaskProgressed(*where, fraction, text)
            case messages.Succeeded(values, seconds, peak_memory):
                run.results.put(key.task, key.item, values)
                return TaskSucceeded(*where, _list_lengths(run, key.task, values), Usage(seconds, peak_memory))
            case messages.Failed(message, traceback, line, seconds, peak_memory):
                return TaskFailed(*where, TaskError(message, traceback, line), Usage(seconds, peak_memory))
            case Lost(reason):
                self.store.remove_blob(run.blobs[key.task, key.item])
                return WorkerDied(*where, reason)
            case NoWorker(reason):
                return TaskFailed(*where, TaskError(reason))

    # From instructions to deeds

    def _handle(self, run: ActiveRun, event: Event) -> None:
        self._follow(run, getattr(event, "task", None), run.scheduler.handle(event))

    def _follow(self, run: ActiveRun, task: str | None, instructions: Sequence[Instruction]) -> None:
        """Do what the scheduler answered to an event about a task, or about the run."""
        if run.listener is not None:
            run.listener(task)
        for instruction in instructions:
            self._carry_out(run, instruction)

    def _carry_out(self, run: ActiveRun, instruction: Instruction) -> None:
        match instruction:
            case StartTask(task, item, attempt):
                self._start_task(run, task, item, attempt)
            case StopTask(task, item, attempt):
                self.pool.stop(_ItemKey(run.number, task, item, attempt))
                self.store.remove_blob(run.blobs[task, item])
            case FreezeTask(task, item, attempt):
                self.pool.freeze(_ItemKey(run.number, task, item, attempt))
            case ThawTask(task, item, attempt):
                self.pool.thaw(_ItemKey(run.number, task, item, attempt))
            case FinishRun():
                self._gather(run, tuple(run.home_refs()), MANY_FOR_HOME, lambda: self._end(run))

    def _start_task(self, run: ActiveRun, task_id: str, item: int, attempt: int) -> None:
        task = run.tasks[task_id]
        blob, log = self.store.new_blob(), self.store.new_log()
        run.blobs[task_id, item] = blob
        logs = run.logs.setdefault(task_id, {})
        if item in logs:
            self.store.remove_blob(logs[item])  # of the attempt before
        logs[item] = log
        key = _ItemKey(run.number, task_id, item, attempt)

        def submit() -> None:
            if _is_awaited(run, key):
                request = run.results.request(task, item, run.tasks, run.scene, blob, log)
                self.pool.submit(Request(key, request, task.settings.fresh_process))

        def gather() -> None:
            self._gather(run, tuple(run.results.stored_refs(task, item, run.tasks)), MANY_FOR_A_WORKER, submit)

        self._copy_file(run, key, gather)

    def _end(self, run: ActiveRun) -> None:
        for path in run.copying.files:
            self.pool.stop(_CopyKey(run.number, path))
            self.store.remove_blob(run.copying.blob(path))
            run.copying.end(path, "the run is over")
        del self._runs[run.number]
        run.is_over = True
        if run.listener is not None:
            run.listener(None)

    # Whole files

    def _copy_file(self, run: ActiveRun, key: _ItemKey, then: Callable[[], None]) -> None:
        """Do `then`, after the .blend file that an item works on, if it does, was copied."""

        def done(error: str) -> None:
            if error:
                self._ends.append((key, messages.Failed(error)))
            else:
                then()

        try:
            path = run.results.blend_file(run.tasks[key.task], key.item, run.tasks)
        except MisfitError as error:
            done(str(error))
            return
        if path is None or path in run.results.copies:
            then()
        elif path == OPEN_FILE:
            done("the open file was not copied when the run began. Run the node tree as a whole")
        elif run.copying.wait_for(path, done):
            self._submit_copy(run, path)

    def _submit_copy(self, run: ActiveRun, path: str) -> None:
        message = run.copying.message(path, self.store.new_blob())
        self.pool.submit(Request(_CopyKey(run.number, path), message))

    def _hear_of_copy(self, key: _CopyKey, report: Report) -> None:
        run = self._runs.get(key.run)
        if run is None or isinstance(report, messages.Started | messages.Progressed):
            return
        match report:
            case messages.Succeeded():
                run.copying.end(key.path, "")
                return
            case messages.Failed(error):
                reason = error
            case Lost(reason) | NoWorker(reason):
                pass
        self.store.remove_blob(run.copying.blob(key.path))
        if isinstance(report, Lost) and run.copying.may_try_again(key.path):
            self._submit_copy(run, key.path)
        elif isinstance(report, Lost):
            run.copying.end(key.path, f"{key.path} can't be copied: {reason}")
        else:
            run.copying.end(key.path, reason)

    # Many blobs into few

    def _gather(self, run: ActiveRun, refs: Sequence[StoredRef], many: int, then: Callable[[], None]) -> None:
        """Do `then`, after data-blocks that are strewn over `many` blobs or more were gathered in a few."""
        if not is_worthwhile(refs, many):
            then()
            return
        number = next(self._numbers)

        def done(moves: Moves) -> None:
            del self._gatherings[number]
            run.results.move(moves)
            then()

        gathering = self._gatherings[number] = Gathering(refs, done)
        for start, message in gathering.messages(self.store.new_blob):
            run.gathered.append(Path(message.blob))
            self.pool.submit(Request(_ChunkKey(number, start), message))

    def _hear_of_chunk(self, key: _ChunkKey, report: Report) -> None:
        gathering = self._gatherings.get(key.gathering)
        if gathering is None or isinstance(report, messages.Started | messages.Progressed):
            return
        found = report.values["data"] if isinstance(report, messages.Succeeded) else []
        gathering.end_chunk(key.start, WireForm.stored_refs(found))


class _ItemKey(NamedTuple):
    """What names a request for an item to the pool."""

    run: int
    task: str
    item: int
    attempt: int


class _ChunkKey(NamedTuple):
    """What names a request for a chunk of a gathering to the pool."""

    gathering: int
    start: int


class _CopyKey(NamedTuple):
    """What names a request for a copy of a .blend file to the pool."""

    run: int
    path: str


def _is_awaited(run: ActiveRun, key: _ItemKey) -> bool:
    """False for what arrived together with the event that stopped the item."""
    record = run.scheduler.tasks[key.task].items[key.item]
    return record.attempt == key.attempt and not record.state.is_final


def _list_lengths(run: ActiveRun, task: str, values: Mapping[str, Any]) -> dict[str, int]:
    outputs = run.tasks[task].outputs
    return {output.identifier: len(values[output.identifier]) for output in outputs if output.type.is_list}
