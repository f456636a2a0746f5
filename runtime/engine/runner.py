# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner: turns what an engine reports into events of each run's scheduler, and executes the instructions it gets.

    engine.poll -> inbox -> event -> scheduler.handle -> instructions -> engine.submit, engine.stop ...
                     ^                                                             |
                     +--- an event that an instruction led to -----+---------------+
                                                                    +--> the run's listener is called

Requests, such as `cancel`, go through the same inbox. So a listener may make any request: it is handled after the event
that is being handled. The runner has no thread of its own: its owner calls `update` often, or waits in it.
"""

from __future__ import annotations

import functools
import itertools
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from multiprocessing import connection
from typing import Any, Final, NamedTuple, assert_never

from ..errors import BackgroundNodesError, InvalidTransitionError, RunError, StoreError
from ..planning.destinations import FilesInUse
from ..planning.plan import Plan, PlannedTask
from ..scheduling.events import (
    CancelRequested,
    EndRequested,
    ErrandFailed,
    ErrandInstruction,
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
    LookUp,
    PauseRequested,
    ResultFound,
    ResultMissing,
    ResultsScattered,
    ResumeRequested,
    RetryRequested,
    RunBroke,
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
    Usage,
    WorkerDied,
)
from ..scheduling.states import RunState
from ..scheduling.time_left import Past
from ..scratch.scratch import Scratch
from ..script.blend_files import FileCopy
from ..script.socket_types import OPEN_FILE, LiveRef, StoredRef
from ..store import upkeep
from . import messages
from .active_run import ActiveRun, Listener
from .cache import Cache
from .chores import Chores, Done
from .gathering import MANY_FOR_HOME
from .interface import Engine, Kept, Lost, NoWorker, Report, Request
from .item_keys import NOTHING_KNOWN
from .pasts import find_pasts
from .preparation import Checking, Copying, Digesting, Gathering, Keeping, LookupWork, Reading, Work
from .results import decisive_values, fault, list_lengths
from .run_cache import Found, NotYet, RunCache

#: Seconds that keeping results may take when Blender ends.
_KEEPING_TIMEOUT: Final = 20.0


class Runner:
    """Runs plans side by side on one engine.

    Attributes:
        scratch: where blobs and logs are.
        last_step: when a task or an errand last started or ended, or was asked for, as `time.monotonic` has it.
    """

    def __init__(
        self, engine: Engine, scratch: Scratch, cache: Cache | None = None, note: Callable[[str], None] = print
    ) -> None:
        """Prepare to run plans.

        Args:
            engine: it carries tasks out.
            scratch: where blobs and logs are.
            cache: what runs take over from earlier ones; without it, each does everything anew and nothing is kept.
            note: told when a result can't be kept.
        """
        self.scratch = scratch
        self.last_step = time.monotonic()
        self._engine = engine
        self._cache = cache
        self._note = note
        self._chores = Chores()
        self._runs: dict[int, ActiveRun] = {}
        self._numbers = itertools.count(1)
        self._inbox: deque[tuple[ActiveRun, Event | _Reported]] = deque()
        self._keeping: Counter[int] = Counter()  # results that are being kept, by the number of their run
        self._in_use: FilesInUse | None = None  # what `protect` was called with last
        self._is_draining = False
        self._is_closed = False

    @property
    def is_active(self) -> bool:
        return bool(self._runs)

    @property
    def is_behind(self) -> bool:
        """Whether the last update stopped before it had handled all that had arrived."""
        return bool(self._inbox)

    def start(
        self,
        plan: Plan,
        snapshot: Mapping[LiveRef, StoredRef],
        num_workers: int,
        timeout: float | None = None,
        pasts: Mapping[str, Past] | None = None,
        listener: Listener | None = None,
        open_file: FileCopy | None = None,
        *,
        use_cache: bool = False,
        is_forced: bool = False,
        takes_kept_only: bool = False,
    ) -> ActiveRun:
        """Start a run.

        Args:
            plan: the tasks to run.
            snapshot: where each data-block that the plan reads was written.
            num_workers: how many tasks may run at the same time.
            timeout: seconds the run may take.
            pasts: what tasks took in earlier runs.
            listener: called after each change, but not before this method returns.
            open_file: a copy of the open file, which a plan that takes it (`Plan.takes_open_file`) needs.
            use_cache: whether results of earlier runs are used, and new ones kept.
            is_forced: whether all tasks run, and only then their results are kept.
            takes_kept_only: whether a task of which no result is kept is cancelled, and so nothing runs.

        Raises:
            RunError: if the runner is closed, or the run may only take what is kept and nothing is.
            StoreError: if a constant is too large or can't be written.
        """
        self._check_open()
        cache = self._cache if use_cache else None
        if takes_kept_only and cache is None:
            raise RunError("no results are kept. Run the node tree again")
        number = next(self._numbers)
        run = ActiveRun(
            number,
            plan,
            self.scratch,
            num_workers,
            timeout,
            snapshot,
            open_file,
            pasts or {},
            cache,
            is_forced=is_forced,
            takes_kept_only=takes_kept_only,
        )
        try:
            run.results.store_constants(plan.tasks)
        except StoreError:
            self.scratch.remove(run.names())
            raise
        self._runs[number] = run
        self._ask(run, RunStarted(time.monotonic()))
        run.listener = listener  # the listener does not know the run before
        return run

    def use_engine(self, engine: Engine) -> None:
        """Use another engine from now on, while nothing runs. The one before is closed."""
        assert not self.is_active
        self._engine.close()
        self._engine = engine

    def cancel(self, run: ActiveRun, task: str | None = None) -> None:
        """Cancel a run, or one task of it; what has ended stays as it is. Raises KeyError if there is no such task."""
        if task is not None and task not in run.tasks:
            raise KeyError(task)
        self._ask(run, CancelRequested(time.monotonic(), task))

    def pause(self, run: ActiveRun) -> None:
        """Pause a run: nothing starts, what runs is frozen where that is possible, and no time counts."""
        self._ask(run, PauseRequested(time.monotonic()))

    def resume(self, run: ActiveRun) -> None:
        self._ask(run, ResumeRequested(time.monotonic()))

    def finish_current(self, run: ActiveRun) -> None:
        """Let running items end, and cancel the rest."""
        self._ask(run, FinishCurrentRequested(time.monotonic()))

    def break_off(self, run: ActiveRun, error: TaskError) -> None:
        """End a run that can't continue, for a reason outside its tasks: open tasks fail with `error`."""
        self._ask(run, RunBroke(time.monotonic(), error))

    def retry(self, run: ActiveRun, tasks: Sequence[PlannedTask] = ()) -> None:
        """Retry the tasks that did not succeed, after the run is over. `tasks` replace those with the same ids.

        Raises:
            InvalidTransitionError: if the run is not over, or all of it succeeded.
            RunError: if the runner is closed.
            StoreError: if a constant is too large, or something can't be written.
        """
        self._check_open()
        if run.state in (RunState.RUNNING, RunState.SUCCEEDED) or run.number in self._runs:
            raise InvalidTransitionError(f"the run {run.state}, so nothing in it can be tried again", ())
        run.results.store_constants(tasks)
        if self._in_use is not None:
            run.files.protect(self._in_use)
        anew = run.change(tasks)
        self._runs[run.number] = run
        run.files.go_on()
        self._ask(run, RetryRequested(time.monotonic(), tuple(tasks), anew))

    def protect(self, in_use: FilesInUse) -> None:
        """Let no task write over these files, which the artist works on now. Raises StoreError."""
        self._in_use = in_use
        for run in self._runs.values():
            run.files.protect(in_use)

    def update(self, timeout: float | None = 0.0, budget: float | None = None) -> None:
        """Handle what has arrived.

        Args:
            timeout: seconds to wait for something at most, None to wait as long as it takes.
            budget: seconds after which the rest is left to the next call, None to take all that is there.

        Raises:
            RunError: if a listener calls it: nothing can continue before the listener returns.
        """
        if self._is_draining:
            raise RunError("what hears of a run can't wait for one: let it return first")
        until = None if budget is None else time.monotonic() + budget
        if not self._inbox:  # else handle first what is there already
            try:
                self._wait(timeout)
                until = None if budget is None else time.monotonic() + budget
                self._listen(until)
            except Exception as error:  # noqa: BLE001 (no run can continue on an engine that raises)
                for run in list(self._runs.values()):
                    self._break(run, error)
                    self._tell(run, None)
        self._drain(until)

    def finish_keeping(self, run: ActiveRun, timeout: float | None) -> None:
        """Wait until all results of a run are kept, at most `timeout` seconds; not where a listener calls it."""
        until = None if timeout is None else time.monotonic() + timeout
        while self._keeping[run.number] and not self._is_closed and not self._is_draining:
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0.0:
                return
            self.update(1.0 if left is None else min(1.0, left))

    def keep_house(self, chore: Callable[[], upkeep.Info | None]) -> None:
        """Do something with the store, on another thread. What it returns becomes the cache's `info`."""
        self._chores.add(_HouseKey(), chore)

    def do_aside(self, chore: Callable[[], None]) -> None:
        """Do something on another thread. What came of it, the chore has to note itself; it must not raise."""
        self._chores.add(_AsideKey(), chore)

    @property
    def is_keeping_house(self) -> bool:
        """Whether something is done on another thread, or was done and is not told yet."""
        return not self._chores.is_idle

    def forget(self, run: ActiveRun) -> None:
        """Remove a run's blobs and logs from the scratch folder; its results can't be fetched any more."""
        run.is_forgotten = True
        self._ask(run, EndRequested(time.monotonic()))
        if run.number not in self._runs:
            self._remove_files(run)

    def remove_results(self, run: ActiveRun) -> None:
        """Remove the blobs and values of a run that is over, once they are kept. Its logs stay."""
        self._remove(tuple(run.blobs()))

    def _remove_files(self, run: ActiveRun) -> None:
        """Remove all that was written for a run that is over, once its results are kept."""
        self._remove(tuple(run.names()))

    def _remove(self, names: tuple[str, ...]) -> None:
        if self._cache is not None:
            self._cache.known.forget_blobs(names)
        if self._cache is None or not self._cache.pending:
            self.scratch.remove(names)
        else:
            self._chores.add(_HouseKey(), functools.partial(self.scratch.remove, names))

    def close(self) -> None:
        """End all runs, workers and the scratch folder."""
        self._is_closed = True
        self._inbox.clear()
        for run in list(self._runs.values()):
            self._take(run, EndRequested(time.monotonic()))
        self._engine.close()
        self._chores.close(_KEEPING_TIMEOUT)
        self.scratch.close()

    def _wait(self, timeout: float | None) -> None:
        """Wait until there may be something to do."""
        times = [self._engine.next_look(), *(run.scheduler.next_deadline() for run in self._runs.values())]
        lefts = [time_ - time.monotonic() for time_ in times if time_ is not None]
        limit = min([*lefts, *([] if timeout is None else [timeout])], default=None)
        if limit is not None and limit <= 0.0:
            return
        if wakers := [*self._engine.wakers(), *self._chores.wakers()]:
            connection.wait(wakers, limit)
        elif limit is not None and lefts:
            time.sleep(limit)

    def _check_open(self) -> None:
        if self._is_closed:
            raise RunError("nothing can run any more: Background Nodes is about to end")

    def _listen(self, until: float | None) -> None:
        """Put the engine's reports into the inbox, and `TimePassed` for runs with a deadline that is over."""
        for key, report in self._engine.poll(until):
            if isinstance(key, _ItemKey | _ErrandKey) and key.run in self._runs:
                self._inbox.append((self._runs[key.run], _Reported(key, report)))
        for done in self._chores.poll():
            self._note_done(done)
        now = time.monotonic()
        for run in self._runs.values():
            deadline = run.scheduler.next_deadline()
            if deadline is not None and deadline <= now:
                self._inbox.append((run, TimePassed(now)))

    def _note_done(self, done: Done) -> None:
        """A chore is done."""
        key = done.key
        if isinstance(key, _KeepKey):
            self._note_kept(key, is_same=done.result is True)
        if isinstance(key, _PastsKey):
            key.run.pasts.update(done.result or {})
        if done.error is not None and isinstance(key, _KeepKey | _HouseKey):
            self._note(f"{key.fault}: {done.error}")
        elif isinstance(done.result, upkeep.Info) and self._cache is not None:
            self._cache.info = done.result
        if isinstance(key, _ErrandKey) and key.run in self._runs:
            self._inbox.append((self._runs[key.run], _Reported(key, done)))

    def _note_kept(self, key: _KeepKey, *, is_same: bool) -> None:
        """A result is kept, or can't be."""
        self._keeping[key.run.number] -= 1
        if not self._keeping[key.run.number]:
            del self._keeping[key.run.number]
        assert key.run.cache is not None
        key.run.cache.shared.end_keeping(key.names)
        if is_same:
            key.run.cache.same[key.task].add(key.item)
            self._tell(key.run, None)

    # The inbox

    def _ask(self, run: ActiveRun, event: Event) -> None:
        """Handle a request to a run: at once, or after the event that is being handled."""
        if run.number in self._runs and not self._is_closed:
            self._inbox.append((run, event))
            self._drain(None)

    def _drain(self, until: float | None) -> None:
        """Handle what is in the inbox, one after the other, and what is added meanwhile."""
        if self._is_draining:
            return
        self._is_draining = True
        try:
            while self._inbox:
                self._take(*self._inbox.popleft())
                if until is not None and time.monotonic() >= until:
                    return
        finally:
            self._is_draining = False

    def _take(self, run: ActiveRun, fact: Event | _Reported) -> None:
        """Handle an event or report: execute all instructions that follow from it, then call the listener."""
        if run.number not in self._runs:  # it ended meanwhile
            return
        try:
            event = self._event(run, fact) if isinstance(fact, _Reported) else fact
            if event is None:
                return
            if not isinstance(event, TaskProgressed | TimePassed):
                self.last_step = time.monotonic()
            for instruction in run.scheduler.handle(event):
                self._carry_out(run, instruction)
        except Exception as error:  # noqa: BLE001 (whatever it is, this run ends with it and the others go on)
            self._break(run, error)
            event = None
        is_over = run.number not in self._runs
        if is_over and run.is_forgotten:
            self._remove_files(run)
        task = getattr(event, "task", None)
        self._tell(run, task)
        if is_over and task is not None:
            self._tell(run, None)

    def _tell(self, run: ActiveRun, task: str | None) -> None:
        if run.listener is None:
            return
        try:
            run.listener(task)
        except Exception as error:  # noqa: BLE001 (this run ends, and the others go on)
            run.listener = None
            if run.number in self._runs:
                self._break(run, error)
            else:
                traceback.print_exc()

    def _break(self, run: ActiveRun, error: BaseException) -> None:
        """End a run because of an error of Background Nodes itself."""
        traceback.print_exception(error)  # a run that is over has no error of its own to tell
        told = "".join(traceback.format_exception(error))
        message = f"Background Nodes met an error of its own ({type(error).__name__}: {error}); please report it"
        try:
            instructions = run.scheduler.handle(RunBroke(time.monotonic(), TaskError(message, told)))
        except Exception:  # noqa: BLE001 (its scheduler can handle no more events)
            traceback.print_exc()
            run.scheduler.abandon(TaskError(message, told))
            instructions = []
        for instruction in instructions:
            try:
                self._carry_out(run, instruction)
            except Exception:  # noqa: BLE001 (the others must be executed)
                traceback.print_exc()
        for key in list(run.requests):  # instructions may have been left out
            try:
                self._stop(run, key)
            except Exception:  # noqa: BLE001 (the others must be stopped)
                traceback.print_exc()
        self._runs.pop(run.number, None)
        run.files.end()

    # From reports to events

    def _event(self, run: ActiveRun, fact: _Reported) -> Event | None:
        """The event that a report means; None if nothing waits for the report any more."""
        if not isinstance(fact.report, messages.Started | messages.Progressed):
            run.requests.discard(fact.key)
        match fact.key:
            case _ItemKey():
                return self._item_event(run, fact.key, fact.report)
            case _ErrandKey():
                return self._errand_event(run, fact.key, fact.report)
            case _:
                assert_never(fact.key)

    def _item_event(self, run: ActiveRun, key: _ItemKey, report: Report | Done) -> Event | None:
        if not run.is_awaited(key.task, key.item, key.attempt):
            return None
        where = time.monotonic(), key.task, key.item, key.attempt
        match report:
            case messages.Started():
                return TaskStarted(*where)
            case messages.Progressed(fraction, text):
                return TaskProgressed(*where, fraction, text)
            case messages.Succeeded():
                return self._succeeded(run, key, report)
            case messages.Failed(message, traceback_, line, seconds, peak_memory):
                return TaskFailed(*where, TaskError(message, traceback_, line), Usage(seconds, peak_memory))
            case Lost(reason):
                self.scratch.remove(run.blob(key.task, key.item))
                return WorkerDied(*where, reason)
            case NoWorker(reason):
                return TaskFailed(*where, TaskError(reason))
            case Kept() if run.cache is not None:
                return self._kept_by_others(run, run.cache, key)
            case messages.Gathered() | messages.Copied() | Done() | Kept():
                return TaskFailed(*where, TaskError(f"the worker answered with {type(report).__name__}"))
            case _:
                assert_never(report)

    def _succeeded(self, run: ActiveRun, key: _ItemKey, report: messages.Succeeded) -> TaskSucceeded | TaskFailed:
        """The event of a result that came; a failure if it can't be used."""
        where = time.monotonic(), key.task, key.item, key.attempt
        task, values, usage = run.tasks[key.task], report.values, Usage(report.seconds, report.peak_memory)
        if (wrong := fault(task, values)) is not None:
            return TaskFailed(*where, TaskError(wrong), usage)
        try:
            decisive = decisive_values(task, values, self.scratch.folder)
        except StoreError as error:
            return TaskFailed(*where, TaskError(str(error)), usage)
        run.results.put(key.task, key.item, values)
        run.note_warning(key.task, report.warning)
        self._keep(run, key, report)
        return TaskSucceeded(*where, list_lengths(values), usage, decisive)

    def _kept_by_others(self, run: ActiveRun, cache: RunCache, key: _ItemKey) -> TaskSucceeded | InputsMissing | None:
        """The event of a result that another process gave the store; if it is not there, the item starts once more."""
        task, where = run.tasks[key.task], (time.monotonic(), key.task, key.item, key.attempt)
        match cache.look_up(task, key.item, run.tasks):
            case NotYet(works):
                return InputsMissing(*where, run.works.errands(works))
            case Found(values) if fault(task, values) is None:
                run.results.put(key.task, key.item, values)
                decisive = decisive_values(task, values, self.scratch.folder)
                return TaskSucceeded(*where, list_lengths(values), Usage(), decisive)
            case _:
                cache.forget_key(key.task, key.item)
                self._start_task(run, key)
                return None

    def _errand_event(self, run: ActiveRun, key: _ErrandKey, report: Report | Done) -> Event | None:
        if not run.scheduler.awaits_errand(key.errand, key.attempt):
            return None
        where = time.monotonic(), key.errand, key.attempt
        work = run.works[key.errand]
        match report:
            case messages.Started():
                return ErrandStarted(*where)
            case messages.Progressed():
                return None
            case messages.Copied() if isinstance(work, Copying):
                run.results.copies[work.path] = work.copy(run.works.blob(key.errand))
                return ErrandSucceeded(*where)
            case Done(result=result) if isinstance(work, LookupWork):
                _take_prepared(run, work, result)
                return ErrandSucceeded(*where)
            case messages.Gathered(refs) if isinstance(work, Gathering) and len(refs) == len(work.refs):
                run.move(work.refs, refs)
                return ErrandSucceeded(*where)
        self._end_errand(run, key.errand)
        match report:
            case Lost(reason):
                return ErrandLost(*where, reason)
            case messages.Failed(reason) | NoWorker(reason):
                return ErrandFailed(*where, TaskError(reason))
            case _:
                return ErrandFailed(*where, TaskError(f"the worker answered with {type(report).__name__}"))

    def _end_errand(self, run: ActiveRun, errand: str) -> None:
        """An errand, or an attempt of it, failed or was stopped: remove what it wrote."""
        self.scratch.remove(run.give_up(errand))

    # From instructions to the engine

    def _carry_out(self, run: ActiveRun, instruction: Instruction) -> None:
        match instruction:
            case LookUp(task, item, attempt):
                self._look_up(run, _ItemKey(run.number, task, item, attempt))
            case StartTask(task, item, attempt):
                self._start_task(run, _ItemKey(run.number, task, item, attempt))
            case StopTask(task, item, attempt):
                self._stop(run, _ItemKey(run.number, task, item, attempt))
                self.scratch.remove(run.blob(task, item))
            case FreezeTask(task, item, attempt):
                self._engine.freeze(_ItemKey(run.number, task, item, attempt))
            case ThawTask(task, item, attempt):
                self._engine.thaw(_ItemKey(run.number, task, item, attempt))
            case GatherResults():
                works = run.works.gatherings(run.home_refs(), MANY_FOR_HOME)
                self._inbox.append((run, ResultsScattered(time.monotonic(), run.works.errands(works))))
            case FinishRun():
                del self._runs[run.number]
                run.files.end()
                if run.cache is not None:
                    cache, has_kept = run.cache, run.cache.has_kept
                    self.keep_house(functools.partial(cache.shared.settle, dict(cache.shown), has_kept=has_kept))
            case _:
                self._carry_out_errand(run, instruction)

    def _carry_out_errand(self, run: ActiveRun, instruction: ErrandInstruction) -> None:
        key = _ErrandKey(run.number, instruction.errand, instruction.attempt)
        match instruction:
            case StartErrand():
                self._start_errand(run, key)
            case StopErrand():
                self._stop(run, key)
                self._end_errand(run, key.errand)
            case FreezeErrand() | ThawErrand() if isinstance(run.works[key.errand], LookupWork):
                pass  # no worker does it, and it takes no longer than it must
            case FreezeErrand():
                self._engine.freeze(key)
            case ThawErrand():
                self._engine.thaw(key)
            case _:
                assert_never(instruction)

    def _look_up(self, run: ActiveRun, key: _ItemKey) -> None:
        """Look for the result of an item, and add the answer to the inbox."""
        task, where = run.tasks[key.task], (time.monotonic(), key.task, key.item, key.attempt)
        assert run.cache is not None
        match run.cache.look_up(task, key.item, run.tasks):
            case NotYet(works):
                self._inbox.append((run, InputsMissing(*where, run.works.errands(works))))
            case Found(values) if fault(task, values) is None:
                run.results.put(key.task, key.item, values)
                decisive = decisive_values(task, values, self.scratch.folder)
                self._inbox.append((run, ResultFound(*where, list_lengths(values), decisive)))
            case _ if run.takes_kept_only:
                self._inbox.append((run, CancelRequested(where[0], key.task)))
            case _:
                self._inbox.append((run, ResultMissing(*where)))
                self._ask_pasts(run)

    def _ask_pasts(self, run: ActiveRun) -> None:
        """Something has to run, so it is worth to know what the tasks took in earlier sessions."""
        if run.asked_pasts or run.cache is None:
            return
        run.asked_pasts = True
        unknown = [task for task in run.tasks.values() if task.id not in run.pasts]
        self._chores.add(_PastsKey(run), functools.partial(find_pasts, run.cache.shared.store, unknown))

    def _keep(self, run: ActiveRun, key: _ItemKey, succeeded: messages.Succeeded) -> None:
        """Keep the result of an item for later runs, on another thread."""
        if run.cache is None:
            return
        (blob,), log = run.blob(key.task, key.item), run.logs[key.task][key.item]
        num_items = run.scheduler.tasks[key.task].num_items or 1
        keeping = run.cache.keep(run.tasks[key.task], key.item, run.tasks, succeeded, blob, log, num_items)
        if keeping is not None:
            self._keeping[run.number] += 1
            self._chores.add(_KeepKey(keeping.names, run, key.task, key.item), keeping)

    def _start_task(self, run: ActiveRun, key: _ItemKey) -> None:
        """Give an item to the engine; or add `InputsMissing`, or `TaskFailed` if it can't be started, to the inbox."""
        task = run.tasks[key.task]
        where = time.monotonic(), key.task, key.item, key.attempt
        try:
            if missing := self._missing(run, task, key.item):
                self._inbox.append((run, InputsMissing(*where, run.works.errands(missing))))
                return
            blob, log = self.scratch.new_blob(), self.scratch.new_log()
            shared = run.files.shared(task, run.scheduler.round, run.columns)
            request = run.results.request(
                task, key.item, run.tasks, run.plan.scene, blob, log, shared, is_digested=run.cache is not None
            )
        except BackgroundNodesError as error:
            self._inbox.append((run, TaskFailed(*where, TaskError(str(error)))))
            return
        self.scratch.remove(run.open_files(key.task, key.item, blob, log))
        kept_as = "" if run.cache is None else run.cache.key_for_others(key.task, key.item)
        self._submit(run, Request(key, request, task.settings.fresh_process, task.settings.needs, kept_as))

    def _missing(self, run: ActiveRun, task: PlannedTask, item: int) -> list[Work]:
        """What has to be done before an item can start.

        Raises:
            BackgroundNodesError: if it can't.
        """
        path = run.results.blend_file(task, item, run.tasks)
        if path == OPEN_FILE and path not in run.results.copies:
            raise BackgroundNodesError(
                "the open file was not copied when the run started. Run the node tree as a whole"
            )
        copying = [Copying(path)] if path is not None and path not in run.results.copies else []
        return [*copying, *run.gatherings(task, item)]

    def _start_errand(self, run: ActiveRun, key: _ErrandKey) -> None:
        work = run.works[key.errand]
        if isinstance(work, LookupWork):
            self._chores.add(key, self._chore(run, key, work))
            return
        try:
            task = run.works.task(key.errand, work, self.scratch.new_blob)
        except BackgroundNodesError as error:
            event = ErrandFailed(time.monotonic(), key.errand, key.attempt, TaskError(str(error)))
            self._inbox.append((run, event))
            return
        self._submit(run, Request(key, task))

    def _chore(self, run: ActiveRun, key: _ErrandKey, work: LookupWork) -> Callable[[], object]:
        """What is done on another thread before a result can be looked for."""
        assert run.cache is not None
        match work:
            case Digesting(blob):
                return run.cache.keys.digesting(blob)
            case Reading(paths):
                return run.cache.keys.reading(paths, functools.partial(self._chores.is_wanted, key))
            case Checking(kept):
                return run.cache.checking(kept)
            case Keeping():
                return _nothing  # chores are done in their order, so that is kept by then
            case _:
                assert_never(work)

    def _submit(self, run: ActiveRun, request: Request) -> None:
        run.requests.add(request.key)
        self._engine.submit(request)

    def _stop(self, run: ActiveRun, key: Hashable) -> None:
        run.requests.discard(key)
        self._engine.stop(key)
        self._chores.drop(key)


class _ItemKey(NamedTuple):
    """The key of a request for an item."""

    run: int
    task: str
    item: int
    attempt: int


class _ErrandKey(NamedTuple):
    """The key of a request for an errand."""

    run: int
    errand: str
    attempt: int


class _KeepKey(NamedTuple):
    """The key of the chore that keeps a result. `names` are what others may look for; `fault` is said if it fails."""

    names: tuple[str, ...]
    run: ActiveRun
    task: str
    item: int
    fault: str = "Results are not kept for later runs"


class _PastsKey(NamedTuple):
    """The key of the chore that finds out what the tasks of a run took in earlier sessions."""

    run: ActiveRun


class _HouseKey(NamedTuple):
    """The key of a chore that is about the whole store."""

    fault: str = "Kept results can't be looked through"


class _AsideKey(NamedTuple):
    """The key of a chore that notes itself what came of it."""


class _Reported(NamedTuple):
    """A report of an engine with the key of its request, or what came of a chore."""

    key: _ItemKey | _ErrandKey
    report: Report | Done


def _take_prepared(run: ActiveRun, work: LookupWork, result: Any) -> None:
    """Note what came of what is done before a look-up; `result` is None if it failed."""
    assert run.cache is not None
    match work:
        case Digesting(blob):
            run.cache.keys.know_digested(blob, *(result or NOTHING_KNOWN))
        case Checking(key):
            run.cache.note_checked(key, result or "")


def _nothing() -> None:
    pass
