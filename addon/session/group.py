# SPDX-License-Identifier: GPL-3.0-or-later
"""`Group`: all that is in a group node within a run. Part of the public Python API.

A group may hold hundreds of tasks, and is asked for much while Blender draws: its tasks are looked up once for a run,
and looked through once after each change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ...runtime.engine.active_run import ActiveRun
from ...runtime.planning.node_path import groups_of, name_inside, without_passes
from ...runtime.planning.plan import PlannedGroup
from ...runtime.scheduling.events import TaskError
from ...runtime.scheduling.states import TaskState
from .task import Task

#: Of what ended, the first of these tells of the whole.
_WORST = (TaskState.FAILED, TaskState.TIMED_OUT, TaskState.CANCELLED, TaskState.SKIPPED)


@dataclass(frozen=True, slots=True)
class _Summary:
    """What is so until the next change. `started` and `finished` are times of the run's clock, as of a task."""

    state: TaskState
    progress: float
    running: Task | None
    failed: Task | None
    num_done: int | None
    num_succeeded: int
    num_items: int | None
    num_cached: int
    started: float | None
    finished: float | None
    peak_memory: int | None


class Group:
    """All tasks in a group node, at any depth. A live, read-only view, with what a `Task` tells of itself."""

    def __init__(
        self, run: ActiveRun, planned: PlannedGroup, tasks: Sequence[Task], version: Callable[[], int]
    ) -> None:
        """`version` returns a number that grows with each change of the run."""
        self._run = run
        self._planned = planned
        self._tasks = tuple(tasks)
        self._version = version
        self._summary: tuple[int, _Summary] | None = None

    @property
    def name(self) -> str:
        """The name of its path when the run started: "Rock LODs", or "Rocks / Rock LODs" for a group in a group."""
        return self._planned.name

    @property
    def node_id(self) -> str:
        """The stable id of its path: for a node of the outer tree its `uid`."""
        return self._planned.id

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks in it, each after those it depends on."""
        return self._tasks

    @property
    def state(self) -> TaskState:
        """`running` from the first start to the last end; then the worst that became of a task, such as `failed`."""
        return self._now.state

    @property
    def is_unneeded(self) -> bool:
        """Whether all in it was skipped because switches take other inputs than what it gives."""
        return all(task.is_unneeded for task in self._tasks)

    @property
    def is_paused(self) -> bool:
        """Whether it has begun, and goes on when its run does."""
        return self.state is TaskState.RUNNING and self._run.scheduler.is_paused

    @property
    def progress(self) -> float:
        """0.0 to 1.0, the mean of its tasks'; a task that will not run any more counts as done."""
        return self._now.progress

    @property
    def text(self) -> str:
        """What runs in it: the name of a node, and the text of its script's last progress report."""
        running = self._now.running
        if running is None:
            return ""
        name = name_inside(running.name, self.name)
        return f"{name}: {running.text}" if running.text else name

    @property
    def seconds(self) -> float:
        """Seconds from the first start in it to the last end, or to now, without pauses."""
        now = self._now
        if now.started is None:
            return 0.0
        return (self._run.now if now.finished is None else now.finished) - now.started

    @property
    def time_left(self) -> None:
        """Not estimated for a group: its nodes may wait for others."""
        return None

    @property
    def peak_memory(self) -> int | None:
        """The most memory that a worker held for a task in it, in bytes; None while that is unknown."""
        return self._now.peak_memory

    @property
    def failed(self) -> Task | None:
        """The first task in it that went wrong; else the first that did not run because of that."""
        failed = self._now.failed
        return None if failed is None or failed.error is None else failed

    @property
    def error(self) -> TaskError | None:
        """Why that task did not succeed."""
        failed = self.failed
        return None if failed is None else failed.error

    @property
    def cached(self) -> bool:
        """Whether all results of all its tasks are from earlier runs."""
        return self.state is TaskState.SUCCEEDED and self.num_cached == len(self._tasks)

    @property
    def num_cached(self) -> int:
        """How many of its tasks have all results from earlier runs, or are not needed."""
        return self._now.num_cached

    @property
    def gave_the_same(self) -> bool:
        """Whether something in it ran, and all that ran gave what it gave the last time that it ran."""
        ran = [task for task in self._tasks if not task.cached and not task.is_unneeded]
        return self.state is TaskState.SUCCEEDED and bool(ran) and all(task.gave_the_same for task in ran)

    @property
    def has_items(self) -> bool:
        """Whether anything in it has begun, so that there is a log."""
        return any(task.has_items for task in self._tasks)

    @property
    def is_mapped(self) -> bool:
        """Whether what it does for one item is done for each item of a list."""
        return self._now.num_items is not None

    @property
    def num_items(self) -> int | None:
        """How many items that list has; None if there is none, or if its tasks run over lists of different lengths."""
        return self._now.num_items

    @property
    def num_done(self) -> int | None:
        """With how many of them all its tasks are done."""
        return self._now.num_done

    @property
    def num_succeeded(self) -> int:
        """Of how many all that they need of its tasks succeeded; 0 if `num_items` is None."""
        return self._now.num_succeeded

    @property
    def is_partial(self) -> bool:
        """Whether it did some of its items, and skipped others because what they take is missing."""
        return self.state is TaskState.SKIPPED and self.num_succeeded > 0

    @property
    def _now(self) -> _Summary:
        version = self._version()
        if self._summary is None or self._summary[0] != version:
            self._summary = version, self._summed_up()
        return self._summary[1]

    def _summed_up(self) -> _Summary:
        records = [self._run.scheduler.tasks[task.node_id] for task in self._tasks]
        states = [record.state for record in records]
        if not all(record.is_unneeded for record in records):  # else they are skipped
            states = [TaskState.SUCCEEDED if record.is_unneeded else record.state for record in records]
        mapped = [record for record in records if record.is_mapped]
        lengths = {record.num_items for record in mapped if record.num_items is not None}
        num_items = lengths.pop() if len(lengths) == 1 else None
        state = _state_of(set(states))
        begun = [record for record in records if record.started is not None]
        ended = [record.finished for record in begun if record.finished is not None]
        return _Summary(
            state=state,
            progress=sum(1.0 if record.state.is_final else record.progress for record in records) / len(records),
            running=self._first((TaskState.RUNNING,), states),
            failed=self._first(_WORST, states),
            num_done=None if num_items is None else min(record.num_done for record in mapped),
            num_succeeded=0 if num_items is None else min(record.num_succeeded for record in mapped),
            num_items=num_items,
            num_cached=sum(record.is_cached or record.is_unneeded for record in records),
            started=min((record.started for record in begun if record.started is not None), default=None),
            finished=max(ended, default=None) if state.is_final else None,
            peak_memory=max((each for record in begun if (each := record.peak_memory) is not None), default=None),
        )

    def _first(self, wanted: Iterable[TaskState], states: Sequence[TaskState]) -> Task | None:
        """The first task that is in the first of some states that any is in."""
        return next((self._tasks[states.index(state)] for state in wanted if state in states), None)


def _state_of(states: set[TaskState]) -> TaskState:
    """The state of a group whose tasks have these."""
    if all(state.is_final for state in states):
        return next((state for state in _WORST if state in states), TaskState.SUCCEEDED)
    if TaskState.RUNNING in states or any(state.is_final for state in states):
        return TaskState.RUNNING
    return TaskState.READY if TaskState.READY in states else TaskState.WAITING


def groups_in(run: ActiveRun, tasks: Iterable[Task], version: Callable[[], int]) -> dict[str, Group]:
    """The groups of a run by the ids of their paths, in the order of the graph.

    A node in a repeated group is one, too: of its tasks in all passes.
    """
    inside: defaultdict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        node_id = without_passes(task.node_id)
        repeated = (*groups_of(node_id), node_id) if node_id != task.node_id else ()
        for group in dict.fromkeys((*groups_of(task.node_id), *repeated)):
            inside[group].append(task)
    return {
        planned.id: Group(run, planned, inside[planned.id], version)
        for planned in run.plan.groups
        if planned.id in inside
    }
