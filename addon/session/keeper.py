# SPDX-License-Identifier: GPL-3.0-or-later
"""The session keeps the runs and jobs of a Blender and carries them on. It draws nothing: code that draws listens.

    timer --> tick --> artist first, runner, results of each run, each queue of jobs
                |
                +--> news: `updated`, `ended` --> redraw, status bar, end report ...

It reaches Blender only through a small protocol, `Host`, so that it can be tested without Blender.
"""

from __future__ import annotations

import contextlib
import functools
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from multiprocessing import connection
from typing import TYPE_CHECKING, Any

from ...runtime.engine import run_files
from ...runtime.engine.active_run import ActiveRun
from ...runtime.engine.cache import Cache
from ...runtime.engine.forecast import Forecast
from ...runtime.engine.forecaster import Forecaster
from ...runtime.engine.kinds import POOL
from ...runtime.engine.pasts import find_pasts
from ...runtime.engine.runner import Runner
from ...runtime.engine.workers import WorkerInfo
from ...runtime.errors import RunError, StoreError
from ...runtime.planning import needs
from ...runtime.scheduling.time_left import Past
from ...runtime.script.socket_types import LiveRef, SocketType
from ...runtime.store.upkeep import Info
from .artist_first import ArtistFirst
from .equipment import Equipment
from .faults import Faults
from .history import History
from .host import Host
from .job_arrivals import ArrivingJob, JobArrivals
from .job_queue import JobQueue, StartableJob
from .news import News
from .pace import Pace
from .run import ResultWriter, Run, RunEvent
from .settings import Settings

if TYPE_CHECKING:
    import bpy

    from ...runtime.blender.snapshot import Snapshot

_ANY = SocketType("ANY")
#: Seconds between two ticks: at least and at most while a run goes on, while a run is paused or its results wait, and
#: while only warm workers are left. The one before these is that after a tick which has left something to the next one.
QUICK_INTERVAL = 0.005
WATCHFUL_INTERVAL = 0.003
BUSY_INTERVAL = 0.05
WAITING_INTERVAL = 0.5
IDLE_INTERVAL = 5.0
FINISHING_INTERVAL = 0.006  # what is left of a homecoming
#: While a run goes on, a tick comes after this share of the time since one of its tasks last started or ended: a short
#: task is not kept waiting for long, and a long one costs few ticks.
_SHARE_OF_SILENCE = 0.03
#: Seconds after which a tick begins nothing more of what has arrived, or of bringing it home, so that it ends within
#: 8 ms; the rest waits for the next tick.
TICK_BUDGET = 0.004
#: The share of it that news may take if the last tick has left results: the rest is theirs.
_SHARE_OF_NEWS = 0.25
#: Seconds between two looks at whether a forecast can go on.
_LOOK_INTERVAL = 0.02


class Session:
    """The runs of a Blender. Each tree has at most one run at a time; its last run is kept.

    Attributes:
        updated: tells listeners the runs after a tick, but no more often than it can be seen.
        ended: tells listeners a run when it is over and its results are home.
        starting: tells listeners a tree before the file is read for a run of it.
        started: tells listeners a run that has begun.
        results_come, results_came: tell listeners a run before and after results of it are brought home.
        is_open: whether jobs can be added: while the extension is enabled.
    """

    def __init__(self, host: Host) -> None:
        self.updated: News[tuple[Run, ...]] = News()
        self.ended: News[Run] = News()
        self.starting: News[bpy.types.NodeTree] = News()
        self.started: News[Run] = News()
        self.results_come: News[Run] = News()
        self.results_came: News[Run] = News()
        self.is_open = False
        self._host = host
        self._read_settings: Callable[[], Settings] = Settings
        self._equipment = Equipment(host, self._note)
        self._runs: dict[int, Run] = {}
        self._pasts: dict[str, Past] = {}  # how long nodes took the last time, by their uid
        self._artist_first = ArtistFirst(host.occupation)
        self._history = History()
        self._job_queues: list[JobQueue] = []
        self._job_arrivals = JobArrivals()
        self._faults = Faults()
        self._is_behind = False  # whether the last tick left results for the next one
        self._is_unfinished = False  # whether it left something of a homecoming
        self._pace = Pace()
        self._next_update = 0.0  # when `updated` may tell the next time, between two ticks that come soon
        self._has_looked = False  # whether it was asked how full the store is

    def use_settings(self, read_settings: Callable[[], Settings]) -> None:
        """Use other settings: the function is called whenever they are needed."""
        self._read_settings = read_settings

    @property
    def settings(self) -> Settings:
        return self._read_settings()

    @property
    def _runner(self) -> Runner | None:
        return self._equipment.runner

    @property
    def _cache(self) -> Cache | None:
        return self._equipment.cache

    # Runs

    def start(
        self,
        tree: bpy.types.NodeTree,
        *,
        until: str | Sequence[str] | None = None,
        force: bool = False,
        cache: bool = True,
        workers: int | None = None,
        timeout: float | None = None,
        allow_scripts: bool = False,
        on_event: Callable[[RunEvent], None] | None = None,
        brings_back: tuple[str, str] | None = None,
    ) -> Run:
        """Start a run. See `background_nodes.run`.

        With `brings_back`, the id of a node and the identifier of an output, it only brings these results home once
        more, as far as they are kept. No script runs.
        """
        self._bring_rest()
        self._check_tree(tree, workers)
        plan = self._host.checked_plan(tree, until)
        if brings_back is not None:
            plan = plan.part_for(*brings_back)
        elif not allow_scripts:
            self._host.admit(plan.tasks)
        self.starting.tell(tree)
        settings = self.settings
        self._equipment.choose_engine(settings)
        _runner, engine = self._equipment.get(settings)
        num_workers = workers or engine.usual_capacity(settings.num_workers)
        runner = self._prepare_runner(num_workers, settings)
        needs.check(plan.tasks, engine.why_not)
        if brings_back is None:
            run_files.check_free(plan.tasks)
        if force:
            engine.end_used()
        taken = self._host.take_snapshot(plan.live_refs(), runner.scratch, with_file=plan.takes_open_file, reuses=True)
        run = Run(self, runner, tree, until, taken)
        try:
            active = runner.start(
                plan,
                taken.stored,
                num_workers,
                timeout,
                self._pasts,
                run.hear,
                taken.file,
                use_cache=cache and settings.uses_store,
                is_forced=force,
                takes_kept_only=brings_back is not None,
            )
        except (StoreError, RunError):
            self.remove_blobs(taken.blobs)
            raise
        self._pace.run_starts(is_busy=self.is_busy)
        run.begin(active, on_event, allows_scripts=allow_scripts)
        run.only_brings_back = brings_back is not None
        self._runs[tree.session_uid] = run
        for forgotten in self._history.add(run):
            if self.is_last(forgotten) and self.tree_of(forgotten) is None:
                del self._runs[forgotten.tree_uid]
        self._host.start_timer(self.tick)
        self.started.tell(run)
        return run

    def forecaster(
        self,
        tree: bpy.types.NodeTree,
        *,
        until: str | Sequence[str] | None = None,
        force: bool = False,
        cache: bool = True,
        workers: int | None = None,
        allow_scripts: bool = False,
        writes: bool = True,
        takes_over: bool = False,
        is_elsewhere: bool = False,
    ) -> Forecaster:
        """What makes a forecast: call its `update` until that is True, then take its `result`, and close it.

        The arguments and the errors are those of `start`. To know what is in a data-block that was changed, it must be
        written, which may take a while. If it `writes` nothing, that is left unknown. If it `takes_over`, only what has
        changed since the last time is read, as far as Blender tells. If it is to run `is_elsewhere`, this machine need
        not have what tasks need.
        """
        self._check_tree(tree, workers)
        plan = self._host.checked_plan(tree, until, takes_over=takes_over)
        if not allow_scripts:
            self._host.check_consent(plan.tasks)
        runner = self._get_runner()
        if not is_elsewhere:
            needs.check(plan.tasks, self._why_not_foreseen)
        self._use_store(self.settings)
        taken = self._host.take_snapshot(plan.live_refs(), runner.scratch, with_file=False, reuses=True, writes=writes)
        return Forecaster(
            plan,
            self._cache if cache and self.settings.uses_store else None,
            runner.scratch,
            taken.stored,
            taken.blobs,
            workers or self.settings.num_workers,
            is_forced=force,
        )

    def _why_not_foreseen(self, told: str, addons: Collection[str]) -> str:
        """Why this machine can't serve what a task needs; another engine is not asked before a run is to start."""
        engine = self._equipment.engine
        is_asked = self.settings.engine == POOL and engine is not None and not self._equipment.is_elsewhere
        return engine.why_not(told, addons) if is_asked and engine is not None else ""

    def forecast(self, tree: bpy.types.NodeTree, **options: Any) -> Forecast:
        """What a run would do. See `background_nodes.forecast`; the options are those of `forecaster`."""
        forecaster = self.forecaster(tree, **options)
        try:
            while not forecaster.update():
                connection.wait(forecaster.wakers(), _LOOK_INTERVAL)
                self.update_jobs()  # results that are being kept
        finally:
            forecaster.close()
        assert forecaster.result is not None
        return forecaster.result

    def retry(self, run: Run) -> None:
        """Run again what did not succeed. See `Run.retry`."""
        self._bring_rest()
        if not run.can_retry:
            raise RunError("there is nothing in this run that can be tried again")
        tree = self.tree_of(run)
        if tree is None:
            raise RunError("the node tree is gone, so nothing can be tried again")
        tasks = run.tasks_to_retry(self._host.plan(tree, run.until))
        if not run.allows_scripts:
            self._host.admit(tasks)
        needs.check(tasks, self._equipment.get(self.settings)[1].why_not)
        run_files.check_free(tasks)
        run.try_again(tasks)
        self._host.start_timer(self.tick)

    def _check_tree(self, tree: bpy.types.NodeTree, workers: int | None) -> None:
        """Raise RunError if a tree can't run now."""
        if tree.bl_idname != "BackgroundNodeTree":
            raise RunError(f'"{tree.name}" is no background node tree')
        if workers is not None and workers < 1:
            raise RunError(f"a run needs at least one worker, not {workers}")
        earlier = self.run_of(tree)
        if earlier is not None and not earlier.is_home:
            raise RunError(f'"{tree.name}" is running already. Cancel that run first, or wait for it')

    def run_of(self, tree: bpy.types.NodeTree) -> Run | None:
        """The last run of a tree."""
        return self._runs.get(tree.session_uid)

    def is_last(self, run: Run) -> bool:
        """Whether no later run of the same tree was started."""
        return self._runs.get(run.tree_uid) is run

    def tree_of(self, run: Run) -> bpy.types.NodeTree | None:
        return self._host.find_tree(run.tree_uid)

    def writer_of(self, active: ActiveRun, snapshot: Snapshot) -> ResultWriter:
        return self._host.writer(active, snapshot)

    @property
    def runs(self) -> tuple[Run, ...]:
        return tuple(self._runs.values())

    def kept_pasts(self, tree: bpy.types.NodeTree) -> dict[str, Past]:
        """What the tasks of a tree took the last time that they ran, by their ids, as far as the store knows.

        Reads files, a few for each task. Raises CompileError.
        """
        tasks = self._host.plan(tree, None).tasks
        self._use_store(self.settings)
        return {} if self._cache is None or not self.settings.uses_store else find_pasts(self._cache.store, tasks)

    @property
    def history(self) -> tuple[Run, ...]:
        """The last runs of all trees, the newest last."""
        return tuple(self._history)

    @property
    def is_busy(self) -> bool:
        return any(not run.is_home for run in self._runs.values())

    @property
    def workers(self) -> tuple[WorkerInfo, ...]:
        """What each background Blender does now."""
        engine = self._equipment.engine
        return () if engine is None else engine.infos()

    @property
    def worker_process_ids(self) -> tuple[int, ...]:
        return tuple(worker.process_id for worker in self.workers)

    def settle(self, run: Run) -> None:
        """Bring the results of a run that is over home, as one undo step. If they must wait, note for what."""
        self._settle(run)

    def _settle(self, run: Run, seconds: float = math.inf) -> None:
        """As `settle`, for about so long: the rest has to follow before the artist or Blender does anything."""
        if run.is_home:
            return
        if event := run.waits_for():
            run.note_once(f"The results wait until {event}")
            return
        with self._changing(run):
            if not run.bring_home(self.tree_of(run), seconds):
                return
            if run.has_changed_file:
                self._host.push_undo(f"Background Nodes: {run.tree_name}")
        self._pasts.update(run.pasts())
        self._history.trim(self.settings.history_size)
        self._tell_end(run)

    @contextlib.contextmanager
    def _changing(self, run: Run) -> Iterator[None]:
        """Tell that results of a run come home within the block."""
        self._pace.changed()
        self.results_come.tell(run)
        try:
            yield
        finally:
            self.results_came.tell(run)

    @contextlib.contextmanager
    def coming_home(self, run: Run) -> Iterator[None]:
        """Tell that results of a run come home within the block, after those that have begun to."""
        self._bring_rest()
        with self._changing(run):
            yield

    @property
    def has_homecomings(self) -> bool:
        """Whether something is left of a homecoming: results, or what they are like."""
        return self._is_unfinished or self._job_arrivals.is_under_way

    def finish_homecomings(self) -> None:
        """Do what is left of homecomings: before the artist or Blender changes, saves or undoes anything."""
        self._bring_rest()
        self._faults.guard(self._host.read_baselines, math.inf)
        self._is_unfinished = False

    def _bring_rest(self) -> None:
        """Bring the rest of the results home of which some are."""
        for run in self.runs:
            if run.is_coming_home and (error := self._faults.guard(self._settle, run)):
                self._fail(run, error)
        self._job_arrivals.finish_first()

    def _tell_end(self, run: Run) -> None:
        run.tell_end()
        if run.is_home:  # else `on_event` has retried it
            self.ended.tell(run)

    # Jobs

    def add_job_queue(self, queue: JobQueue) -> None:
        self._job_queues.append(queue)

    def take_snapshot(
        self, groups: Iterable[Sequence[LiveRef]], *, with_file: bool = False, notes_moment: bool = False
    ) -> Snapshot:
        """Write what jobs are given to the scratch folder; note the moment if edits made after it count.

        Raises:
            RunError, StoreError: if it can't be written.
        """
        self._bring_rest()
        scratch = self._get_runner().scratch
        return self._host.take_snapshot(groups, scratch, with_file=with_file, notes_moment=notes_moment)

    def store_values(self, values: Mapping[str, object]) -> tuple[dict[str, object], tuple[str, ...]]:
        """Write the large ones of a job's variables to files. Raises StoreError.

        Returns:
            the variables, and the names of the files.
        """
        return self._equipment.store_values(self.settings, values)

    def take_preferences(self) -> str:
        """As `Equipment.take_preferences`."""
        return self._equipment.take_preferences(self.settings)

    def share_file(self, name: str) -> None:
        """Keep a file of the scratch folder until it was removed once more."""
        self._get_runner().scratch.share([name])

    def remove_blobs(self, blobs: Iterable[str]) -> None:
        if self._runner is not None:
            self._runner.scratch.remove(blobs)

    def start_job(self, job: StartableJob) -> None:
        """Start a job, or its next attempt, with as many workers for all jobs as the settings say.

        As many, even if no other job runs: the idle ones may be what the next job needs.
        """
        if not self._get_runner().is_active:
            self.choose_engine()
        settings = self.settings
        job.start(self._prepare_runner(settings.num_workers, settings))
        self._host.start_timer(self.tick)

    def add_arrival(self, job: ArrivingJob) -> None:
        """Let a job's results come home when it is their turn."""
        self._job_arrivals.add(job)
        self._host.start_timer(self.tick)

    def bring_jobs_home(self, seconds: float = TICK_BUDGET) -> None:
        """Bring results of jobs home for about so long. The artist does not come between two portions of one job."""
        if math.isinf(seconds):
            self.finish_homecomings()
        self._bring_jobs_home(time.monotonic() + seconds)
        if self._job_arrivals.is_under_way and not self._host.await_artist():
            self._job_arrivals.finish_first()

    def _bring_jobs_home(self, deadline: float) -> None:
        """Bring results of jobs home until the deadline, after those of runs and after it is read what these are like.

        What jobs replace, and what hears of their end changes, may be among them.
        """
        while self._job_arrivals and (self._job_arrivals.is_under_way or self._are_runs_home(deadline)):
            self._job_arrivals.carry_on(_left(deadline))
            if time.monotonic() > deadline:
                return

    def _are_runs_home(self, deadline: float) -> bool:
        """Whether nothing is left of what runs brought home; what their results are like is read until the deadline."""
        return not any(run.is_coming_home for run in self.runs) and self._host.read_baselines(_left(deadline))

    def update_jobs(self, timeout: float = 0.0) -> None:
        """Handle what has arrived; wait for something at most `timeout` seconds."""
        if self._runner is not None:
            self._runner.update(timeout)

    # The timer

    def tick(self) -> float | None:
        """Carry everything on. Returns the seconds until the next call, None to stop.

        Each part is guarded: an error in one is printed, and ends no more than the run that it belongs to.
        Each part may start, retry or cancel runs, open another file, or close the session.
        """
        if self._runner is None:
            return None
        self._pace.tick_begins()
        start = time.monotonic()
        deadline = start + TICK_BUDGET
        home_deadline = start + self._pace.portion(TICK_BUDGET)
        was_coming_home = any(run.is_coming_home for run in self.runs)
        self._make_room()
        self._take_news(start + _SHARE_OF_NEWS * TICK_BUDGET if was_coming_home or self._is_behind else deadline)
        self._settle_runs(home_deadline)
        for queue in tuple(self._job_queues):
            self._faults.guard(queue.update, deadline)
        self._faults.guard(self._bring_jobs_home, deadline)
        self._faults.guard(self._finish_homecomings, home_deadline, was_coming_home)
        interval = self._interval()
        self._pace.tick_ends(interval)
        self._tell_update(interval)
        return interval

    def _tell_update(self, interval: float | None) -> None:
        """Tell of this tick, but of those that come soon after another only as often as it can be seen.

        A run that has just begun is not told of, unless it is over.
        """
        now = time.monotonic()
        if not self._pace.may_show(is_busy=self.is_busy):
            return
        if interval is None or interval >= BUSY_INTERVAL or now >= self._next_update:
            self._next_update = now + BUSY_INTERVAL
            self.updated.tell(self.runs)

    def _make_room(self) -> None:
        if self._faults.guard(self._update_artist_first):
            self._faults.guard(self._artist_first.let_go)

    def _update_artist_first(self) -> None:
        if self._equipment.engine is not None:
            self._equipment.engine.is_low = self._artist_first.update(self.runs, self.settings.artist_first)

    def _take_news(self, deadline: float) -> None:
        error = self._faults.guard(self._update_runner, deadline)
        if error is None:
            return
        # The runner ends the run that an error belongs to. This error belongs to none, and messages that came with it
        # are lost: runs that wait for these would never end.
        for run in self.runs:
            if not run.state.is_final:
                self._fail(run, error)

    def _update_runner(self, deadline: float) -> None:
        if self._runner is not None:
            self._runner.update(budget=_left(deadline))

    def _settle_runs(self, deadline: float) -> None:
        """Bring finished runs home, until the deadline; the rest waits for the next tick."""
        self._is_behind = False
        for run in self.runs:
            if not run.state.is_final or run.is_home:
                continue
            if error := self._faults.guard(self._settle_unhindered, run, deadline):
                self._fail(run, error)
            if (run.is_home or run.is_coming_home) and time.monotonic() > deadline:
                self._is_behind = True
                return

    def _settle_unhindered(self, run: Run, deadline: float) -> None:
        if self._host.is_gesture_going_on():
            return
        if not run.is_coming_home and self._job_arrivals.is_under_way:
            self._is_behind = True
            return
        if not run.is_coming_home and not self._prepare(run, deadline):
            self._is_behind = True
            return
        self._settle(run, _left(deadline))

    def _prepare(self, run: Run, deadline: float) -> bool:
        """Prepare to bring a run home. Returns whether that can begin, for which most of a tick's time must be left."""
        was_ready = run.is_ready
        return run.prepare(_left(deadline)) and (was_ready or _left(deadline) >= TICK_BUDGET / 2)

    def _finish_homecomings(self, deadline: float, was_coming_home: bool) -> None:
        """Read what results are like, once all are home. What is left must not wait for longer than the artist does.

        Otherwise they could make an undo step or save, which would then hold half of the results.
        """
        is_coming = any(run.is_coming_home for run in self.runs) or self._job_arrivals.is_under_way
        is_late = was_coming_home and time.monotonic() > deadline
        self._is_unfinished = is_coming or is_late or not self._host.read_baselines(_left(deadline))
        if self._is_unfinished and not self._host.await_artist():
            self.finish_homecomings()

    def _fail(self, run: Run, error: Exception) -> None:
        """End a run because of an error in Background Nodes or Blender, not in a task."""
        self._faults.guard(run.fail, error)
        self._faults.guard(self._tell_end, run)

    def _interval(self) -> float | None:
        if self._is_unfinished:
            return FINISHING_INTERVAL
        if self._is_behind or (self._runner is not None and self._runner.is_behind):
            return QUICK_INTERVAL
        is_running = any(not run.state.is_final and not run.is_paused for run in self.runs)
        if self._runner is not None and (is_running or any(queue.num_running_jobs() for queue in self._job_queues)):
            silence = time.monotonic() - self._runner.last_step
            return min(max(silence * _SHARE_OF_SILENCE, WATCHFUL_INTERVAL), BUSY_INTERVAL)
        if self._job_arrivals or any(queue.is_behind for queue in self._job_queues):
            return BUSY_INTERVAL
        if self.is_busy or any(queue.is_waiting for queue in self._job_queues):
            return WAITING_INTERVAL
        if self._runner is not None and self._runner.is_keeping_house:
            return WAITING_INTERVAL
        return IDLE_INTERVAL if self._equipment.engine is not None and self._equipment.engine.num_workers else None

    # The end

    def forget_file(self) -> None:
        """Another file was opened: forget all runs, and let no job replace anything in it."""
        self._history.clear()
        self._runs.clear()
        for queue in self._job_queues:
            queue.lose_file()

    def protect_files(self) -> None:
        """The open file was saved, perhaps under another name, or is another one: no task may write over it.

        Raises:
            StoreError: if the tasks that are under way can't be told.
        """
        if self._runner is not None:
            self._runner.protect(self._host.files_in_use())

    def open(self) -> None:
        """Let jobs be added."""
        self.is_open = True

    def close(self) -> None:
        """End all runs and workers, tell those that wait for jobs, and remove what they left on disk."""
        self.is_open = False
        self._host.stop_timer(self.tick)
        self._host.stop_timer(self._look_at_store)
        self._has_looked = False
        self._runs.clear()
        self._history = History()
        self._job_arrivals.clear()
        for queue in self._job_queues:
            self._faults.guard(queue.abandon, "Background Nodes was disabled, or Blender was quit")
        self._equipment.close()

    def _get_runner(self) -> Runner:
        return self._equipment.get(self.settings)[0]

    @property
    def store_info(self) -> Info | None:
        """How full the store is. None before that was looked at, which is done as soon as it was asked for."""
        info = None if self._cache is None else self._cache.info
        if (info is None and not self._has_looked) or (self._cache is not None and self._cache.is_info_old):
            self._has_looked = True
            if self._cache is not None:
                self._cache.is_info_old = False
            self._host.start_timer(self._look_at_store)  # for Blender may be drawing
        return info

    def _look_at_store(self) -> None:
        with contextlib.suppress(StoreError):
            runner = self._get_runner()
            self._use_store(self.settings)
            if self._cache is not None:
                runner.keep_house(self._cache.look)
                self._host.start_timer(self.tick)

    def keep_shown(self) -> None:
        """Another file is open: what its nodes show stays in the store."""
        nodes = self._host.node_ids() if self.settings.uses_store else ()
        if self._runner is None and not nodes:
            return
        with contextlib.suppress(StoreError):
            runner = self._get_runner()
            self._use_store(self.settings)
            if self._cache is not None:
                runner.keep_house(functools.partial(self._cache.show_last, nodes))

    def clear_store(self, *, unused_only: bool) -> None:
        """Remove what is kept of earlier runs, soon; only what no open Blender shows or needs, if wanted."""
        runner = self._get_runner()
        if self._cache is not None:
            runner.keep_house(self._cache.clear_unused if unused_only else self._cache.clear)
            self._host.start_timer(self.tick)

    def _note(self, message: str) -> None:
        """Tell what belongs to no run, at the last one."""
        run = next(reversed(list(self._history)), None)
        if run is not None:
            run.note_once(message)

    def choose_engine(self) -> None:
        """As `Equipment.choose_engine`."""
        self._equipment.choose_engine(self.settings)

    def _prepare_runner(self, num_workers: int, settings: Settings) -> Runner:
        """The runner, with workers by these settings and room for `num_workers` at a time."""
        self._use_store(settings)
        return self._equipment.prepare(settings, num_workers)

    def _use_store(self, settings: Settings) -> None:
        """Use the store of these settings."""
        if self._equipment.use_store(settings):
            self._has_looked = False


def _left(deadline: float) -> float:
    """The seconds until a deadline."""
    return max(deadline - time.monotonic(), 0.0)
