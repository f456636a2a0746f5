# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine around another one, for what wants to see or answer some of its requests."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import Any

from .interface import Report, Request
from .workers import ManagedEngine, WorkerInfo, WorkerSettings


class PassingEngine:
    """A `ManagedEngine` that passes all on to another one."""

    def __init__(self, engine: ManagedEngine) -> None:
        self._engine = engine

    def submit(self, request: Request) -> None:
        self._engine.submit(request)

    def stop(self, key: Hashable) -> None:
        self._engine.stop(key)

    def freeze(self, key: Hashable) -> None:
        self._engine.freeze(key)

    def thaw(self, key: Hashable) -> None:
        self._engine.thaw(key)

    def poll(self, until: float | None = None) -> list[tuple[Hashable, Report]]:
        return self._engine.poll(until)

    def wakers(self) -> Sequence[Any]:
        return self._engine.wakers()

    def next_look(self) -> float | None:
        return self._engine.next_look()

    def close(self) -> None:
        self._engine.close()

    # What a session wants

    @property
    def capacity(self) -> int:
        """As in `ManagedEngine`."""
        return self._engine.capacity

    @capacity.setter
    def capacity(self, capacity: int) -> None:
        self._engine.capacity = capacity

    @property
    def is_low(self) -> bool:
        """As in `ManagedEngine`."""
        return self._engine.is_low

    @is_low.setter
    def is_low(self, is_low: bool) -> None:
        self._engine.is_low = is_low

    @property
    def num_workers(self) -> int:
        return self._engine.num_workers

    def usual_capacity(self, here: int) -> int:
        return self._engine.usual_capacity(here)

    def why_not(self, needs: str, addons: Collection[str] = ()) -> str:
        return self._engine.why_not(needs, addons)

    def infos(self) -> tuple[WorkerInfo, ...]:
        return self._engine.infos()

    def use_settings(self, settings: WorkerSettings) -> None:
        self._engine.use_settings(settings)

    def end_used(self) -> None:
        self._engine.end_used()
