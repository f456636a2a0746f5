# SPDX-License-Identifier: GPL-3.0-or-later
"""What the runner knows of one run, while it runs and afterwards."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection, Container, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..keys.files import FileDigests, NotReadYetError
from ..keys.script_digest import ScriptDigests
from ..planning.lists import ListError
from ..planning.plan import Delivery, Plan, PlannedTask
from ..planning.sources import Constant, FromTask, Shown, Source, leaves, loops_around
from ..scheduling.events import TaskError
from ..scheduling.expansion import Counting, MissingError
from ..scheduling.layout import NO_PASSES
from ..scheduling.scheduler import Scheduler
from ..scheduling.states import RunState, TaskState
from ..scheduling.time_left import Past, TimeLeft
from ..scratch.scratch import Scratch
from ..script.blend_files import FileCopy
from ..script.socket_types import LiveRef, StoredRef
from .cache import Cache
from .gathering import MANY_FOR_A_WORKER
from .preparation import Gathering, Works
from .results import Results
from .run_cache import RunCache
from .run_files import RunFiles

#: Called after each change of a run, with the id of the task that changed, None for the run.
Listener = Callable[[str | None], None]


class ActiveRun:
    """A run. Only the runner may change it.

    Attributes:
        number: identifies the run for the runner.
        tasks: those of the plan by id, in the form that the last retry gave them.
        logs: names of the log of each item of a task, by the task's id.
        listener: called after each change.
        cache: what it takes over from earlier runs; None if nothing.
        pasts: what its tasks took in earlier runs, as far as that is known.
        asked_pasts: whether the store was asked for more of them.
        warnings: by task, the first reason why results of it may be wrong though its script succeeded.
        requests: keys of its requests to the engine that have not ended.
        is_forgotten: whether all its files are removed once it is over.
        takes_kept_only: whether it only takes over kept results: a task of which there is none is cancelled.
    """

    def __init__(
        self,
        number: int,
        plan: Plan,
        scratch: Scratch,
        num_workers: int,
        timeout: float | None,
        snapshot: Mapping[LiveRef, StoredRef],
        open_file: FileCopy | None,
        pasts: Mapping[str, Past],
        cache: Cache | None,
        *,
        is_forced: bool,
        takes_kept_only: bool,
    ) -> None:
        self.number = number
        self.plan = plan
        self._folder = scratch.folder
        self.tasks = {task.id: task for task in plan.tasks}
        self.scheduler = Scheduler(plan, num_workers, timeout, looks_up=cache is not None)
        self.pasts = dict(pasts)
        self.asked_pasts = cache is None
        self.warnings: dict[str, str] = {}
        self.time_left = TimeLeft(self.scheduler.tasks.values(), num_workers, self.pasts)
        records = self.scheduler.tasks
        self.results = Results(
            scratch, snapshot, open_file, lambda task: records[task].layout, self._skipped, lambda: Counting(records)
        )
        self.files = RunFiles(scratch, plan.files, plan.name)
        self.cache = (
            None
            if cache is None
            else RunCache(cache, plan, scratch, self.results, is_forced=is_forced, files=self.files)
        )
        self._scripts = ScriptDigests(FileDigests()) if cache is None else cache.known.scripts
        self.works = Works()
        # A cache: what has to be gathered before any item of a task can start, by the task's id.
        self._gatherings: dict[str, list[Gathering]] = {}
        self.listener: Listener | None = None
        self.requests: set[Hashable] = set()
        self.is_forgotten = False
        self.takes_kept_only = takes_kept_only
        self.logs: dict[str, dict[int, str]] = {}
        self._blobs: dict[tuple[str, int], str] = {}
        self._old: list[str] = []  # blobs and logs of earlier attempts: a worker may have written to them late

    def _skipped(self, task: str) -> Sequence[int]:
        return self.scheduler.tasks[task].skipped

    def note_warning(self, task: str, warning: str) -> None:
        """Note why a result may be wrong; "" is no reason. Of a task with many items the first one is told."""
        if warning:
            self.warnings.setdefault(task, warning)

    @property
    def state(self) -> RunState:
        """RUNNING until all tasks have ended and the results are ready to come home."""
        return self.scheduler.state

    @property
    def has_incomplete_tasks(self) -> bool:
        """Whether a task did not succeed, or has not yet. If lists don't fit together, a run fails without any."""
        return not all(record.is_complete for record in self.scheduler.tasks.values())

    @property
    def error(self) -> TaskError | None:
        """Why the run broke, None if it did not."""
        return self.scheduler.error

    @property
    def seconds(self) -> float:
        """How long the run has taken so far, or took, without pauses."""
        started, finished = self.scheduler.started, self.scheduler.finished
        if started is None:
            return 0.0
        return (self.now if finished is None else finished) - started

    @property
    def now(self) -> float:
        """The time of the run's clock."""
        return self.scheduler.clock.at(time.monotonic())

    def log_file(self, task: str, item: int) -> Path | None:
        """The log of the last attempt of an item, None if it never started."""
        name = self.logs.get(task, {}).get(item)
        return None if name is None else self._folder.file(name)

    def open_files(self, task: str, item: int, blob: str, log: str) -> list[str]:
        """Note the names of the files that an attempt of an item writes. Returns those of the attempt before."""
        logs = self.logs.setdefault(task, {})
        old = [name for name in (self._blobs.get((task, item)), logs.get(item)) if name is not None]
        self._old += old
        self._blobs[task, item], logs[item] = blob, log
        return old

    def blob(self, task: str, item: int) -> tuple[str, ...]:
        """The name of the blob of an item's last attempt, as a tuple; empty if there was no attempt."""
        return (self._blobs[task, item],) if (task, item) in self._blobs else ()

    def blobs(self) -> Iterator[str]:
        """The names of the files with its tasks' results, and of those that were written to prepare inputs."""
        yield from self._blobs.values()
        yield from self.works.blobs
        yield from self.results.files

    def names(self) -> Iterator[str]:
        """The names of all that was written for it: blobs and logs."""
        yield from self.blobs()
        for logs in self.logs.values():
            yield from logs.values()
        yield from self._old
        yield from self.files.names()

    def gatherings(self, task: PlannedTask, item: int) -> list[Gathering]:
        """What has to be gathered before an item of a task can start.

        What all items are given may be a list as long as there are items, so it is looked through once for all.
        """
        if task.id not in self._gatherings:
            shared = self.results.shared_refs(task, self.tasks)
            self._gatherings[task.id] = list(self.works.gatherings(shared, MANY_FOR_A_WORKER))
        own = self.results.own_refs(task, item, self.tasks)
        return [*self._gatherings[task.id], *self.works.gatherings(own, MANY_FOR_A_WORKER)]

    def move(self, refs: Sequence[StoredRef], places: Sequence[StoredRef]) -> None:
        """Note that data-blocks were gathered: each of `refs` is at the same index of `places` now."""
        self.results.move(refs, places)
        self._gatherings.clear()

    def give_up(self, errand: str) -> list[str]:
        """Note that an attempt of an errand failed or was stopped. Returns the names of the blobs it wrote."""
        self._gatherings.clear()
        return self.works.give_up(errand)

    def change(self, tasks: Iterable[PlannedTask]) -> frozenset[str]:
        """Take tasks in the place of those with the same ids, for a retry. Returns the ids of those to do all anew."""
        tasks = list(tasks)
        changed = {task.id for task in tasks if _given(task) != _given(self.tasks[task.id])}
        self.tasks.update((task.id, task) for task in tasks)
        anew = self._to_do_anew(changed)
        self._forget_items(anew)
        self.results.forget_inputs()
        if self.cache is not None:
            self.cache.keys.forget_inputs()
        self._gatherings.clear()
        return anew

    def _to_do_anew(self, changed: Container[str]) -> frozenset[str]:
        """The tasks of which a retry does all items anew. `changed` are those to which the tree gives other values.

        That are those whose items get other numbers; those whose items would be made with different values; and those
        whose items were told of each other, of which there are more now. What these give may be other than before, so
        all that takes it is done anew, too, even what succeeded: a list node may have given it what was there.
        """
        found, may_differ = set[str](), set[str]()
        for task in self.tasks.values():
            record = self.scheduler.tasks[task.id]
            if record.is_complete:
                if not may_differ.isdisjoint(task.dependencies):
                    may_differ.add(task.id)
                    found.add(task.id)
                continue
            if not record.items or not task.has_items:
                continue
            are_others = record.is_provisional or bool(record.skipped)
            is_told = are_others and (self._sees_items(record.planned) or self._sees_items(task))
            if is_told or task.id in changed or not may_differ.isdisjoint(task.dependencies):
                may_differ.add(task.id)
            elif not record.is_provisional:
                continue
            found.add(task.id)
        return frozenset(found)

    def _sees_items(self, task: PlannedTask) -> bool:
        try:
            return self._scripts.digest(task.script).sees.items
        except NotReadYetError:  # it may
            return True

    def _forget_items(self, tasks: Collection[str]) -> None:
        """Forget the items of tasks, as a retry makes others. What they gave may be part of what others gave."""
        if not tasks:
            return
        self.files.release(tasks)
        self._old += [self._blobs.pop(key) for key in list(self._blobs) if key[0] in tasks]
        for task in tasks:
            self.results.remove(task)
            self._old += self.logs.pop(task, {}).values()
        if self.cache is not None:
            self.cache.forget_items(tasks)

    def columns(self, task: PlannedTask) -> dict[str, list[object]]:
        """What each item of a task is given, for each parameter whose value differs between items."""
        return self.results.columns(task, self.tasks)

    def is_awaited(self, task: str, item: int, attempt: int) -> bool:
        """Whether an attempt of an item is running; a report of it may arrive after its end."""
        items = self.scheduler.tasks[task].items
        is_there = item < len(items)  # a retry may have made others
        return is_there and items[item].attempt == attempt and items[item].state is TaskState.RUNNING

    def name_of(self, node: str) -> str:
        """The name of a task's node, a group or a list node, by its id."""
        others = {group.id: group.name for group in self.plan.groups}
        others |= {each.id: each.name for each in self.plan.lists}
        return self.tasks[node].name if node in self.tasks else others[node]

    def count_of(self, node: str) -> int | TaskError | None:
        """How many elements a list node gives at its first output, or why it can't; None while that is not known.

        It is not known of one in a loop, where it gives something else in each pass.
        """
        source = next((each.source for each in self.plan.lists if each.id == node), None)
        if source is None or not source.type.is_list:
            return None
        if loops_around(source, lambda task: (loop.id for loop in self.tasks[task].loops)):
            return None
        tasks = (leaf.task for leaf in leaves((source,)) if isinstance(leaf, FromTask))
        if not all(self.scheduler.tasks[task].is_complete for task in tasks):
            return None
        try:
            return Counting(self.scheduler.tasks).elements(source, NO_PASSES)
        except ListError as error:
            return TaskError(str(error).removeprefix(f'"{self.name_of(node)}": '))

    def source_at(self, node: str, output: str) -> Shown | None:
        """What gives an output of a script node, by its identifier or label, or what a group node shows there.

        None if the run has nothing for it.
        """
        task = self.tasks.get(node)
        if task is None:
            return self.plan.source_at(node, output)
        found = (task.whole(each) for each in task.outputs if output in (each.identifier, each.label))
        return next(found, None)

    def contents(self, source: Source) -> dict[str, str]:
        """The data-blocks that a source gives, by their places: what each is by content, "" if that is not known."""
        return {
            place: "" if self.cache is None else self.cache.keys.content_of(ref)
            for place, ref in self.results.placed(source, self.tasks)
            if ref is not None
        }

    def gave_the_same(self, task: str, item: int) -> bool:
        """Whether an item ran and gave what it gave the last time that it ran, as far as that is known yet."""
        return self.cache is not None and item in self.cache.same.get(task, ())

    def num_same(self, task: str) -> int:
        """How many items of a task ran and gave what they gave the last time that they ran."""
        return 0 if self.cache is None else len(self.cache.same.get(task, ()))

    def new_deliveries(self) -> Iterator[Delivery]:
        """The deliveries that are complete, and were not before the run was started or retried.

        One that keeps what succeeded has only the sources that gave something.
        """
        for delivery in self.plan.deliveries:
            records = [self.scheduler.tasks[task] for task in delivery.tasks]
            if self.scheduler.round != max((record.round for record in records), default=0):
                continue
            if all(record.is_complete for record in records):
                if self.has_given(delivery):
                    yield delivery
            elif delivery.action is not None and delivery.action.keep_succeeded:
                sources = tuple(source for source in delivery.sources if self.gave_something(source))
                if any(not isinstance(source, Constant) for source in sources):
                    yield replace(delivery, sources=sources)

    def has_given(self, delivery: Delivery) -> bool:
        """Whether there is what comes home. What is not needed gives nothing."""
        is_complete = all(self.scheduler.tasks[task].is_complete for task in delivery.tasks)
        return is_complete and self._fit_together(delivery.sources)

    def _fit_together(self, sources: Iterable[Source]) -> bool:
        """Whether list nodes can do what they should with what the tasks gave. If not, the run's error says so."""
        counting = Counting(self.scheduler.tasks)
        try:
            return all(counting.elements(source, NO_PASSES) is not None for source in sources)
        except ListError:
            return False

    def named_error(self, task: str) -> TaskError | None:
        """Why a task did not succeed; the item that is told of goes by the name of what it works on."""
        error = self.scheduler.tasks[task].error
        if error is None or error.item is None or self.is_forgotten:
            return error
        name = self.results.item_name(self.tasks[error.task or task], error.item, self.tasks)
        return error.with_item_named(f'"{name}"') if name else error

    def has_failed(self, source: Source) -> Callable[[str], bool]:
        """Tells of the places of a list whether what gives the elements there did not succeed, or may not have."""
        tasks = {leaf.task for leaf in leaves((source,)) if isinstance(leaf, FromTask)}
        if not isinstance(source, FromTask):
            is_whole = all(self.scheduler.tasks[task].is_complete for task in tasks)
            return lambda _place: not is_whole
        if self.scheduler.tasks[source.task].is_provisional:
            return lambda _place: True
        missing = set(self.results.missing_places(source, self.tasks)) if self.tasks[source.task].mapped else set[str]()
        return lambda place: not missing.isdisjoint(itertools.accumulate(place.split("."), "{}.{}".format))

    def gave_something(self, source: Source) -> bool:
        """Whether a source has a value, if only that of some items of a list."""
        if isinstance(source, FromTask):
            record = self.scheduler.tasks[source.task]
            if record.state in (TaskState.FAILED, TaskState.TIMED_OUT, TaskState.SKIPPED):
                return any(item.state is TaskState.SUCCEEDED for item in record.items)
            return record.state is TaskState.SUCCEEDED
        if source.type.is_list and not isinstance(source, Constant):
            return self._can_be_told(source) and bool(self.results.source(source, self.tasks).parts())
        tasks = (leaf.task for leaf in leaves((source,)) if isinstance(leaf, FromTask))
        is_whole = all(self.scheduler.tasks[task].is_complete for task in tasks)
        return is_whole and self._fit_together((source,))

    def _can_be_told(self, source: Source) -> bool:
        """Whether it can be told which elements a source gives, though some may be missing."""
        try:
            Counting(self.scheduler.tasks).gaps(source, NO_PASSES)
        except (ListError, MissingError):
            return False
        return True

    def home_refs(self) -> Iterator[StoredRef]:
        """The data-blocks that are to come home unasked."""
        for delivery in self.new_deliveries():
            for source in () if delivery.is_offered else delivery.sources:
                if source.type.is_data_block and not isinstance(source, Constant):
                    yield from self.results.source(source, self.tasks).refs()


def _given(task: PlannedTask) -> list[tuple[Source, ...]]:
    """What a task is given; not what its script says of its parameters."""
    return [argument.sources for argument in task.arguments]
