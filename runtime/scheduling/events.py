# SPDX-License-Identifier: GPL-3.0-or-later
"""The scheduler's only two kinds of traffic: events, facts that came in, and instructions, orders that go out.

`time` is in seconds of a monotonic clock, of any origin. `item` is the index of a task's item, 0 for an unmapped task.
`attempt` counts the tries of an item from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..planning.plan import PlannedTask
from .states import RunState


@dataclass(frozen=True, slots=True)
class TaskError:
    """Why a task or an item did not succeed. `line` is the 1-based line of the script, None where none is at fault."""

    message: str
    traceback: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What an item took, as its worker measured it; None where that is unknown.

    Attributes:
        seconds: from its beginning to its end, times in which it was frozen included.
        peak_memory: bytes of memory that the worker held at most meanwhile.
    """

    seconds: float | None = None
    peak_memory: int | None = None


@dataclass(frozen=True, slots=True)
class Errand:
    """Work for a worker that no node stands for: items wait for it before they start, or the run before it ends.

    Attributes:
        id: its name within the run.
        text: what it is, for people: "Copying scene.blend".
        is_needed: whether what waits for it fails if it fails; else that goes on without it.
        timeout: seconds that a worker may take for each attempt.
    """

    id: str
    text: str
    is_needed: bool
    timeout: float


@dataclass(frozen=True, slots=True)
class RunStarted:
    """Work may begin: the run's timeout counts from here."""

    time: float


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """A worker began with an item: its timeout counts from here.

    What ends an item may come without it: a result that was in the scratch folder, a worker that died on its way.
    """

    time: float
    task: str
    item: int
    attempt: int


@dataclass(frozen=True, slots=True)
class TaskProgressed:
    """A script told how far it is. `fraction` is clamped to 0..1; a NaN changes the text only."""

    time: float
    task: str
    item: int
    attempt: int
    fraction: float
    text: str


@dataclass(frozen=True, slots=True)
class TaskSucceeded:
    """`lengths` are those of the script's outputs that are lists, by the output's identifier."""

    time: float
    task: str
    item: int
    attempt: int
    lengths: Mapping[str, int]
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """A script raised, or what it gave can't be used."""

    time: float
    task: str
    item: int
    attempt: int
    error: TaskError
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """The worker that held an item is gone, unasked. `reason` is a phrase, such as "killed by signal 9"."""

    time: float
    task: str
    item: int
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class InputsMissing:
    """What an item that was to be started takes is not there yet. `StartTask` comes again when the errands are done."""

    time: float
    task: str
    item: int
    attempt: int
    errands: tuple[Errand, ...]


@dataclass(frozen=True, slots=True)
class ResultsScattered:
    """The answer to `GatherResults`: what is to be done before results come home; nothing if `errands` is empty."""

    time: float
    errands: tuple[Errand, ...]


@dataclass(frozen=True, slots=True)
class ErrandStarted:
    """A worker started with an errand: its timeout counts from here."""

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
    """The worker that did an errand is gone, unasked. `reason` is a phrase, as in `WorkerDied`."""

    time: float
    errand: str
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class RunBroke:
    """Something that is no task's fault keeps the run from going on: a fault of ours. All that is open fails."""

    time: float
    error: TaskError


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Someone wants a task cancelled, or the whole run (`task` is None)."""

    time: float
    task: str | None


@dataclass(frozen=True, slots=True)
class PauseRequested:
    """Someone wants everything to stand still until `ResumeRequested`, the run's clock too."""

    time: float


@dataclass(frozen=True, slots=True)
class ResumeRequested:
    """Someone wants a paused run to go on."""

    time: float


@dataclass(frozen=True, slots=True)
class FinishCurrentRequested:
    """Someone wants what is with a worker to end, and nothing else to begin. A paused run goes on for it."""

    time: float


@dataclass(frozen=True, slots=True)
class RetryRequested:
    """Someone wants what did not succeed in a run that is over to be tried once more.

    `tasks` are those of the plan that are to be carried out in another form from now on, such as with a fixed script.
    """

    time: float
    tasks: tuple[PlannedTask, ...] = ()


@dataclass(frozen=True, slots=True)
class TimePassed:
    """It is `time` now. Only this event makes anything time out."""

    time: float


ItemEvent = InputsMissing | TaskStarted | TaskProgressed | TaskSucceeded | TaskFailed | WorkerDied
ErrandEvent = ErrandStarted | ErrandSucceeded | ErrandFailed | ErrandLost
RunRequest = CancelRequested | PauseRequested | ResumeRequested | FinishCurrentRequested | RetryRequested
Event = RunStarted | ItemEvent | ErrandEvent | ResultsScattered | RunBroke | RunRequest | TimePassed


@dataclass(frozen=True, slots=True)
class StartTask:
    """Give an item to a worker; or say with `InputsMissing` what has to be done first."""

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
    """Let an item stand still where it is, or not begin, until `ThawTask`. It may end nevertheless."""

    task: str
    item: int
    attempt: int


@dataclass(frozen=True, slots=True)
class ThawTask:
    """Let a frozen item go on."""

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
    """End an errand at once, as nobody waits for it any more."""

    errand: str
    attempt: int


@dataclass(frozen=True, slots=True)
class FreezeErrand:
    """Let an errand stand still, or not begin, until `ThawErrand`. It may end nevertheless."""

    errand: str
    attempt: int


@dataclass(frozen=True, slots=True)
class ThawErrand:
    """Let a frozen errand go on."""

    errand: str
    attempt: int


@dataclass(frozen=True, slots=True)
class GatherResults:
    """All tasks have ended: say with `ResultsScattered` what has to be done before their results come home."""


@dataclass(frozen=True, slots=True)
class FinishRun:
    """Nothing is left to do. The last instruction of a run, unless it is retried."""

    state: RunState


TaskInstruction = StartTask | StopTask | FreezeTask | ThawTask
ErrandInstruction = StartErrand | StopErrand | FreezeErrand | ThawErrand
Instruction = TaskInstruction | ErrandInstruction | GatherResults | FinishRun
