# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine that does one's own share of a run, and refuses the rest: that is for other steps of the job."""

from __future__ import annotations

import time
from collections.abc import Collection, Hashable, Sequence
from typing import Any

from ..runtime.engine.interface import Report, Request
from ..runtime.engine.messages import Execute, Failed
from ..runtime.engine.workers import ManagedEngine, WorkerInfo, WorkerSettings

NOT_KEPT = "a step of the job before this one should have kept its result, and it is not there"
NOT_HERE = "another task of the job does this item"


class Share:
    """Does tasks with another engine.

    Attributes:
        own: ids of the tasks that may run.
        items: those of their items that may; None for all.
    """

    def __init__(self, engine: ManagedEngine) -> None:
        self.own: Collection[str] = ()
        self.items: range | None = None
        self._engine = engine
        self._refused: list[tuple[Hashable, Report]] = []

    def submit(self, request: Request) -> None:
        if refusal := self._refusal(request):
            self._refused.append((request.key, Failed(refusal)))
        else:
            self._engine.submit(request)

    def _refusal(self, request: Request) -> str:
        if not isinstance(request.task, Execute):
            return ""
        if request.task.task not in self.own:
            return NOT_KEPT
        return "" if self.items is None or request.task.item in self.items else NOT_HERE

    def stop(self, key: Hashable) -> None:
        self._refused = [each for each in self._refused if each[0] != key]
        self._engine.stop(key)

    def freeze(self, key: Hashable) -> None:
        self._engine.freeze(key)

    def thaw(self, key: Hashable) -> None:
        self._engine.thaw(key)

    def poll(self, until: float | None = None) -> list[tuple[Hashable, Report]]:
        refused, self._refused = self._refused, []
        return [*refused, *self._engine.poll(until)]

    def wakers(self) -> Sequence[Any]:
        return self._engine.wakers()

    def next_look(self) -> float | None:
        return time.monotonic() if self._refused else self._engine.next_look()

    def why_not(self, needs: str) -> str:  # noqa: ARG002
        """Nothing: which machine does a step is up to the farm that the job was submitted to."""
        return ""

    def close(self) -> None:
        self._engine.close()

    # What a session wants

    @property
    def capacity(self) -> int:
        return self._engine.capacity

    @capacity.setter
    def capacity(self, capacity: int) -> None:
        self._engine.capacity = capacity

    @property
    def is_low(self) -> bool:
        return self._engine.is_low

    @is_low.setter
    def is_low(self, is_low: bool) -> None:
        self._engine.is_low = is_low

    @property
    def num_workers(self) -> int:
        return self._engine.num_workers

    def usual_capacity(self, here: int) -> int:
        return self._engine.usual_capacity(here)

    def infos(self) -> tuple[WorkerInfo, ...]:
        return self._engine.infos()

    def use_settings(self, settings: WorkerSettings) -> None:
        self._engine.use_settings(settings)

    def end_used(self) -> None:
        self._engine.end_used()
