# SPDX-License-Identifier: GPL-3.0-or-later
"""`Task` and `Item`: one node's execution within a run. Part of the public Python API."""

from __future__ import annotations

from pathlib import Path

from ...runtime.engine.active_run import ActiveRun
from ...runtime.scheduling.events import TaskError
from ...runtime.scheduling.records import ItemRecord, TaskRecord
from ...runtime.scheduling.states import TaskState
from ...runtime.scratch.logs import read_log


class Item:
    """One item of a mapped task; any other task has one item. A live, read-only view."""

    def __init__(self, run: ActiveRun, task: str, record: ItemRecord, log: Path | None) -> None:
        self._run = run
        self._task = task
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
        """For how many seconds a worker has worked on it, without pauses."""
        return _item_seconds(self._run, self._record)

    @property
    def peak_memory(self) -> int | None:
        """The most memory that its worker held, in bytes; None while that is unknown."""
        return self._record.usage.peak_memory

    @property
    def error(self) -> TaskError | None:
        return self._record.error

    @property
    def cached(self) -> bool:
        """Whether its result is from an earlier run."""
        return self._record.is_cached

    @property
    def gave_the_same(self) -> bool:
        """Whether it ran, and gave what it gave the last time that it ran. Known once its result is kept."""
        return self._run.gave_the_same(self._task, self.index)

    @property
    def log(self) -> str:
        """What the script printed."""
        return "" if self._log is None else read_log(self._log)


class Task:
    """One node's execution within a run. A live, read-only view."""

    def __init__(self, run: ActiveRun, record: TaskRecord) -> None:
        self._run = run
        self._record = record
        self._told: TaskError | None = None  # the error whose item has a name in `_error`: code that draws asks often
        self._error: TaskError | None = None

    @property
    def name(self) -> str:
        """The node's name when the run started."""
        return self._record.planned.name

    @property
    def node_id(self) -> str:
        """The node's stable id, its `uid`."""
        return self._record.planned.id

    @property
    def state(self) -> TaskState:
        return self._record.state

    @property
    def is_unneeded(self) -> bool:
        """Whether it was skipped because switches take other inputs than what it gives."""
        return self._record.is_unneeded

    @property
    def is_paused(self) -> bool:
        """Whether it has begun, and goes on when its run does."""
        return self.state is TaskState.RUNNING and self._run.scheduler.is_paused

    @property
    def progress(self) -> float:
        """0.0 to 1.0; of a mapped task, the mean of its items': those that failed or are skipped count as done."""
        return self._record.progress

    @property
    def text(self) -> str:
        """The text of the script's last progress report."""
        return self._record.text

    @property
    def seconds(self) -> float:
        """Seconds from its first start to its end, or to now, without pauses."""
        if not self.is_mapped and self._record.items:
            return _item_seconds(self._run, self._record.items[0])
        return _seconds(self._run, self._record)

    @property
    def time_left(self) -> float | None:
        """The estimated seconds until its end; None if that is unknown, and when it does not run."""
        return self._run.time_left.task(self._record, self._run.now)

    @property
    def peak_memory(self) -> int | None:
        """The most memory that a worker held for one of its items, in bytes; None while that is unknown."""
        return self._record.peak_memory

    @property
    def error(self) -> TaskError | None:
        """Why it did not succeed: `message`, `traceback` and `line`, with the script's own line numbers."""
        if self._record.error is not self._told:
            self._told, self._error = self._record.error, self._run.named_error(self.node_id)
        return self._error

    @property
    def cached(self) -> bool:
        """Whether all of its results are from earlier runs, so that no worker had to run it."""
        return self._record.is_cached

    @property
    def num_cached(self) -> int:
        """How many of its items have a result from an earlier run."""
        return self._record.num_cached

    @property
    def gave_the_same(self) -> bool:
        """Whether it ran, and gave what it gave the last time that it ran: what takes it is cached then.

        Known once its results are kept, which `Run.wait` waits for.
        """
        num_ran = len(self._record.items) - self._record.num_cached  # code that draws asks, of lists as long as any
        return 0 < num_ran == self._run.num_same(self.node_id)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it runs, or ran: what has changed since its last run. Of a mapped task, why any of its items ran."""
        cache = self._run.cache
        if cache is None:
            return ()
        items = (cache.reasons.get((self.node_id, item.index), ()) for item in self._record.items)
        return tuple(dict.fromkeys(str(reason) for reasons in items for reason in reasons))

    @property
    def is_mapped(self) -> bool:
        return self._record.is_mapped

    @property
    def num_items(self) -> int | None:
        """How many items it has; None until the list it is mapped over is known."""
        return self._record.num_items

    @property
    def num_done(self) -> int:
        """How many of its items succeeded, failed or timed out."""
        return self._record.num_done

    @property
    def num_succeeded(self) -> int:
        return self._record.num_succeeded

    @property
    def is_partial(self) -> bool:
        """Whether it did some of its items, and skipped others because what they take is missing."""
        return self.state is TaskState.SKIPPED and self.num_succeeded > 0

    @property
    def has_items(self) -> bool:
        """Whether its items are there: `items` makes an object of each."""
        return bool(self._record.items)

    @property
    def items(self) -> tuple[Item, ...]:
        """Its items in the order of the list it is mapped over; one for a task that is not mapped."""
        return tuple(
            Item(self._run, self.node_id, record, self._run.log_file(self.node_id, record.index))
            for record in self._record.items
        )

    @property
    def log(self) -> str:
        """What the script printed; if there are several items, a heading and the log of each."""
        items = self.items
        if not self.is_mapped:
            return items[0].log if items else ""
        return "\n".join(f"--- item {item.index} ---\n{item.log}" for item in items)


def _seconds(run: ActiveRun, record: TaskRecord | ItemRecord) -> float:
    if record.started is None:
        return 0.0
    return (run.now if record.finished is None else record.finished) - record.started


def _item_seconds(run: ActiveRun, record: ItemRecord) -> float:
    """The time that the worker measured, if it did: our own includes how long its messages waited in a busy Blender."""
    return _seconds(run, record) if record.usage.seconds is None else record.usage.seconds
