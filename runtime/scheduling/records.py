# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scheduler knows of each task and item, and the one place where their states change."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..errors import InvalidTransitionError
from ..planning.plan import PlannedTask
from .events import TaskError, Usage
from .layout import Layout
from .states import ITEM_RETRIES, ITEM_TRANSITIONS, TASK_RETRIES, TASK_TRANSITIONS, TaskState

#: A change of state: when, of which item and attempt (None: the task's own), from what, to what.
_Change = tuple[float, tuple[int, int] | None, TaskState, TaskState]

_STORY_LENGTH: Final = 50
_DONE: Final = frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.TIMED_OUT})
_PARTIAL: Final = frozenset({TaskState.FAILED, TaskState.TIMED_OUT, TaskState.SKIPPED})


@dataclass(frozen=True, slots=True)
class Gap:
    """What is not there because an item did not succeed.

    Attributes:
        error: which item that is, and how it ended.
        is_open: whether it is unknown how many elements are missing, or how many items take them. In a list there is
            one gap for all of them.
        what: of an open one, what is missing: where two are alike, as many elements are.
    """

    error: TaskError
    is_open: bool
    what: Hashable = None

    def opened(self, *what: Hashable) -> Gap:
        """An open gap in what is made of this: of `what` nobody knows how many there are."""
        return replace(self, is_open=True, what=(*what, self.what))


@dataclass(slots=True, eq=False)
class ItemRecord:
    """One item of a task. Only the scheduler may change it. Times are of the run's clock.

    Attributes:
        index: place in the task's list, from 0.
        progress: 0..1, of the current attempt.
        attempt: number of the current attempt, from 1; of the next one while the item is ready.
        first_attempt: number of the first attempt since the run started, or was last retried.
        started: when a worker started the current attempt; None if none has.
        finished: when the item reached its final state.
        lengths: of the outputs that are lists, by identifier; empty until the item succeeded.
        values: of the outputs that decide what list nodes give, by identifier, each as the elements of a list.
        usage: what the worker measured at the end of its last attempt.
        lost: `RunClock.lost` when the current attempt started.
        gap: what it takes that is not there, so that it is skipped.
        is_looked_for: whether its result is being looked for in the store.
        is_cached: whether its result is from the store.
    """

    index: int
    state: TaskState = TaskState.READY
    progress: float = 0.0
    text: str = ""
    attempt: int = 1
    first_attempt: int = 1
    started: float | None = None
    finished: float | None = None
    error: TaskError | None = None
    lengths: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    lost: float = 0.0
    gap: Gap | None = None
    is_looked_for: bool = False
    is_cached: bool = False

    @property
    def num_tries(self) -> int:
        """How often it was tried, the attempt under way included."""
        return self.attempt - self.first_attempt + 1


@dataclass(slots=True, eq=False)
class TaskRecord:
    """One task of a run. Only the scheduler may change it. Times are of the run's clock.

    Attributes:
        planned: the task in the plan.
        order: its place in the plan.
        text: what the script reported last; for a mapped task, what any of its items did.
        is_mapped: whether lists decide how many items it has: those it is mapped over, or those of its loops.
        layout: which items are in which pass of its loops; None until the task is ready.
        is_provisional: whether a retry must make its items anew, as an open gap is among what they were counted by.
        items: in order of the list the task is mapped over, pass by pass; one for an unmapped task in no loop; empty
            until the task is ready.
        skipped: the indices of items that are skipped because of a gap, in order.
        num_items: None until it is known.
        num_open: items that are not final.
        num_done: items that succeeded, failed or timed out.
        num_succeeded: those of them that succeeded.
        running: indices of the running items.
        num_measured: items that succeeded in a known time, which took `measured_seconds` together.
        peak_memory: the most bytes that a worker held for any item, None if unknown.
        num_cached: items whose result is from the store.
        round: the scheduler's `round` when this task was last opened: 0, or the number of the retry.
        started: when a worker started the first of its items.
        finished: when the task reached its final state.
        error: why it did not succeed; None also for a task that was cancelled before anything failed.
        is_unneeded: whether it was skipped because switches take other inputs than what it gives.
        first_attempt: the number of the first attempt of its items when they were made.
    """

    planned: PlannedTask
    order: int
    state: TaskState = TaskState.WAITING
    text: str = ""
    is_mapped: bool = field(init=False)
    layout: Layout | None = None
    is_provisional: bool = False
    items: list[ItemRecord] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    num_items: int | None = field(init=False)
    num_open: int = 0
    num_done: int = 0
    num_succeeded: int = 0
    running: set[int] = field(default_factory=set)
    num_measured: int = 0
    measured_seconds: float = 0.0
    peak_memory: int | None = None
    num_cached: int = 0
    round: int = 0
    started: float | None = None
    finished: float | None = None
    error: TaskError | None = None
    is_unneeded: bool = False
    first_attempt: int = 1
    _changes: list[_Change] = field(default_factory=list)
    _progress_sum: float = 0.0
    _missed_sum: float = 0.0  # what is missing there of items that won't make it any more
    _lengths: dict[str, int | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.is_mapped = self.planned.has_items
        self.num_items = None if self.is_mapped else 1

    @property
    def progress(self) -> float:
        """0..1, the mean of its items'. One of many that failed, or is skipped because of a gap, counts as done."""
        if self.state is TaskState.SUCCEEDED:
            return 1.0
        return _clamp((self._progress_sum + self._missed_sum) / len(self.items)) if self.items else 0.0

    @property
    def is_complete(self) -> bool:
        """Whether it gave all that is needed of it."""
        return self.state is TaskState.SUCCEEDED or self.is_unneeded

    @property
    def is_partial(self) -> bool:
        """Whether it ended, and some of its items did not succeed: what takes nothing of these goes on.

        That may be all of them: there may be passes of loops in which nothing is taken of it.
        """
        return self.state in _PARTIAL and self.planned.has_items and bool(self.items)

    @property
    def is_cached(self) -> bool:
        """Whether all of its results are from the store."""
        return self.state is TaskState.SUCCEEDED and 0 < self.num_cached == len(self.items)

    @property
    def story(self) -> list[str]:
        """The last changes of state, for errors."""
        return [_tell(change) for change in self._changes[-_STORY_LENGTH:]]

    def move(self, state: TaskState, time: float) -> None:
        """Change the task's state.

        Raises:
            InvalidTransitionError: if `state` may not follow.
        """
        if state not in TASK_TRANSITIONS.get(self.state, ()):
            raise self.invalid(f"a {self.state} task can't become {state}")
        self._note((time, None, self.state, state))
        self.state = state
        if state.is_final:
            self.finished = time

    def move_item(self, item: ItemRecord, state: TaskState, time: float) -> None:
        """Change an item's state.

        Raises:
            InvalidTransitionError: if `state` may not follow.
        """
        if state not in ITEM_TRANSITIONS.get(item.state, ()):
            raise self.invalid(f"item {item.index} is {item.state} and can't become {state}")
        self._note((time, (item.index, item.attempt), item.state, state))
        item.state = state
        if state is TaskState.RUNNING:
            self.running.add(item.index)
        else:
            self.running.discard(item.index)
        if state.is_final:
            item.finished = time
            self.num_open -= 1
            self.num_done += state in _DONE
            self.num_succeeded += state is TaskState.SUCCEEDED
            self._missed_sum += self._missed(item)

    def reopen(self, planned: PlannedTask, time: float, round_: int, *, is_anew: bool = False) -> None:
        """Reopen a task that did not succeed, with those of its items that did not; if it `is_anew`, any, with none.

        Raises:
            InvalidTransitionError: if it is not final, or succeeded and is not done anew.
        """
        state = TASK_RETRIES.get(self.state)
        if state is None or (self.state is TaskState.SUCCEEDED and not is_anew):
            raise self.invalid(f"a {self.state} task can't be tried again")
        self.planned = planned
        self.round = round_
        self._note((time, None, self.state, state))
        self.state = state
        self.is_unneeded = False
        self.started = self.finished = self.error = None
        self.text = ""
        self.skipped.clear()
        self._lengths.clear()
        if self.items and (self.is_provisional or is_anew):
            self._forget_items()
        for item in self.items:
            if item.state in ITEM_RETRIES:
                self._reopen_item(item, time)

    def _forget_items(self) -> None:
        self.first_attempt = 1 + max(item.attempt for item in self.items)
        self.items, self.layout, self.is_provisional = [], None, False
        self.num_items = None if self.is_mapped else 1
        self.num_open = self.num_done = self.num_succeeded = self.num_cached = 0
        self._progress_sum = self._missed_sum = 0.0

    def _reopen_item(self, item: ItemRecord, time: float) -> None:
        self._note((time, (item.index, item.attempt), item.state, ITEM_RETRIES[item.state]))
        self.num_open += 1
        self.num_done -= item.state in _DONE
        self._missed_sum -= self._missed(item)
        item.state = ITEM_RETRIES[item.state]
        item.attempt += 1  # so that late reports of the last one are ignored
        item.first_attempt = item.attempt
        item.started = item.finished = item.error = item.gap = None
        item.usage = Usage()
        self.set_progress(item, 0.0, "")

    def measure(self, item: ItemRecord, usage: Usage, lost: float) -> None:
        """Note the usage of an item that has ended. `lost` is `RunClock.lost` of now."""
        # A worker counts the time of a pause, too.
        seconds = None if usage.seconds is None else max(0.0, usage.seconds - (lost - item.lost))
        item.usage = Usage(seconds, usage.peak_memory)
        if usage.peak_memory is not None:
            self.peak_memory = max(usage.peak_memory, self.peak_memory or 0)
        if seconds is not None and item.state is TaskState.SUCCEEDED:
            self.num_measured += 1
            self.measured_seconds += seconds

    def expand(self, layout: Layout, *, is_provisional: bool = False) -> None:
        """Make the task's items."""
        self.layout, self.is_provisional = layout, is_provisional
        first = self.first_attempt
        self.items = [ItemRecord(index, attempt=first, first_attempt=first) for index in range(layout.num_items)]
        self.num_items = self.num_open = layout.num_items

    def skip_item(self, item: ItemRecord, gap: Gap) -> None:
        """Note why an item is skipped, those with a lower index before."""
        item.gap, item.error = gap, replace(gap.error, message=f"skipped because {gap.error.message}")
        self.skipped.append(item.index)
        self._missed_sum += self._missed(item)

    def _missed(self, item: ItemRecord) -> float:
        """What an item that has ended, one of many, does not add to the progress any more."""
        return 1.0 - item.progress if self.is_mapped and (item.state in _DONE or item.gap is not None) else 0.0

    def set_progress(self, item: ItemRecord, fraction: float, text: str) -> None:
        """Set the progress of an item. A NaN leaves the fraction as it is."""
        fraction = item.progress if math.isnan(fraction) else _clamp(fraction)
        self._progress_sum += fraction - item.progress
        item.progress = fraction
        item.text = self.text = text

    def output_length(self, identifier: str, items: range) -> int | None:
        """How many elements an output of some items has as a list for tasks downstream; None if it gave no list.

        A mapped task's single results make one list; its lists are joined.
        """
        if len(items) < len(self.items):
            return self._count_elements(identifier, items)
        if identifier not in self._lengths:
            self._lengths[identifier] = self._count_elements(identifier, items)
        return self._lengths[identifier]

    def output_values(self, identifier: str, items: range) -> list[Any]:
        """What an output of some items gave, which decides what list nodes give."""
        found = self.items[items.start : items.stop]
        return [value for item in found for value in item.values.get(identifier, ())]

    def failures(self) -> TaskError | None:
        """One error for all items that failed or timed out, or were skipped because of a gap; None if there are none.

        Items are numbered from 0; traceback and line are those of the first one.
        """
        failed = [item for item in self.items if item.state is TaskState.FAILED]
        timed_out = [item for item in self.items if item.state is TaskState.TIMED_OUT]
        skipped = [f"{len(self.skipped)} of {len(self.items)} items skipped"] if self.skipped else []
        if not failed and not timed_out:
            gap = self.items[self.skipped[0]].gap if self.skipped else None
            return None if gap is None else replace(gap.error, message=f"{skipped[0]}: {gap.error.message}")
        first = (failed or timed_out)[0]
        error = first.error or TaskError("no reason given")
        if not self.is_mapped:
            return error
        counts = [
            *([f"{len(failed)} of {len(self.items)} items failed"] if failed else []),
            *([f"{len(timed_out)} of {len(self.items)} items timed out"] if timed_out else []),
            *skipped,
        ]
        return TaskError.of_item(", ".join(counts), first.index, error)

    def outcome(self) -> TaskState:
        """The task's final state, once all its items are final: the worst of their states."""
        states = {item.state for item in self.items}
        for state in (TaskState.FAILED, TaskState.TIMED_OUT, TaskState.CANCELLED, TaskState.SKIPPED):
            if state in states:
                return state
        return TaskState.SUCCEEDED

    def invalid(self, message: str) -> InvalidTransitionError:
        """An error about this task, with its story."""
        return InvalidTransitionError(f'task "{self.planned.name}": {message}', self.story)

    def validate(self) -> None:
        """Check that the record's fields agree with each other.

        Raises:
            InvalidTransitionError: naming the field that does not.
        """
        checks = {
            "items before the task is ready": self.state is not TaskState.WAITING or not self.items or self.round > 0,
            "skipped": self.skipped == [item.index for item in self.items if item.gap is not None],
            "num_items": not self.items or self.num_items == len(self.items),
            "num_open": self.num_open == sum(not item.state.is_final for item in self.items),
            "num_done": self.num_done == sum(item.state in _DONE for item in self.items),
            "num_succeeded": self.num_succeeded == sum(item.state is TaskState.SUCCEEDED for item in self.items),
            "num_cached": self.num_cached == sum(item.is_cached for item in self.items),
            "running": self.running == {item.index for item in self.items if item.state is TaskState.RUNNING},
            "open items of a final task": not self.state.is_final or self.num_open == 0,
            "no open item of a task under way": self.state not in ITEM_TRANSITIONS or self.num_open > 0,
            "finished": (self.finished is not None) == self.state.is_final,
            "error of a success": self.state is not TaskState.SUCCEEDED or self.error is None,
            "no error": self.error is not None
            or self.state not in (TaskState.FAILED, TaskState.TIMED_OUT, TaskState.SKIPPED),
            "progress": math.isclose(self._progress_sum, sum(item.progress for item in self.items), abs_tol=1e-6),
            "missed": math.isclose(self._missed_sum, sum(map(self._missed, self.items)), abs_tol=1e-6),
        }
        for name, is_right in checks.items():
            if not is_right:
                raise self.invalid(f"invariant broken: {name}")

    def _note(self, change: _Change) -> None:
        self._changes.append(change)
        if len(self._changes) > 2 * _STORY_LENGTH:
            del self._changes[:-_STORY_LENGTH]

    def _count_elements(self, identifier: str, items: range) -> int | None:
        is_list = any(output.identifier == identifier and output.type.is_list for output in self.planned.outputs)
        if self.is_mapped and not is_list:
            return len(items)
        found = [item.lengths for item in self.items[items.start : items.stop]]
        lengths = [lengths[identifier] for lengths in found if identifier in lengths]
        return sum(lengths) if len(lengths) == len(items) else None


def _clamp(fraction: float) -> float:
    return min(max(fraction, 0.0), 1.0)


def _tell(change: _Change) -> str:
    time, item, before, after = change
    where = f"item {item[0]}, attempt {item[1]}: " if item else ""
    return f"{time:.3f} {where}{before} -> {after}"
