# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides what runs when: a pure state machine that takes events and gives instructions.

It reads no clock and uses no thread, process or file: each event brings its time, and the runner executes instructions.

    event --> handle --> handler: item ends --> its task ends --+-- succeeded: dependents are released
                                                               +-- otherwise: all that is downstream is skipped,
                                                                    but for items that take only what is there
                  then, in this order, the released tasks become ready (and expand into items),
                       free workers are given the best items, and a run with nothing left is finished
              <-- instructions: StopTask, FreezeTask, ThawTask ..., StartTask ..., FinishRun

An item's inputs may have to be copied or gathered first. A worker does that, too, as an *errand*:

    StartTask --> InputsMissing --> StartErrand --> ErrandSucceeded --> StartTask of all that waited for it

If there is a store, the result of each item is looked for in it as soon as the item is there, without a worker:

    LookUp --> ResultFound: the item has succeeded, or ResultMissing: it waits for a worker

At the end results may have to be gathered: GatherResults --> ResultsScattered --> errands --> FinishRun.

Nothing here is recursive, and no event but the end of a task looks at more than one of its items; what people ask for
(cancel, pause, retry) looks at all.
"""

from __future__ import annotations

import enum
import heapq
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, assert_never

from ..errors import InvalidTransitionError
from ..planning.lists import ListError
from ..planning.plan import Plan, PlannedTask
from ..planning.sources import hang_on_lists
from .clock import RunClock
from .errands import MAX_ATTEMPTS, ErrandRecord, Errands, Waiter
from .events import (
    CancelRequested,
    EndRequested,
    Errand,
    ErrandEvent,
    ErrandFailed,
    ErrandLost,
    ErrandStarted,
    ErrandSucceeded,
    Event,
    FinishCurrentRequested,
    FinishRun,
    FreezeErrand,
    FreezeTask,
    GatherResults,
    InputsMissing,
    Instruction,
    ItemEvent,
    LookUp,
    PauseRequested,
    ResultFound,
    ResultMissing,
    ResultsScattered,
    ResumeRequested,
    RetryRequested,
    RunBroke,
    RunRequest,
    RunStarted,
    StartErrand,
    StartTask,
    StopErrand,
    StopTask,
    TaskError,
    TaskFailed,
    TaskProgressed,
    TaskStarted,
    TaskSucceeded,
    ThawErrand,
    ThawTask,
    TimePassed,
    WorkerDied,
)
from .expansion import Counting, find_gaps, lay_out
from .layout import NO_PASSES
from .records import Gap, ItemRecord, TaskRecord
from .states import RunState, TaskState


class _Gathering(enum.Enum):
    """Whether the results have been gathered, so that they can come home."""

    NOT_ASKED = enum.auto()
    UNDER_WAY = enum.auto()  # `GatherResults` was given
    DONE = enum.auto()


_HOW_IT_ENDED: Final = {
    TaskState.FAILED: "failed",
    TaskState.CANCELLED: "was cancelled",
    TaskState.TIMED_OUT: "timed out",
    TaskState.SKIPPED: "was skipped",
}


_NOT_NEEDED: Final = "not needed: a switch takes another input"


class Scheduler:
    """The state of one run.

    Attributes:
        state: of the run.
        tasks: what is known of each task, by id, in the plan's order.
        clock: the run's own; all times in records, and those below, are of it.
        started: when the run started, None before.
        finished: when it reached its final state.
        is_paused: whether the run is paused.
        is_finishing: whether running items may end, but no others may start.
        round: how often the run was retried.
        num_workers: how many items may run at once.
        error: why the run broke, None if it did not.
    """

    def __init__(self, plan: Plan, num_workers: int, timeout: float | None = None, *, looks_up: bool = False) -> None:
        """Prepare a run. `RunStarted` starts it.

        Args:
            plan: tasks, each after those it depends on.
            num_workers: how many items may run at once, 1 or more.
            timeout: seconds for the whole run from `RunStarted`; None or 0 for no limit.
            looks_up: whether results are looked for in a store first.

        Raises:
            ValueError: if there is no worker, or a task comes before one it depends on.
            KeyError: if a task depends on one that the plan does not have.
        """
        if num_workers < 1:
            raise ValueError(f"a run needs at least one worker, not {num_workers}")
        self.state = RunState.RUNNING
        self.clock = RunClock()
        self.started: float | None = None
        self.finished: float | None = None
        self.is_paused = self.is_finishing = False
        self.round = 0
        self.num_workers = num_workers
        self._records = [TaskRecord(task, order) for order, task in enumerate(plan.tasks)]
        self._tasks = {record.planned.id: record for record in self._records}
        self.tasks: Mapping[str, TaskRecord] = MappingProxyType(self._tasks)
        self._dependents: list[list[TaskRecord]] = [[] for _ in self._records]
        self._num_missing = [self._link(record) for record in self._records]
        self._timeout = timeout or None
        self._looks_up = looks_up
        self._deadline: float | None = None  # of the run
        self._now = 0.0  # on the run's clock
        self._was_cancelled = False
        self._num_open = len(self._records)  # tasks that are not final
        self._num_complete = 0
        self._num_running = 0  # running items
        self._released: deque[TaskRecord] = deque()  # all they depend on has succeeded
        self._lookups: deque[LookUp] = deque()  # to be given as soon as the run is not paused
        self._ready: list[tuple[int, bool, int, int]] = []  # heap: -rank, is first try, order, item
        self._deadlines: list[tuple[float, int, int, int]] = []  # heap: time, order, item, attempt
        self._instructions: list[Instruction] = []
        self._errands = Errands()
        self._delivered = [
            source for delivery in plan.deliveries for source in delivery.sources if hang_on_lists(source)
        ]
        self._brings_data_blocks = any(delivery.brings_data_blocks for delivery in plan.deliveries)
        self._gathering = _Gathering.NOT_ASKED
        self.error: TaskError | None = None

    def handle(self, event: Event) -> list[Instruction]:
        """Handle an event. Returns the instructions: first what to stop, then what to start, then the end of the run.

        An event of an old attempt or of an item that is over is ignored: it was sent before that was known.

        Raises:
            InvalidTransitionError: for an impossible event, such as one about an item that was never started. The
                scheduler is as it was before.
            KeyError: if a task is to be cancelled that the plan does not have.
        """
        self._instructions = []
        self._now = self.clock.at(event.time)
        self._dispatch(event)
        if self.started is not None:
            self._prepare_released()
            self._look_up()
            self._fill_workers()
        self._finish_if_done(event.time)
        return self._instructions

    def abandon(self, error: TaskError) -> None:
        """Fail the run after even `RunBroke` raised. The states of its tasks mean nothing any more."""
        self.state, self.error = RunState.FAILED, error
        self.finished, self.is_paused = self._now, False

    def awaits_errand(self, errand: str, attempt: int) -> bool:
        """Whether an attempt of an errand is under way."""
        return self._errands.find(errand, attempt) is not None

    def next_deadline(self) -> float | None:
        """The time of the next `TimePassed` that would do something, None if there is none (yet)."""
        if self.state.is_final or self.started is None or self.is_paused:
            return None
        while self._deadlines and not self._is_due(*self._deadlines[0][1:]):
            heapq.heappop(self._deadlines)
        times = [self._deadlines[0][0] if self._deadlines else None, self._errands.next_deadline(), self._deadline]
        known = [time for time in times if time is not None]
        return self.clock.when(min(known)) if known else None

    def validate(self) -> None:
        """Check that all records and counts agree; for tests, as it looks at every item.

        Raises:
            InvalidTransitionError: naming the one that does not.
        """
        for record in self._records:
            record.validate()
            self._validate_dependencies(record)
        self._validate_counts()

    # Events

    def _dispatch(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._handle_run_started(event)
            case RunBroke():
                self._handle_run_broke(event)
            case TimePassed():
                self._handle_time_passed()
            case ResultsScattered():
                self._handle_results_scattered(event)
            case ErrandStarted() | ErrandSucceeded() | ErrandFailed() | ErrandLost():
                self._dispatch_to_errand(event)
            case (
                CancelRequested()
                | EndRequested()
                | PauseRequested()
                | ResumeRequested()
                | FinishCurrentRequested()
                | RetryRequested()
            ):
                self._dispatch_request(event)
            case _:
                self._dispatch_to_item(event)

    def _dispatch_request(self, event: RunRequest) -> None:
        match event:
            case CancelRequested():
                self._handle_cancel_requested(event)
            case EndRequested():
                self._handle_end_requested()
            case PauseRequested():
                self._handle_pause_requested(event)
            case ResumeRequested():
                self._handle_resume_requested(event)
            case FinishCurrentRequested():
                self._handle_finish_current_requested(event)
            case RetryRequested():
                self._handle_retry_requested(event)
            case _:
                assert_never(event)

    def _dispatch_to_errand(self, event: ErrandEvent) -> None:
        record = self._errands.find(event.errand, event.attempt)
        if record is None:  # the errand has ended, or is in a later attempt
            return
        match event:
            case ErrandStarted():
                self._errands.start_clock(record, self._now)
            case ErrandSucceeded():
                self._go_on(self._errands.end(record))
            case ErrandFailed():
                self._fail_errand(record, event.error)
            case ErrandLost():
                self._handle_errand_lost(event, record)
            case _:
                assert_never(event)

    def _dispatch_to_item(self, event: ItemEvent) -> None:
        found = self._find(event)
        if found is None:
            return
        record, item = found
        match event:
            case InputsMissing():
                self._handle_inputs_missing(event, record, item)
            case ResultFound():
                self._handle_result_found(event, record, item)
            case ResultMissing():
                item.is_looked_for = False
                self._queue(record, item)
            case TaskStarted():
                self._handle_task_started(record, item)
            case TaskProgressed():
                record.set_progress(item, event.fraction, event.text)
            case TaskSucceeded():
                self._handle_task_succeeded(event, record, item)
            case TaskFailed():
                self._end_item(record, item, TaskState.FAILED, event.error)
                record.measure(item, event.usage, self.clock.lost)
            case WorkerDied():
                self._handle_worker_died(event, record, item)
            case _:
                assert_never(event)

    def _find(self, event: ItemEvent) -> tuple[TaskRecord, ItemRecord] | None:
        """The item an event is about; None if the item has ended meanwhile, or is in a later attempt."""
        record = self._tasks.get(event.task)
        if record is None:
            raise InvalidTransitionError(f"the plan has no such task, so this can't be: {event}", ())
        if event.attempt < record.first_attempt:  # of an item of before a retry made others
            return None
        if not 0 <= event.item < len(record.items):
            raise record.invalid(f"it has {len(record.items)} items, so this can't be: {event}")
        item = record.items[event.item]
        if item.state.is_final or event.attempt < item.attempt:
            return None
        if event.attempt > item.attempt or not _is_expected(event, item):
            state = f"item {item.index} is {item.state}, attempt {item.attempt}"
            raise record.invalid(f"{state}, so this can't be: {event}")
        return record, item

    def _handle_run_started(self, event: RunStarted) -> None:
        if self.started is not None:
            raise InvalidTransitionError(f"the run started at {self.started:.3f}, so this can't be: {event}", ())
        self.started = self._now
        self._set_deadline()
        self._released.extend(record for record in self._records if self._num_missing[record.order] == 0)

    def _set_deadline(self) -> None:
        """Start the run's timeout."""
        self._deadline = None if self._timeout is None else self._now + self._timeout

    def _handle_task_started(self, record: TaskRecord, item: ItemRecord) -> None:
        if item.started is not None:
            raise record.invalid(f"item {item.index} started at {item.started:.3f}, so it can't start again")
        item.started, item.lost = self._now, self.clock.lost
        if record.started is None:
            record.started = self._now
        timeout = record.planned.settings.timeout
        if timeout > 0:
            heapq.heappush(self._deadlines, (self._now + timeout, record.order, item.index, item.attempt))

    def _handle_task_succeeded(self, event: TaskSucceeded, record: TaskRecord, item: ItemRecord) -> None:
        item.lengths, item.values = event.lengths, event.values
        record.set_progress(item, 1.0, item.text)
        self._end_item(record, item, TaskState.SUCCEEDED, None)
        record.measure(item, event.usage, self.clock.lost)

    def _handle_result_found(self, event: ResultFound, record: TaskRecord, item: ItemRecord) -> None:
        item.lengths, item.values, item.is_cached = event.lengths, event.values, True
        record.num_cached += 1
        record.set_progress(item, 1.0, "")
        self._end_item(record, item, TaskState.SUCCEEDED, None)

    def _handle_worker_died(self, event: WorkerDied, record: TaskRecord, item: ItemRecord) -> None:
        if item.num_tries > record.planned.settings.retries or self.is_finishing:
            tries = f"; tried {item.num_tries} times" if item.num_tries > 1 else ""
            error = TaskError(f"the worker died ({event.reason}){tries}")
            self._end_item(record, item, TaskState.FAILED, error)
            return
        self._move_item(record, item, TaskState.READY)
        record.set_progress(item, 0.0, "")
        item.started = None
        item.attempt += 1
        self._queue(record, item)

    def _handle_cancel_requested(self, event: CancelRequested) -> None:
        if event.task is not None:
            self._cancel_task(self._tasks[event.task])
        elif self._gathering is _Gathering.UNDER_WAY:
            self._end_gathering()
        elif not self.state.is_final:
            self._cancel_open()

    def _handle_end_requested(self) -> None:
        if self.state.is_final:
            return
        if self._gathering is not _Gathering.UNDER_WAY:
            self._cancel_open()
        self._end_gathering()

    def _cancel_open(self) -> None:
        self._was_cancelled = True
        for record in self._open_records():
            self._stop_items(record, TaskState.CANCELLED, TaskState.CANCELLED, None)
            self._close_task(record, TaskState.CANCELLED, record.failures())

    def _handle_time_passed(self) -> None:
        if self.is_paused:
            return
        while self._deadlines and self._deadlines[0][0] <= self._now:
            _, order, index, attempt = heapq.heappop(self._deadlines)
            if self._is_due(order, index, attempt):
                self._time_out_item(self._records[order], self._records[order].items[index])
        while (errand := self._errands.pop_overdue(self._now)) is not None:
            self._stop_errands([errand])
            self._fail_errand(errand, errand.overdue())
        if self._deadline is not None and self._now >= self._deadline:
            self._time_out_run(TaskError(f"the run timed out after {self._timeout:g} s"))

    def _handle_pause_requested(self, event: PauseRequested) -> None:
        if self.is_paused or self.state.is_final:
            return
        self.is_paused = True
        self.clock.stop(event.time)
        self._instructions.extend(FreezeTask(*name) for name in self._running())
        self._instructions.extend(FreezeErrand(record.errand.id, record.attempt) for record in self._errands)

    def _handle_resume_requested(self, event: ResumeRequested | FinishCurrentRequested) -> None:
        if not self.is_paused or self.state.is_final:
            return
        self.is_paused = False
        self.clock.go_on(event.time)
        self._instructions.extend(ThawTask(*name) for name in self._running())
        self._instructions.extend(ThawErrand(record.errand.id, record.attempt) for record in self._errands)

    def _running(self) -> Iterator[tuple[str, int, int]]:
        """Task, item and attempt of each running item."""
        for record in self._records:
            for index in sorted(record.running):
                yield record.planned.id, index, record.items[index].attempt

    def _handle_finish_current_requested(self, event: FinishCurrentRequested) -> None:
        if self.state.is_final:
            return
        self._handle_resume_requested(event)
        self.is_finishing = True
        for record in self._open_records():
            if record.running:
                self._was_cancelled |= record.num_open > len(record.running)
                self._cancel_queued(record)
            else:
                self._was_cancelled = True
                self._stop_items(record, TaskState.CANCELLED, TaskState.CANCELLED, None)
                self._close_task(record, TaskState.CANCELLED, record.failures())

    def _cancel_queued(self, record: TaskRecord) -> None:
        for item in record.items:
            if item.state is TaskState.READY:
                self._move_item(record, item, TaskState.CANCELLED)

    def _handle_retry_requested(self, event: RetryRequested) -> None:
        if not self.state.is_final or self._num_complete == len(self._records):
            raise InvalidTransitionError(f"the run {self.state}, so this can't be: {event}", ())
        self.clock.go_on(event.time)
        self._now = self.clock.at(event.time)
        self.state, self.finished, self.round = RunState.RUNNING, None, self.round + 1
        self.is_finishing = self._was_cancelled = False
        self.error, self._gathering = None, _Gathering.NOT_ASKED
        if self.started is None:
            self.started = self._now
        self._set_deadline()
        self._ready.clear()
        self._lookups.clear()  # those of before, if it was cancelled while it was paused
        self._deadlines.clear()
        self._errands.forget_errors()
        self._reopen({task.id: task for task in event.tasks}, event.anew)

    def _reopen(self, changed: Mapping[str, PlannedTask], anew: Collection[str]) -> None:
        """Reopen the tasks that did not succeed. `changed` holds the new form of some, by id; `anew` ids.

        Those to be done `anew` may have succeeded: what they took is made anew, too.
        """
        for record in self._records:
            is_anew = record.planned.id in anew
            if is_anew or not record.is_complete:
                self._num_complete -= record.is_complete
                planned = changed.get(record.planned.id, record.planned)
                record.reopen(planned, self._now, self.round, is_anew=is_anew)
                self._num_open += 1
        for record in self._open_records():
            found = (self._tasks[task] for task in record.planned.dependencies)
            self._num_missing[record.order] = sum(not each.is_complete for each in found)
            if self._num_missing[record.order] == 0:
                self._released.append(record)

    # From waiting to running

    def _link(self, record: TaskRecord) -> int:
        """Note a task as a dependent of those it depends on. Returns how many these are."""
        dependencies = [self._tasks[task] for task in record.planned.dependencies]
        for dependency in dependencies:
            if dependency.order >= record.order:
                raise ValueError(f'the plan has "{record.planned.name}" before "{dependency.planned.name}", its input')
            self._dependents[dependency.order].append(record)
        return len(dependencies)

    def _prepare_released(self) -> None:
        """Make the released tasks ready. A task without items ends at once and may release more."""
        while self._released:
            record = self._released.popleft()
            if record.state is TaskState.WAITING:
                self._prepare(record)

    def _prepare(self, record: TaskRecord) -> None:
        record.move(TaskState.READY, self._now)
        if not record.items and not self._expand(record):  # else it was tried before
            return
        assert record.layout is not None
        for index, gap in find_gaps(record.planned, record.layout, self._tasks).items():
            if (item := record.items[index]).state is TaskState.READY:
                self._move_item(record, item, TaskState.SKIPPED)
                record.skip_item(item, gap)
        self._queue_open(record)
        if record.num_open == 0:
            self._end_task(record, record.outcome(), record.failures())

    def _expand(self, record: TaskRecord) -> bool:
        """Make the items of a task. Returns whether it has any number of them; if not, it has ended."""
        found = lay_out(record.planned, self._tasks)
        match found:
            case None:
                record.is_unneeded = True
                self._end_task(record, TaskState.SKIPPED, TaskError(_NOT_NEEDED))
            case TaskError():
                self._end_task(record, TaskState.FAILED, found)
            case Gap(error):
                self._end_task(record, TaskState.SKIPPED, replace(error, message=f"skipped because {error.message}"))
            case (layout, is_provisional):
                record.expand(layout, is_provisional=is_provisional)
                return True
        return False

    def _queue_open(self, record: TaskRecord) -> None:
        for item in record.items:
            if item.state is TaskState.READY and self._looks_up:
                item.is_looked_for = True
                self._lookups.append(LookUp(record.planned.id, item.index, item.attempt))
            elif item.state is TaskState.READY:
                self._queue(record, item)

    def _queue(self, record: TaskRecord, item: ItemRecord) -> None:
        heapq.heappush(self._ready, (-record.planned.rank, item.num_tries == 1, record.order, item.index))

    def _look_up(self) -> None:
        while self._lookups and not self.is_paused:
            lookup = self._lookups.popleft()
            item = self._tasks[lookup.task].items[lookup.item]
            if item.is_looked_for and not item.state.is_final:  # else it ended while the run was paused
                self._instructions.append(lookup)

    def _fill_workers(self) -> None:
        while self._ready and self._num_running < self.num_workers and not self.is_paused:
            _, _, order, index = heapq.heappop(self._ready)
            record = self._records[order]
            if record.items[index].state is TaskState.READY:  # else its task ended while it was queued
                self._start(record, record.items[index])

    def _start(self, record: TaskRecord, item: ItemRecord) -> None:
        if record.state is TaskState.READY:
            record.move(TaskState.RUNNING, self._now)
        self._move_item(record, item, TaskState.RUNNING)
        self._instructions.append(StartTask(record.planned.id, item.index, item.attempt))

    # Errands

    def _handle_inputs_missing(self, event: InputsMissing, record: TaskRecord, item: ItemRecord) -> None:
        if (error := self._errands.error(event.errands)) is not None:
            self._end_item(record, item, TaskState.FAILED, error)
            return
        self._start_errands((record.order, item.index), event.errands)
        record.set_progress(item, item.progress, event.errands[0].text)

    def _handle_results_scattered(self, event: ResultsScattered) -> None:
        if self._gathering is not _Gathering.UNDER_WAY:  # it was cancelled meanwhile
            return
        if event.errands:
            self._start_errands(None, event.errands)
        else:
            self._gathering = _Gathering.DONE

    def _handle_errand_lost(self, event: ErrandLost, record: ErrandRecord) -> None:
        if record.num_tries >= MAX_ATTEMPTS:
            self._fail_errand(record, record.lost(event.reason))
            return
        self._errands.try_again(record)
        self._start_errand(record)

    def _start_errands(self, waiter: Waiter, errands: tuple[Errand, ...]) -> None:
        for record in self._errands.add(waiter, errands):
            self._start_errand(record)

    def _start_errand(self, record: ErrandRecord) -> None:
        if self.is_paused:
            self._instructions.append(FreezeErrand(record.errand.id, record.attempt))
        self._instructions.append(StartErrand(record.errand.id, record.attempt))

    def _stop_errands(self, records: list[ErrandRecord]) -> None:
        self._instructions.extend(StopErrand(record.errand.id, record.attempt) for record in records)

    def _fail_errand(self, record: ErrandRecord, error: TaskError) -> None:
        """End an errand that failed. If it was needed, the items that wait for it fail; else they start without it."""
        waiters = self._errands.fail(record, error)
        if not record.errand.is_needed:
            self._go_on(waiters)
            return
        for waiter in record.waiters:
            if waiter is not None:
                task = self._records[waiter[0]]
                self._end_item(task, task.items[waiter[1]], TaskState.FAILED, error)

    def _go_on(self, waiters: list[Waiter]) -> None:
        """Start the items that wait for no errand now. None as a waiter means that the results are gathered."""
        for waiter in waiters:
            if waiter is None:
                self._gathering = _Gathering.DONE
                continue
            record = self._records[waiter[0]]
            item = record.items[waiter[1]]
            record.set_progress(item, item.progress, "")
            if item.is_looked_for:
                self._lookups.append(LookUp(record.planned.id, item.index, item.attempt))
                continue
            if self.is_paused:  # the errand could not be frozen
                self._instructions.append(FreezeTask(record.planned.id, item.index, item.attempt))
            self._instructions.append(StartTask(record.planned.id, item.index, item.attempt))

    def _end_gathering(self) -> None:
        """Stop gathering results. They come home from the blobs they are in, which only takes longer."""
        self._stop_errands(self._errands.drop(None))
        self._gathering = _Gathering.DONE

    # From running to the end

    def _move_item(self, record: TaskRecord, item: ItemRecord, state: TaskState) -> None:
        was_running = item.state is TaskState.RUNNING
        may_wait = was_running or item.is_looked_for
        record.move_item(item, state, self._now)
        item.is_looked_for = False
        self._num_running += (state is TaskState.RUNNING) - was_running
        if may_wait:
            self._stop_errands(self._errands.drop((record.order, item.index)))

    def _end_item(self, record: TaskRecord, item: ItemRecord, state: TaskState, error: TaskError | None) -> None:
        """End an item, and its task with the last one."""
        self._move_item(record, item, state)
        item.error = error
        if record.num_open == 0:
            self._end_task(record, record.outcome(), record.failures())

    def _end_task(self, record: TaskRecord, state: TaskState, error: TaskError | None) -> None:
        """End a task. Release dependents that wait for no other task.

        If it is not complete, skip all downstream; but what has items may go on with those that take what is there.
        """
        self._close_task(record, state, error)
        dependents = [each for each in self._dependents[record.order] if not each.state.is_final]
        if not record.is_complete:
            is_partial = record.is_partial
            self._skip(record, [each for each in dependents if not (is_partial and each.planned.has_items)])
        for dependent in dependents:
            if not dependent.state.is_final:
                self._num_missing[dependent.order] -= 1
                if self._num_missing[dependent.order] == 0:
                    self._released.append(dependent)

    def _close_task(self, record: TaskRecord, state: TaskState, error: TaskError | None) -> None:
        record.move(state, self._now)
        record.error = error
        self._num_open -= 1
        self._num_complete += record.is_complete

    def _skip(self, ended: TaskRecord, dependents: Iterable[TaskRecord]) -> None:
        """Skip dependents of a task that has ended, and all that is downstream of them."""
        cause = ended
        if ended.state is TaskState.SKIPPED and ended.error is not None:
            cause = self._tasks.get(ended.error.task, ended)
        error = TaskError(f'skipped because "{cause.planned.name}" {_HOW_IT_ENDED[cause.state]}')
        pending = deque(dependents)
        while pending:
            dependent = pending.popleft()
            if not dependent.state.is_final:
                self._stop_items(dependent, TaskState.SKIPPED, TaskState.SKIPPED, error)
                self._close_task(dependent, TaskState.SKIPPED, error)
                pending.extend(self._dependents[dependent.order])

    def _finish_if_done(self, time: float) -> None:
        has_started = self.started is not None or self._was_cancelled
        if self._num_open or self.state.is_final or not has_started:
            return
        if self._num_complete == len(self._records) and self.error is None:
            self.error = self._fault_of_lists()
        if self._gathering is _Gathering.NOT_ASKED and self._brings_data_blocks and self._num_complete:
            self._gathering = _Gathering.UNDER_WAY
            self._instructions.append(GatherResults())
        if self._gathering is _Gathering.UNDER_WAY:
            return
        if self._was_cancelled and self.error is None:
            self.state = RunState.CANCELLED
        else:
            is_success = self._num_complete == len(self._records) and self.error is None
            self.state = RunState.SUCCEEDED if is_success else RunState.FAILED
        self.finished = self._now
        self.is_paused = False
        self.clock.stop(time)
        self._instructions.append(FinishRun(self.state))

    def _fault_of_lists(self) -> TaskError | None:
        """Why a list node could not give what is to come home, though all tasks succeeded; None if all could."""
        counting = Counting(self._tasks)
        try:
            for source in self._delivered:
                counting.elements(source, NO_PASSES)
        except ListError as error:
            return TaskError(str(error))
        return None

    # Ended from outside

    def _open_records(self) -> list[TaskRecord]:
        return [record for record in self._records if not record.state.is_final]

    def _cancel_task(self, record: TaskRecord) -> None:
        if record.state.is_final:
            return
        self._stop_items(record, TaskState.CANCELLED, TaskState.CANCELLED, None)
        self._end_task(record, TaskState.CANCELLED, record.failures())

    def _time_out_item(self, record: TaskRecord, item: ItemRecord) -> None:
        self._instructions.append(StopTask(record.planned.id, item.index, item.attempt))
        error = TaskError(f"timed out after {record.planned.settings.timeout:g} s")
        self._end_item(record, item, TaskState.TIMED_OUT, error)

    def _time_out_run(self, error: TaskError) -> None:
        self._end_open(TaskState.TIMED_OUT, error)
        if self._gathering is _Gathering.UNDER_WAY:
            self._end_gathering()

    def _handle_run_broke(self, event: RunBroke) -> None:
        if self.state.is_final:
            return
        self.error = event.error
        self._end_open(TaskState.FAILED, event.error)
        self._end_gathering()

    def _end_open(self, ended: TaskState, error: TaskError) -> None:
        """End all open tasks: those that run become `ended`, those that never started are skipped."""
        for record in self._open_records():
            state = ended if record.state is TaskState.RUNNING else TaskState.SKIPPED
            failures = record.failures()
            self._stop_items(record, ended, TaskState.SKIPPED, error)
            self._close_task(record, state, _join(error, failures) if failures else error)

    def _stop_items(
        self,
        record: TaskRecord,
        tried: TaskState,
        untried: TaskState,
        error: TaskError | None,
    ) -> None:
        """End the open items of a task. Those that a worker was ever given become `tried`, the others `untried`."""
        for item in record.items:
            if item.state.is_final:
                continue
            is_running = item.state is TaskState.RUNNING
            if is_running:
                self._instructions.append(StopTask(record.planned.id, item.index, item.attempt))
            self._move_item(record, item, tried if is_running or item.num_tries > 1 else untried)
            item.error = error

    def _is_due(self, order: int, index: int, attempt: int) -> bool:
        """Whether the attempt that a deadline was set for is still under way."""
        item = self._records[order].items[index]
        return item.state is TaskState.RUNNING and item.attempt == attempt

    # Invariants

    def _validate_dependencies(self, record: TaskRecord) -> None:
        found = [self._tasks[task] for task in record.planned.dependencies]
        may_follow = [each.is_complete or (each.is_partial and record.planned.has_items) for each in found]
        has_all = all(may_follow)
        if record.items and not has_all and not self.round:  # later it may keep those of before
            raise record.invalid("invariant broken: it has items before all it depends on succeeded")
        if record.state is TaskState.WAITING and self.started is not None:
            if has_all:
                raise record.invalid("invariant broken: it waits for nothing")
            if any(each.state.is_final and not may for each, may in zip(found, may_follow, strict=True)):
                raise record.invalid("invariant broken: it waits for a task that did not succeed")

    @property
    def _may_go_on(self) -> bool:
        return not self.is_paused and not self.state.is_final

    def _validate_counts(self) -> None:
        # One that waits in a retry may have items.
        begun = (record for record in self._records if record.state is not TaskState.WAITING)
        items = [item for record in begun for item in record.items]
        num_running = sum(item.state is TaskState.RUNNING for item in items)
        num_looked_for = sum(item.is_looked_for for item in items)
        num_ready = sum(item.state is TaskState.READY for item in items) - num_looked_for
        queued = [self._records[order].items[index] for *_, order, index in self._ready]
        num_queued = sum(item.state is TaskState.READY for item in queued)
        checks = {
            "tasks with one id": len(self._tasks) == len(self._records),
            "items with a worker": num_running == self._num_running <= self.num_workers,
            "items in the queue": num_ready == num_queued,
            "a free worker and a ready item": num_ready == 0 or num_running == self.num_workers or self.is_paused,
            "a run under way with nothing under way": num_running + num_looked_for > 0
            or self._gathering is _Gathering.UNDER_WAY
            or self.started is None
            or not self._may_go_on,
            "errands that nothing waits for": all(record.waiters for record in self._errands),
            "errands of a run that is over": not (self.state.is_final and any(self._errands)),
            "ready items in a run that is finishing": not self.is_finishing or num_ready == 0,
            "a clock that runs": self.clock.is_running != (self.is_paused or self.state.is_final),
            "a pause of a run that is over": not (self.is_paused and self.state.is_final),
            "open tasks": self._num_open == len(self._open_records()),
            "a final run with open tasks": self._num_open == 0 or not self.state.is_final,
            "finished": self.state.is_final == (self.finished is not None),
        }
        for name, is_right in checks.items():
            if not is_right:
                raise InvalidTransitionError(f"invariant broken: {name}", ())


def _is_expected(event: ItemEvent, item: ItemRecord) -> bool:
    """Whether an event fits what an item is doing."""
    match event:
        case ResultFound() | ResultMissing():
            return item.is_looked_for
        case InputsMissing():
            return item.is_looked_for or item.state is TaskState.RUNNING
        case _:
            return item.state is TaskState.RUNNING


def _join(error: TaskError, cause: TaskError) -> TaskError:
    return replace(cause, message=f"{error.message}; {cause.message}")
