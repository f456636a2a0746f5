# SPDX-License-Identifier: GPL-3.0-or-later
"""What a session wants of an engine beside `Engine`: to set its workers, and to tell people what they do."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Protocol

from .interface import Engine


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker as people see it.

    Attributes:
        process_id: of its process.
        state: "starting", "idle", "working", "cleaning up", "ending" or "paused".
        task_name: the node's name if it does a task of one, "" otherwise.
        memory: bytes it holds; 0 where the system does not tell.
    """

    process_id: int
    state: str
    task_name: str
    memory: int


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """When a worker ends by itself between two tasks.

    Attributes:
        idle_seconds: how long it waits for the next task.
        max_tasks: how many tasks it takes: so many that starting another one costs a task nothing. That memory grows is
            seen by `max_memory`; this is for what nobody measures.
        max_memory: bytes of memory it may hold after its reset.
    """

    idle_seconds: float = 300.0
    max_tasks: int = 10_000
    max_memory: int = 4 * 1024**3


@dataclass(frozen=True, slots=True)
class CyclesDevices:
    """What Cycles is to render with: `backend` ("CUDA", "METAL" ...; "" for the processor alone) and ids of devices."""

    backend: str = ""
    ids: tuple[str, ...] = ()

    def argument(self) -> str:
        """A text for a command line, which `from_argument` reads."""
        return json.dumps([self.backend, *self.ids])

    @classmethod
    def from_argument(cls, text: str) -> CyclesDevices:
        backend, *ids = json.loads(text)
        return cls(backend, tuple(ids))


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Settings of workers.

    Attributes:
        limits: when one ends by itself.
        memory_limit: bytes that one may hold while it does a task, 0 for no limit.
        devices: what tasks render with.
    """

    limits: WorkerLimits = field(default_factory=WorkerLimits)
    memory_limit: int = 0
    devices: CyclesDevices = field(default_factory=CyclesDevices)


class ManagedEngine(Engine, Protocol):
    """An engine whose workers a session manages.

    Attributes:
        capacity: how many workers there may be.
        is_low: whether workers are to have lower priority than other programs.
    """

    capacity: int
    is_low: bool

    @property
    def num_workers(self) -> int:
        """How many workers there are."""

    def infos(self) -> tuple[WorkerInfo, ...]:
        """What each worker does now."""

    def use_settings(self, settings: WorkerSettings) -> None:
        """Use other settings from now on. Workers that were started with others end when they are idle."""

    def end_used(self) -> None:
        """End the used workers that have no request, so that the next tasks get fresh ones."""
