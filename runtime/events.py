# SPDX-License-Identifier: GPL-3.0-or-later
"""The scheduler's only two kinds of traffic: events, facts that came in, and instructions, orders that go out.

`time` is in seconds of a monotonic clock, of any origin. `item` is the index of a task's item, 0 for an unmapped task.
`attempt` counts the tries of an item from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .states import RunState


@dataclass(frozen=True, slots=True)
class TaskError:
    """Why a task or an item did not succeed. `line` is the 1-based line of the script, None where none is at fault."""

    message: str
    traceback: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class RunStarted:
    """Work may begin: the run's timeout counts from here."""

    time: float


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """A worker began with an item: its timeout counts from here.

    What ends an item may come without it: a result that was in the store, a worker that died on its way.
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


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """A script raised, or what it gave can't be used."""

    time: float
    task: str
    item: int
    attempt: int
    error: TaskError


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """The worker that held an item is gone, unasked. `reason` is a phrase, such as "killed by signal 9"."""

    time: float
    task: str
    item: int
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Someone wants a task cancelled, or the whole run (`task` is None)."""

    time: float
    task: str | None


@dataclass(frozen=True, slots=True)
class TimePassed:
    """It is `time` now. Only this event makes anything time out."""

    time: float


ItemEvent = TaskStarted | TaskProgressed | TaskSucceeded | TaskFailed | WorkerDied
Event = RunStarted | ItemEvent | CancelRequested | TimePassed


@dataclass(frozen=True, slots=True)
class StartTask:
    """Give an item to a worker."""

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
class FinishRun:
    """Nothing is left to do. Comes once, as the last instruction of a run."""

    state: RunState


Instruction = StartTask | StopTask | FinishRun
