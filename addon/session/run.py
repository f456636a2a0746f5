# SPDX-License-Identifier: GPL-3.0-or-later
"""`Run`: one carrying-out of a node tree, as whoever started it sees it. Part of the public Python API."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from ...runtime.engine.active_run import ActiveRun
from ...runtime.engine.runner import Runner
from ...runtime.errors import BackgroundNodesError, RunError
from ...runtime.planning.plan import Plan
from ...runtime.planning.retry import retried_tasks
from ...runtime.scheduling.events import TaskError
from ...runtime.scheduling.forecast import Past
from ...runtime.scheduling.records import ItemRecord, TaskRecord
from ...runtime.scheduling.states import RunState, TaskState
from ...runtime.scratch.logs import read_log

if TYPE_CHECKING:
    import bpy

    from ...runtime.blender.snapshot import Snapshot

#: Seconds for which the time left is not looked into again.
_FORECAST_INTERVAL = 0.25


@dataclass(frozen=True, slots=True)
class RunEvent:
    """What `on_event` is called with.

    Attributes:
        name: "task" when a task changed; "note" when something could not be done, which `message` tells; "finished",
            the last one, when the run is over and its results are home.
        task: the task that changed, None otherwise.
        message: the text of a note.
    """

    name: str
    task: Task | None = None
    message: str = ""


class Item:
    """One item of a mapped task (or the only one of another). A live, read-only view."""

    def __init__(self, run: ActiveRun, record: ItemRecord, log: Path | None) -> None:
        self._run = run
        self._record = record
        self._log = log

    @property
    def index(self) -> int:
        return self._record.index

    @property
    def state(self) -> TaskState:
        return self._record.state

    @property
    def progress(self) -> float:
        return self._record.progress

    @property
    def seconds(self) -> float:
        """How long a worker is or was busy with it, pauses left out."""
        return _item_seconds(self._run, self._record)

    @property
    def peak_memory(self) -> int | None:
        """Bytes of memory the worker held at most while it did it; None while that is unknown."""
        return self._record.usage.peak_memory

    @property
    def error(self) -> TaskError | None:
        return self._record.error

    @property
    def log(self) -> str:
        """What the script printed."""
        return "" if self._log is None else read_log(self._log)


class Task:
    """One node's execution within a run. A live, read-only view."""

    def __init__(self, run: ActiveRun, record: TaskRecord) -> None:
        self._run = run
        self._record = record

    @property
    def name(self) -> str:
        """The node's name when the run began."""
        return self._record.planned.name

    @property
    def node_id(self) -> str:
        """The node's stable id, its `uid`."""
        return self._record.planned.id

    @property
    def state(self) -> TaskState:
        return self._record.state

    @property
    def progress(self) -> float:
        """0.0 to 1.0; of a mapped task, the mean of its items'."""
        return self._record.progress

    @property
    def text(self) -> str:
        """What the script said last that it does."""
        return self._record.text

    @property
    def seconds(self) -> float:
        """From its first start to its end, or to now, pauses left out."""
        if not self.is_mapped and self._record.items:
            return _item_seconds(self._run, self._record.items[0])
        return _seconds(self._run, self._record)

    @property
    def time_left(self) -> float | None:
        """The seconds until its end as far as can be told; None while that is unknown, and when it does not run."""
        return self._run.forecast.task(self._record, self._run.now)

    @property
    def peak_memory(self) -> int | None:
        """Bytes of memory its worker held at most while it did it, of all items' the most; None while unknown."""
        return self._record.peak_memory

    @property
    def error(self) -> TaskError | None:
        """Why it did not succeed: `message`, `traceback` and `line`, with the script's own line numbers."""
        return self._record.error

    @property
    def cached(self) -> bool:
        """Whether its result was kept from an earlier run. No results are kept yet, so always False."""
        return False

    @property
    def is_mapped(self) -> bool:
        return self._record.is_mapped

    @property
    def num_items(self) -> int | None:
        """How many items it has; None until the list it is mapped over is known."""
        return self._record.num_items

    @property
    def num_done(self) -> int:
        return self._record.num_done

    @property
    def items(self) -> tuple[Item, ...]:
        """Its items in the order of the list it is mapped over; one for a task that is not mapped."""
        return tuple(
            Item(self._run, record, self._run.log_file(self.node_id, record.index)) for record in self._record.items
        )

    @property
    def log(self) -> str:
        """What the script printed; the items' logs under a line each, where there are several."""
        items = self.items
        if not self.is_mapped:
            return items[0].log if items else ""
        return "\n".join(f"--- item {item.index} ---\n{item.log}" for item in items)


def _seconds(run: ActiveRun, record: TaskRecord | ItemRecord) -> float:
    if record.started is None:
        return 0.0
    return (run.now if record.finished is None else record.finished) - record.started


def _item_seconds(run: ActiveRun, record: ItemRecord) -> float:
    """What the worker measured, where it did: in a busy Blender its messages may have waited."""
    return _seconds(run, record) if record.usage.seconds is None else record.usage.seconds


class ResultWriter(Protocol):
    """Brings results home. `notes` tells what could not be done, and why."""

    notes: list[str]

    def prepare(self, seconds: float) -> bool:
        """Read what bringing them home needs beside them, for about so long; whether all of that was read."""
        ...

    def waits_for(self) -> str:
        """What must happen before they can come home, such as '"Cube" leaves Sculpt Mode'; "" if nothing."""
        ...

    def write(self, tree: bpy.types.NodeTree | None) -> bool:
        """Write them; whether that changed the file. Raises StoreError."""
        ...

    def fetch(self, tree: bpy.types.NodeTree | None, task_id: str, output: str) -> Any:
        """Bring one output of a task home. Raises RunError or StoreError."""
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
        """What brings its results home."""
        ...

    def retry(self, run: Run) -> None:
        """Run again what did not succeed. Raises RunError or CompileError."""
        ...

    def settle(self, run: Run) -> None:
        """Bring the results of a run that is over home; later, if they must wait."""
        ...


class Run:
    """One carrying-out of a node tree.

    Attributes:
        tree_uid, tree_name: of the node tree when the run began.
        started: when the run began, in seconds since the epoch.
        until: the nodes that were asked for, None for the whole tree.
        notes: what could not be done.
        pause_reason: why it is paused, if not because someone asked for it; "" otherwise.
        size: bytes on disk of what it keeps, since it is over.
        version: grows with every change of what there is to see, but for times that pass.
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
        self._progress = (-1, 0.0)  # of the version for which it was summed up
        self.size = 0
        self._num_bytes = 0  # of its size, as far as it was measured
        self._sizes: Iterator[int] | None = None  # what is still to be measured; None: all
        self.pause_reason = ""
        self.notes: tuple[str, ...] = ()
        self._keeper = keeper
        self._runner = runner
        self._snapshot = snapshot
        self._active: ActiveRun
        self._tasks: Mapping[str, Task] = {}
        self._by_id: dict[str, Task] = {}
        self._on_event: Callable[[RunEvent], None] | None = None
        self._writer: ResultWriter | None = None
        self._is_home = False
        self._is_kept = True
        self._has_failed = False  # by a fault that was none of its tasks'
        self._next_forecast = 0.0
        self._time_left: float | None = None

    def begin(self, active: ActiveRun, on_event: Callable[[RunEvent], None] | None) -> None:
        """For the session."""
        self._active = active
        self._on_event = on_event
        self._by_id = {uid: Task(active, record) for uid, record in active.scheduler.tasks.items()}
        self._tasks = MappingProxyType({task.name: task for task in self._by_id.values()})

    # What the run tells

    @property
    def state(self) -> RunState:
        """`running`, `succeeded`, `failed` (a task did not succeed) or `cancelled`; a string, too."""
        return RunState.FAILED if self._has_failed else self._active.state

    @property
    def is_home(self) -> bool:
        """Whether the run is over and its results are in the open file."""
        return self._is_home

    @property
    def tasks(self) -> Mapping[str, Task]:
        """The tasks by the name their node had when the run began."""
        return self._tasks

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
        """How long its tasks have been under way together, pauses left out."""
        return self._active.seconds

    @property
    def time_left(self) -> float | None:
        """The seconds until its end as far as can be told; None while that is unknown, and when it is over."""
        if self.state.is_final:
            return None
        now = time.monotonic()
        if now >= self._next_forecast:  # who draws asks again and again
            self._next_forecast = now + _FORECAST_INTERVAL
            self._time_left = self._active.forecast.run(self._active.now)
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
        """Whether something did not succeed that can be tried once more: see `retry`."""
        is_unsuccessful = self._is_home and self.state is not RunState.SUCCEEDED
        return is_unsuccessful and self._is_kept and not self._has_failed and self._keeper.is_last(self)

    @property
    def is_kept(self) -> bool:
        """Whether its results and logs are still on disk: those of old runs make room for new ones."""
        return self._is_kept

    def task_of(self, node: bpy.types.Node) -> Task | None:
        """The task of a node, by its stable id; None if the run has none."""
        return self._by_id.get(getattr(node, "uid", ""))

    # What can be done with it

    def cancel(self, node_name: str | None = None) -> None:
        """Cancel the run, or one of its tasks and what needs it. Results that are there stay.

        Raises:
            RunError: if the run has no task for a node of that name.
        """
        if node_name is not None and node_name not in self._tasks:
            raise RunError(f'the run has no node "{node_name}"')
        self._runner.cancel(self._active, None if node_name is None else self._tasks[node_name].node_id)

    def pause(self, reason: str = "") -> None:
        """Let it stand still, until `resume` or `cancel`. Nothing begins, and no time counts.

        What runs is frozen where it is (on Windows the script's own process only, and not those it started).

        Args:
            reason: why, if nobody asked for it: "Paused while you sculpt".
        """
        self.pause_reason = reason
        self._runner.pause(self._active)

    def resume(self) -> None:
        """Let a paused run go on."""
        self.pause_reason = ""
        self._runner.resume(self._active)

    def finish_current(self) -> None:
        """Stop after the current tasks: what runs ends as usual and comes home, the rest is cancelled."""
        self._runner.finish_current(self._active)

    def retry(self) -> None:
        """Run again what did not succeed (failed, timed out, cancelled, skipped); what succeeded stays as it is.

        Of a mapped node only the items that did not succeed. The scripts, values and settings of these nodes are read
        anew from the tree, which may have been fixed; data-blocks are those that the run began with.

        Raises:
            RunError: if there is nothing to be tried again, or more has changed than that, so that the tree must be
                run as a whole.
            CompileError: with every problem of the tree.
        """
        self._keeper.retry(self)

    def wait(self, timeout: float | None = None) -> RunState:
        """Carry the run on until it is over and its results are home, or for `timeout` seconds.

        For where nothing else does: in background mode, with the bpy wheel, in a test. A paused run is not waited for.
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
            # Not for ever at a stretch: Python sees Ctrl-C only in between, and logs must be kept short.
            self._runner.update(1.0 if left is None else min(1.0, left))
        return self.state

    def fetch(self, node_name: str, output: str, *, item: int | None = None) -> Any:
        """Bring a result home that did not come by itself: of a node that others consume, or of one item.

        Args:
            node_name: the node.
            output: identifier or label of its output.
            item: index of an item of a mapped node, which may have succeeded where others failed; None for the whole.

        Returns:
            the value, data-block or tuple of them; if not of a single item, `result` of the output is that then.

        Raises:
            RunError: if there is no such result.
            StoreError: if it can't be read.
        """
        if not self._is_kept:
            raise RunError(
                "the results of this run are not kept any more, as later runs needed the room "
                '("Store Size" in the preferences of Background Nodes). Run the node tree again'
            )
        task = self._tasks.get(node_name)
        if task is None or (item is None and task.state is not TaskState.SUCCEEDED):
            raise RunError(f'the node "{node_name}" has no results')
        writer = self._keeper.writer_of(self._active, self._snapshot)
        if item is not None:
            return writer.fetch_item(task.node_id, output, item)
        return writer.fetch(self._keeper.tree_of(self), task.node_id, output)

    # For the session

    def pasts(self) -> dict[str, Past]:
        """What its tasks took, for the forecasts of later runs."""
        pasts = {uid: Past.of(record) for uid, record in self._active.scheduler.tasks.items()}
        return {uid: past for uid, past in pasts.items() if past is not None}

    def hear(self, task_id: str | None) -> None:
        """The runner's listener."""
        self.version += 1
        if task_id is not None:
            self._tell(RunEvent("task", self._by_id[task_id]))

    def prepare(self, seconds: float) -> bool:
        """Get ready to bring the results home, for about so long; whether it is ready."""
        deadline = time.monotonic() + seconds
        if self._sizes is None:
            self._sizes = self._measure()
        for size in self._sizes:
            self._num_bytes += size
            if time.monotonic() >= deadline:
                return False
        return self._get_writer().prepare(deadline - time.monotonic())

    def _measure(self) -> Iterator[int]:
        """The bytes of what it wrote, bit by bit."""
        self._num_bytes = 0
        return self._runner.scratch.sizes([*self._active.names(), *self._snapshot.blobs])

    def waits_for(self) -> str:
        """What must happen before the results can come home, such as '"Cube" leaves Sculpt Mode'; "" if nothing."""
        return self._get_writer().waits_for()

    def _get_writer(self) -> ResultWriter:
        """The writer of its results, the same one until they are home."""
        if self._writer is None:
            self._writer = self._keeper.writer_of(self._active, self._snapshot)
        return self._writer

    def bring_home(self, tree: bpy.types.NodeTree | None) -> bool:
        """Write the results; whether that changed the file. Happens once, and once more after each retry."""
        self._is_home = True
        sizes, self._sizes = self._sizes, None
        rest = sum(self._measure() if sizes is None else sizes)
        self.size = self._num_bytes + rest
        self.version += 1
        writer, self._writer = self._get_writer(), None
        try:
            return writer.write(tree)
        except BackgroundNodesError as error:
            writer.notes.append(str(error))
            return True
        except Exception as error:  # noqa: BLE001 (the timer and other runs go on, whatever Blender refuses here)
            traceback.print_exc()
            writer.notes.append(f"Not all results could be brought home: {type(error).__name__}: {error}")
            return True
        finally:
            broken = [] if self._active.error is None else [self._active.error.message]
            for note in [*broken, *writer.notes]:
                self.note(note)

    def try_again(self, plan: Plan) -> None:
        """Go on with what did not succeed, as it is in a plan of the tree as it is now.

        Raises:
            RunError: if something is not as it was.
        """
        records = self._active.scheduler.tasks.values()
        missing = [record.planned for record in records if record.state is not TaskState.SUCCEEDED]
        self._runner.retry(self._active, retried_tasks(missing, plan))
        self._is_home = False

    def fail(self, error: Exception) -> None:
        """End it because of a fault that is none of its tasks', of Background Nodes or of Blender."""
        self._has_failed = self._is_home = True
        self.note(
            f"The run was ended by an error of Background Nodes: {type(error).__name__}: {error}. "
            "Its traceback is in the system console; please report it"
        )
        traceback_text = "".join(traceback.format_exception(error))
        self._runner.break_off(self._active, TaskError(self.notes[-1], traceback_text))

    def note(self, message: str) -> None:
        self.version += 1
        self.notes = (*self.notes, message)
        self._tell(RunEvent("note", message=message))

    def tell_end(self) -> None:
        self._tell(RunEvent("finished"))

    def _tell(self, event: RunEvent) -> None:
        """Call `on_event`. What it raises is its author's affair, and must not leave the run half done."""
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception as error:  # noqa: BLE001 (somebody else's code)
            message = f"on_event raised {type(error).__name__}: {error}"
            if message not in self.notes:
                traceback.print_exc()
                self.note(message)

    def forget(self) -> None:
        """Let go of what the scratch folder holds for it."""
        self._is_kept = False
        self.size = 0
        self.version += 1
        self._runner.forget(self._active)
        self._runner.scratch.remove(self._snapshot.blobs)
