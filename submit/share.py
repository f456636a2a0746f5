# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine that does one's own share of a run, and refuses the rest: that is for other steps of the job."""

from __future__ import annotations

import time
from collections.abc import Collection, Hashable

from ..runtime.engine.interface import Report, Request
from ..runtime.engine.messages import Execute, Failed
from ..runtime.engine.passing_engine import PassingEngine
from ..runtime.engine.workers import ManagedEngine

NOT_KEPT = "a step of the job before this one should have kept its result, and it is not there"
NOT_HERE = "another task of the job does this item"


class Share(PassingEngine):
    """Does tasks with another engine.

    Attributes:
        own: ids of the tasks that may run.
        items: those of their items that may; None for all.
    """

    def __init__(self, engine: ManagedEngine) -> None:
        super().__init__(engine)
        self.own: Collection[str] = ()
        self.items: range | None = None
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

    def poll(self, until: float | None = None) -> list[tuple[Hashable, Report]]:
        refused, self._refused = self._refused, []
        return [*refused, *self._engine.poll(until)]

    def next_look(self) -> float | None:
        return time.monotonic() if self._refused else self._engine.next_look()

    def why_not(self, needs: str, addons: Collection[str] = ()) -> str:  # noqa: ARG002
        """Nothing: which machine does a step is up to the farm that the job was submitted to."""
        return ""
