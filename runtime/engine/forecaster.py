# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a forecast: a run in which no task starts.

    scheduler --> LookUp --> the store is asked --> ResultFound: the task has succeeded, and releases what takes it
                                                    ResultMissing: its item would run, and all behind it waits
              --> StartErrand --> a chore on another thread: digests, files that are read
              --> StartTask --> nothing

When nothing is left to be looked up, each task that waits is compared with its last result, by what is known of it.
Nothing is written to the store. What is written to the scratch folder is removed at the end.
"""

from __future__ import annotations

import functools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ..keys.reasons import Reason
from ..planning.lists import ListError
from ..planning.plan import Plan, PlannedTask
from ..planning.sources import Constant, FromTask, Source, leaves, loops_around
from ..scheduling.events import (
    ErrandSucceeded,
    Event,
    InputsMissing,
    Instruction,
    LookUp,
    ResultFound,
    ResultMissing,
    RunStarted,
    StartErrand,
)
from ..scheduling.expansion import Counting
from ..scheduling.layout import NO_PASSES
from ..scheduling.records import TaskRecord
from ..scheduling.scheduler import Scheduler
from ..scheduling.states import TaskState
from ..scheduling.time_left import Past, Work, span
from ..scratch.scratch import Scratch
from ..script.socket_types import LiveRef, StoredRef
from .cache import Cache
from .chores import Chores
from .forecast import Forecast, Outlook, TaskForecast
from .item_keys import NOTHING_KNOWN
from .pasts import find_pasts
from .preparation import Checking, Digesting, Keeping, Reading, Works
from .preparation import Work as Preparation
from .results import Results, decisive_values, fault, list_lengths
from .run_cache import Found, NotFound, NotYet, RunCache


class Forecaster:
    """Makes one forecast, in small steps."""

    def __init__(
        self,
        plan: Plan,
        cache: Cache | None,
        scratch: Scratch,
        snapshot: Mapping[LiveRef, StoredRef],
        blobs: Sequence[str],
        num_workers: int,
        *,
        is_forced: bool = False,
    ) -> None:
        """Prepare a forecast.

        Args:
            plan: what would run.
            cache: what runs take over from earlier ones; None if nothing, so that all would run.
            scratch: where blobs are.
            snapshot: where data-blocks of the open file were written; those that were not are not looked at.
            blobs: the blobs of the snapshot, which go when the forecast is closed.
            num_workers: how many tasks may run at the same time.
            is_forced: whether all tasks would run.

        Raises:
            StoreError: if a constant is too large or can't be written.
        """
        self._plan = plan
        self._tasks = {task.id: task for task in plan.tasks}
        self._scratch = scratch
        self._snapshot = snapshot
        self._blobs = blobs
        self._num_workers = num_workers
        self._scheduler = Scheduler(plan, num_workers, looks_up=cache is not None)
        records = self._scheduler.tasks
        self._results = Results(
            scratch,
            snapshot,
            layout_of=lambda task: records[task].layout,
            skipped=lambda task: records[task].skipped,
            count=lambda: Counting(records),
        )
        self._cache = None
        if cache is not None:
            self._cache = RunCache(cache, plan, scratch, self._results, is_forced=is_forced)
        self._works = Works()
        self._chores = Chores()
        self._errands: dict[str, _Errand] = {}  # under way
        self._keeping: list[_Errand] = []  # results that the runner keeps
        self._events: deque[Event] = deque([RunStarted(time.monotonic())])
        self._instructions: deque[Instruction] = deque()
        self._foreseen: Iterator[_Step] | None = None
        self._reasons: dict[str, dict[int, tuple[str, ...]]] = {}  # why items would run, by task and item
        self._pasts: Mapping[str, Past] | None = None
        self.result: Forecast | None = None
        try:
            self._results.store_constants(plan.tasks)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove what was written. Chores that are under way are forgotten."""
        for errand in self._errands:
            self._chores.drop(errand)
        self._foreseen = None  # which holds this forecaster, and with it the pipe of the chores
        self._scratch.remove([*self._results.files, *self._blobs])
        self._blobs = ()

    def wakers(self) -> Sequence[Any]:
        """What becomes readable when a chore is done, for `multiprocessing.connection.wait`."""
        return self._chores.wakers()

    def update(self, until: float | None = None) -> bool:
        """Go on, until this time of the monotonic clock. Returns whether `result` is there."""
        while self.result is None:
            self._take_chores()
            if not self._step():
                break
            if until is not None and time.monotonic() >= until:
                break
        return self.result is not None

    def _step(self) -> bool:
        """Do a bit. Returns whether there may be more to do now."""
        if self._instructions:
            self._carry_out(self._instructions.popleft())
        elif self._events:
            self._instructions.extend(self._scheduler.handle(self._events.popleft()))
        elif self._errands:
            return False
        elif not self._foresee():
            return self._finish()
        return True

    def repeated(self, keys: Callable[[str], Mapping[int, str]]) -> frozenset[str]:
        """The ids of the tasks of which a run would take over what the last one gave, and only try again what failed.

        Args:
            keys: gives the keys of the results of a task's items in the last run, "" where one is not known.
        """
        found = set[str]()
        for record in self._scheduler.tasks.values():
            task = record.planned
            if self._cache is None or not found.issuperset(task.dependencies):
                continue
            if record.state is TaskState.WAITING:  # for what failed; nothing else was found about it
                is_repeated = not self._reasons.get(task.id)
            else:
                own = {item.index: self._cache.asked_key(task.id, item.index) for item in record.items}
                is_repeated = not record.is_provisional and all(own.values()) and own == keys(task.id)
            if is_repeated:
                found.add(task.id)
        return frozenset(found)

    # Looking up

    def _carry_out(self, instruction: Instruction) -> None:
        match instruction:
            case LookUp(task, item, attempt):
                self._look_up(self._tasks[task], item, attempt)
            case StartErrand(errand, attempt):
                self._start_errand(_Errand(errand, attempt))

    def _look_up(self, task: PlannedTask, item: int, attempt: int) -> None:
        assert self._cache is not None
        if any(map(self._is_unwritten, task.leaves())):
            return  # it stays as it is, and so does all behind it
        where = time.monotonic(), task.id, item, attempt
        match self._cache.look_up(task, item, self._tasks):
            case NotYet(works):
                self._events.append(InputsMissing(*where, self._works.errands(works)))
            case Found(values) if fault(task, values) is None:
                self._results.put(task.id, item, values)
                decisive = decisive_values(task, values, self._scratch.folder)
                self._events.append(ResultFound(*where, list_lengths(values), decisive))
            case NotFound(reasons):
                self._note(task, item, reasons)
                self._events.append(ResultMissing(*where))
            case _:
                self._note(task, item, ())
                self._events.append(ResultMissing(*where))

    def _note(self, task: PlannedTask, item: int, reasons: Iterable[Reason]) -> None:
        """An item would run."""
        self._reasons.setdefault(task.id, {})[item] = tuple(map(str, reasons))

    def _is_unwritten(self, leaf: Constant | FromTask) -> bool:
        """Whether it gives data-blocks of the open file that were not written."""
        if not isinstance(leaf, Constant) or not leaf.type.is_data_block:
            return False
        values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
        return any(isinstance(value, LiveRef) and value not in self._snapshot for value in values)

    # What is done before, on another thread

    def _start_errand(self, errand: _Errand) -> None:
        work = self._works[errand.id]
        self._errands[errand.id] = errand
        if isinstance(work, Keeping):
            self._keeping.append(errand)
        else:
            self._chores.add(errand.id, self._chore(errand.id, work))

    def _chore(self, errand: str, work: Preparation) -> Callable[[], object]:
        assert self._cache is not None
        cache = self._cache
        match work:
            case Digesting(blob):
                return cache.keys.digesting(blob)
            case Reading(paths):
                return cache.keys.reading(paths, functools.partial(self._chores.is_wanted, errand))
            case Checking(key):
                store = cache.shared.store
                return lambda: store.check(key)
        raise AssertionError(work)

    def _take_chores(self) -> None:
        for done in self._chores.poll():
            if done.key == _PASTS:
                self._pasts = done.result or {}
                del self._errands[_PASTS]
                continue
            errand = self._errands[str(done.key)]
            work = self._works[errand.id]
            if isinstance(work, Digesting) and self._cache is not None:
                self._cache.keys.know_digested(work.blob, *(done.result or NOTHING_KNOWN))
            self._end_errand(errand)
        for errand in list(self._keeping):
            work = self._works[errand.id]
            if self._cache is not None and isinstance(work, Keeping) and not self._cache.shared.pending[work.name]:
                self._keeping.remove(errand)
                self._end_errand(errand)

    def _end_errand(self, errand: _Errand) -> None:
        del self._errands[errand.id]
        if self._scheduler.awaits_errand(errand.id, errand.attempt):
            self._events.append(ErrandSucceeded(time.monotonic(), errand.id, errand.attempt))

    # What waits

    def _foresee(self) -> bool:
        """Look at the next item that waits. Returns whether there was one."""
        if self._foreseen is None:
            self._foreseen = self._waiting_items()
        step = next(self._foreseen, None)
        if step is None or self._cache is None:
            return False
        task, item = step
        match self._cache.foresee(task, item, self._tasks, self._is_unknown):
            case NotYet(works):
                self._foreseen = _again(step, self._foreseen)
                for errand in self._works.errands(works):
                    if errand.id not in self._errands:
                        self._start_errand(_Errand(errand.id, 0))
            case NotFound(reasons):
                self._note(task, item, reasons)
        return True

    def _waiting_items(self) -> Iterator[_Step]:
        """The items that could not be looked up; the first one of a task whose items can't be counted."""
        for record in self._scheduler.tasks.values():
            if record.state is TaskState.WAITING:
                for item in range(1 if (num_items := self._count(record)) is None else num_items):
                    yield _Step(record.planned, item)
            for each in record.items:
                if each.is_looked_for:
                    yield _Step(record.planned, each.index)

    def _count(self, record: TaskRecord) -> int | None:
        """How many items a task that waits has, as far as the lists are known that it is mapped over.

        In loops they are not known: each pass may have others.
        """
        if not record.is_mapped:
            return 1
        if record.planned.loops:
            return None
        counting = Counting(self._scheduler.tasks)
        sources = [argument.sources[0] for argument in record.planned.mapped]
        lengths = (counting.elements(source, NO_PASSES) for source in sources if not self._is_unknown(source))
        try:
            return next((length for length in lengths if length is not None), None)
        except ListError:  # the task will fail, once all is known
            return None

    def _is_unknown(self, source: Source) -> bool:
        """Whether it is not known yet what a source gives to the items of a task that waits."""
        if loops_around(source, lambda task: (loop.id for loop in self._tasks[task].loops)):
            return True
        return any(map(self._is_leaf_unknown, leaves((source,))))

    def _is_leaf_unknown(self, leaf: Constant | FromTask) -> bool:
        if isinstance(leaf, Constant):
            return self._is_unwritten(leaf)
        return not self._scheduler.tasks[leaf.task].is_complete

    # The result

    def _finish(self) -> bool:
        """Ask what the tasks that are not cached took the last time, then make the result."""
        if self._pasts is None:
            if self._cache is None:
                self._pasts = {}
                return True
            store = self._cache.shared.store
            open_tasks = [
                record.planned for record in self._scheduler.tasks.values() if record.state is not TaskState.SUCCEEDED
            ]
            self._errands[_PASTS] = _Errand(_PASTS, 0)
            self._chores.add(_PASTS, lambda: find_pasts(store, open_tasks))
            return True
        found = [self._task_forecast(record, self._pasts) for record in self._scheduler.tasks.values()]
        self.result = Forecast(
            {task.name: task for task in found},
            self._span(found, lambda task: task.is_sure_to_run),
            self._span(found, lambda task: task.is_sure_to_run or task.state is Outlook.WAITS),
        )
        return False

    def _task_forecast(self, record: TaskRecord, pasts: Mapping[str, Past]) -> TaskForecast:
        task = record.planned
        num_items = self._count(record) if record.state is TaskState.WAITING else record.num_items
        found = TaskForecast(task.name, task.id, Outlook.WAITS, num_items=num_items, num_cached=record.num_cached)
        if record.state is TaskState.SUCCEEDED:
            return replace(found, state=Outlook.CACHED, seconds=0.0)
        if record.is_unneeded:
            return replace(found, state=Outlook.NOT_NEEDED, num_items=0, seconds=0.0)
        if record.state.is_final:
            message = "" if record.error is None else record.error.message
            return replace(found, state=Outlook.FAILS, reasons=(message,), seconds=0.0)
        running = self._running_items(record, num_items)
        if running:
            reasons = (reason for item in running for reason in self._reasons.get(task.id, {}).get(item, ()))
            state = Outlook.NEVER_CACHED if self._is_never_cached(task) else Outlook.RUNS
            found = replace(found, state=state, reasons=tuple(dict.fromkeys(reasons)), num_run=len(running))
        else:
            found = replace(found, waits_for=tuple(dict.fromkeys(self._waits_for(record))))
        past = pasts.get(task.id)
        if past is None:
            return found
        num_timed = len(running) if running and num_items is not None else num_items or past.num_items
        return replace(found, seconds=past.item_seconds * num_timed, peak_memory=past.peak_memory)

    def _is_never_cached(self, task: PlannedTask) -> bool:
        return task.settings.is_never_cached or (
            self._cache is not None and self._cache.keys.script(task).is_never_kept
        )

    def _running_items(self, record: TaskRecord, num_items: int | None) -> list[int]:
        """The items that would run for sure."""
        if self._cache is None:
            return [item.index for item in record.items] or list(range(num_items or 1))
        return list(self._reasons.get(record.planned.id, ()))

    def _waits_for(self, record: TaskRecord) -> Iterator[str]:
        for leaf in record.planned.leaves():
            if not self._is_leaf_unknown(leaf):
                continue
            if not isinstance(leaf, Constant):
                yield self._tasks[leaf.task].name
                continue
            for value in leaf.value if isinstance(leaf.value, tuple) else (leaf.value,):
                if isinstance(value, LiveRef):
                    yield f'{value.kind.lower()} "{value.name}"'

    def _span(self, found: Sequence[TaskForecast], counts: Callable[[TaskForecast], bool]) -> float | None:
        """How long the tasks that count take; None if that is not known of one of them."""
        works: list[tuple[PlannedTask, Work]] = []
        for task in found:
            seconds = task.seconds if counts(task) else 0.0
            if seconds is None:
                return None
            num_items = max(1, task.num_run or task.num_items or 1)
            works.append((self._tasks[task.node_id], Work(seconds, seconds / num_items)))
        return span(works, self._num_workers)


class _Errand(NamedTuple):
    """An errand that is under way."""

    id: str
    attempt: int


class _Step(NamedTuple):
    """An item that is to be foreseen."""

    task: PlannedTask
    item: int


def _again(step: _Step, rest: Iterator[_Step]) -> Iterator[_Step]:
    yield step
    yield from rest


#: Names the chore that finds out what tasks took.
_PASTS = "pasts"
