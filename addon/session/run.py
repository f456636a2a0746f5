# SPDX-License-Identifier: GPL-3.0-or-later
"""`Run`: one execution of a node tree. Part of the public Python API."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from ...runtime.engine.active_run import ActiveRun
from ...runtime.engine.published_runs import PublishedTask, tasks_of
from ...runtime.engine.runner import Runner
from ...runtime.errors import BackgroundNodesError, RunError
from ...runtime.planning.graph import OutputAction, WhenChanged
from ...runtime.planning.plan import Delivery, Plan, PlannedTask
from ...runtime.planning.retry import retried_tasks
from ...runtime.scheduling.events import TaskError
from ...runtime.scheduling.states import RunState, TaskState
from ...runtime.scheduling.time_left import Past
from .group import Group, groups_in
from .task import Task

if TYPE_CHECKING:
    import bpy

    from ...node_tree.writer import Viewed
    from ...runtime.blender.snapshot import Snapshot

#: What became of a node.
Status = Task | Group

NOT_KEPT = (
    "the results of this run are not kept any more, as later runs needed the room "
    '("Last Runs" in the preferences of Background Nodes). Run the node tree again'
)
#: Seconds between two estimates of the time left.
_ESTIMATE_INTERVAL = 0.25


@dataclass(frozen=True, slots=True)
class RunEvent:
    """What `on_event` is called with.

    Attributes:
        name: "task" when a task changed; "note" when something could not be done, see `message`; "finished",
            the last one, when the run is over and its results are home.
        task: the task that changed, None otherwise.
        message: the text of a note.
    """

    name: str
    task: Task | None = None
    message: str = ""


class ResultWriter(Protocol):
    """Brings results home. `notes` tells what could not be done, and why; `has_changed`, if it changed the file.

    With `leaves_deleted`, results that were brought home before and that somebody has deleted do not come again.
    """

    has_changed: bool
    notes: list[str]
    leaves_deleted: bool

    def prepare(self, tree: bpy.types.NodeTree | None, seconds: float) -> bool:
        """Read ahead what `write` needs, for about `seconds`. Returns whether all of it was read."""
        ...

    def waits_for(self, tree: bpy.types.NodeTree | None) -> str:
        """What must happen before they can come home, such as '"Cube" leaves Sculpt Mode'; "" if nothing."""
        ...

    def write(self, tree: bpy.types.NodeTree | None, seconds: float) -> bool:
        """Write them for about `seconds`, some at least. Returns whether all are written. Raises StoreError."""
        ...

    def finish(self) -> None:
        """Do at once what `write` has left for later."""
        ...

    def fetch(
        self, tree: bpy.types.NodeTree | None, task_id: str, output: str, action: OutputAction | None = None
    ) -> Any:
        """Bring one output of a task home, with an action as an Output node does. Raises RunError or StoreError."""
        ...

    def view(self, task_id: str, output: str) -> Viewed:
        """Load one output of a task to be looked at. Raises RunError or StoreError."""
        ...

    def value(self, task_id: str, output: str) -> Any:
        """Read one output of a task that is no data-block. Raises RunError or StoreError."""
        ...

    def bring_back(self, tree: bpy.types.NodeTree | None, task_id: str, output: str) -> None:
        """Bring one output of a task home once more. Raises RunError or StoreError."""
        ...

    def settle_changed(self, tree: bpy.types.NodeTree, node_id: str, when_changed: WhenChanged) -> None:
        """Bring the results of an Output node home once more. Raises RunError or StoreError."""
        ...

    def fetch_item(self, task_id: str, output: str, index: int) -> Any:
        """Bring one output of one item of a task home. Raises RunError or StoreError."""
        ...


class RunKeeper(Protocol):
    """What a run knows of the session that keeps it."""

    def is_last(self, run: Run) -> bool:
        """Whether no later run of the same tree was started."""
        ...

    def tree_of(self, run: Run) -> bpy.types.NodeTree | None:
        """The tree, None if it is gone."""
        ...

    def writer_of(self, active: ActiveRun, snapshot: Snapshot) -> ResultWriter:
        """The writer that brings its results home."""
        ...

    def coming_home(self, run: Run) -> AbstractContextManager[None]:
        """Tells that results of it come home within the block."""
        ...

    def retry(self, run: Run) -> None:
        """Run again what did not succeed. Raises RunError or CompileError."""
        ...

    def settle(self, run: Run) -> None:
        """Bring the results of a run that is over home; later, if they must wait."""
        ...


class Run:
    """One execution of a node tree.

    Attributes:
        tree_uid, tree_name: of the node tree when the run started.
        started: when the run started, in seconds since the epoch.
        until: the nodes that were asked for, None for the whole tree.
        allows_scripts: whether its caller lets scripts run that the artist has not allowed.
        pause_reason: why it was paused automatically; "" otherwise.
        size: bytes that it keeps on disk; 0 until it is over.
        started_by: the mode of the tree that started it by itself, such as "SAVE"; "" if somebody started it.
        only_brings_back: whether it only brings results home once more.
        is_ready: whether all is prepared to bring its results home.
        is_coming_home: whether only some of its results are home.
        has_changed_file: whether that its results came home changed the file.
        is_superseded: whether tasks were cancelled because what they read has changed, so that the tree runs again.
        version: grows with each change that is worth a redraw, except for passing time.
    """

    def __init__(
        self,
        keeper: RunKeeper,
        runner: Runner,
        tree: bpy.types.NodeTree,
        until: str | Sequence[str] | None,
        snapshot: Snapshot,
    ) -> None:
        self.tree_uid = tree.session_uid
        self.tree_name = tree.name
        self.started = time.time()
        self.until = until
        self.version = 0
        self._counts: tuple[int, dict[str, int | TaskError | None]] = (-1, {})
        self._progress = (-1, 0.0)  # (version, progress): summed up once for each version
        self.size = 0
        self._num_bytes = 0  # measured so far
        self._sizes: Iterator[int] | None = None  # still to be measured; None: all
        self.pause_reason = ""
        self.started_by = ""
        self.only_brings_back = False
        self.is_superseded = False
        self._notes: list[str] = []
        self._noted: set[str] = set()  # the same: there may be thousands
        self._keeper = keeper
        self._runner = runner
        self._snapshot = snapshot
        self._active: ActiveRun
        self._tasks: Mapping[str, Task] = {}
        self._by_id: dict[str, Task] = {}
        self._groups: Mapping[str, Group] = {}
        self._groups_by_id: dict[str, Group] = {}
        self._on_event: Callable[[RunEvent], None] | None = None
        self._writer: ResultWriter | None = None
        self._is_home = False
        self.is_ready = self.is_coming_home = False
        self.has_changed_file = False
        self._is_kept = True
        self.allows_scripts = False
        self._has_failed = False  # by an error in Background Nodes or Blender
        self._next_estimate = 0.0
        self._time_left: float | None = None

    def begin(
        self, active: ActiveRun, on_event: Callable[[RunEvent], None] | None, *, allows_scripts: bool = False
    ) -> None:
        """Take the run that the runner has started. For the session."""
        self._active = active
        self.allows_scripts = allows_scripts
        self._on_event = on_event
        self._by_id = {uid: Task(active, record) for uid, record in active.scheduler.tasks.items()}
        self._tasks = MappingProxyType({task.name: task for task in self._by_id.values()})
        self._groups_by_id = groups_in(active, self._by_id.values(), lambda: self.version)
        self._groups = MappingProxyType({group.name: group for group in self._groups_by_id.values()})

    # What the run tells

    @property
    def state(self) -> RunState:
        """`running`, `succeeded`, `failed` (a task did not succeed) or `cancelled`; a string, too."""
        return RunState.FAILED if self._has_failed else self._active.state

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be done."""
        return tuple(self._notes)

    @property
    def is_home(self) -> bool:
        """Whether the run is over and its results are in the open file."""
        return self._is_home

    @property
    def tasks(self) -> Mapping[str, Task]:
        """The tasks by the name that their node had when the run started; of one in a group, "Rock LODs / Decimate"."""
        return self._tasks

    @property
    def groups(self) -> Mapping[str, Group]:
        """The group nodes that have tasks in them, by name: each tells of all tasks in it."""
        return self._groups

    @property
    def progress(self) -> float:
        """0.0 to 1.0, the mean of its tasks'; a task that will not run any more counts as done."""
        version, progress = self._progress
        if version != self.version:  # header, Sidebar and status bar all ask, of hundreds of tasks
            done = [1.0 if task.state.is_final else task.progress for task in self._by_id.values()]
            progress = sum(done) / len(done) if done else 1.0
            self._progress = self.version, progress
        return progress

    @property
    def seconds(self) -> float:
        """For how many seconds it has run so far, or ran, without pauses."""
        return self._active.seconds

    @property
    def time_left(self) -> float | None:
        """The estimated seconds until its end; None if that is unknown, and when it is over."""
        if self.state.is_final:
            return None
        now = time.monotonic()
        if now >= self._next_estimate:  # code that draws asks often
            self._next_estimate = now + _ESTIMATE_INTERVAL
            self._time_left = self._active.time_left.run(self._active.now)
        return self._time_left

    @property
    def is_paused(self) -> bool:
        return self._active.scheduler.is_paused

    @property
    def is_finishing(self) -> bool:
        """Whether it was told to stop after the current tasks and these go on."""
        return self._active.scheduler.is_finishing and not self.state.is_final

    @property
    def can_retry(self) -> bool:
        """Whether `retry` can run something again."""
        is_unsuccessful = self._is_home and self.state is not RunState.SUCCEEDED and self._active.has_incomplete_tasks
        return is_unsuccessful and self._is_kept and not self._has_failed and self._keeper.is_last(self)

    @property
    def is_kept(self) -> bool:
        """Whether its results and logs are still on disk: those of old runs make room for new ones."""
        return self._is_kept

    def published_tasks(self) -> dict[str, PublishedTask]:
        """Its tasks as other processes see them, by the stable ids of their paths."""
        return tasks_of(self._active)

    def at(self, node_id: str) -> Status | None:
        """What became of a script node or a group node, by the stable id of its path; None if the run has neither."""
        return self._by_id.get(node_id) or self._groups_by_id.get(node_id)

    # What can be done with it

    def cancel(self, node_name: str | None = None) -> None:
        """Cancel the run, or one node and the tasks that need it. Finished tasks keep their results.

        Args:
            node_name: a name of `tasks` or `groups`: of a group, all tasks in it are cancelled.

        Raises:
            RunError: if the run has no node of that name.
        """
        if node_name is None:
            self._runner.cancel(self._active, None)
            return
        found = self._tasks.get(node_name) or self._groups.get(node_name)
        if found is None:
            raise RunError(f'the run has no node "{node_name}"')
        for task in found.tasks if isinstance(found, Group) else (found,):
            if not task.state.is_final:
                self._runner.cancel(self._active, task.node_id)

    def pause(self, reason: str = "") -> None:
        """Pause it until `resume` or `cancel`. No task starts, and no time counts.

        Running scripts are frozen where they are (on Windows only the script's own process, not those that it started).

        Args:
            reason: why, if it is paused automatically, such as "Paused while you sculpt".
        """
        self.pause_reason = reason
        self._runner.pause(self._active)

    def resume(self) -> None:
        """Let a paused run go on."""
        self.pause_reason = ""
        self._runner.resume(self._active)

    def finish_current(self) -> None:
        """Stop after the current tasks: they end as usual and their results come home. The rest is cancelled."""
        self._runner.finish_current(self._active)

    def retry(self) -> None:
        """Run again what did not succeed (failed, timed out, cancelled, skipped); what succeeded stays as it is.

        Of a mapped node, only the items that did not succeed run again. The scripts, values and settings of these nodes
        are read again from the tree, so you can fix them first; data-blocks are those that the run started with.

        But if an item failed that would have given a list, the items of nodes that run over it get other numbers now:
        all of them run again, unless their results are kept. So do those of a node of which items were skipped, and
        whose script asks for all its `items`, and those of the nodes that follow it. Nor is a list made of two values:
        if a mapped node that is tried again is given another one now, all its items run again.

        Raises:
            RunError: if there is nothing to retry, or if more than that has changed: run the whole tree then.
            CompileError: with every problem of the tree.
        """
        self._keeper.retry(self)

    def wait(self, timeout: float | None = None) -> RunState:
        """Carry the run on until it is over and its results are home and kept. Returns its state.

        For use where no timer does so: in background mode, with the bpy wheel, in a test. It doesn't wait for longer
        than `timeout` seconds, nor for a paused run.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._is_home:
            if self.state.is_final:
                self._keeper.settle(self)
                if self.state.is_final:  # its results are home, or must wait; else `on_event` has retried it
                    break
            if self.is_paused:
                break
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0.0:
                return self.state
            # At most a second at a time: Python handles Ctrl-C only in between, and long logs must be cut.
            self._runner.update(1.0 if left is None else min(1.0, left))
        if self._is_home:
            self._runner.finish_keeping(self._active, None if deadline is None else deadline - time.monotonic())
        return self.state

    def fetch(self, node_name: str, output: str, *, item: int | None = None) -> Any:
        """Bring home a result that did not come home by itself: of a node whose output others use, or of one item.

        Args:
            node_name: a name of `tasks` or `groups`.
            output: identifier or label of its output.
            item: index of an item of a mapped node, or of one in a loop, which may have succeeded where others failed.
                None for all items.

        Returns:
            the value, the data-block, or a tuple of them. It is also the output's `result` then, unless of one item, or
            of a node in a group.

        Raises:
            RunError: if there is no such result.
            StoreError: if it can't be read.
        """
        found = self._tasks.get(node_name) or self._groups.get(node_name)
        if found is None or (item is None and isinstance(found, Task) and found.state is not TaskState.SUCCEEDED):
            raise RunError(f'the node "{node_name}" has no results')
        if item is None:
            return self.fetch_output(found.node_id, output)
        if isinstance(found, Group):
            raise RunError(
                f'the group "{node_name}" has no items: give the node in it, such as "{found.tasks[0].name}"'
            )
        with self._keeper.coming_home(self):
            return self._fetcher().fetch_item(found.node_id, output, item)

    # For the session

    @property
    def number(self) -> int:
        """Identifies it in this session."""
        return self._active.number

    @property
    def planned(self) -> tuple[PlannedTask, ...]:
        """What it carries out, as it was last read from the tree."""
        return tuple(record.planned for record in self._active.scheduler.tasks.values())

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """What of its results comes home, and to where."""
        return self._active.plan.deliveries

    def offered(self) -> Iterator[tuple[str, str]]:
        """What comes home only when somebody asks for it: ids of nodes and identifiers of outputs."""
        for delivery in self._active.plan.deliveries:
            if delivery.is_offered and self._has_results(delivery):
                yield delivery.node, delivery.socket

    def count_of(self, node_id: str) -> int | TaskError | None:
        """How many elements a list node gives, or why it can't; None if it gives no list, or that is not known yet."""
        if self._counts[0] != self.version:  # code that draws asks often
            self._counts = self.version, {}
        if node_id not in self._counts[1]:
            self._counts[1][node_id] = self._active.count_of(node_id)
        return self._counts[1][node_id]

    def has_result(self, node_id: str, output: str) -> bool:
        """Whether it has a result of an output of a script node or a group node."""
        source = self._active.source_at(node_id, output) if self._is_kept else None
        return source is not None and self._has_results(Delivery(node_id, output, (source,)))

    def has_part(self, node_id: str, output: str) -> bool:
        """Whether it is over and has a result of an output, if only of some items of a list."""
        source = self._active.source_at(node_id, output) if self._is_kept and self.state.is_final else None
        return source is not None and self._active.gave_something(source)

    def item_keys(self, node_id: str) -> dict[int, str]:
        """The keys of the results of a script node's items, "" where one is not known."""
        record, cache = self._active.scheduler.tasks.get(node_id), self._active.cache
        if record is None or cache is None:
            return {}
        return {item.index: cache.asked_key(node_id, item.index) for item in record.items}

    def _has_results(self, delivery: Delivery) -> bool:
        return self._active.has_given(delivery)

    def fetch_output(self, node_id: str, output: str, action: OutputAction | None = None) -> Any:
        """As `fetch`, by the stable id of a node that succeeded; with an action, as an Output node brings it."""
        with self._keeper.coming_home(self):
            return self._fetcher().fetch(self._keeper.tree_of(self), node_id, output, action)

    def view(self, node_id: str, output: str) -> Viewed:
        """Load an output to be looked at: who shows it removes it again. Raises RunError or StoreError."""
        with self._keeper.coming_home(self):
            return self._fetcher().view(node_id, output)

    def value(self, node_id: str, output: str) -> Any:
        """Read an output that is no data-block, of a node that succeeded. Raises RunError or StoreError."""
        return self._fetcher().value(node_id, output)

    def gave(self, node_id: str, output: str, contents: Mapping[str, str]) -> bool:
        """Whether it has these results of an output, given by place and content, in this order."""
        if not self._is_home or not self.has_result(node_id, output):
            return False
        source = self._active.source_at(node_id, output)
        return source is not None and list(self._active.contents(source).items()) == list(contents.items())

    def bring_back(self, node_id: str, output: str) -> None:
        """Bring one output home once more."""
        with self._keeper.coming_home(self):
            self._fetcher().bring_back(self._keeper.tree_of(self), node_id, output)

    def settle_changed(self, node_id: str, when_changed: WhenChanged) -> None:
        """Bring what an Output node takes home once more, and say what becomes of what the artist changed by hand."""
        writer, tree = self._fetcher(), self._keeper.tree_of(self)
        if tree is None:
            raise RunError("the node tree is gone")
        with self._keeper.coming_home(self):
            writer.settle_changed(tree, node_id, when_changed)
        for note in writer.notes:
            self.note(note)

    def _fetcher(self) -> ResultWriter:
        if not self._is_kept:
            raise RunError(NOT_KEPT)
        return self._keeper.writer_of(self._active, self._snapshot)

    def pasts(self) -> dict[str, Past]:
        """How long its tasks took, for the estimates of later runs."""
        pasts = {uid: Past.of(record) for uid, record in self._active.scheduler.tasks.items()}
        return {uid: past for uid, past in pasts.items() if past is not None}

    def hear(self, task_id: str | None) -> None:
        """The runner calls this after each change: of a task, or of the run as a whole (None)."""
        self.version += 1
        if task_id is not None:
            self._tell(RunEvent("task", self._by_id[task_id]))

    def prepare(self, seconds: float) -> bool:
        """Prepare to bring the results home, for about `seconds`. Returns whether all is ready."""
        deadline = time.monotonic() + seconds
        if self._sizes is None:
            self._sizes = self._measure()
        for size in self._sizes:
            self._num_bytes += size
            if time.monotonic() >= deadline:
                return False
        self.is_ready = self._get_writer().prepare(self._keeper.tree_of(self), deadline - time.monotonic())
        return self.is_ready

    def _measure(self) -> Iterator[int]:
        """Yield the sizes of what it wrote, in bytes."""
        self._num_bytes = 0
        return self._runner.scratch.sizes([*self._active.names(), *self._snapshot.blobs])

    def waits_for(self) -> str:
        """What must happen before the results can come home, such as '"Cube" leaves Sculpt Mode'; "" if nothing."""
        return self._get_writer().waits_for(self._keeper.tree_of(self))

    def _get_writer(self) -> ResultWriter:
        """The writer of its results, the same one until they are home."""
        if self._writer is None:
            self._writer = self._keeper.writer_of(self._active, self._snapshot)
            self._writer.leaves_deleted = bool(self.started_by)
        return self._writer

    def bring_home(self, tree: bpy.types.NodeTree | None, seconds: float = math.inf) -> bool:
        """Write results for about `seconds`, once after the run and once after each retry. Returns whether all are.

        What they are like is read at once only if there is no limit, or if `on_event` may change them.
        """
        writer = self._get_writer()
        self.is_coming_home = True
        try:
            if not writer.write(tree, seconds):
                return False
            if math.isinf(seconds) or self._on_event is not None:
                writer.finish()
        except BackgroundNodesError as error:
            writer.notes.append(str(error))
            writer.has_changed = True
        except Exception as error:  # noqa: BLE001 (the timer and other runs go on, whatever Blender refuses here)
            traceback.print_exc()
            writer.notes.append(f"Not all results could be brought home: {type(error).__name__}: {error}")
            writer.has_changed = True
        self._is_home, self.is_coming_home, self.is_ready = True, False, False
        self.has_changed_file = writer.has_changed
        self._writer = None
        sizes, self._sizes = self._sizes, None
        rest = sum(self._measure() if sizes is None else sizes)
        self.size = self._num_bytes + rest
        broken = [] if self._active.error is None else [self._active.error.message]
        warnings = [f'"{self._by_id[task].name}": {each}' for task, each in self._active.warnings.items()]
        for note in [*broken, *warnings, *writer.notes]:
            self.note(note)
        return True

    def tasks_to_retry(self, plan: Plan) -> list[PlannedTask]:
        """What did not succeed, by a plan of the tree as it is now.

        Raises:
            RunError: if more than scripts, values and settings has changed.
        """
        records = self._active.scheduler.tasks.values()
        return retried_tasks((record.planned for record in records if not record.is_complete), plan)

    def try_again(self, tasks: Sequence[PlannedTask]) -> None:
        """Run these tasks again."""
        self._runner.retry(self._active, tasks)
        self._is_home = False

    def fail(self, error: Exception) -> None:
        """End it because of an error in Background Nodes or Blender, not in a task."""
        self._has_failed = self._is_home = True
        self.is_coming_home = False
        self.note(
            f"The run was ended by an error of Background Nodes: {type(error).__name__}: {error}. "
            "Its traceback is in the system console; please report it"
        )
        traceback_text = "".join(traceback.format_exception(error))
        self._runner.break_off(self._active, TaskError(self._notes[-1], traceback_text))

    def note(self, message: str) -> None:
        self.version += 1
        self._notes.append(message)
        self._noted.add(message)
        self._tell(RunEvent("note", message=message))

    def note_once(self, message: str) -> None:
        """Note something, unless that was done before."""
        if message not in self._noted:
            self.note(message)

    def tell_end(self) -> None:
        self._tell(RunEvent("finished"))

    def _tell(self, event: RunEvent) -> None:
        """Call `on_event`. An error in it is noted, and does not stop the run."""
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception as error:  # noqa: BLE001 (somebody else's code)
            message = f"on_event raised {type(error).__name__}: {error}"
            if message not in self._noted:
                traceback.print_exc()
                self.note(message)

    def forget(self) -> None:
        """Remove what the scratch folder holds for it."""
        if not self._is_kept:
            return
        self._is_kept = False
        self.size = 0
        self.version += 1
        self._runner.forget(self._active)
        self._runner.scratch.remove(self._snapshot.blobs)
