# SPDX-License-Identifier: GPL-3.0-or-later
"""The session: the runs of this Blender, and who carries them on: a timer in the window, `Run.wait` elsewhere."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import bpy

from ..node_tree import reader
from ..runtime.blender import cycles_devices, sendable, snapshot
from ..runtime.blender.snapshot import Snapshot
from ..runtime.compiler import compile_graph
from ..runtime.errors import RunError
from ..runtime.forecast import Past
from ..runtime.launcher import Launcher
from ..runtime.pool import Pool, WorkerInfo
from ..runtime.runner import Runner
from ..runtime.store import Store
from ..runtime.types import LiveRef
from . import end_report, gestures, preferences, redraw
from .artist_first import ArtistFirst
from .history import History
from .job import Job
from .run import Run, RunEvent
from .undo import push_undo

if TYPE_CHECKING:
    from .job_manager import JobManager

#: Seconds between two looks at what has arrived: while a run goes on, while one is paused or its results wait, and
#: while only warm workers are there.
_BUSY_INTERVAL = 0.05
_WAITING_INTERVAL = 0.5
_IDLE_INTERVAL = 5.0
#: Seconds of a tick that are spent on what has arrived; the rest waits for the next tick.
_TICK_BUDGET = 0.008


class Session:
    """The runs of this Blender. At most one of a tree goes on at a time; the last one of each is kept."""

    def __init__(self) -> None:
        self._runner: Runner | None = None
        self._pool: Pool | None = None
        self._runs: dict[int, Run] = {}
        self._pasts: dict[str, Past] = {}  # what nodes took the last time, by their uid
        self._artist_first = ArtistFirst()
        self._history = History()
        self._job_managers: list[JobManager] = []

    def start(
        self,
        tree: bpy.types.NodeTree,
        *,
        until: str | Sequence[str] | None = None,
        force: bool = False,
        workers: int | None = None,
        timeout: float | None = None,
        on_event: Callable[[RunEvent], None] | None = None,
    ) -> Run:
        """Begin a run. See `background_nodes.run`."""
        if tree.bl_idname != "BackgroundNodeTree":
            raise RunError(f'"{tree.name}" is no background node tree')
        if workers is not None and workers < 1:
            raise RunError(f"a run needs at least one worker, not {workers}")
        earlier = self.run_of(tree)
        if earlier is not None and not earlier.is_home:
            raise RunError(f'"{tree.name}" is running already. Cancel that run first, or wait for it')
        plan = compile_graph(reader.read(tree, bpy.context.scene), until=until)
        sendable.check(plan)
        num_workers = workers or preferences.num_workers()
        runner = self._prepare_runner(num_workers)
        if force:
            self._get_pool().end_used()
        refs = (ref for refs in plan.live_refs() for ref in refs)
        taken = snapshot.take(refs, runner.store, with_file=plan.takes_open_file)
        run = Run(self, runner, tree, until, taken)
        active = runner.start(plan, taken.stored, num_workers, timeout, self._pasts, run.hear, taken.file)
        run.begin(active, on_event)
        self._runs[tree.session_uid] = run
        self._history.add(run)
        self._start_timer()
        return run

    def retry(self, run: Run) -> None:
        """Run again what did not succeed. See `Run.retry`."""
        if not run.can_retry:
            raise RunError("there is nothing in this run that can be tried again")
        tree = self.tree_of(run)
        if tree is None:
            raise RunError("the node tree is gone, so nothing can be tried again")
        run.try_again(compile_graph(reader.read(tree, bpy.context.scene), until=run.until))
        self._start_timer()

    def run_of(self, tree: bpy.types.NodeTree) -> Run | None:
        """The last run of a tree."""
        return self._runs.get(tree.session_uid)

    def is_last(self, run: Run) -> bool:
        """Whether no later run of the same tree was begun."""
        return self._runs.get(run.tree_uid) is run

    def tree_of(self, run: Run) -> bpy.types.NodeTree | None:
        return next((tree for tree in bpy.data.node_groups if tree.session_uid == run.tree_uid), None)

    @property
    def runs(self) -> tuple[Run, ...]:
        return tuple(self._runs.values())

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
        return () if self._pool is None else self._pool.infos()

    @property
    def worker_process_ids(self) -> tuple[int, ...]:
        return () if self._pool is None else self._pool.process_ids

    def settle(self, run: Run) -> None:
        """Bring the results of a run that is over home, as one undo step; later, if they must wait."""
        if run.is_home:
            return
        if event := run.waits_for():
            message = f"The results wait until {event}"
            if message not in run.notes:
                run.note(message)
            return
        if run.bring_home(self.tree_of(run)):
            push_undo(f"Background Nodes: {run.tree_name}")
        self._pasts.update(run.pasts())
        self._history.trim(preferences.store_size())
        run.tell_end()
        end_report.tell(run)

    # Jobs

    def add_job_manager(self, manager: JobManager) -> None:
        self._job_managers.append(manager)

    def take_snapshot(self, refs: Iterable[LiveRef], *, with_file: bool = False) -> Snapshot:
        """Write what a job is given to the store. Raises RunError or StoreError."""
        return snapshot.take(refs, self._get_runner().store, with_file=with_file)

    def remove_blobs(self, blobs: Iterable[str]) -> None:
        if self._runner is not None:
            self._runner.store.remove(blobs)

    def start_job(self, job: Job) -> None:
        """Begin with a job, or with its next attempt; there is room for as many as run."""
        num_running = sum(manager.num_running_jobs() for manager in self._job_managers)
        job.start(self._prepare_runner(num_running + 1))
        self._start_timer()

    def update_jobs(self, timeout: float = 0.0) -> None:
        """Take what has arrived, waiting for something at most `timeout` seconds."""
        if self._runner is not None:
            self._runner.update(timeout)

    def tick(self) -> float | None:
        """The timer: take what has arrived, and say when to be called again."""
        if self._runner is None or self._pool is None:
            return None
        self._pool.is_low = self._artist_first.update(self.runs, preferences.get("artist_first"))
        self._runner.update(budget=_TICK_BUDGET)
        for run in self.runs:
            if run.state.is_final and not gestures.is_going_on():
                self.settle(run)
        for manager in self._job_managers:
            manager.update()
        redraw.update(self.runs)
        return self._interval()

    def _interval(self) -> float | None:
        if any(not run.state.is_final and not run.is_paused for run in self.runs):
            return _BUSY_INTERVAL
        if any(manager.num_running_jobs() for manager in self._job_managers):
            return _BUSY_INTERVAL
        if self.is_busy or any(manager.is_waiting for manager in self._job_managers):
            return _WAITING_INTERVAL
        return _IDLE_INTERVAL if self._pool is not None and self._pool.num_workers else None

    def forget_file(self) -> None:
        """Another file was opened: no run of this one can come home any more, no job replace anything."""
        self._history.clear()
        self._runs.clear()
        for manager in self._job_managers:
            manager.lose_file()

    def close(self) -> None:
        """End all runs and workers, and remove what they left on disk."""
        if bpy.app.timers.is_registered(self.tick):
            bpy.app.timers.unregister(self.tick)
        self._runs.clear()
        self._history = History()
        for manager in self._job_managers:
            manager.abandon("Background Nodes was disabled")
        if self._runner is not None:
            self._runner.close()
            self._runner = self._pool = None

    def _get_runner(self) -> Runner:
        if self._runner is None:
            store = Store()
            self._pool = Pool(_launcher(), store, preferences.num_workers())
            self._runner = Runner(self._pool, store)
        return self._runner

    def _get_pool(self) -> Pool:
        self._get_runner()
        assert self._pool is not None
        return self._pool

    def _prepare_runner(self, num_workers: int) -> Runner:
        """The runner, with workers as the preferences are now, and room for so many at a time."""
        runner, pool = self._get_runner(), self._get_pool()
        pool.use_launcher(_launcher())
        pool.memory_limit = preferences.memory_limit()
        pool.capacity = max(num_workers, pool.capacity if runner.is_active else 0)
        return runner

    def _start_timer(self) -> None:
        # Timers don't fire in background mode; there, what is registered at exit makes some wheels crash.
        if bpy.app.background:
            return
        if bpy.app.timers.is_registered(self.tick):
            bpy.app.timers.unregister(self.tick)
        bpy.app.timers.register(self.tick, first_interval=0.0, persistent=True)


def _launcher() -> Launcher:
    """What starts workers, as the preferences are now."""
    devices = cycles_devices.chosen() if preferences.get("use_gpu") else None
    return Launcher.for_blender(bpy.app.binary_path, preferences.worker_limits(), devices)


#: The one session of this Blender.
session = Session()


def register() -> None:
    atexit.register(session.close)


def unregister() -> None:
    atexit.unregister(session.close)
    session.close()
