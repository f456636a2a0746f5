# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs steps of a job on this machine: a run of the packed tree that does its own share, and finds the rest kept.

It goes through a session like every run. What is special is its host: the plan is cut to what the step needs, and
brings nothing home; scripts pass by the job's own list; the engine refuses what other steps do.
"""

from __future__ import annotations

import argparse
import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import bpy

from ..addon.command_line import command
from ..addon.session.blender_host import BlenderHost
from ..addon.session.keeper import Session
from ..addon.session.run import Run
from ..addon.session.settings import Settings
from ..addon.session.task import Item, Task
from ..node_tree import lookup
from ..runtime.engine import kept_results, own_files
from ..runtime.engine.kept_results import KeptResult
from ..runtime.engine.workers import ManagedEngine
from ..runtime.errors import CompileError
from ..runtime.planning.plan import Plan, PlannedTask
from ..runtime.scheduling.states import RunState, TaskState
from ..runtime.scratch.scratch import Scratch
from ..runtime.store.limits import Limits
from ..runtime.store.store import Store
from . import addons, allowed
from .division import Step, needed
from .job import PROGRAM, STORE, Job, JobError, claims, note_place, note_unneeded
from .share import NOT_HERE, Share

#: Seconds between two looks at how far it is.
_INTERVAL = 0.1
#: The store of a job is never full: what is removed would be missed.
_NO_LIMITS = Limits(max_size=1 << 60, min_free=0)


class Listener(Protocol):
    """Who is told how a step goes on."""

    def progressed(self, fraction: float, text: str) -> None: ...

    def printed(self, line: str) -> None: ...

    def failed(self, message: str) -> None: ...

    def is_over(self) -> bool:
        """Whether somebody wants it to end."""
        ...


class _Host(BlenderHost):
    """The session's host for the steps of one job.

    Attributes:
        step: what is done now.
        share: the engine; None before there is one.
        taken: ids of the tasks that another step takes something from.
    """

    def __init__(self, job: Job, folder: Path) -> None:
        super().__init__()
        self.step: Step = job.steps[0]
        self.share: Share | None = None
        self.taken: frozenset[str] = frozenset()
        self._job = job
        self._store = folder / STORE

    def checked_plan(
        self, tree: bpy.types.NodeTree, until: str | Sequence[str] | None, *, takes_over: bool = False
    ) -> Plan:
        plan = super().checked_plan(tree, until, takes_over=takes_over)
        others = (task for task in plan.tasks if task.id not in self.step.tasks)
        self.taken = frozenset(taken for task in others for taken in task.dependencies)
        return replace(plan, tasks=needed(plan.tasks, self.step.tasks), deliveries=())

    def admit(self, tasks: Sequence[PlannedTask]) -> None:
        allowed.check(self._job, tasks)

    def new_store(self, _settings: Settings) -> Store:
        return Store(self._store, _NO_LIMITS)

    def new_engine(self, chosen: str, scratch: Scratch) -> ManagedEngine:
        self.share = Share(super().new_engine(chosen, scratch))
        return self.share


class JobWorker:
    """Runs steps of one job, one at a time, in background Blenders that stay warm between them."""

    def __init__(self, folder: Path, num_workers: int | None = None, digest: str = "") -> None:
        """Open the job's file. With a `digest`, the job must have that: see `Job`.

        Raises:
            JobError: if the folder is none of a job, or the job needs another Blender.
            InputError: if its file is not as it was.
        """
        self.folder = folder.absolute()
        self.digest = digest
        self.job = Job.load(self.folder, digest)
        if self.job.blender != bpy.app.version_string:
            message = f"the job was submitted with Blender {self.job.blender}, and this is {bpy.app.version_string}"
            raise JobError(f"{message}. Its results would differ")
        if self.job.program != PROGRAM:
            message = f"the job was submitted with Background Nodes {self.job.program or 'of an earlier version'}"
            raise JobError(f"{message}, and this is {PROGRAM}. Install that here, or submit the job again")
        addons.use(self.job, self.folder)
        command.open_file(str(self.folder / self.job.file))
        self._tree = lookup.tree(self.job.tree)
        options = argparse.Namespace(until=self.job.until, settings=self.job.settings)
        self._until = command.checked_input(self._tree, None, options)
        self._host = _Host(self.job, self.folder)
        self._session = Session(self._host)
        settings = Settings() if num_workers is None else Settings(num_workers=num_workers)
        self._session.use_settings(lambda: settings)
        self._session.open()
        note_place(self.folder)

    def close(self) -> None:
        """End the background Blenders."""
        self._session.close()

    def run(self, number: int, items: range | None, listener: Listener) -> bool:
        """Run a step, or some of its items.

        Returns:
            whether all of it succeeded, and is kept as far as others need it.

        Raises:
            JobError: if the job has no such step or items.
        """
        if not 0 <= number < len(self.job.steps):
            raise JobError(f"the job has {len(self.job.steps)} steps, and none with the number {number}")
        step = self.job.steps[number]
        if items is not None:
            if not step.num_items:
                raise JobError(f'the step "{step.name}" is done as a whole, not item by item')
            if items.start >= step.num_items:
                raise JobError(f'the step "{step.name}" has {step.num_items} items, and none with {items.start}')
            items = range(items.start, min(items.stop, step.num_items))
        try:
            run = self._start(step, items)
        except CompileError as error:
            for problem in error.problems:
                listener.failed(str(problem))
            return False
        self._follow(run, step, items, listener)
        return self._judge(run, step, items, listener)

    def _start(self, step: Step, items: range | None) -> Run:
        self._host.step = step
        self._session.choose_engine()  # so that there is one
        share = self._host.share
        assert share is not None
        share.own, share.items = frozenset(step.tasks), items
        return self._session.start(self._tree, until=self._until)

    def _follow(self, run: Run, step: Step, items: range | None, listener: Listener) -> None:
        while run.wait(_INTERVAL) is RunState.RUNNING:
            own = [each for task in _tasks(run, step) for each in _own(task, items)]
            if own:
                fraction = sum(1.0 if each.state.is_final else each.progress for each in own) / len(own)
                text = next((task.text for task in _tasks(run, step) if task.text and not task.state.is_final), "")
                listener.progressed(fraction, text)
            if listener.is_over():
                run.cancel()
        run.wait(math.inf)  # until all is kept

    def _judge(self, run: Run, step: Step, items: range | None, listener: Listener) -> bool:
        """Tell what went wrong. Returns whether nothing did."""
        with contextlib.closing(Store(self.folder / STORE, _NO_LIMITS)) as store:
            faults = list(self._faults(run, step, items, store))
        for task in _tasks(run, step):
            for item in _own(task, items):
                where = f"{task.name}, item {item.index}" if task.is_mapped else task.name
                state = "kept already" if item.cached else str(item.state)
                listener.printed(f"{where}: {state}")
                for line in item.log.splitlines():
                    listener.printed(f"  {line}")
        for fault in faults:
            listener.failed(fault)
        return not faults

    def _faults(self, run: Run, step: Step, items: range | None, store: Store) -> Iterator[str]:
        own = frozenset(step.tasks)
        for planned in run.planned:
            task = run.at(planned.id)
            assert isinstance(task, Task)
            if task.is_unneeded:
                note_unneeded(self.folder, planned.id)
                continue
            if planned.id not in own:
                if task.state is not TaskState.SUCCEEDED:
                    yield f'"{task.name}": {_why(task.error, task.state)}{_reasons(task)}'
                continue
            if step.num_items and task.num_items is not None and task.num_items != step.num_items:
                yield f'"{task.name}" has {task.num_items} items, and the job foresaw {step.num_items}. Submit it again'
            if not task.has_items and task.state is not TaskState.SUCCEEDED:
                yield f'"{task.name}": {_why(task.error, task.state)}'
            for item in _own(task, items):
                where = f'"{task.name}", item {item.index}' if task.is_mapped else f'"{task.name}"'
                if item.state is not TaskState.SUCCEEDED:
                    yield f"{where}: {_why(item.error, item.state)}"
                elif fault := self._fault_of_kept(store, planned, item.index):
                    yield f"{where}: {fault}"
        yield from (note for note in run.notes if run.state is RunState.FAILED and not own)

    def _fault_of_kept(self, store: Store, task: PlannedTask, item: int) -> str:
        """What is wrong with the result of an item that succeeded, "" if nothing is."""
        kept, is_whole = _kept(store, task, item)
        if task.id in self._host.taken and not is_whole:
            return "its result can't be kept, and the next step of the job needs it"
        return "" if kept is None else self._path_taken_by_others(task, item, kept)

    def _path_taken_by_others(self, task: PlannedTask, item: int, kept: KeptResult) -> str:
        """What is wrong if another task of the job, on any machine, has written to a path that this one wrote to."""
        owner = own_files.Owner(task.id, item, task.name)
        for path in kept.claimed:
            if (other := own_files.other_owner(own_files.claim_file(path, claims(self.folder)), owner)) is not None:
                return str(own_files.taken(path, other))
        return ""


def _kept(store: Store, task: PlannedTask, item: int) -> tuple[KeptResult | None, bool]:
    """What is kept of an item, and whether another step can take it."""
    record = store.last(kept_results.subject(task, item))
    kept = None if record is None else kept_results.read(record)
    if record is None or kept is None:
        return None, False
    return kept, not kept.obstacle and store.peek(record.key) is not None


def _tasks(run: Run, step: Step) -> list[Task]:
    found = [run.at(each) for each in step.tasks]
    return [task for task in found if isinstance(task, Task)]


def _own(task: Task, items: range | None) -> list[Item]:
    return [item for item in task.items if items is None or item.index in items]


def _why(error: object, state: TaskState) -> str:
    message = str(getattr(error, "message", "") or "")
    return message if message and message != NOT_HERE else str(state)


def _reasons(task: Task) -> str:
    return f" ({'; '.join(task.reasons)})" if task.reasons else ""
