# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scheduler takes and gives: events say what happened or was requested, instructions say what must be done.

`time` is in seconds of a monotonic clock, of any origin. `item` is the index of a task's item, 0 for an unmapped task.
`attempt` counts the tries of an item from 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..planning.plan import PlannedTask
from .states import RunState


@dataclass(frozen=True, slots=True)
class TaskError:
    """Why a task or an item did not succeed.

    Attributes:
        message: what went wrong. Of a task with several items it tells how many failed, and of one what.
        line: the 1-based line of the script, None where none is at fault.
        item: the item that is told of, None if there is only one.
        task: the id of the task that this is an item of; "" if it is the one that has the error.
    """

    message: str
    traceback: str = ""
    line: int | None = None
    item: int | None = None
    task: str = ""

    @classmethod
    def of_item(cls, counts: str, index: int, error: TaskError) -> TaskError:
        """An error of a task: how many items went wrong, and of one of them what."""
        return cls(f"{counts}; {_item(index)}: {error.message}", error.traceback, error.line, index)

    @classmethod
    def of_cause(cls, index: int, task: str, name: str, how: str) -> TaskError:
        """What keeps items of other tasks from running: an item of a task, with its node's name, and how it ended."""
        return cls(f'{_item(index)} of "{name}" {how}', item=index, task=task)

    def with_item_named(self, name: str) -> TaskError:
        """The same, with a name for the item instead of its number."""
        return self if self.item is None else replace(self, message=self.message.replace(_item(self.item), name, 1))


def _item(index: int) -> str:
    return f"item {index}"


@dataclass(frozen=True, slots=True)
class Usage:
    """What an item took, as its worker measured it; None where that is unknown.

    Attributes:
        seconds: from its start to its end, including time in which it was frozen.
        peak_memory: the most bytes of memory that the worker held meanwhile.
    """

    seconds: float | None = None
    peak_memory: int | None = None


@dataclass(frozen=True, slots=True)
class Errand:
    """Work for a worker that belongs to no node. Items wait for it before they start, or the run before it ends.

    Attributes:
        id: its name within the run.
        text: what it is, for people: "Copying scene.blend".
        is_needed: whether items that wait for it fail if it fails; if not, they start without it.
        timeout: seconds that a worker may take for each attempt.
    """

    id: str
    text: str
    is_needed: bool
    timeout: float


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The run starts: its timeout counts from here."""

    time: float


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """A worker started an item: the item's timeout counts from here.

    An item can end without this event: if its inputs can't be prepared, no worker starts, or its worker dies first.
    """

    time: float
    task: str
    item: int
    attempt: int


@dataclass(frozen=True, slots=True)
class TaskProgressed:
    """A script reported its progress. `fraction` is clamped to 0..1; a NaN changes the text only."""

    time: float
    task: str
    item: int
    attempt: int
    fraction: float
    text: str


@dataclass(frozen=True, slots=True)
class TaskSucceeded:
    """`lengths` are those of the script's outputs that are lists, by the output's identifier.

    `values` are those of the outputs that decide what list nodes give (`PlannedTask.decisive`), each as the elements of
    a list.
    """

    time: float
    task: str
    item: int
    attempt: int
    lengths: Mapping[str, int]
    usage: Usage = Usage()
    values: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """A script raised an exception, its results can't be used, or the item could not be started."""

    time: float
    task: str
    item: int
    attempt: int
    error: TaskError
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """The worker of an item is gone, although nobody stopped it. `reason` is a phrase, such as "killed by signal 9"."""

    time: float
    task: str
    item: int
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class InputsMissing:
    """An item can't start, or be looked up, before `errands` are done. Its instruction is given again then."""

    time: float
    task: str
    item: int
    attempt: int
    errands: tuple[Errand, ...]


@dataclass(frozen=True, slots=True)
class ResultFound:
    """An answer to `LookUp`: what the item gives is known from an earlier run. The rest is as in `TaskSucceeded`."""

    time: float
    task: str
    item: int
    attempt: int
    lengths: Mapping[str, int]
    values: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResultMissing:
    """An answer to `LookUp`: a worker has to run the item."""

    time: float
    task: str
    item: int
    attempt: int


@dataclass(frozen=True, slots=True)
class ResultsScattered:
    """The answer to `GatherResults`: the errands to do before results come home; none if they can come at once."""

    time: float
    errands: tuple[Errand, ...]


@dataclass(frozen=True, slots=True)
class ErrandStarted:
    """A worker started an errand: its timeout counts from here."""

    time: float
    errand: str
    attempt: int


@dataclass(frozen=True, slots=True)
class ErrandSucceeded:
    """An errand is done."""

    time: float
    errand: str
    attempt: int


@dataclass(frozen=True, slots=True)
class ErrandFailed:
    """An errand can't be done."""

    time: float
    errand: str
    attempt: int
    error: TaskError


@dataclass(frozen=True, slots=True)
class ErrandLost:
    """The worker of an errand is gone, although nobody stopped it. `reason` is a phrase, as in `WorkerDied`."""

    time: float
    errand: str
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class RunBroke:
    """An error of Background Nodes itself, not of a task, stops the run. All open tasks fail."""

    time: float
    error: TaskError


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Someone wants a task cancelled, or the whole run (`task` is None)."""

    time: float
    task: str | None


@dataclass(frozen=True, slots=True)
class EndRequested:
    """Someone wants the run to end now: it is cancelled, and its results are not gathered, as nobody will use them."""

    time: float


@dataclass(frozen=True, slots=True)
class PauseRequested:
    """Someone wants the run and its clock to stop until `ResumeRequested`."""

    time: float


@dataclass(frozen=True, slots=True)
class ResumeRequested:
    """Someone wants a paused run to continue."""

    time: float


@dataclass(frozen=True, slots=True)
class FinishCurrentRequested:
    """Someone wants running items to end, and no others to start. A paused run is resumed for that."""

    time: float


@dataclass(frozen=True, slots=True)
class RetryRequested:
    """Someone wants to retry the tasks that did not succeed, after the run is over.

    `tasks` replace tasks of the plan with the same ids, for example by ones with a fixed script. Of those whose ids are
    in `anew` all items run again, also those that succeeded.
    """

    time: float
    tasks: tuple[PlannedTask, ...] = ()
    anew: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TimePassed:
    """It is `time` now. Only this event makes anything time out."""

    time: float


LookupEvent = ResultFound | ResultMissing
ItemEvent = InputsMissing | LookupEvent | TaskStarted | TaskProgressed | TaskSucceeded | TaskFailed | WorkerDied
ErrandEvent = ErrandStarted | ErrandSucceeded | ErrandFailed | ErrandLost
RunRequest = CancelRequested | EndRequested | PauseRequested | ResumeRequested | FinishCurrentRequested | RetryRequested
Event = RunStarted | ItemEvent | ErrandEvent | ResultsScattered | RunBroke | RunRequest | TimePassed


@dataclass(frozen=True, slots=True)
class LookUp:
    """Look for the result of an item in the store: answer with `ResultFound`, `ResultMissing` or `InputsMissing`."""

    task: str
    item: int
    attempt: int


@dataclass(frozen=True, slots=True)
class StartTask:
    """Give an item to a worker; or answer with `InputsMissing` if errands must be done first."""

    task: str
    item: int
    attempt: int


@dataclass(frozen=True, slots=True)
class StopTask:
    """End an item at once: kill its worker. The scheduler counts that worker as free from now on."""

    task: str
    item: int
    attempt: int


@dataclass(frozen=True, slots=True)
class FreezeTask:
    """Freeze an item, or keep it from starting, until `ThawTask`. It may still end."""

    task: str
    item: int
    attempt: int


@dataclass(frozen=True, slots=True)
class ThawTask:
    """Let a frozen item continue."""

    task: str
    item: int
    attempt: int


@dataclass(frozen=True, slots=True)
class StartErrand:
    """Give an errand to a worker."""

    errand: str
    attempt: int


@dataclass(frozen=True, slots=True)
class StopErrand:
    """End an errand at once: nothing waits for it any more, or it took too long."""

    errand: str
    attempt: int


@dataclass(frozen=True, slots=True)
class FreezeErrand:
    """Freeze an errand, or keep it from starting, until `ThawErrand`. It may still end."""

    errand: str
    attempt: int


@dataclass(frozen=True, slots=True)
class ThawErrand:
    """Let a frozen errand continue."""

    errand: str
    attempt: int


@dataclass(frozen=True, slots=True)
class GatherResults:
    """All tasks have ended: answer with `ResultsScattered`, the errands to do before their results come home."""


@dataclass(frozen=True, slots=True)
class FinishRun:
    """Nothing is left to do. The last instruction of a run, unless it is retried."""

    state: RunState


TaskInstruction = LookUp | StartTask | StopTask | FreezeTask | ThawTask
ErrandInstruction = StartErrand | StopErrand | FreezeErrand | ThawErrand
Instruction = TaskInstruction | ErrandInstruction | GatherResults | FinishRun
